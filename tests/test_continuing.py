"""A save that was cut off goes on with the next save of the files.

Where folders cannot be moved what lies there is kept if it is right; elsewhere it is
removed and written again.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hopsartifacts import Project, layout
from hopsartifacts.errors import SourceChangedError, StorageError
from hopsartifacts.registry.versions import model_state
from hopsartifacts.storage.contract import Capabilities, Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.testing.faults import (
    FAIL,
    KILL_AFTER,
    KILL_BEFORE,
    Fault,
    FaultyStorage,
    StorageCall,
)
from tests.in_place import LocalInPlace

NAME = "m"
FILES = 6
SEAL = layout.log_entry(layout.model_log("m"), 2)
"""The entry that seals the first version: the one before it has reserved it."""


class InPlace(LocalInPlace):
    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, workers=1)


class Staged(LocalStorage):
    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, workers=1)


@pytest.fixture(params=[Staged, InPlace], ids=["staged", "in place"])
def storage(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Storage:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    made: Storage = request.param(tmp_path / "project")
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    for number in range(FILES):
        (tmp_path / "model" / f"{number}.bin").write_bytes(b"%d" % number * 100)
    return tmp_path / "model"


def save(storage: Storage, folder: Path) -> int | None:
    registry = Project(storage).get_model_registry()
    return registry.python.create_model(NAME).save(folder).version


def is_file(number: int) -> Callable[[StorageCall], bool]:
    name = f"/Files/{number}.bin"
    return lambda it: it.method in {"create", "write"} and it.path.endswith(name)


def killed_at(
    storage: Storage,
    folder: Path,
    due: Callable[[StorageCall], bool],
    *,
    is_done: bool = False,
) -> None:
    child = os.fork()
    if child == 0:
        kill = KILL_AFTER if is_done else KILL_BEFORE
        save(FaultyStorage(storage, lambda it: kill if due(it) else None), folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the save came to its end"


def watched(storage: Storage, folder: Path) -> tuple[int | None, list[str]]:
    """Save, and return the version and the names of the files that were written."""
    faulty = FaultyStorage(storage)
    version = save(faulty, folder)
    written = [it.path for it in faulty.calls if it.method in {"create", "write"}]
    return version, [path.rpartition("/")[2] for path in written if "/Files/" in path]


def check(storage: Storage, folder: Path, *versions: int) -> None:
    project = Project(storage)
    models = project.get_model_registry().get_models(NAME)
    assert [model.version for model in models] == list(versions)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    place = f"Models/{NAME}/{versions[-1]}/Files"
    stored = {it.name: storage.read(it.path) for it in storage.find(place)}
    assert stored == files
    assert project.verify().ok
    assert list(storage.find(".hopsartifacts/staging")) == []


@pytest.mark.parametrize("cut", [1, 3, FILES - 1])
def test_a_killed_save_is_continued(storage: Storage, folder: Path, cut: int) -> None:
    killed_at(storage, folder, is_file(cut))
    assert Project(storage).get_model_registry().get_models(NAME) == []
    version, written = watched(storage, folder)
    assert version == 1
    first = 0 if storage.capabilities.moves_trees else cut
    assert written == [f"{number}.bin" for number in range(first, FILES)]
    check(storage, folder, 1)
    assert save(storage, folder) == 2
    check(storage, folder, 1, 2)


def test_a_save_killed_at_its_seal_is_continued(storage: Storage, folder: Path) -> None:
    def is_seal(call: StorageCall) -> bool:
        return call.method == "create" and call.path == SEAL

    killed_at(storage, folder, is_seal)
    version, _ = watched(storage, folder)
    # What was moved in already cannot be filled again: it is given up.
    assert version == (2 if storage.capabilities.moves_trees else 1)
    assert version is not None
    check(storage, folder, version)


def test_a_save_killed_after_its_seal_is_not_touched(
    storage: Storage, folder: Path
) -> None:
    killed_at(storage, folder, lambda it: it.path == SEAL, is_done=True)
    first = Project(storage).get_model_registry().get_model(NAME, 1)
    assert save(storage, folder) == 2
    Project(storage).repair()
    check(storage, folder, 1, 2)
    assert Project(storage).get_model_registry().get_model(NAME, 1).id == first.id


def test_files_that_changed_meanwhile_are_written_again(
    storage: Storage, folder: Path
) -> None:
    killed_at(storage, folder, is_file(4))
    (folder / "1.bin").write_bytes(b"changed")
    (folder / "2.bin").unlink()
    (folder / "new.bin").write_bytes(b"new")
    version, written = watched(storage, folder)
    assert version == 1
    again = {"0.bin", "3.bin"} if storage.capabilities.moves_trees else set()
    assert set(written) == {"1.bin", "4.bin", "5.bin", "new.bin", *again}
    check(storage, folder, 1)


def test_a_connection_that_broke_is_continued_in_place(folder: Path) -> None:
    storage = InPlace(folder.parent / "project")
    broken = FaultyStorage(storage, lambda call: FAIL if is_file(3)(call) else None)
    with pytest.raises(StorageError):
        save(broken, folder)
    assert model_state(storage, NAME).records[1].status == "reserved"
    version, written = watched(storage, folder)
    assert (version, written) == (1, ["3.bin", "4.bin", "5.bin"])
    check(storage, folder, 1)


def test_a_save_that_another_swept_starts_over(storage: Storage, folder: Path) -> None:
    killed_at(storage, folder, is_file(4))
    Project(storage).gc(grace_s=0)
    version, written = watched(storage, folder)
    assert version == (1 if storage.capabilities.moves_trees else 2)
    assert len(written) == FILES
    assert version is not None
    check(storage, folder, version)


def test_another_number_asked_for_starts_over(storage: Storage, folder: Path) -> None:
    killed_at(storage, folder, is_file(4))
    registry = Project(storage).get_model_registry()
    assert registry.python.create_model(NAME, version=7).save(folder).version == 7
    check(storage, folder, 7)


def test_a_refused_save_leaves_nothing_to_continue(
    storage: Storage, folder: Path
) -> None:
    def change(_: StorageCall) -> None:
        (folder / "5.bin").write_bytes(b"changed in the middle")

    def plan(call: StorageCall) -> Fault | None:
        return Fault(before=change) if is_file(2)(call) else None

    with pytest.raises(SourceChangedError):
        save(FaultyStorage(storage, plan), folder)
    assert not [it for it in storage.find("") if "/Files/" in it.path]
    version, written = watched(storage, folder)
    assert version == (1 if storage.capabilities.moves_trees else 2)
    assert len(written) == FILES


def test_progress_counts_what_was_there_already(storage: Storage, folder: Path) -> None:
    class Counting:
        size = done = 0

        def set_size(self, size: int) -> None:
            self.size = size

        def relative_update(self, inc: int = 1) -> None:
            self.done += inc

    killed_at(storage, folder, is_file(4))
    counting: Any = Counting()
    model = Project(storage).get_model_registry().python.create_model(NAME)
    model.save(folder, callback=counting)
    assert counting.size == counting.done == FILES * 100


def test_what_was_finished_stays_where_no_twin_lends_its_bytes(
    storage: Storage, folder: Path
) -> None:
    save(storage, folder)
    for number in range(FILES):
        path = f"Models/{NAME}/1/Files/{number}.bin"
        storage.unprotect(f"Models/{NAME}/1/Files")
        storage.write(path, [b"damaged".ljust(100)])
        storage.protect(f"Models/{NAME}/1/Files")
    killed_at(storage, folder, is_file(3))
    version, written = watched(storage, folder)
    first = 0 if storage.capabilities.moves_trees else 3
    assert version == 2
    assert written == [f"{number}.bin" for number in range(first, FILES)]
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    place = f"Models/{NAME}/2/Files"
    assert {it.name: storage.read(it.path) for it in storage.find(place)} == files
