"""A save that was cut off goes on where it stopped, in this process or the next.

Bytes that lie there are kept if they are the right ones, whatever the journal says.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hopsartifacts.digests import digest_of
from hopsartifacts.errors import StorageError
from hopsartifacts.registry.documents import FileRecord
from hopsartifacts.registry.save_journal import SaveJournal, open_journal
from hopsartifacts.registry.sources import source
from hopsartifacts.registry.version_files import fill
from hopsartifacts.store.dedup import StoredFile
from hopsartifacts.testing.faults import Fault, FaultyStorage, StorageCall
from tests.in_place import LocalInPlace

MakeFiles = Callable[..., Path]
FILES = {f"{number % 3}/{number}.bin": os.urandom(100) for number in range(30)}
PLACE = "Models/m/7"
TOKEN = "token-1"  # noqa: S105 - names a save
BROKEN = """
import sys
from pathlib import Path
from hopsartifacts.registry.version_files import fill
from hopsartifacts.registry.save_journal import open_journal
from hopsartifacts.registry.sources import source
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.testing.faults import KILL_AFTER, KILL_BEFORE, Fault, FaultyStorage

project, model, number, when, folder = sys.argv[1:]
fault = {"before": KILL_BEFORE, "after": KILL_AFTER}[when]
storage = FaultyStorage(LocalStorage(Path(project)), {int(number): fault})
journal = open_journal(storage.url, "m", Path(model))
journal.begin("token-1")
fill(storage, folder, source(Path(model)).files, journal=journal)
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def storage(tmp_path: Path) -> LocalInPlace:
    return LocalInPlace(tmp_path / "project")


@pytest.fixture
def folder(make_files: MakeFiles) -> Path:
    return make_files(FILES)


def opened(storage: LocalInPlace, folder: Path, model: str = "m") -> SaveJournal:
    journal = open_journal(storage.url, model, folder)
    assert journal
    return journal


def cut_off(storage: LocalInPlace, folder: Path, at: int = 10) -> None:
    """Fail a save in the middle, and leave its journal."""

    def cut(_: StorageCall) -> None:
        raise StorageError("the connection broke")

    with opened(storage, folder) as journal:
        journal.begin(TOKEN)
        faulty = FaultyStorage(storage, {at: Fault(before=cut)})
        with pytest.raises(StorageError, match="connection"):
            fill(faulty, PLACE, source(folder).files, journal=journal)


def go_on(
    storage: LocalInPlace, folder: Path, known: tuple[StoredFile, ...] = ()
) -> tuple[tuple[FileRecord, ...], set[str]]:
    """Save again; returns the records, and what was written."""
    counted = FaultyStorage(storage)
    with opened(storage, folder) as journal:
        journal.begin(journal.token or TOKEN)
        records = fill(
            counted, PLACE, source(folder).files, known=known, journal=journal
        )
        journal.forget()
    top = f"{PLACE}/Files/"
    written = {
        it.path.removeprefix(top) for it in counted.calls if it.method == "write"
    }
    return records, written


def stored(storage: LocalInPlace) -> dict[str, bytes]:
    top = f"{PLACE}/Files/"
    return {
        it.path.removeprefix(top): storage.read(it.path) for it in storage.find(PLACE)
    }


def finished(storage: LocalInPlace) -> set[str]:
    """Return what an earlier try has left whole."""
    return {path for path, data in stored(storage).items() if data == FILES[path]}


def token(storage: LocalInPlace, folder: Path) -> str | None:
    """Return the token of the save that was cut off."""
    with opened(storage, folder) as journal:
        return journal.token


def test_what_was_written_before_it_broke_is_not_written_again(
    storage: LocalInPlace, folder: Path
) -> None:
    cut_off(storage, folder)
    done = finished(storage)
    assert done
    records, written = go_on(storage, folder)
    assert written == FILES.keys() - done
    assert stored(storage) == FILES
    assert {it.path: it.digest for it in records} == {
        path: digest_of(data) for path, data in FILES.items()
    }


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", [1, 2, 11, 29, 30])
def test_a_process_that_was_killed_is_continued_by_the_next(
    storage: LocalInPlace, folder: Path, at: int, when: str
) -> None:
    project = storage.local_path("")
    command = [sys.executable, "-c", BROKEN, project, folder, str(at), when, PLACE]
    ended = subprocess.run([str(part) for part in command], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert token(storage, folder) == TOKEN
    done = finished(storage)
    # The one that was being written, and those that other threads were at.
    assert len(done) >= at - 1 - 2 * storage.capabilities.workers
    records, written = go_on(storage, folder)
    assert written == FILES.keys() - done
    assert stored(storage) == FILES
    assert [it.digest for it in records] == [
        digest_of(FILES[it.path]) for it in records
    ]


def test_a_process_killed_at_any_moment_is_continued_by_the_next(
    storage: LocalInPlace, make_files: MakeFiles
) -> None:
    """Not between two calls only: in the middle of a file, too."""
    files = {f"{number}": os.urandom(3_000_000) for number in range(12)}
    folder = make_files(files)
    project = storage.local_path("")
    command = [sys.executable, "-c", BROKEN, project, folder, "1000", "after", PLACE]
    for _ in range(3):
        with subprocess.Popen([str(part) for part in command]) as process:
            deadline = time.monotonic() + 60
            while process.poll() is None and not stored(storage):
                assert time.monotonic() < deadline
                time.sleep(0.001)
            process.kill()
        storage_now = stored(storage)
        assert storage_now.keys() <= files.keys()
    _, written = go_on(storage, folder)
    assert written <= files.keys()
    assert stored(storage) == files


def test_a_file_that_changed_since_is_written_again(
    storage: LocalInPlace, folder: Path
) -> None:
    cut_off(storage, folder)
    changed = min(finished(storage))
    (folder / changed).write_bytes(b"n" * 100)
    records, written = go_on(storage, folder)
    assert changed in written
    assert stored(storage) == {**FILES, changed: b"n" * 100}
    assert digest_of(b"n" * 100) in [it.digest for it in records]


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "gone"])
def test_a_file_that_is_not_whole_in_the_store_is_written_again(
    storage: LocalInPlace, folder: Path, tmp_path: Path, *, cut: bool
) -> None:
    cut_off(storage, folder)
    lost = min(finished(storage))
    there = tmp_path / "project" / PLACE / "Files" / lost
    there.unlink()
    if cut:
        there.write_bytes(FILES[lost][:50])
    _, written = go_on(storage, folder)
    assert lost in written
    assert stored(storage) == FILES


def test_what_the_user_took_away_since_is_taken_away(
    storage: LocalInPlace, folder: Path
) -> None:
    """But not what somebody else put there."""
    cut_off(storage, folder)
    gone = min(finished(storage))
    (folder / gone).unlink()
    storage.write(f"{PLACE}/Files/stray", [b"mine"])
    go_on(storage, folder)
    expected = {path: data for path, data in FILES.items() if path != gone}
    assert stored(storage) == {**expected, "stray": b"mine"}


def sealed(storage: LocalInPlace, folder: Path) -> tuple[StoredFile, ...]:
    """Store the files as version 1, from which the next one may share its bytes."""
    top = "Models/m/1/Files"
    records = fill(storage, "Models/m/1", source(folder).files)
    storage.protect(top)
    return tuple(
        StoredFile(folder=top, path=it.path, digest=it.digest) for it in records
    )


def test_bytes_shared_before_it_broke_are_never_written_into(
    storage: LocalInPlace, folder: Path, tmp_path: Path
) -> None:
    """A file that had its bytes from a sealed one, and was changed in the source."""
    known = sealed(storage, folder)
    with opened(storage, folder) as journal:
        journal.begin(TOKEN)
        fill(storage, PLACE, source(folder).files, known=known, journal=journal)
    for path in FILES:
        (folder / path).write_bytes(b"n" * 100)
    _, written = go_on(storage, folder, known)
    assert written == FILES.keys()
    assert set(stored(storage).values()) == {b"n" * 100}
    shared = tmp_path / "project" / "Models/m/1/Files"
    assert {path: (shared / path).read_bytes() for path in FILES} == FILES


def test_what_was_half_shared_can_be_shared_again(
    storage: LocalInPlace, folder: Path
) -> None:
    """The files lie there, but the journal was lost in part."""
    known = sealed(storage, folder)
    with opened(storage, folder) as journal:
        journal.begin(TOKEN)
        journal.plan(FILES)
        fill(storage, PLACE, source(folder).files, known=known)
    _, written = go_on(storage, folder, known)
    assert written == set()
    assert stored(storage) == FILES


def test_a_torn_last_line_is_ignored(
    storage: LocalInPlace, folder: Path, state: Path
) -> None:
    cut_off(storage, folder)
    done = finished(storage)
    (path,) = state.rglob("*.jsonl")
    for torn in (b'{"type":"planned","paths":["0/0', b"\0\0\0", b"{}\n{}\n"):
        with path.open("ab") as file:
            file.write(torn)
        assert token(storage, folder) == TOKEN
    with opened(storage, folder) as journal:
        journal.begin(TOKEN)
        journal.plan(["later"])
    with opened(storage, folder) as journal:
        assert journal.planned == {*FILES, "later"}
    _, written = go_on(storage, folder)
    assert written == FILES.keys() - done


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"\xff\xfe\n", b"no"])
def test_a_journal_that_makes_no_sense_is_none(
    storage: LocalInPlace, folder: Path, state: Path, content: bytes
) -> None:
    cut_off(storage, folder)
    (path,) = state.rglob("*.jsonl")
    path.write_bytes(content)
    assert token(storage, folder) is None
    _, written = go_on(storage, folder)
    assert written == FILES.keys()


def test_one_save_holds_the_journal(
    storage: LocalInPlace, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(folder)
    with opened(storage, folder) as journal:
        journal.begin(TOKEN)
        assert open_journal(storage.url, "m", folder) is None
        assert open_journal(storage.url, "m", tmp_path / "link") is None
    assert token(storage, folder) == TOKEN


def test_each_project_model_and_folder_has_its_own(
    storage: LocalInPlace, folder: Path, make_files: MakeFiles
) -> None:
    cut_off(storage, folder)
    for url, model, place in [
        ("file:///other", "m", folder),
        (storage.url, "other", folder),
        (storage.url, "m", make_files()),
    ]:
        with open_journal(url, model, place) or pytest.fail("taken") as journal:
            assert journal.token is None
    assert token(storage, folder) == TOKEN


def test_a_finished_save_leaves_nothing_to_continue(
    storage: LocalInPlace, folder: Path, state: Path
) -> None:
    go_on(storage, folder)
    assert list(state.rglob("*.jsonl")) == []
    assert token(storage, folder) is None


def test_another_token_starts_over(storage: LocalInPlace, folder: Path) -> None:
    cut_off(storage, folder)
    with opened(storage, folder) as journal:
        journal.begin("token-2")
        assert (journal.token, journal.planned) == ("token-2", set())
    assert token(storage, folder) == "token-2"


def test_bytes_that_were_changed_since_are_not_believed(
    storage: LocalInPlace, folder: Path, tmp_path: Path
) -> None:
    """Of the same size: only reading them tells."""
    cut_off(storage, folder)
    changed = min(finished(storage))
    there = tmp_path / "project" / PLACE / "Files" / changed
    there.unlink()
    there.write_bytes(b"?" * 100)
    _, written = go_on(storage, folder)
    assert changed in written
    assert stored(storage) == FILES


def test_bytes_that_cannot_be_read_are_written_again(
    storage: LocalInPlace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(storage, folder)

    def broken(*_: object) -> Iterator[bytes]:
        raise StorageError("it does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(LocalInPlace, "chunks", broken)
        _, written = go_on(storage, folder)
    assert written == FILES.keys()
    assert stored(storage) == FILES


def test_journals_that_nobody_came_back_for_are_forgotten(
    storage: LocalInPlace, folder: Path, make_files: MakeFiles, state: Path
) -> None:
    cut_off(storage, folder)
    (path,) = state.rglob("*.jsonl")
    other = make_files()
    opened(storage, other).close()
    assert path.exists()
    os.utime(path, (0, 0))
    opened(storage, other).close()
    assert not path.exists()


def test_where_no_state_can_be_kept_there_is_no_journal(
    storage: LocalInPlace, folder: Path, state: Path
) -> None:
    state.write_bytes(b"a file is in the way")
    assert open_journal(storage.url, "m", folder) is None


def test_a_full_disk_costs_the_journal_and_not_the_save(
    storage: LocalInPlace, folder: Path, state: Path
) -> None:
    with opened(storage, folder) as journal:
        (state / "saves").rename(state / "moved")
        journal.begin(TOKEN)
        fill(storage, PLACE, source(folder).files, journal=journal)
        journal.forget()
    assert stored(storage) == FILES
