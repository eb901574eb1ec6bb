"""Files that change without their times telling: what is saved is what lies there.

Through a memory map a file changes without its times changing, until the kernel has
written the page back; on tmpfs always.
"""

import mmap
import os
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from hopsartifacts import Project
from hopsartifacts.errors import SourceChangedError, StorageError
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.testing.faults import FAIL, Fault, FaultyStorage, StorageCall
from tests.in_place import LocalInPlace, is_same_file

SMALL, LARGE = 80_000, 40 * 1024 * 1024
"""A small one is still large enough to be copied in a bucket instead of created."""
"""One read at once, and one hashed in a thread of its own."""
MEMORY = Path("/dev/shm")  # noqa: S108 - the tmpfs that every Linux has


class Mapped:
    """A file that is written to through a map that stays open."""

    def __init__(self, path: Path, size: int, *, is_flushed: bool) -> None:
        path.write_bytes(b"\0" * size)
        with path.open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), size)
        self._size = size
        self._is_flushed = is_flushed
        self.set(b"1")
        # So that the times are old, as are those of a file that is kept open for long.
        time.sleep(0.1)

    def set(self, byte: bytes) -> None:
        self.map[:] = byte * self._size
        if self._is_flushed:
            self.map.flush()


@pytest.fixture(params=["disk", "tmpfs"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if request.param == "disk":
        (tmp_path / "model").mkdir()
        yield tmp_path / "model"
    elif MEMORY.is_dir():
        with tempfile.TemporaryDirectory(dir=MEMORY) as made:
            yield Path(made)
    else:
        pytest.skip("this machine has no /dev/shm")


@pytest.fixture(params=[True, False], ids=["flushed", "dirty"])
def mapped(request: pytest.FixtureRequest, folder: Path) -> Mapped:
    return Mapped(folder / "it", SMALL, is_flushed=request.param)


@pytest.fixture(params=[LocalStorage, LocalInPlace], ids=["staged", "in place"])
def storage(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> LocalStorage:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    made: LocalStorage = request.param(tmp_path / "project")
    return made


def save(storage: LocalStorage | FaultyStorage, folder: Path) -> int | None:
    registry = Project(storage).get_model_registry()
    return registry.python.create_model("m").save(folder).version


def stores(call: StorageCall) -> bool:
    return call.method in {"create", "write"} and "/_log/" not in call.path


def stored(storage: LocalStorage, version: int, path: str = "it") -> bytes:
    return storage.read(f"Models/m/{version}/Files/{path}")


def test_between_two_saves(storage: LocalStorage, folder: Path, mapped: Mapped) -> None:
    assert save(storage, folder) == 1
    mapped.set(b"2")
    assert save(storage, folder) == 2
    assert stored(storage, 1) == b"1" * SMALL
    assert stored(storage, 2) == b"2" * SMALL
    assert Project(storage).verify().ok


def test_between_a_save_that_was_cut_off_and_the_next(
    storage: LocalStorage, folder: Path, mapped: Mapped
) -> None:
    (folder / "later").write_bytes(b"later")
    broken = FaultyStorage(
        storage,
        lambda call: FAIL if stores(call) and call.path.endswith("later") else None,
    )
    with pytest.raises(StorageError):
        save(broken, folder)
    mapped.set(b"2")
    assert save(storage, folder) == 1
    assert stored(storage, 1) == b"2" * SMALL
    assert Project(storage).verify().ok


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("is_flushed", [True, False], ids=["flushed", "dirty"])
@pytest.mark.parametrize("when", ["torn", "after"])
def test_while_it_is_saved(
    storage: LocalStorage,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    *,
    is_flushed: bool,
    when: str,
) -> None:
    """A memory map changes a file without changing its size or time."""
    mapped = Mapped(folder / "it", size, is_flushed=is_flushed)
    write, create = LocalStorage.write, LocalStorage.create

    def changing(self: LocalStorage, path: str, chunks: Iterable[bytes]) -> None:
        def passing() -> Iterator[bytes]:
            for number, chunk in enumerate(chunks):
                yield chunk
                if number == 0 and when == "torn":
                    mapped.set(b"2")

        write(self, path, passing())
        if when == "after":
            mapped.set(b"2")

    def creating(self: LocalStorage, path: str, data: bytes) -> bool:
        is_made = create(self, path, data)
        if path.endswith("/it"):
            mapped.set(b"2")
        return is_made

    with monkeypatch.context() as patch:
        patch.setattr(LocalStorage, "write", changing)
        patch.setattr(LocalStorage, "create", creating)
        with pytest.raises(SourceChangedError, match="was changed"):
            save(storage, folder)
    assert not [it for it in storage.find("") if it.path.endswith("/it")]
    version = save(storage, folder)
    assert version
    assert stored(storage, version) == b"2" * size


def test_a_file_that_is_shared_is_compared_too(
    storage: LocalStorage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes were found equal to sealed ones, and changed after that."""
    mapped = Mapped(folder / "it", SMALL, is_flushed=False)
    save(storage, folder)
    copy = LocalStorage.copy

    def changing(self: LocalStorage, start: str, end: str) -> bool:
        mapped.set(b"2")
        return copy(self, start, end)

    monkeypatch.setattr(LocalStorage, "copy", changing)
    with pytest.raises(SourceChangedError, match="was changed"):
        save(storage, folder)


def test_what_did_not_change_shares_its_bytes(
    storage: LocalStorage, folder: Path, mapped: Mapped
) -> None:
    save(storage, folder)
    (folder / "more").write_bytes(b"more")
    counted = FaultyStorage(storage)
    save(counted, folder)
    written = [it.path for it in counted.calls if it.method in {"create", "write"}]
    files = [path for path in written if "/Files/" in path]
    assert [path.rpartition("/")[2] for path in files] == ["more"]
    assert stored(storage, 2) == mapped.map[:]


def test_a_stored_file_that_was_changed_through_a_map_does_not_spread(
    storage: LocalStorage, folder: Path, mapped: Mapped, tmp_path: Path
) -> None:
    save(storage, folder)
    place = tmp_path / "project" / "Models" / "m" / "1" / "Files" / "it"
    place.chmod(0o644)
    with place.open("r+b") as file, mmap.mmap(file.fileno(), 0) as opened:
        opened[-1:] = b"?"
    place.chmod(0o444)
    save(storage, folder)
    assert stored(storage, 2) == mapped.map[:]
    assert not is_same_file(storage, "Models/m/1/Files/it", "Models/m/2/Files/it")


def test_inode_numbers_may_differ_at_each_look(
    storage: LocalStorage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some network mounts."""
    (folder / "it").write_bytes(b"1")
    numbers = iter(range(10**6))
    fstat = os.fstat

    def unstable(file: int) -> os.stat_result:
        found = fstat(file)
        return os.stat_result((found[0], next(numbers), *found[2:]), _times(found))

    with monkeypatch.context() as patch:
        patch.setattr("hopsartifacts.registry.sources.os.fstat", unstable)
        assert save(storage, folder) == 1
    assert stored(storage, 1) == b"1"


def _times(found: os.stat_result) -> dict[str, object]:
    names = ("st_atime", "st_mtime", "st_ctime")
    fine = {f"{name}_ns": getattr(found, f"{name}_ns") for name in names}
    return {name: getattr(found, name) for name in names} | fine


def test_a_file_that_is_longer_than_its_size_is_refused(
    storage: LocalStorage,
) -> None:
    """Files of the kernel's say that they are empty, and are not."""
    with pytest.raises(SourceChangedError, match="size that it shows"):
        save(storage, Path("/proc/self/status"))


def test_each_file_is_compared_when_all_are_stored(
    storage: LocalStorage, folder: Path
) -> None:
    """One that changes while another is saved is whole, but of another moment."""
    mapped = Mapped(folder / "it", SMALL, is_flushed=False)
    (folder / "later").write_bytes(b"later")

    is_stored = threading.Event()

    def change(_: object) -> None:
        # The files are stored side by side.
        assert is_stored.wait(30)
        mapped.set(b"2")

    def plan(call: StorageCall) -> Fault | None:
        if not stores(call):
            return None
        if call.path.endswith("/it"):
            return Fault(after=lambda _: is_stored.set())
        return Fault(after=change) if call.path.endswith("later") else None

    storing = FaultyStorage(storage, plan)
    with pytest.raises(SourceChangedError, match="it' was changed"):
        save(storing, folder)
