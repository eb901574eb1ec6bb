"""The doctor tells a back end that keeps its promises from one that breaks any."""

import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

import msgspec
import pytest

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.errors import (
    FormatError,
    InvalidInputError,
    PathNotFoundError,
    StorageError,
    UnsafeStorageError,
)
from hopsartifacts.storage.contract import Capabilities, FileInfo
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage

VERDICT = ".hopsartifacts/doctor.json"
LOCK = Lock()


class Overwriting(MemoryStorage):
    """Takes no notice of the condition."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(is_shared=False, has_modes=False, needs_proof=True)

    def create(self, path: str, data: bytes) -> bool:
        self.write(path, [data])
        return True


class Racy(MemoryStorage):
    """Tells everybody that he won, and keeps the first one's bytes."""

    def create(self, path: str, data: bytes) -> bool:
        created = super().create(path, data)
        return created or path.rpartition("/")[2].isdigit()


class Swapping(MemoryStorage):
    """Keeps other bytes than the winner's."""

    def create(self, path: str, data: bytes) -> bool:
        return super().create(path, b"other" if data.isdigit() else data)


class Tearing(MemoryStorage):
    """Shows the first half of what is large."""

    def read(self, path: str) -> bytes:
        data = super().read(path)
        return data[: len(data) // 2] if len(data) > 1000 else data


class Hiding(MemoryStorage):
    """Keeps what is new out of its listings."""

    def list(self, path: str) -> list[FileInfo]:
        return [entry for entry in super().list(path) if not entry.name.isdigit()]


class Losing(MemoryStorage):
    """Does not find what was created just before."""

    def stat(self, path: str) -> FileInfo | None:
        return None if path.endswith("/001") else super().stat(path)


class Remembering(MemoryStorage):
    """Goes on listing what was deleted."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._listed: dict[str, FileInfo] = {}

    def list(self, path: str) -> list[FileInfo]:
        self._listed |= {entry.path: entry for entry in super().list(path)}
        return list(self._listed.values())


class Immortal(MemoryStorage):
    """Deletes nothing."""

    def delete_tree(self, path: str) -> None:
        """Do nothing."""


class Scribbling(MemoryStorage):
    """Reads something else than was written."""

    def read(self, path: str) -> bytes:
        return super().read(path) + b"!"


class Forgetful(MemoryStorage):
    """Lists nothing."""

    def list(self, path: str) -> list[FileInfo]:  # noqa: ARG002 - the contract's
        return []


class ReadOnly(MemoryStorage):
    """Takes nothing."""

    def create(self, path: str, data: bytes) -> bool:  # noqa: ARG002 - the contract's
        raise StorageError(f"cannot create {path!r}: Access Denied")

    def write(self, path: str, chunks: Iterable[bytes]) -> None:  # noqa: ARG002 - as above
        raise StorageError(f"cannot write {path!r}: Access Denied")


class Undeletable(MemoryStorage):
    """Lets nobody delete."""

    def delete_tree(self, path: str) -> None:
        raise StorageError(f"cannot delete {path!r}: Access Denied")


class Haunted(MemoryStorage):
    """Has what nobody made."""

    def read(self, path: str) -> bytes:
        try:
            return super().read(path)
        except PathNotFoundError:
            if path.startswith(".hopsartifacts/probes/"):
                return b"boo"
            raise


class Stubborn(MemoryStorage):
    """Takes an object once, and refuses to replace it."""

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        self.create(path, b"".join(chunks))


class Mute(MemoryStorage):
    """Creates, and tells nobody that he won."""

    def create(self, path: str, data: bytes) -> bool:
        super().create(path, data)
        return False


class Late(MemoryStorage):
    """Has a clock that is five minutes behind."""

    def stat(self, path: str) -> FileInfo | None:
        found = super().stat(path)
        if found is None or found.modified is None:
            return found
        return msgspec.structs.replace(found, modified=found.modified - 300)


class Timeless(MemoryStorage):
    """Does not say when anything was written."""

    def stat(self, path: str) -> FileInfo | None:
        found = super().stat(path)
        return found and msgspec.structs.replace(found, modified=None)


class Unproven(MemoryStorage):
    """Has to show first what it can."""

    trials = 0

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(is_shared=False, has_modes=False, needs_proof=True)

    def create(self, path: str, data: bytes) -> bool:
        Unproven.trials += "/probes/" in path
        return super().create(path, data)


class Alone(LocalStorage):
    """Creates by looking first: right in one thread, and wrong in many processes."""

    def create(self, path: str, data: bytes) -> bool:
        with LOCK:
            if self.stat(path):
                return False
            if "/probes/" in path:
                time.sleep(0.2)  # as a slow back end would
            self.write(path, [data])
            return True


class AloneAsAsked(Alone):
    """Says that it is for one writer only."""

    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, is_single_writer=True)


class Unhandable(LocalStorage):
    """Cannot be opened in another process."""

    def __reduce__(self) -> Any:
        raise TypeError("it holds a connection")


class Lost(LocalStorage):
    """Cannot be found by another process."""

    def __reduce__(self) -> Any:
        return (os.stat, ("/nothing/is/here",))


class Dying(LocalStorage):
    """Ends the process that opened it and creates something."""

    def __reduce__(self) -> Any:
        return (Dead, (self.local_path(""),))


class Dead(LocalStorage):
    def create(self, path: str, data: bytes) -> bool:  # noqa: ARG002 - the contract's
        os._exit(3)


class Hanging(LocalStorage):
    """Never answers the process that opened it."""

    def __reduce__(self) -> Any:
        return (Hung, (self.local_path(""),))


class Hung(LocalStorage):
    def create(self, path: str, data: bytes) -> bool:  # noqa: ARG002 - the contract's
        time.sleep(600)
        return False


class Interrupted(MemoryStorage):
    """Is interrupted by its user when something is to be created."""

    def create(self, path: str, data: bytes) -> bool:
        super().create(path, data)
        raise KeyboardInterrupt


def opened(kind: type[MemoryStorage]) -> Project:
    return hopsartifacts.login(storage=kind(uuid4().hex))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Overwriting, "the second creation of an object was not refused"),
        (Racy, "writers were told they won"),
        (Swapping, "the content is not the winner's"),
        (Tearing, "a reader saw 2097152 bytes of 4194304"),
        (Hiding, "a new object is not listed at once"),
        (Losing, "a new object is not found at once"),
        (Remembering, "a deleted object is still listed"),
        (Immortal, "a deleted object still exists"),
        (Scribbling, "the content read differs from the content written"),
        (Forgetful, "a written object is not listed"),
        (Haunted, "an object that was never created can be read"),
        (Stubborn, "the content read is not that of the last write"),
        (Mute, "no writer was ever told that it won"),
    ],
)
@pytest.mark.usefixtures("clear_memory")
def test_a_broken_promise_is_named(kind: type[MemoryStorage], words: str) -> None:
    project = opened(kind)
    report = project.doctor()
    assert not report.ok
    assert words in str(report)
    assert "that means: " in str(report)
    assert str(report).endswith("Verdict: it cannot keep a project.")


@pytest.mark.usefixtures("clear_memory")
@pytest.mark.parametrize(
    ("abilities", "words"),
    [
        ({"needs_proof": True, "moves_trees": False}, "If-None-Match"),
        ({"needs_proof": True}, "a server whose rename refuses"),
        ({"needs_proof": True, "is_single_writer": True}, "use another place"),
        ({}, "use another place"),
    ],
    ids=str,
)
def test_the_advice_fits_the_back_end(abilities: dict[str, bool], words: str) -> None:
    can = Capabilities(is_shared=False, has_modes=False, **abilities)

    class Kind(Overwriting):
        capabilities = can

    report = hopsartifacts.login(storage=Kind(uuid4().hex)).doctor()
    meanings = {check.name: check.meaning for check in report.checks}
    assert words in meanings["create if absent"]
    assert ("If-None-Match" in str(report)) == ("If-None-Match" in words)


def test_what_keeps_its_promises_is_told_so(project: Project) -> None:
    report = project.doctor()
    assert report.ok, str(report)
    assert str(report).startswith(project.url)
    assert str(report).endswith("Verdict: it can keep a project.")
    assert "NO" not in str(report)
    assert list(project.storage.find(".hopsartifacts/probes")) == []
    assert project.verify().ok


def test_the_verdict_is_kept_with_what_was_tried_and_with_what(
    project: Project,
) -> None:
    report = project.doctor()
    kept = msgspec.json.decode(project.storage.read(VERDICT))
    assert kept["ok"] is True
    assert kept["url"] == project.url
    assert [check["name"] for check in kept["checks"]] == [
        check.name for check in report.checks
    ]
    assert kept["versions"].keys() >= {"python", "hopsartifacts", "fsspec"}


def test_processes_race_where_they_see_the_same_files(project: Project) -> None:
    report = project.doctor()
    found = {check.name: check for check in report.checks}[
        "create if absent, 4 processes"
    ]
    is_shared = project.storage.capabilities.is_shared
    assert found.outcome == ("held" if is_shared else "not tried")


def test_what_only_processes_break_is_found(tmp_path: Path) -> None:
    report = hopsartifacts.login(storage=Alone(tmp_path / "p")).doctor()
    assert [check.name for check in report.checks if not check.ok] == [
        "create if absent, 4 processes"
    ]
    assert "writers were told they won" in str(report)


def test_a_back_end_for_one_writer_gets_a_warning(tmp_path: Path) -> None:
    report = hopsartifacts.login(storage=AloneAsAsked(tmp_path / "p")).doctor()
    assert report.ok, str(report)
    check = {check.name: check for check in report.checks}[
        "create if absent, 4 processes"
    ]
    assert check.outcome == "warning"
    assert "only one process may write" in check.detail


@pytest.mark.parametrize(
    ("kind", "words"),
    [(Unhandable, "it holds a connection"), (Lost, "/nothing/is/here")],
)
def test_what_no_process_can_open_is_raced_by_threads_alone(
    tmp_path: Path, kind: type[LocalStorage], words: str
) -> None:
    report = hopsartifacts.login(storage=kind(tmp_path / "p")).doctor()
    assert report.ok, str(report)
    check = {check.name: check for check in report.checks}[
        "create if absent, 4 processes"
    ]
    assert check.outcome == "not tried"
    assert words in check.detail


@pytest.mark.parametrize("kind", [Dying, Hanging])
def test_a_process_that_does_not_answer_is_a_failure(
    tmp_path: Path, kind: type[LocalStorage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hopsartifacts.guard.rivals._ANSWER_S", 3)
    report = hopsartifacts.login(storage=kind(tmp_path / "p")).doctor()
    assert not report.ok
    check = {check.name: check for check in report.checks}[
        "create if absent, 4 processes"
    ]
    assert check.outcome == "failed"
    assert "a racing process" in check.detail
    assert "not known whether this holds; if not: two processes" in str(report)
    assert "that means: " not in str(report)
    assert str(report).endswith("Verdict: unproven: not everything could be tried.")


@pytest.mark.usefixtures("clear_memory")
def test_an_interrupted_doctor_clears_up() -> None:
    project = opened(Interrupted)
    with pytest.raises(KeyboardInterrupt):
        project.doctor()
    assert list(project.storage.find("")) == []


@pytest.mark.usefixtures("clear_memory")
def test_who_may_only_read_is_told_that_he_cannot_write() -> None:
    report = opened(ReadOnly).doctor()
    assert not report.ok
    assert "write access" in str(report)
    assert "Access Denied" in str(report)
    assert "nothing can be saved here" in str(report)
    assert str(report).endswith("Verdict: unproven: not everything could be tried.")
    assert {check.outcome for check in report.checks[2:]} == {"not tried"}


@pytest.mark.usefixtures("clear_memory")
def test_who_may_not_delete_is_told_so() -> None:
    report = opened(Undeletable).doctor()
    assert "delete access" in {it.name for it in report.checks if not it.ok}
    assert "Test objects may remain in .hopsartifacts/probes/" in str(report)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Late, "s behind the clock of this machine"),
        (Timeless, "does not report when an object was written"),
    ],
)
@pytest.mark.usefixtures("clear_memory")
def test_a_wrong_clock_is_a_warning(kind: type[MemoryStorage], words: str) -> None:
    report = opened(kind).doctor()
    assert report.ok, str(report)
    assert "warning" in str(report)
    assert words in str(report)


@pytest.mark.usefixtures("clear_memory")
def test_nothing_is_stored_where_creation_is_not_exclusive(
    make_files: Callable[..., Any],
) -> None:
    project = opened(Overwriting)
    with pytest.raises(UnsafeStorageError, match="overwrites an object"):
        project.get_model_registry().python.create_model("m").save(make_files())
    assert list(project.storage.find("")) == []


@pytest.mark.usefixtures("clear_memory")
def test_the_short_trial_is_made_once_for_a_root(
    make_files: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unproven, "trials", 0)
    project = opened(Unproven)
    project.get_model_registry().python.create_model("m").save(make_files())
    kept = msgspec.json.decode(project.storage.read(VERDICT))
    assert (kept["ok"], kept["occasion"], Unproven.trials) == (True, "first write", 2)

    project.storage.delete_tree(".hopsartifacts/project.json")
    project.get_model_registry().python.create_model("n").save(make_files())
    assert Unproven.trials == 2


@pytest.mark.usefixtures("clear_memory")
def test_a_good_verdict_spares_the_short_trial(
    make_files: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = opened(Unproven)
    assert project.doctor().ok
    monkeypatch.setattr(Unproven, "trials", 0)
    project.get_model_registry().python.create_model("m").save(make_files())
    assert Unproven.trials == 0


@pytest.mark.usefixtures("clear_memory")
def test_a_good_verdict_of_another_place_counts_for_nothing(
    make_files: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = opened(Unproven), opened(Unproven)
    assert here.doctor().ok
    there.storage.write(VERDICT, [here.storage.read(VERDICT)])
    monkeypatch.setattr(Unproven, "trials", 0)
    there.get_model_registry().python.create_model("m").save(make_files())
    assert Unproven.trials == 2
    kept = msgspec.json.decode(there.storage.read(VERDICT))
    assert (kept["url"], kept["occasion"]) == (there.url, "first write")


def test_a_no_stands_until_the_doctor_is_asked_again(
    tmp_path: Path, make_files: Callable[..., Any]
) -> None:
    assert not hopsartifacts.login(storage=Alone(tmp_path / "p")).doctor().ok
    project = hopsartifacts.login(tmp_path / "p")
    model = project.get_model_registry().python.create_model("m")
    before = {entry.path for entry in project.storage.find("")}

    with pytest.raises(UnsafeStorageError, match=r"writers were told.*doctor again"):
        model.save(make_files())

    assert {entry.path for entry in project.storage.find("")} == before
    report = project.doctor()
    assert "This replaces the negative verdict of " in str(report)
    assert model.save(make_files()).version == 1


def test_a_no_about_a_project_warns_its_writers(
    tmp_path: Path, make_files: Callable[..., Any]
) -> None:
    project = hopsartifacts.login(storage=Alone(tmp_path / "p"))
    project.get_model_registry().python.create_model("m").save(make_files())
    assert "There is a project here already: do not write" in str(project.doctor())


def test_a_failure_leaves_the_verdict_as_it_was(tmp_path: Path) -> None:
    project = hopsartifacts.login(tmp_path / "p")
    project.doctor()
    before = project.storage.read(VERDICT)

    class Down(LocalStorage):
        def create(self, path: str, data: bytes) -> bool:  # noqa: ARG002 - the contract's
            raise StorageError("the connection is gone")

    report = hopsartifacts.login(storage=Down(tmp_path / "p")).doctor()

    assert "the connection is gone" in str(report)
    assert not report.ok
    assert project.storage.read(VERDICT) == before


def test_a_damaged_verdict_is_refused_and_replaced_by_the_doctor(
    project: Project, make_files: Callable[..., Any]
) -> None:
    project.storage.write(VERDICT, [b"{"])
    model = project.get_model_registry().python.create_model("m")
    with pytest.raises(FormatError, match=r"doctor.json.*ask the doctor again"):
        model.save(make_files())
    assert project.doctor().ok
    assert model.save(make_files()).version == 1


def test_a_bucket_has_to_be_named() -> None:
    pytest.importorskip("s3fs", reason="needs the extra s3")
    with pytest.raises(InvalidInputError, match="names no bucket"):
        hopsartifacts.login("s3://")


def test_s3_without_its_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules, "hopsartifacts.storage.s3", raising=False)
    with pytest.raises(InvalidInputError, match=r"pip install .hopsartifacts\[s3\]"):
        hopsartifacts.login("s3://bucket/p")
