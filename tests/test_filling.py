"""Filling a version: in parallel, hashed once, and nothing carried twice."""

import io
import os
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from fsspec.callbacks import TqdmCallback
from msgspec.structs import replace
from rich.console import Console
from rich.progress import Progress
from tqdm import tqdm

from hopsartifacts.digests import digest_of
from hopsartifacts.errors import SourceChangedError, StorageError
from hopsartifacts.machine.progress import Callback
from hopsartifacts.registry.documents import FileRecord
from hopsartifacts.registry.sources import SourceFile, source
from hopsartifacts.registry.version_files import fill
from hopsartifacts.storage.contract import FileInfo, Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.store.dedup import StoredFile
from hopsartifacts.testing.faults import Fault, FaultyStorage, StorageCall, fail
from tests.in_place import is_same_file

MakeFiles = Callable[..., Path]
MANY = {f"{number % 7}/{number}.bin": os.urandom(100 + number) for number in range(60)}
LARGE = 40 * 1024 * 1024
"""More than is hashed beside the writing."""


@pytest.fixture
def local(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "project")


@pytest.fixture
def memory(clear_memory: None) -> MemoryStorage:  # noqa: ARG001 - a fixture
    return MemoryStorage("filling")


@pytest.fixture(params=["local", "memory"])
def storage(request: pytest.FixtureRequest) -> Storage:
    return cast("Storage", request.getfixturevalue(request.param))


class Bytes:
    """A callback that only counts; it would notice two threads at once."""

    def __init__(self) -> None:
        self.size = 0
        self.done = 0
        self._busy = threading.Lock()

    def set_size(self, size: int) -> None:
        self.size = size

    def relative_update(self, inc: int = 1) -> None:
        assert self._busy.acquire(blocking=False)
        before = self.done
        time.sleep(0)
        self.done = before + inc
        self._busy.release()


def stored(storage: Storage, folder: str) -> dict[str, bytes]:
    top = f"{folder}/Files/"
    return {
        entry.path.removeprefix(top): storage.read(entry.path)
        for entry in storage.find(folder)
    }


def sealed(
    storage: Storage, folder: str, records: Iterable[FileRecord]
) -> Iterator[StoredFile]:
    """Protect what was filled, and know it from now on."""
    top = f"{folder}/Files"
    storage.protect(top)
    seal = f"{folder}/seal"
    storage.create(seal, b"")
    for record in records:
        yield StoredFile(folder=top, path=record.path, digest=record.digest, seal=seal)


def test_every_file_is_written_and_recorded_in_order(
    storage: Storage, make_files: MakeFiles
) -> None:
    files = source(make_files(MANY)).files
    records = fill(storage, "Models/m/1", files)
    assert [record.path for record in records] == [file.path for file in files]
    assert {it.path: it.digest for it in records} == {
        path: digest_of(data) for path, data in MANY.items()
    }
    assert stored(storage, "Models/m/1") == MANY


def test_a_large_file_is_hashed_while_it_is_written(
    local: LocalStorage, make_files: MakeFiles
) -> None:
    data = os.urandom(1 << 20) * 40 + b"rest"
    files = source(make_files({"large": data, "small": b"s"})).files
    records = fill(local, "Models/m/1", files)
    assert [record.digest for record in records] == [digest_of(data), digest_of(b"s")]
    assert local.read("Models/m/1/Files/large") == data


def test_memory_is_bounded(local: LocalStorage, make_files: MakeFiles) -> None:
    block = os.urandom(1 << 20)
    folder = make_files({"a": block})
    for name in ("b", "c"):
        with (folder / name).open("wb") as file:
            for _ in range(64):
                file.write(block)
    files = source(folder).files
    tracemalloc.start()
    try:
        records = fill(local, "Models/m/1", files)
        known = list(sealed(local, "Models/m/1", records))
        fill(local, "Models/m/2", files, known=known)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * 1024 * 1024


def test_several_files_are_written_at_the_same_moment(
    storage: Storage, make_files: MakeFiles
) -> None:
    workers = storage.capabilities.workers
    meeting = threading.Barrier(workers, timeout=30)

    def wait(_: StorageCall) -> None:
        meeting.wait()

    slow = FaultyStorage(
        storage, lambda call: Fault(before=wait) if call.method == "write" else None
    )
    files = {f"{number}": b"x" for number in range(workers * 2)}
    fill(slow, "Models/m/1", source(make_files(files)).files)
    assert stored(storage, "Models/m/1") == files


def test_each_byte_of_the_source_is_read_once(
    local: LocalStorage, make_files: MakeFiles, reads: Counter[str]
) -> None:
    """Also where the store knows files of the same size, with other bytes."""
    folder = make_files(MANY)
    known = list(
        sealed(local, "Models/m/1", fill(local, "Models/m/1", source(folder).files))
    )
    assert reads == Counter({path: len(data) for path, data in MANY.items()})
    reads.clear()
    for path, data in MANY.items():
        (folder / path).write_bytes(data[::-1])
    fill(local, "Models/m/2", source(folder).files, known=known)
    assert reads == Counter({path: len(data) for path, data in MANY.items()})


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the bytes that are read of each source file."""
    counted: Counter[str] = Counter()
    real = SourceFile.chunks

    def chunks(file: SourceFile) -> Iterator[bytes]:
        for chunk in real(file):
            counted[file.path] += len(chunk)
            yield chunk

    monkeypatch.setattr(SourceFile, "chunks", chunks)
    return counted


@pytest.mark.parametrize("error", [StorageError("broken"), KeyboardInterrupt()])
def test_the_first_error_ends_the_rest_soon(
    storage: Storage, make_files: MakeFiles, error: BaseException
) -> None:
    def break_once(_: StorageCall) -> None:
        raise error

    faulty = FaultyStorage(storage, {5: Fault(before=break_once)})
    files = source(make_files({f"{number}": b"x" for number in range(500)})).files
    before = set(threading.enumerate())
    with pytest.raises(type(error)) as caught:
        fill(faulty, "Models/m/1", files)
    assert caught.value is error
    assert len(faulty.calls) < 100
    assert set(threading.enumerate()) <= before


def test_a_large_file_is_given_up_when_another_fails(
    local: LocalStorage, make_files: MakeFiles, reads: Counter[str]
) -> None:
    folder = make_files({"a-large": b"", "b": b"", "c": b""})
    os.truncate(folder / "a-large", 4 * 1024**3)

    def break_when_it_is_under_way(_: StorageCall) -> None:
        while not reads["a-large"]:
            time.sleep(0.001)
        raise StorageError("broken")

    faulty = FaultyStorage(
        local,
        lambda call: (
            Fault(before=break_when_it_is_under_way) if call.path[-1] == "b" else None
        ),
    )
    with pytest.raises(StorageError, match="broken"):
        fill(faulty, "Models/m/1", source(folder).files)
    assert reads["a-large"] < 1024**3
    assert "a-large" not in stored(local, "Models/m/1")


def test_an_interrupt_of_the_caller_ends_the_threads(
    local: LocalStorage, make_files: MakeFiles
) -> None:
    """As Ctrl-C does: it reaches the main thread, which only waits."""
    is_sent = threading.Event()

    def interrupt(_: StorageCall) -> None:
        if not is_sent.is_set():
            is_sent.set()
            os.kill(os.getpid(), 2)
        time.sleep(0.05)

    slow = FaultyStorage(local, lambda _: Fault(before=interrupt))
    files = source(make_files({f"{number}": b"x" for number in range(500)})).files
    with pytest.raises(KeyboardInterrupt):
        fill(slow, "Models/m/1", files)
    calls = len(slow.calls)
    assert calls < 100
    time.sleep(0.2)
    assert len(slow.calls) == calls


def test_a_file_that_changes_is_refused(
    local: LocalStorage, make_files: MakeFiles
) -> None:
    folder = make_files(MANY)
    files = source(folder).files
    (folder / "3" / "10.bin").write_bytes(b"changed")
    with pytest.raises(SourceChangedError, match=r"10\.bin"):
        fill(local, "Models/m/1", files)


class RichCallback:
    """What a user of rich writes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.task = progress.add_task("saving")

    def set_size(self, size: int) -> None:
        self._progress.update(self.task, total=size)

    def relative_update(self, inc: int = 1) -> None:
        self._progress.advance(self.task, inc)


def test_progress_is_told_of_every_byte_however_it_got_there(
    storage: Storage, make_files: MakeFiles
) -> None:
    data: dict[str, Any] = {**MANY, "large": b"l" * LARGE, "none": b""}
    files = source(make_files(data)).files
    size = sum(map(len, data.values()))

    def told(callback: Callback, known: Iterable[StoredFile], version: int) -> Any:
        return fill(
            storage, f"Models/m/{version}", files, known=known, callback=callback
        )

    carried, shared = Bytes(), Bytes()
    records = told(carried, (), 1)
    assert (carried.size, carried.done) == (size, size)
    told(shared, list(sealed(storage, "Models/m/1", records)), 2)
    assert (shared.size, shared.done) == (size, size)

    with Progress(console=Console(file=io.StringIO())) as progress:
        callback = RichCallback(progress)
        told(callback, (), 3)
        task = progress.tasks[callback.task]
        assert (task.total, task.completed, task.finished) == (size, size, True)


def test_progress_fits_the_callback_of_fsspec_for_tqdm(
    storage: Storage, make_files: MakeFiles
) -> None:
    bars: list[Any] = []

    def bar(**options: Any) -> Any:
        bars.append(tqdm(file=io.StringIO(), **options))
        return bars[-1]

    callback = TqdmCallback(tqdm_kwargs={"unit": "B"}, tqdm_cls=bar)
    fill(storage, "Models/m/1", source(make_files(MANY)).files, callback=callback)
    size = sum(map(len, MANY.values()))
    assert [(it.total, it.n) for it in bars] == [(size, size)]
    callback.close()


def methods(storage: FaultyStorage) -> Counter[str]:
    return Counter(call.method for call in storage.calls)


def test_what_the_store_holds_is_not_carried_again(
    storage: Storage, make_files: MakeFiles
) -> None:
    folder = make_files(MANY)
    before = fill(storage, "Models/m/1", source(folder).files)
    known = list(sealed(storage, "Models/m/1", before))
    (folder / "3" / "10.bin").write_bytes(b"x" * 110)
    (folder / "3" / "10.bin").with_name("renamed.bin").write_bytes(MANY["0/0.bin"])
    counted = FaultyStorage(storage)
    after = fill(counted, "Models/m/2", source(folder).files, known=known)
    assert methods(counted)["write"] == 1
    assert methods(counted)["copy"] == len(MANY)
    assert methods(counted)["find"] <= 1
    assert methods(counted)["stat"] <= 1
    expected = {**MANY, "3/10.bin": b"x" * 110, "3/renamed.bin": MANY["0/0.bin"]}
    assert stored(storage, "Models/m/2") == expected
    assert {it.path: it.digest for it in after} == {
        path: digest_of(data) for path, data in expected.items()
    }


def test_large_files_are_shared_too(local: LocalStorage, make_files: MakeFiles) -> None:
    folder = make_files({"large": b"l" * LARGE})
    files = source(folder).files
    known = list(sealed(local, "Models/m/1", fill(local, "Models/m/1", files)))
    counted = FaultyStorage(local)
    records = fill(counted, "Models/m/2", files, known=known)
    assert methods(counted)["write"] == 0
    assert records[0].digest == digest_of(b"l" * LARGE)
    # Another file of the same size is carried.
    (folder / "large").write_bytes(b"m" * LARGE)
    records = fill(local, "Models/m/3", source(folder).files, known=known)
    assert records[0].digest == digest_of(b"m" * LARGE)
    assert local.read("Models/m/3/Files/large") == b"m" * LARGE


def test_on_disk_the_two_share_their_bytes_and_each_can_go(
    local: LocalStorage, make_files: MakeFiles
) -> None:
    folder = make_files({"a": b"shared", "b": b"other"})
    files = source(folder).files
    known = list(sealed(local, "Models/m/1", fill(local, "Models/m/1", files)))
    (folder / "b").write_bytes(b"OTHER")
    fill(local, "Models/m/2", source(folder).files, known=known)
    one, two = "Models/m/1/Files", "Models/m/2/Files"
    if is_same_file(local, f"{one}/a", f"{two}/a"):
        assert not is_same_file(local, f"{one}/b", f"{two}/b")
    local.protect(two)
    local.delete_tree("Models/m/1")
    assert stored(local, "Models/m/2") == {"a": b"shared", "b": b"OTHER"}
    assert [entry.is_read_only for entry in local.find(two)] == [True, True]


def test_only_a_local_disk_has_one_file_by_two_names(
    local: LocalStorage, memory: MemoryStorage, tmp_path: Path
) -> None:
    for storage in (local, memory):
        storage.create("a", b"1")
        storage.create("b", b"1")
        assert not is_same_file(storage, "a", "b")
        assert not is_same_file(storage, "a", "absent")
    os.link(tmp_path / "project" / "a", tmp_path / "project" / "c")
    assert is_same_file(local, "a", "c")
    assert not is_same_file(memory, "a", "a")


def flip(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    path.chmod(0o444)


def replace_by_link(path: Path) -> None:
    path.with_name("elsewhere").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to("elsewhere")


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage",
    [flip, Path.unlink, replace_by_link, replace_by_folder, lambda it: it.chmod(0o644)],
    ids=["flipped", "missing", "link", "folder", "writable"],
)
@pytest.mark.parametrize("size", [100, 5 * 1024 * 1024])
def test_a_damaged_file_on_disk_never_spreads(
    local: LocalStorage,
    make_files: MakeFiles,
    tmp_path: Path,
    damage: Callable[[Path], None],
    size: int,
) -> None:
    files = source(make_files({"a": b"a" * size, "b": b"b"})).files
    known = list(sealed(local, "Models/m/1", fill(local, "Models/m/1", files)))
    there = tmp_path / "project" / "Models" / "m" / "1" / "Files"
    there.chmod(0o755)
    damage(there / "a")
    records = fill(local, "Models/m/2", files, known=known)
    assert stored(local, "Models/m/2") == {"a": b"a" * size, "b": b"b"}
    assert records[0].digest == digest_of(b"a" * size)
    assert not is_same_file(local, "Models/m/1/Files/a", "Models/m/2/Files/a")


@pytest.mark.parametrize("seal", ["Models/m/earlier", "Models/m/absent", None], ids=str)
def test_elsewhere_what_was_written_after_its_seal_never_spreads(
    memory: MemoryStorage, make_files: MakeFiles, seal: str | None
) -> None:
    """Nor does what nobody can tell the time of."""
    memory.create("Models/m/earlier", b"")
    files = source(make_files(MANY)).files
    known = [
        StoredFile(folder=it.folder, path=it.path, digest=it.digest, seal=seal)
        for it in sealed(memory, "Models/m/1", fill(memory, "Models/m/1", files))
    ]
    counted = FaultyStorage(memory)
    fill(counted, "Models/m/2", files, known=known)
    assert methods(counted)["copy"] == 0
    assert stored(memory, "Models/m/2") == MANY


class WholeSeconds(MemoryStorage):
    """Says when it was written as coarsely as object stores do."""

    sealed = 1000.0

    def find(self, path: str) -> Iterator[FileInfo]:
        for entry in super().find(path):
            yield replace(entry, modified=1000.0)

    def stat(self, path: str) -> FileInfo | None:
        entry = super().stat(path)
        return replace(entry, modified=self.sealed) if entry else None


@pytest.mark.usefixtures("clear_memory")
@pytest.mark.parametrize(("seal", "copies"), [(1000.0, 0), (1001.0, 1), (999.0, 0)])
def test_within_one_second_nobody_knows_what_came_first(
    make_files: MakeFiles, seal: float, copies: int
) -> None:
    storage = WholeSeconds("coarse")
    storage.sealed = seal
    files = source(make_files({"a": b"a"})).files
    known = list(sealed(storage, "Models/m/1", fill(storage, "Models/m/1", files)))
    counted = FaultyStorage(storage)
    fill(counted, "Models/m/2", files, known=known)
    assert methods(counted)["copy"] == copies


def test_a_storage_that_cannot_copy_is_written_to(
    storage: Storage, make_files: MakeFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = source(make_files(MANY)).files
    known = list(sealed(storage, "Models/m/1", fill(storage, "Models/m/1", files)))
    monkeypatch.setattr(type(storage), "copy", lambda *_: False)
    fill(storage, "Models/m/2", files, known=known)
    assert stored(storage, "Models/m/2") == MANY


def test_a_copy_that_fails_is_an_error(storage: Storage, make_files: MakeFiles) -> None:
    files = source(make_files(MANY)).files
    known = list(sealed(storage, "Models/m/1", fill(storage, "Models/m/1", files)))
    faulty = FaultyStorage(
        storage, lambda call: Fault(before=fail) if call.method == "copy" else None
    )
    with pytest.raises(StorageError, match="was broken"):
        fill(faulty, "Models/m/2", files, known=known)
