"""What the system refuses or lacks is told in our words, with the way out."""

import errno
import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts.errors import (
    HopsArtifactsError,
    ServingError,
    StorageError,
    UnsupportedHereError,
)
from hopsartifacts.machine import state_folder as module
from hopsartifacts.machine.state_folder import lasting_state_folder, state_folder
from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.local import LocalBackend
from hopsartifacts.serving.local.capabilities import in_our_words
from hopsartifacts.serving.process_environment import interpreter
from tests.serving.conftest import FLOWERS

# An ordinary user may not be allowed to read what is imported late.
import_module("hopsartifacts.serving.local.client")

VARIABLE = "HOPSARTIFACTS_STATE_DIR"
ACTIONS: dict[str, Callable[[LocalBackend, Launch], Any]] = {
    "start": lambda backend, launch: backend.start(launch, await_running_s=60),
    "update": lambda backend, launch: backend.update(launch, await_running_s=60),
    "stop": lambda backend, _: backend.stop(FLOWERS, await_stopped_s=1),
    "predict": lambda backend, _: backend.predict(FLOWERS, {}),
    "read_logs": lambda backend, _: backend.read_logs(FLOWERS, "predictor", 1),
    "follow_logs": lambda backend, _: [*backend.follow_logs(FLOWERS, "predictor", 1)],
}


@pytest.fixture
def closed(users_folder: Path) -> Iterator[Path]:
    """A folder that the user who runs the test cannot open."""
    folder = users_folder / "closed"
    folder.mkdir()
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_state_folder_that_cannot_be_used_is_named(
    echo: Launch, closed: Path, action: str
) -> None:
    backend = LocalBackend("iris", "file:///p", run_root=closed / "state")
    with pytest.raises(ServingError, match=r"(?i)permission denied") as caught:
        ACTIONS[action](backend, echo)
    assert VARIABLE in str(caught.value)
    assert str(closed) in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert backend.state(FLOWERS).status == "Created"
    backend.forget(FLOWERS)


def test_a_file_system_without_locks_is_named(
    backend: LocalBackend, echo: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ServingError, match="No locks available") as caught:
        backend.start(echo, await_running_s=60)
    assert VARIABLE in str(caught.value)


@pytest.mark.parametrize(
    ("error", "words", "has_hint"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "'/x'", True),
        (OSError(errno.EROFS, "Read-only file system"), "Read-only", True),
        (OSError(errno.ENOSPC, "No space left on device"), "No space", True),
        (BlockingIOError(errno.EAGAIN, "Resource unavailable"), "Resource", False),
        (OSError("odd"), "odd", False),
    ],
)
def test_errors_of_the_system_become_ours(
    error: OSError, words: str, *, has_hint: bool
) -> None:
    with (
        pytest.raises(ServingError, match="cannot start it: ") as caught,
        in_our_words("start it", Path("/state")),
    ):
        raise error
    assert words in str(caught.value)
    assert (VARIABLE in str(caught.value)) == has_hint


def test_a_state_that_cannot_be_read_for_the_moment_is_not_taken_for_none(
    backend: LocalBackend, echo: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    backend.start(echo, await_running_s=60)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(ServingError, match="Too many open files"):
            backend.state(FLOWERS)
    assert backend.state(FLOWERS).status == "Running"
    backend.stop(FLOWERS, await_stopped_s=10)


def test_our_own_errors_stay_as_they_are() -> None:
    own = StorageError("mine")
    with (
        pytest.raises(HopsArtifactsError) as caught,
        in_our_words("start it", Path("/state")),
    ):
        raise own
    assert caught.value is own


@pytest.fixture
def homeless(users_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user whose home cannot be written; the folder for temporary files."""
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(tempfile, "tempdir", str(users_folder))
    home = users_folder / "home"
    home.mkdir()
    home.chmod(0o500)
    monkeypatch.setattr(
        "platformdirs.user_state_path", lambda name: home / ".local/state" / name
    )
    return users_folder


def _no_home(_: str) -> Path:
    raise RuntimeError("no home")


@pytest.mark.parametrize("has_home", [True, False])
def test_a_user_without_a_home_has_a_folder_among_temporary_files(
    homeless: Path, monkeypatch: pytest.MonkeyPatch, *, has_home: bool
) -> None:
    if not has_home:
        monkeypatch.setattr("platformdirs.user_state_path", _no_home)
        with pytest.raises(StorageError, match=VARIABLE):
            lasting_state_folder()
    folder = state_folder()
    assert folder == homeless / f"hopsartifacts-{os.geteuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert state_folder() == folder


@pytest.mark.parametrize(
    "kind", ["open to others", "a file", "a link", "not to be made"]
)
def test_a_temporary_folder_that_others_control_is_refused(
    homeless: Path, kind: str
) -> None:
    place = homeless / f"hopsartifacts-{os.geteuid()}"
    if kind == "a file":
        place.touch(mode=0o600)
    elif kind == "a link":
        (homeless / "elsewhere").mkdir(mode=0o700)
        place.symlink_to(homeless / "elsewhere")
    elif kind == "open to others":
        place.mkdir()
        place.chmod(0o755)
    else:
        homeless.chmod(0o500)
    with pytest.raises(StorageError, match=VARIABLE):
        state_folder()
    backend = LocalBackend("iris", "file:///p")
    assert backend.state(FLOWERS).status == "Created"
    assert backend.inference_log_spool(FLOWERS) is None
    backend.forget(FLOWERS)
    homeless.chmod(0o700)


def test_a_home_that_can_be_written_is_used(
    homeless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (homeless / "home").chmod(0o700)
    assert state_folder() == homeless / "home/.local/state/hopsartifacts"
    monkeypatch.setenv(VARIABLE, "relative")
    assert state_folder() == Path.cwd() / "relative"
    assert module.lasting_state_folder() == state_folder()


def test_logs_go_to_the_state_folder_where_the_project_cannot_be_written(
    run_root: Path, tmp_path: Path, echo: Launch
) -> None:
    (tmp_path / "project").touch()  # not a folder: root cannot write into it, either
    logs = tmp_path / "project" / "Logs"
    backend = LocalBackend("iris", "file:///p", logs_dir=logs, run_root=run_root)
    backend.start(echo, await_running_s=60)
    log = backend.read_logs(FLOWERS, "predictor", 100)
    assert f"the log is in this file, since '{logs}/flowers' cannot be written" in log
    backend.stop(FLOWERS, await_stopped_s=10)
    [path] = run_root.glob("*/flowers/*_predictor.log")
    (path.parent / "run.json").unlink()
    assert backend.read_logs(FLOWERS, "predictor", 100).startswith(log)


PYTHONS = [None, "", "/usr/sbin/uwsgi", "/absent/python3", "python3"]


@pytest.mark.parametrize("given", PYTHONS)
def test_where_python_is_embedded_that_of_the_same_place_is_used(
    monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.setattr(sys, "executable", given)
    code = "import sys; print(sys.exec_prefix)"
    shown = subprocess.run(
        [interpreter(), "-c", code], check=True, capture_output=True, text=True
    )
    assert shown.stdout.strip() == sys.exec_prefix


@pytest.mark.parametrize("given", PYTHONS)
def test_without_a_python_nothing_is_started(
    backend: LocalBackend,
    echo: Launch,
    monkeypatch: pytest.MonkeyPatch,
    given: str | None,
) -> None:
    monkeypatch.setattr(sys, "executable", given)
    monkeypatch.setattr(sys, "exec_prefix", "/absent")
    with pytest.raises(UnsupportedHereError, match=r"set sys\.executable to") as caught:
        backend.start(echo, await_running_s=60)
    assert repr(given) in str(caught.value)
    assert backend.state(FLOWERS).status == "Created"
