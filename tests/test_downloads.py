"""Downloads: many files at once, continued where they were cut, checked throughout."""

import io
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from fsspec.callbacks import Callback, TqdmCallback
from msgspec.structs import replace

import hopsartifacts
from hopsartifacts import Model, Project
from hopsartifacts.digests import digest_of
from hopsartifacts.errors import IntegrityError, PathNotFoundError, StorageError
from hopsartifacts.machine import workers
from hopsartifacts.storage.contract import Capabilities, Storage
from hopsartifacts.store import transfer
from hopsartifacts.store.checks import check_folder

SaveModel = Callable[..., Model]
CHUNK = 1 << 20
BIG = os.urandom(3 * CHUNK + 17)
FILES: dict[str, str | bytes] = {
    "big.bin": BIG,
    "empty": b"",
    **{f"part/{number}": f"{number}" * 100 for number in range(30)},
}


class Reading:
    """A storage whose reads go through *read*, which gets path, start and chunks."""

    def __init__(
        self,
        inner: Storage,
        read: Callable[[str, int, Iterator[bytes]], Iterator[bytes]],
        workers: int = 8,
    ) -> None:
        self._inner = inner
        self._read = read
        self.reads: list[tuple[str, int]] = []
        self.capabilities = Capabilities(has_modes=False, workers=workers)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        self.reads.append((path.rpartition("/")[2], start))
        return self._read(path, start, self._inner.chunks(path, start))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_FIRST_PAUSE_S", 0.001)


@pytest.fixture
def model(save_model: SaveModel) -> Model:
    return save_model(files=FILES)


def through(project: Project, *args: Any, **settings: Any) -> tuple[Model, Reading]:
    storage = Reading(project.storage, *args, **settings)
    opened = hopsartifacts.login(storage=storage)
    return opened.get_model_registry().get_model("my_model"), storage


def found(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def whole() -> dict[str, bytes]:
    return {
        path: data.encode() if isinstance(data, str) else data
        for path, data in FILES.items()
    }


def cut_after(
    count: int, times: int = 1
) -> Callable[[str, int, Iterator[bytes]], Iterator[bytes]]:
    """Break the first *times* reads of the big file off after *count* chunks."""
    left = times

    def read(path: str, _: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal left
        if not path.endswith("big.bin") or not left:
            yield from chunks
            return
        left -= 1
        yield from islice(chunks, count)
        raise StorageError("the connection is gone")

    return read


def test_files_are_fetched_at_the_same_moment(
    project: Project, model: Model, tmp_path: Path
) -> None:
    """As many as the back end likes, and no more."""
    del model
    under_way, most, lock = 0, 0, threading.Lock()
    all_there = threading.Barrier(4, timeout=20)

    def read(path: str, _: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        if path.endswith(("/0", "/1", "/2", "big.bin")):
            all_there.wait()
        yield from chunks
        with lock:
            under_way -= 1

    slow, _ = through(project, read, workers=4)
    assert found(Path(slow.download(tmp_path / "here"))) == whole()
    assert most == 4


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_read_that_breaks_off_is_continued(
    project: Project, model: Model, tmp_path: Path, count: int
) -> None:
    del model
    cut, storage = through(project, cut_after(count, times=2))
    callback = Callback()
    cut.download(tmp_path / "here", callback=callback)
    assert found(tmp_path / "here") == whole()
    starts = [start for name, start in storage.reads if name == "big.bin"]
    assert starts[:2] == [0, count * CHUNK]
    assert callback.value == callback.size == sum(map(len, whole().values()))


def test_a_storage_that_stays_down_is_an_error_and_the_rest_is_continued(
    project: Project, model: Model, tmp_path: Path
) -> None:
    """After progress it is tried again; without any, the download ends."""
    del model
    given = 0

    def read(path: str, _: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal given
        if path.endswith("big.bin"):
            for chunk in islice(chunks, 1 if given < 2 else 0):
                given += 1
                yield chunk
            raise StorageError("the connection is gone")
        yield from chunks

    cut, storage = through(project, read, workers=1)
    with pytest.raises(StorageError, match="the connection is gone"):
        cut.download(tmp_path / "here")
    assert "big.bin" not in found(tmp_path / "here")
    # It came on by a chunk twice; then it was asked as often as is sensible.
    assert len(storage.reads) == 2 + transfer.ATTEMPTS - 1

    again, storage = through(project, lambda _, __, chunks: chunks)
    again.download(tmp_path / "here")
    assert found(tmp_path / "here") == whole()
    assert dict(storage.reads)["big.bin"] == 2 * CHUNK


def test_what_a_killed_process_left_is_continued(
    local_project: Project, make_files: Callable[..., Path], tmp_path: Path
) -> None:
    """A killed process cannot clean up, so the next one starts from its files."""
    registry = local_project.get_model_registry()
    registry.python.create_model("my_model").save(make_files(FILES))
    script = (
        "import sys, time, hopsartifacts\n"
        "from hopsartifacts.storage.local import LocalStorage\n"
        "read = LocalStorage.chunks\n"
        "def chunks(self, path, start=0):\n"
        "    for number, chunk in enumerate(read(self, path, start)):\n"
        "        if path.endswith('big.bin') and number == 2:\n"
        "            print('now', flush=True)\n"
        "            time.sleep(60)\n"
        "        yield chunk\n"
        "LocalStorage.chunks = chunks\n"
        "project = hopsartifacts.login(sys.argv[1])\n"
        "project.get_model_registry().get_model('my_model').download(sys.argv[2])\n"
    )
    command = [sys.executable, "-c", script, local_project.url, str(tmp_path / "here")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"now\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    parts = [path for path in (tmp_path / "here").iterdir() if path.suffix == ".part"]
    assert len(parts) == 1
    assert parts[0].stat().st_size >= CHUNK

    again, storage = through(local_project, lambda _, __, chunks: chunks)
    again.download(tmp_path / "here")
    assert found(tmp_path / "here") == whole()
    assert dict(storage.reads)["big.bin"] >= CHUNK


def part_of(project: Project, folder: Path) -> Path:
    """Leave a part of the big file in *folder*."""
    cut, _ = through(project, cut_after(1, times=1), workers=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "ATTEMPTS", 1)
        with pytest.raises(StorageError):
            cut.download(folder)
    (part,) = (path for path in folder.iterdir() if path.suffix == ".part")
    return part


@pytest.mark.parametrize("left", [b"\0" * CHUNK, b"\0" * (len(BIG) + 1), b""])
def test_what_was_left_is_not_believed(
    project: Project, model: Model, tmp_path: Path, left: bytes
) -> None:
    del model
    part_of(project, tmp_path).write_bytes(left)
    again, storage = through(project, lambda _, __, chunks: chunks)
    callback = Callback()
    again.download(tmp_path, callback=callback)
    assert {path: found(tmp_path)[path] for path in FILES} == whole()
    assert storage.reads.count(("big.bin", 0)) == 1
    assert callback.value == callback.size


def test_a_part_that_was_made_a_link_is_not_followed(
    project: Project, model: Model, tmp_path: Path
) -> None:
    part = part_of(project, tmp_path / "here")
    part.unlink()
    (tmp_path / "mine").write_bytes(b"mine")
    part.symlink_to(tmp_path / "mine")
    model.download(tmp_path / "here")
    assert (tmp_path / "mine").read_bytes() == b"mine"
    assert (tmp_path / "here" / "big.bin").read_bytes() == BIG


def test_a_damaged_file_stops_the_rest(
    project: Project, model: Model, tmp_path: Path
) -> None:
    project.storage.write("Models/my_model/1/Files/big.bin", [BIG[:-1], b"\0\1"])
    reading, storage = through(project, lambda _, __, chunks: chunks, workers=1)
    with pytest.raises(IntegrityError, match=r"Files/big\.bin"):
        reading.download(tmp_path / "here")
    assert storage.reads == [("big.bin", 0)]
    assert found(tmp_path / "here") == {}
    with pytest.raises(IntegrityError, match=r"Files/big\.bin"):
        model.download(tmp_path / "here")
    assert not list((tmp_path / "here").rglob("*.part"))


def test_a_file_that_is_gone_is_not_asked_for_again(
    project: Project, model: Model, tmp_path: Path
) -> None:
    del model
    project.storage.delete_tree("Models/my_model/1/Files/big.bin")
    reading, storage = through(project, lambda _, __, chunks: chunks, workers=1)
    with pytest.raises(PathNotFoundError, match=r"big\.bin"):
        reading.download(tmp_path / "here")
    assert storage.reads == [("big.bin", 0)]


def test_equal_files_in_one_folder_do_not_disturb_each_other(
    save_model: SaveModel, tmp_path: Path
) -> None:
    files: dict[str, str | bytes] = {f"copy{number}": BIG for number in range(6)}
    model = save_model("twins", files=files)
    assert found(Path(model.download(tmp_path / "here"))) == files


def test_several_downloads_into_one_folder(
    project: Project, model: Model, tmp_path: Path
) -> None:
    """All of them are told that it is whole, and it is."""
    del project
    failures: list[BaseException] = []

    def run() -> None:
        try:
            model.download(tmp_path / "here")
        except BaseException as error:  # noqa: BLE001 - it is looked at below
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert found(tmp_path / "here") == whole()


def test_an_interrupt_stops_and_keeps_what_is_there(
    project: Project, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl+C in a long download is usual; only whole files may have their names."""
    del model
    sent: list[bytes] = []
    stopped = threading.Event()
    stop = workers.Stop.set

    def note(self: workers.Stop) -> None:
        stop(self)
        stopped.set()

    monkeypatch.setattr(workers.Stop, "set", note)

    def read(path: str, _: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            if path.endswith("big.bin") and not sent:
                sent.append(chunk)
                signal.raise_signal(signal.SIGINT)
                assert stopped.wait(20)

    interrupted, _ = through(project, read)
    with pytest.raises(KeyboardInterrupt):
        interrupted.download(tmp_path / "here")
    assert "big.bin" not in found(tmp_path / "here")
    again, storage = through(project, lambda _, __, chunks: chunks)
    again.download(tmp_path / "here")
    assert found(tmp_path / "here") == whole()
    assert dict(storage.reads)["big.bin"] > 0


def test_an_interrupt_while_threads_are_started_waits_for_those_that_run(
    project: Project, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that still runs would write into the folder after the call."""
    del model
    start, is_first = threading.Thread.start, [True]
    has_begun = threading.Event()

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        if is_first and thread.name.startswith("hopsartifacts"):
            is_first.clear()
            assert has_begun.wait(20)
            raise KeyboardInterrupt

    def read(_: str, __: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            has_begun.set()
            time.sleep(0.2)
            yield chunk

    cut, _ = through(project, read)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cut.download(tmp_path / "here")
    again, _ = through(project, lambda _, __, chunks: chunks)
    again.download(tmp_path / "here")
    assert found(tmp_path / "here") == whole()


def test_a_full_disk_is_named_and_gets_its_room_back(
    memory_project: Project, make_files: Callable[..., Path], tmp_path: Path
) -> None:
    registry = memory_project.get_model_registry()
    model = registry.python.create_model("my_model").save(make_files(FILES))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The system refuses to write on, as on a disk that is full.
    resource.setrlimit(resource.RLIMIT_FSIZE, (CHUNK + 5, before[1]))
    try:
        with pytest.raises(StorageError, match=r"here/big\.bin'.* too large"):
            model.download(tmp_path / "here")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    left = found(tmp_path / "here")
    assert all(len(data) < CHUNK for data in left.values())


def test_tqdm_shows_the_progress(model: Model, tmp_path: Path) -> None:
    shown = io.StringIO()
    settings = {"file": shown, "unit": "B", "mininterval": 0}
    callback = TqdmCallback(tqdm_kwargs=settings)
    model.download(tmp_path / "here", callback=callback)
    callback.close()
    total = sum(map(len, whole().values()))
    assert "100%" in shown.getvalue()
    assert f"{total}/{total}" in shown.getvalue()


def test_a_callback_that_fails_stops_the_download(model: Model, tmp_path: Path) -> None:
    class Failing(Callback):  # type: ignore[misc]  # fsspec has no types
        def relative_update(self, inc: int = 1) -> None:
            raise RuntimeError(f"no {inc}")

    with pytest.raises(RuntimeError, match="no "):
        model.download(tmp_path / "here", callback=Failing())
    assert found(tmp_path / "here") == {}


@pytest.mark.parametrize("is_strict", [False, True])
def test_a_forged_checksum_is_found_where_it_matters(
    project: Project, tmp_path: Path, is_strict: bool
) -> None:
    """XXH3 is no proof against someone who wants other bytes to have it."""
    data = b"other bytes"
    project.storage.write("Resources/f", [data])
    sealed = {"f": replace(digest_of(data), sha256=digest_of(b"the bytes").sha256)}
    findings = check_folder(project.storage, "Resources", sealed, is_strict=is_strict)
    assert ["changed"] * is_strict == [
        it.kind for it in findings if it.kind != "unprotected"
    ]
    download = partial(transfer.download, project.storage, "Resources", sealed)
    if is_strict:
        with pytest.raises(IntegrityError, match="'Resources/f' differs"):
            download(tmp_path / "target", is_strict=True)
    else:
        download(tmp_path / "target")
    assert (tmp_path / "target" / "f").exists() != is_strict
