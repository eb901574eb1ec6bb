"""A server that is killed: what it acknowledged is there, and everybody can go on."""

import os
import signal
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hopsartifacts.errors import AlreadyExistsError, ConflictError
from hopsartifacts.project import Project
from hopsartifacts.registry.versions import model_state
from hopsartifacts.rest.uploads import UploadLimits, Uploads
from hopsartifacts.rest.uploads import area as area_module
from hopsartifacts.rest.uploads.contents import UploadJournal
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.testing.faults import Fault, FaultyStorage, StorageCall
from tests.rest.uploads.sending import ME, OTHER, chunk_of, fill, seal, send, send_part

FILES = {"Files/a.bin": b"0123456789", "Files/b.bin": b"abcd"}
LIMITS = UploadLimits(min_free_bytes=0, restart_s=0)
MANY_STEPS = 60


class LocalInPlace(LocalStorage):
    """A disk that fills versions in the place reserved for them."""

    @property
    def capabilities(self) -> Any:
        return msgspec.structs.replace(super().capabilities, moves_trees=False)


@pytest.fixture(params=[LocalStorage, LocalInPlace], ids=["staged", "in place"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    made: Storage = request.param(tmp_path / "project")
    return made


@pytest.fixture
def restart(storage: Storage, tmp_path: Path) -> Callable[..., Uploads]:
    def make(**limits: float) -> Uploads:
        changed = msgspec.structs.replace(LIMITS, **limits)
        return Uploads(storage, tmp_path / "server", changed)

    return make


class Dying:
    """Kills this process at one of the steps that count: to disk, or to the store."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __call__(self, _: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            self()
            return function(*args, **more)

        return call

    def storage(self, inner: Storage) -> Storage:
        def plan(call: StorageCall) -> Fault | None:
            is_step = call.method in {"create", "write", "move_tree", "delete_tree"}
            return Fault(before=self) if is_step else None

        return FaultyStorage(inner, plan)


def run_dying(
    step: int, storage: Storage, folder: Path, work: Callable[[Uploads], None]
) -> bool:
    """Do *work* in a process that is killed at *step*; False if it came to its end."""
    child = os.fork()
    if child == 0:
        dying = Dying(step)
        os.pwrite = dying.around(os.pwrite)
        UploadJournal.add = dying.around(UploadJournal.add)  # type: ignore[method-assign]
        UploadJournal.start = dying.around(UploadJournal.start)  # type: ignore[method-assign]
        try:
            work(Uploads(dying.storage(storage), folder / "server", LIMITS))
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status in {0, signal.SIGKILL}
    return status == signal.SIGKILL


def check(project: Project, *versions: int) -> None:
    models = project.get_model_registry().get_models("m")
    assert [model.version for model in models] == list(versions)
    for version in versions:
        top = f"Models/m/{version}"
        assert {
            it.path.removeprefix(f"{top}/"): project.storage.read(it.path)
            for it in project.storage.find(f"{top}/Files")
        } == FILES
    project.repair()
    assert project.verify().ok
    assert list(project.storage.find(".hopsartifacts/staging")) == []


def save(uploads: Uploads) -> None:
    fill(uploads, FILES)
    seal(uploads)


def fail_and_save(uploads: Uploads) -> None:
    fill(uploads, {"Files/old": b"x"})
    uploads.remove("Models/m/1", ME)
    save(uploads)


@pytest.mark.parametrize("work", [save, fail_and_save])
def test_a_client_goes_on_whenever_the_server_was_killed(
    storage: Storage, tmp_path: Path, work: Callable[[Uploads], None]
) -> None:
    """At each step: the number is whole or free, and the next save succeeds."""
    for step in range(1, MANY_STEPS):
        place = storage.local_path("")
        assert place is not None
        folder = tmp_path / str(step)
        here = type(storage)(folder / "project")  # type: ignore[call-arg]
        if not run_dying(step, here, folder, work):
            break
        uploads = Uploads(here, folder / "server", LIMITS)
        uploads.sweep()
        state = model_state(here, "m")
        newest = max([*state.live(), *uploads.numbers("m", ME)], default=0)
        assert newest <= 1
        fill(uploads, FILES, newest + 1)
        seal(uploads, newest + 1)
        uploads.close()
        check(Project(here), *sorted({*state.live(), newest + 1}))
        assert list((folder / "server" / "spool").iterdir()) == []
    else:
        pytest.fail("it never came to its end")
    assert step > 15


def test_acknowledged_parts_are_there_after_a_kill(
    storage: Storage, tmp_path: Path, restart: Callable[..., Uploads]
) -> None:
    """A client that got an answer for a part does not send that part again."""
    data = FILES["Files/a.bin"]
    path = "Models/m/1/Files/a.bin"

    class Killing(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            found = super().read(1 if size else 0)
            if self.tell() == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return found

    child = os.fork()
    if child == 0:
        uploads = Uploads(storage, tmp_path / "server", LIMITS)
        fill(uploads, {"Files/b.bin": FILES["Files/b.bin"]})
        send_part(uploads, path, data, 3)
        send_part(uploads, path, data, 1)
        chunk = chunk_of("a.bin", data, 2)
        uploads.put_chunk("Models/m/1/Files", chunk, Killing(data[4:8]), ME)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)

    uploads = restart(restart_s=60)
    seen = uploads.list("Models/m/1/Files", ME)
    assert [it.name for it in seen] == ["b.bin"]
    with pytest.raises(ConflictError, match="differs"):
        send_part(uploads, path, b"x" * 10, 3)
    # The client sends the part again whose answer it missed, and goes on.
    send_part(uploads, path, data, 2)
    seal(uploads)
    uploads.close()
    check(Project(storage), 1)


def test_a_new_try_after_a_restart_starts_over(
    storage: Storage, restart: Callable[..., Uploads]
) -> None:
    uploads = restart()
    fill(uploads, {"Files/old": b"x"})
    uploads.close()
    uploads = restart(restart_s=60)
    assert uploads.stat("Models/m/1", ME) is not None
    with pytest.raises(AlreadyExistsError):
        uploads.claim("m", 1, ME)
    uploads.close()
    uploads = restart(restart_s=0)
    assert uploads.stat("Models/m/1", ME) is None
    assert uploads.numbers("m", ME) == set()
    assert uploads.numbers("m", OTHER) == {1}
    fill(uploads, FILES)
    assert uploads.stat("Models/m/1", ME) is not None
    seal(uploads)
    uploads.close()
    check(Project(storage), 1)


def test_whoever_only_asks_does_not_put_a_new_try_off(
    restart: Callable[..., Uploads],
) -> None:
    uploads = restart()
    fill(uploads, {"Files/old": b"x"})
    uploads.close()
    uploads = restart(restart_s=0.3)
    deadline = time.monotonic() + 30
    while uploads.stat("Models/m/1", ME) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    uploads.claim("m", 1, ME)
    uploads.close()


def test_whoever_goes_on_after_a_restart_is_not_taken_over(
    restart: Callable[..., Uploads],
) -> None:
    uploads = restart()
    fill(uploads, {})
    uploads.close()
    uploads = restart(restart_s=0)
    send(uploads, "Models/m/1/Files/a.bin", b"0123456789")
    with pytest.raises(AlreadyExistsError):
        uploads.claim("m", 1, ME)
    uploads.close()


def test_nothing_is_believed_after_a_crash_of_the_machine(
    storage: Storage,
    restart: Callable[..., Uploads],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uploads = restart()
    fill(uploads, FILES)
    send_part(uploads, "Resources/x.bin", b"0123456789", 1)
    uploads.close()
    monkeypatch.setattr(area_module, "boot_id", lambda: "another")
    uploads = restart()
    with pytest.raises(ConflictError):
        seal(uploads)
    assert uploads.remove("Models/m/1", ME)
    assert model_state(storage, "m").records[1].status == "aborted"
    send(uploads, "Resources/x.bin", b"another")
    assert storage.read("Resources/x.bin") == b"another"
    uploads.close()


def test_a_number_that_is_free_again_outlives_a_crash_of_the_machine(
    storage: Storage,
    restart: Callable[..., Uploads],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uploads = restart()
    fill(uploads, {"Files/old": b"x"})
    assert uploads.remove("Models/m/1", ME)
    uploads.close()
    monkeypatch.setattr(area_module, "boot_id", lambda: "another")
    uploads = restart()
    save(uploads)
    uploads.close()
    check(Project(storage), 1)


def test_what_lies_in_the_spool_unreadable_is_cleared(
    tmp_path: Path, restart: Callable[..., Uploads]
) -> None:
    uploads = restart()
    fill(uploads, FILES)
    uploads.close()
    spool = tmp_path / "server" / "spool"
    (spool / "strange").mkdir()
    (spool / "strange" / "journal.jsonl").write_text("{}\n")
    (spool / "empty").mkdir()
    [kept] = [it for it in spool.iterdir() if len(it.name) == 32]
    with (kept / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"type":"part","id":"torn')
    uploads = restart(restart_s=60)
    assert [it.name for it in spool.iterdir()] == [kept.name]
    assert len(uploads.list("Models/m/1/Files", ME)) == 2
    seal(uploads)
    uploads.close()
