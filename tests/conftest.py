"""What the tests share: projects on both back ends, models, scripts, snapshots."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from typing import Any, cast
from uuid import uuid4

import psutil
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import hopsartifacts
from hopsartifacts import Model, ModelRegistry, ModelServing, Project
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from tests import depth
from tests.in_place import InPlace

PREDICTOR = """
class Predictor:
    def predict(self, inputs):
        return inputs
"""
NOBODY = 65534
ALONE = frozenset({"environments", "serving", "inference_log", "races"})
"""Folders whose tests start many processes: at most two of them at once."""
SESSION_VARIABLE = "HOPSARTIFACTS_TEST_SESSION"
LEFT_S = 30.0
"""Within this time after the last test, processes that are ending have to be gone."""
SERVERS = frozenset({"s3", "careless_s3", "gcs", "azure", "sftp", "hdfs", "ftp"})


def pytest_configure() -> None:
    """Let Ctrl+C be heard, also by tests that a shell runs in the background."""
    depth.set_depth()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """Say which part of the longest tests is done."""
    return f"{depth.VARIABLE}={depth.set_depth()}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests of one server together, so that each starts once; and the like."""
    for item in items:
        given = getattr(item, "callspec", None)
        params = given.params.values() if given else ()
        named = {it for it in params if isinstance(it, str)}
        named.update(getattr(item, "fixturenames", ()))
        for server in sorted(named & SERVERS)[:1]:
            item.add_marker(pytest.mark.xdist_group(server))
        if ALONE & set(item.path.parts):
            half = zlib.crc32(item.path.name.encode()) % 2
            item.add_marker(pytest.mark.xdist_group(f"processes {half}"))
        elif "clients" in item.path.parts:
            # These wait most of the time. A process starts the scripts of each release.
            release = given.params.get("client", "") if given else ""
            item.add_marker(pytest.mark.xdist_group(f"clients {release}"))


@pytest.fixture(scope="session", autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """Fail if a process that the tests started still runs after the last test.

    The processes are found by a variable in their environment, which child processes
    inherit, also those that are in a session of their own.
    """
    mark = uuid4().hex
    os.environ[SESSION_VARIABLE] = mark
    yield
    deadline = time.monotonic() + LEFT_S
    while (left := _running_with(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    assert not left, f"tests left running: {[_command(it) for it in left]}"


def _running_with(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            is_ours = process.environ().get(SESSION_VARIABLE) == mark
            is_zombie = process.status() == psutil.STATUS_ZOMBIE
            if is_ours and not is_zombie and not _ends_with_us(process):
                found.append(process)
    return found


def _ends_with_us(process: psutil.Process) -> bool:
    """Tell whether it is this process, or one that multiprocessing ends with it."""
    family = [process, *process.parents()]
    pools = [it for it in family if "from multiprocessing" in " ".join(it.cmdline())]
    return process.pid == os.getpid() or bool(pools)


def _command(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return str(process.pid)


@pytest.fixture(autouse=True)
def _own_folders(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep journals, caches and runs of a test out of the user's folders."""
    if "HOPSARTIFACTS_STATE_DIR" not in os.environ:
        state = tmp_path_factory.mktemp("state")
        monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(state / "state"))
        monkeypatch.setenv("HOPSARTIFACTS_CACHE_DIR", str(state / "cache"))


@pytest.fixture
def clear_memory() -> Iterator[None]:
    """Let nothing of fsspec's one memory store reach another test."""
    for _ in range(2):
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]
        if _ == 0:
            yield


@pytest.fixture
def memory_project(clear_memory: None) -> Project:  # noqa: ARG001 - a fixture
    return hopsartifacts.login(f"memory://{uuid4().hex}/iris")


@pytest.fixture
def local_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    # Where the run files of deployments go.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return hopsartifacts.login(tmp_path / "projects" / "iris")


@pytest.fixture(params=["local", "memory", "in place"])
def storage_of_each_kind(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    clear_memory: None,  # noqa: ARG001 - a fixture
) -> Storage:
    """Where versions are moved in, on disk and in memory, and where they are filled."""
    if request.param == "local":
        return LocalStorage(tmp_path / "project")
    return MemoryStorage("p") if request.param == "memory" else InPlace("p")


@pytest.fixture(params=["local", "memory"])
def project(request: pytest.FixtureRequest) -> Project:
    return cast("Project", request.getfixturevalue(f"{request.param}_project"))


@pytest.fixture
def mr(project: Project) -> ModelRegistry:
    return project.get_model_registry()


@pytest.fixture
def ms(project: Project) -> ModelServing:
    return project.get_model_serving()


@pytest.fixture
def make_files(tmp_path: Path) -> Callable[..., Path]:
    """Make a new folder with files: ``make_files({"a/b.txt": "text or bytes"})``."""

    def make(files: dict[str, str | bytes] | None = None) -> Path:
        folder = Path(tempfile.mkdtemp(dir=tmp_path)) / "model"
        folder.mkdir()
        for path, content in (files or {"model.bin": b"\x00weights"}).items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            data = content.encode() if isinstance(content, str) else content
            target.write_bytes(data)
        return folder

    return make


@pytest.fixture
def make_script(tmp_path: Path) -> Callable[..., Path]:
    """Write a script into a new folder."""

    def make(code: str = PREDICTOR, name: str = "predict.py") -> Path:
        path = Path(tempfile.mkdtemp(dir=tmp_path)) / name
        path.write_text(dedent(code))
        return path

    return make


@pytest.fixture
def transformer_script(make_script: Callable[..., Path]) -> Path:
    code = "class Transformer:\n    def preprocess(self, inputs): return inputs\n"
    return make_script(code, "transform.py")


@pytest.fixture
def save_model(
    project: Project, make_files: Callable[..., Path]
) -> Callable[..., Model]:
    """Save a model: ``save_model("my_model", framework="sklearn", metrics={…})``."""

    def save(
        name: str = "my_model",
        files: dict[str, str | bytes] | None = None,
        framework: str = "python",
        **settings: Any,
    ) -> Model:
        creator = getattr(project.get_model_registry(), framework)
        model: Model = creator.create_model(name, **settings)
        return model.save(make_files(files))

    return save


@pytest.fixture
def model(save_model: Callable[..., Model]) -> Model:
    return save_model()


@pytest.fixture
def snapshot() -> Callable[[Project], dict[str, bytes]]:
    """Return every file of a project with its bytes."""

    def take(project: Project) -> dict[str, bytes]:
        storage = project.storage
        return {
            entry.path: storage.read(entry.path) if entry.kind == "file" else b"?"
            for entry in storage.find("")
        }

    return take


class Intercepted:
    """A storage that lets a hook see each call before it is done.

    The hook gets the method's name and arguments; what it raises is raised.
    """

    def __init__(self, inner: Storage, hook: Callable[..., None]) -> None:
        self._inner = inner
        self._hook = hook

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*args: Any) -> Any:
            self._hook(name, *args)
            return found(*args)

        return call


@pytest.fixture
def intercept(project: Project) -> Callable[[Callable[..., None]], Project]:
    """Open the same project again so that a hook sees every storage call first."""

    def make(hook: Callable[..., None]) -> Project:
        storage = cast("Storage", Intercepted(project.storage, hook))
        return hopsartifacts.login(storage=storage)

    return make


@pytest.fixture
def deep_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for trees that are deeper than Python's own functions can delete."""
    folder = tmp_path / "deep"
    folder.mkdir()
    yield folder
    subprocess.run(["/bin/chmod", "-R", "u+w", str(folder)], check=True)
    subprocess.run(["/bin/rm", "-rf", str(folder)], check=True)


@pytest.fixture
def users_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of an ordinary user, as whom the test runs: root may write anywhere."""
    # tmp_path will not do: its parents are closed to others.
    folder = Path(tempfile.mkdtemp(prefix="hopsartifacts-test-"))
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(folder / "state"))
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        shutil.rmtree(folder, ignore_errors=True)
