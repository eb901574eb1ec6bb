"""The storage contract, kept by each back end; and what only one of them has."""

import multiprocessing
import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from hopsartifacts.errors import StorageError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.testing.backend import BackendConformance
from hopsartifacts.testing.conformance import StorageConformance
from tests import depth


@pytest.fixture
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hopsartifacts.store.races.pause_s", lambda *_: 0.0)


def unsynced(root: Path) -> Storage:
    if multiprocessing.parent_process():
        # In a process of its own, in which no test has done it.
        os.fsync = lambda fd: None  # noqa: ARG005 - as it is called
    return LocalStorage(root)


class OnThisMachine(BackendConformance):
    """Every part; of the crash points and faults those of the day."""

    every, part = depth.usually(5, 1), depth.part()


@pytest.mark.usefixtures("without_pauses")
class TestLocalStorage(OnThisMachine):
    # Steps of the system, finer than calls, are tried too.
    kills_at_reads = depth.is_all()

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return LocalStorage(tmp_path / "not" / "there yet")

    @pytest.fixture
    def reconnect(self, tmp_path: Path) -> Callable[[], Storage]:
        return partial(unsynced, tmp_path / "not" / "there yet")


@pytest.mark.usefixtures("without_pauses")
class TestMemoryStorage(OnThisMachine):
    @pytest.fixture
    def storage(self, clear_memory: None) -> Storage:  # noqa: ARG002 - a fixture
        return MemoryStorage(f"{uuid4().hex}/deep")


class TestMemoryStorageAtItsRoot(StorageConformance):
    @pytest.fixture
    def storage(self, clear_memory: None) -> Storage:  # noqa: ARG002 - a fixture
        return MemoryStorage("")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "project"


@pytest.fixture
def local(root: Path) -> LocalStorage:
    return LocalStorage(root)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_protect_sets_the_mode_bits(local: LocalStorage, root: Path) -> None:
    local.write("t/a", [b""])
    local.write("t/b/c", [b""])
    assert mode(root / "t/a") & 0o200
    local.protect("t")
    assert [mode(root / path) for path in ("t", "t/b")] == [0o555, 0o555]
    assert [mode(root / path) for path in ("t/a", "t/b/c")] == [0o444, 0o444]
    local.unprotect("t")
    assert [mode(root / path) for path in ("t", "t/b")] == [0o755, 0o555]


def test_a_created_file_cannot_be_written_to(local: LocalStorage, root: Path) -> None:
    local.create("a", b"")
    assert not mode(root / "a") & 0o222


def test_an_ordinary_user_cannot_change_a_sealed_file(users_folder: Path) -> None:
    storage = LocalStorage(users_folder)
    storage.write("t/a", [b"sealed"])
    storage.protect("t")
    sealed = users_folder / "t" / "a"
    with pytest.raises(PermissionError):
        sealed.write_bytes(b"changed")
    with pytest.raises(PermissionError):
        sealed.unlink()
    with pytest.raises(PermissionError):
        (users_folder / "t" / "new").write_bytes(b"")
    assert sealed.read_bytes() == b"sealed"


def test_an_ordinary_user_can_still_move_and_delete_through_the_storage(
    users_folder: Path,
) -> None:
    storage = LocalStorage(users_folder)
    for name in ("a", "b/c"):
        storage.write(f"t/{name}", [b""])
    storage.protect("t")
    storage.move("t/b/c", "aside/c")
    # The folder of the project is closed to others, and so is what lies in it.
    assert mode(users_folder / "t" / "b") == 0o500
    storage.delete_tree("t")
    assert [entry.path for entry in storage.find("")] == ["aside/c"]


def test_what_an_ordinary_user_may_not_read_is_a_storage_error(
    users_folder: Path,
) -> None:
    storage = LocalStorage(users_folder)
    storage.write("a", [b""])
    (users_folder / "a").chmod(0)
    with pytest.raises(StorageError, match=r"'a'.*permission denied") as caught:
        storage.read("a")
    assert isinstance(caught.value.__cause__, PermissionError)


def test_links_are_reported_and_not_followed(local: LocalStorage, root: Path) -> None:
    local.write("t/a/b", [b"bytes"])
    (root / "t" / "folder").symlink_to("a")
    (root / "t" / "file").symlink_to("a/b")
    (root / "t" / "broken").symlink_to("nowhere")
    kinds = {entry.path: entry.kind for entry in local.find("t")}
    assert kinds == {
        "t/a/b": "file",
        "t/broken": "link",
        "t/file": "link",
        "t/folder": "link",
    }
    found = local.stat("t/broken")
    assert found is not None
    assert found.kind == "link"


def test_a_broken_link_is_in_the_way_of_create(local: LocalStorage, root: Path) -> None:
    root.mkdir()
    (root / "a").symlink_to("nowhere")
    assert not local.create("a", b"")
    assert not (root / "nowhere").exists()


def test_pipes_are_reported_as_other(local: LocalStorage, root: Path) -> None:
    root.mkdir()
    os.mkfifo(root / "pipe")
    assert [entry.kind for entry in local.find("")] == ["other"]


def test_links_are_protected_and_deleted_as_links(
    local: LocalStorage, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_bytes(b"mine")
    local.write("t/a", [b""])
    (root / "t" / "file").symlink_to(outside / "mine")
    (root / "t" / "folder").symlink_to(outside)
    local.protect("t")
    assert mode(outside / "mine") & 0o200
    local.delete_tree("t")
    assert (outside / "mine").read_bytes() == b"mine"


def test_a_moved_link_stays_a_link(local: LocalStorage, root: Path) -> None:
    local.write("t/a", [b"bytes"])
    (root / "t" / "link").symlink_to("a")
    local.move("t/link", "aside")
    assert (root / "aside").readlink() == Path("a")
    assert (root / "t" / "a").read_bytes() == b"bytes"


def test_two_paths_to_one_folder_are_one_url(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert LocalStorage(tmp_path / "link").url == LocalStorage(tmp_path / "real").url


@pytest.mark.usefixtures("clear_memory")
def test_memory_roots_do_not_see_each_other() -> None:
    first, second = MemoryStorage("one"), MemoryStorage("one-more")
    first.create("a", b"")
    assert list(second.find("")) == []
    assert MemoryStorage("/one/").url == first.url == "memory://one"


@pytest.mark.parametrize(
    "call",
    [
        lambda storage: storage.create("file/x", b""),
        lambda storage: storage.write("file/x", [b""]),
        lambda storage: storage.move("absent", "x"),
        lambda storage: storage.move_tree("absent", "x"),
        lambda storage: storage.protect("absent"),
        lambda storage: storage.unprotect("absent"),
    ],
    ids=["create", "write", "move", "move_tree", "protect", "unprotect"],
)
def test_what_the_system_refuses_is_a_storage_error(
    local: LocalStorage, call: Callable[[Storage], object]
) -> None:
    local.create("file", b"")
    with pytest.raises(StorageError) as caught:
        call(local)
    assert isinstance(caught.value.__cause__, OSError)
    assert [entry.path for entry in local.find("")] == ["file"]
