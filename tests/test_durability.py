"""Local disk: bytes before names, one file system, and a disk that is full."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts import Project
from hopsartifacts.errors import AlreadyExistsError, StorageError
from hopsartifacts.storage.local import LocalStorage


@pytest.fixture(autouse=True)
def _unsynced() -> None:
    """Sync, unlike in other tests."""


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    storage = LocalStorage(tmp_path / "project")
    # The folders are there, so that what follows is only about the object.
    storage.create("folder/first", b"")
    storage.write("source/first", [b""])
    return storage


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Record syncs, links and renames in their order, by what they are done to."""
    done: list[str] = []
    real_sync, real_link, real_rename = os.fsync, os.link, os.rename
    real_replace = os.replace

    def shown(path: Any) -> str:
        inside = str(Path(path).relative_to(tmp_path / "project"))
        return "temporary" if ".hopsartifacts/tmp/" in inside else inside

    def fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        name = shown(Path(f"/proc/self/fd/{descriptor}").readlink())
        done.append(f"sync {'folder ' if is_folder else ''}{name}")
        real_sync(descriptor)

    def named(word: str, real: Callable[..., None]) -> Callable[..., None]:
        def call(source: Any, target: Any, **options: Any) -> None:
            done.append(f"{word} {shown(source)} {shown(target)}")
            real(source, target, **options)

        return call

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", named("link", real_link))
    monkeypatch.setattr(os, "rename", named("rename", real_rename))
    monkeypatch.setattr(os, "replace", named("replace", real_replace))
    return done


def test_create_syncs_the_bytes_then_links_then_syncs_the_folder(
    storage: LocalStorage, record: list[str]
) -> None:
    storage.create("folder/a", b"bytes")
    assert record == [
        "sync temporary",
        "link temporary folder/a",
        "sync folder folder",
    ]


def test_each_new_folder_is_made_durable_in_its_parent(
    storage: LocalStorage, record: list[str]
) -> None:
    storage.create("folder/b/c/d", b"bytes")
    assert record == [
        "sync folder folder",
        "sync folder folder/b",
        "sync temporary",
        "link temporary folder/b/c/d",
        "sync folder folder/b/c",
    ]


def test_write_syncs_the_bytes_before_it_replaces(
    storage: LocalStorage, record: list[str]
) -> None:
    storage.write("folder/a", [b"bytes"])
    assert record == ["sync temporary", "replace temporary folder/a"]


def test_a_staged_file_is_written_in_its_place_and_synced(
    storage: LocalStorage, record: list[str]
) -> None:
    """Nobody reads a staging folder; its move shows what is in it."""
    staging = ".hopsartifacts/staging/token"
    storage.write(f"{staging}/first", [b""])
    record.clear()
    storage.write(f"{staging}/a", [b"bytes"])
    assert record == [f"sync {staging}/a"]


def test_a_staged_file_is_never_written_into(
    storage: LocalStorage, tmp_path: Path
) -> None:
    """It may have got its bytes from a sealed file, and be one with it."""
    storage.create("folder/sealed", b"sealed")
    staged = ".hopsartifacts/staging/token/a"
    storage.write(staged, [b"half"])
    root = tmp_path / "project"
    (root / staged).unlink()
    os.link(root / "folder" / "sealed", root / staged)
    storage.write(staged, [b"again"])
    assert storage.read("folder/sealed") == b"sealed"
    assert storage.read(staged) == b"again"


def test_a_staged_file_whose_bytes_fail_is_not_left(storage: LocalStorage) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        # What opening the file may also say.
        raise AlreadyExistsError("not the file")

    before = list(storage.find(""))
    with pytest.raises(AlreadyExistsError, match="not the file"):
        storage.write(".hopsartifacts/staging/token/a", chunks())
    assert list(storage.find("")) == before


def test_move_tree_syncs_every_folder_then_renames_then_syncs_both_parents(
    storage: LocalStorage, record: list[str]
) -> None:
    storage.write("source/deep/b", [b""])
    record.clear()
    storage.move_tree("source", "folder/target")
    assert record[:-3] == ["sync folder source", "sync folder source/deep"]
    assert record[-3:] == [
        "rename source folder/target",
        "sync folder folder",
        "sync folder .",
    ]


def test_without_hard_links_there_is_a_clear_error(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    before = list(storage.find(""))
    with pytest.raises(StorageError, match=r"'folder/a'.*hard links.*elsewhere"):
        storage.create("folder/a", b"")
    assert list(storage.find("")) == before


def test_a_link_whose_answer_was_lost_is_a_success(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_link = os.link
    answers: list[type[OSError]] = [FileExistsError, OSError]

    def link(*names: Any, **options: Any) -> None:
        real_link(*names, **options)
        raise answers.pop()

    monkeypatch.setattr(os, "link", link)
    assert storage.create("folder/a", b"one")
    assert storage.create("folder/b", b"two")
    assert (storage.read("folder/a"), storage.read("folder/b")) == (b"one", b"two")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    real_write = os.write

    def write(descriptor: int, data: bytes) -> int:
        # The first bytes still fit.
        if os.fstat(descriptor).st_size:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(descriptor, data[:3])

    monkeypatch.setattr(os, "write", write)


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize(
    "call",
    [
        lambda storage: storage.create("folder/a", b"many bytes"),
        lambda storage: storage.write("folder/a", [b"many bytes"]),
    ],
    ids=["create", "write"],
)
def test_a_full_disk_is_a_clear_error_that_leaves_nothing(
    storage: LocalStorage, call: Callable[[LocalStorage], object]
) -> None:
    before = list(storage.find(""))
    with pytest.raises(StorageError, match=r"'folder/a'.*disk is full") as caught:
        call(storage)
    assert isinstance(caught.value.__cause__, OSError)
    assert list(storage.find("")) == before


@pytest.mark.usefixtures("full_disk")
def test_a_save_on_a_full_disk_leaves_nothing(
    local_project: Project,
    make_files: Callable[..., Path],
    snapshot: Callable[[Project], dict[str, bytes]],
) -> None:
    model = local_project.get_model_registry().python.create_model("big")
    with pytest.raises(StorageError, match="disk is full"):
        model.save(make_files())
    assert snapshot(local_project) == {}


def test_short_writes_are_continued(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda to, data: real_write(to, data[:2]))
    storage.create("folder/a", b"seven b")
    assert storage.read("folder/a") == b"seven b"


def test_a_mount_inside_the_project_is_a_clear_error(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(*_: Any, **__: Any) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(StorageError, match="one file system"):
        storage.move_tree("source", "folder/target")
    assert storage.stat("source/first") is not None
