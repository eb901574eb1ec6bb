"""File systems that refuse, or lack something: said at once and truly, or done without.

What the system answers is put in its place: each table takes one more error by a line.
"""

import errno
import os
import shutil
import stat
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.errors import (
    CommitUncertainError,
    StorageError,
    StorageRefusedError,
)
from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.store.races import create_once

Fail = Callable[..., Any]
REFUSALS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "quota",
    errno.EACCES: "permission denied",
    errno.EPERM: "another user",
    errno.EROFS: "mounted read-only",
    errno.ENAMETOOLONG: "longer than the system allows",
}
"""Errors after which nothing was done, and what is said of them."""
LINKLESS = [
    errno.EPERM,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EMLINK,
    errno.EINVAL,
    errno.EIO,
]
MODELESS = [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL]
SYNCLESS = [errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF]
SKETCH = "hopsartifacts.machine.posix.os"


def named(number: int) -> str:
    return errno.errorcode[number]


def sync_files_only(number: int) -> Callable[[int], None]:
    """Return an ``os.fsync`` that fails with *number* for folders."""
    fsync = os.fsync

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    return refuse


def failing(number: int) -> Fail:
    def fail(*given: object, **named: object) -> None:
        del given, named
        raise OSError(number, os.strerror(number))

    return fail


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "weights").write_bytes(b"w" * 100)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return hopsartifacts.login(tmp_path / "project")


def save(project: Project, files: Path) -> int | None:
    return project.get_model_registry().python.create_model("m").save(files).version


@contextmanager
def broken(patch: pytest.MonkeyPatch, name: str, number: int) -> Iterator[list[str]]:
    """Let the system's function *name* fail; gives what it was called with."""
    asked: list[str] = []

    def fail(*given: object, **named: object) -> None:
        del named
        asked.append(str(given[0]))
        raise OSError(number, os.strerror(number))

    with patch.context() as inner:
        inner.setattr(f"{SKETCH}.{name}", fail)
        yield asked


@pytest.mark.parametrize("number", REFUSALS, ids=named)
@pytest.mark.parametrize("step", ["write", "fsync"])
def test_a_commit_that_was_refused_is_said_to_be(
    project: Project,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    step: str,
) -> None:
    save(project, files)
    model = project.get_model_registry().get_model("m", 1)
    with (
        broken(monkeypatch, step, number) as asked,
        pytest.raises(StorageRefusedError, match=REFUSALS[number]) as caught,
    ):
        model.add_tag("colour", "red")
    assert not isinstance(caught.value, CommitUncertainError)
    assert "nothing was stored" in str(caught.value)
    assert len(asked) == 1
    assert project.get_model_registry().get_model("m", 1).get_tags() == {}
    model.add_tag("colour", "red")


def test_a_commit_that_failed_otherwise_stays_uncertain(
    project: Project, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(project, files)
    model = project.get_model_registry().get_model("m", 1)
    with (
        broken(monkeypatch, "write", errno.EIO) as asked,
        pytest.raises(CommitUncertainError),
    ):
        model.add_tag("colour", "red")
    assert len(asked) > 1


def test_a_refusal_after_a_lost_answer_is_uncertain() -> None:
    """The first attempt may have done it."""
    said = iter([StorageError("lost"), *[StorageRefusedError("no rights")] * 10])

    def create() -> bool:
        raise next(said)

    with pytest.raises(CommitUncertainError, match="lost"):
        create_once(create, lambda: None, "x", "token")


@pytest.mark.parametrize("number", LINKLESS, ids=named)
def test_without_hard_links_nothing_is_stored(
    project: Project,
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    with (
        broken(monkeypatch, "link", number),
        pytest.raises(StorageError, match="no hard links"),
    ):
        save(project, files)
    left = [path for path in (tmp_path / "project").rglob("*") if path.is_file()]
    assert left == []
    assert save(project, files) == 1


@pytest.mark.parametrize("number", LINKLESS, ids=named)
def test_the_doctor_says_that_there_are_no_hard_links(
    project: Project, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with broken(monkeypatch, "link", number):
        report = project.doctor()
    assert not report.ok
    assert "no hard links" in str(report)


@pytest.mark.parametrize("number", MODELESS, ids=named)
@pytest.mark.parametrize("honours_open", [True, False], ids=["0444", "0644"])
def test_without_chmod_all_works_unprotected(
    project: Project,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    honours_open: bool,
) -> None:
    """Some mounts refuse modes, or give new files modes of their own."""
    opened = os.open

    def open_as_it_likes(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        return opened(path, flags, mode | 0o200, **more)

    for name in ("chmod", "fchmod"):
        monkeypatch.setattr(os, name, failing(number))
    if not honours_open:
        monkeypatch.setattr(f"{SKETCH}.open", open_as_it_likes)
    with pytest.warns(UserWarning, match="cannot make files read-only") as told:
        saved = [save(project, files) for _ in range(2)]
    assert saved == [1, 2]
    assert len(told) == 1
    assert not project.storage.capabilities.has_modes
    model = project.get_model_registry().get_model("m", 1)
    model.add_tag("colour", "red")
    assert project.verify().ok, project.verify()
    model.delete()
    assert project.gc(grace_s=0).ok
    assert project.verify().ok
    report = project.doctor()
    assert report.ok
    assert "cannot be made read-only" in str(report)
    if not honours_open:
        # A reader who was not there finds it out by what lies there.
        again = hopsartifacts.login(project.storage.local_path("") or "")
        assert not again.storage.capabilities.has_modes
        assert again.verify().ok


def test_chmod_that_does_nothing_is_found_out(
    project: Project, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As CIFS without its Unix extensions."""
    for name in ("chmod", "fchmod"):
        monkeypatch.setattr(os, name, lambda *_, **__: None)
    with pytest.warns(UserWarning, match="cannot make files read-only"):
        save(project, files)
    assert project.verify().ok


def test_one_file_that_cannot_be_changed_is_no_lack_of_modes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path)
    storage.write("t/a", [b"x"])
    chmod = os.chmod

    def refuse(path: Any, mode: int, **more: Any) -> None:
        if str(path).endswith("t/a"):
            raise OSError(errno.EPERM, "Operation not permitted")
        chmod(path, mode, **more)

    monkeypatch.setattr(os, "chmod", refuse)
    with pytest.raises(StorageRefusedError, match="another user"):
        storage.protect("t")
    assert storage.capabilities.has_modes


@pytest.mark.parametrize("number", [*SYNCLESS, errno.EIO], ids=named)
def test_only_a_folder_that_cannot_be_synced_at_all_is_left_unsynced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "fsync", sync_files_only(number))
    storage = LocalStorage(tmp_path)
    if number in SYNCLESS:
        assert storage.create("a", b"x")
        assert storage.move_tree("t", "u") if storage.create("t/b", b"") else False
        return
    with pytest.raises(StorageError, match="'a'") as caught:
        storage.create("a", b"x")
    # It was created, so that is no refusal.
    assert not isinstance(caught.value, StorageRefusedError)


@pytest.mark.parametrize("number", [*SYNCLESS, errno.EIO], ids=named)
def test_a_file_is_written_where_folders_cannot_be_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "fsync", sync_files_only(number))
    expected = nullcontext() if number in SYNCLESS else pytest.raises(StorageError)
    with expected, written_aside(tmp_path / "a") as file:
        file.write(b"x")
    assert (tmp_path / "a").read_bytes() == b"x"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM], ids=named)
def test_a_folder_that_cannot_be_opened_to_be_synced_is_no_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    storage = LocalStorage(tmp_path)
    storage.create("before", b"")
    with monkeypatch.context() as patch:
        patch.setattr("hopsartifacts.machine.posix.sync_folder", failing(number))
        with pytest.raises(StorageError) as caught:
            storage.create("a", b"x")
    assert not isinstance(caught.value, StorageRefusedError)
    assert storage.read("a") == b"x"


def test_trees_may_be_as_deep_as_paths_may_be_long(deep_folder: Path) -> None:
    storage = LocalStorage(deep_folder / "project")
    depth = (4000 - len(str(deep_folder))) // 2
    deep = "/".join(["d"] * depth)
    storage.write(f"s/{deep}/a", [b"x"])
    storage.protect("s")
    assert storage.move_tree("s", "t")
    assert [it.path for it in storage.find("t")] == [f"t/{deep}/a"]
    storage.delete_tree("t")
    assert storage.stat("t") is None
    storage.write("after", [b""])
    with pytest.raises(StorageRefusedError, match="longer than the system allows"):
        storage.write(f"{deep}/{deep}/a", [b""])


def test_what_cannot_be_deleted_does_not_keep_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path)
    for name in ("a", "b", "c/d"):
        storage.write(f"t/{name}", [b""])
    unlink = os.unlink

    def refuse(path: Any, **more: Any) -> None:
        if path == "b":
            raise OSError(errno.EPERM, "Operation not permitted")
        unlink(path, **more)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(StorageRefusedError, match="another user"):
        storage.delete_tree("t")
    assert [it.path for it in storage.find("t")] == ["t/b"]


@contextmanager
def mounted(*options: str, at: Path) -> Iterator[None]:
    """Mount what *options* say; skip the test where that is not possible."""
    at.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() or not mount or not umount:
        pytest.skip("no file system can be mounted here: root is needed")
    asked = [mount, *options, str(at)]
    if subprocess.run(asked, check=False, capture_output=True).returncode:
        pytest.skip("no such file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run([umount, "-l", str(at)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB."""
    folder = tmp_path / "disk"
    with mounted("-t", "tmpfs", "-o", "size=8m", "tmpfs", at=folder):
        yield folder


def fill(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"f" * 4096)


def test_a_full_disk_can_be_freed(small_disk: Path, files: Path) -> None:
    project = hopsartifacts.login(small_disk / "project")
    assert save(project, files) == 1
    for name in ("tmp/left", "staging/x/left"):
        project.storage.write(f".hopsartifacts/{name}", [b"x" * 1_000_000])
    fill(small_disk)
    model = project.get_model_registry().get_model("m", 1)
    with pytest.raises(StorageRefusedError, match="the disk is full") as caught:
        model.delete()
    assert "nothing was stored" in str(caught.value)
    with pytest.raises(StorageError, match="the disk is full"):
        save(project, files)
    report = project.gc(grace_s=0)
    assert report.ok, report
    assert report.size_bytes >= 2_000_000
    model.delete()
    assert project.verify().ok
    assert save(project, files) == 2


@pytest.fixture
def vfat(tmp_path: Path) -> Iterator[Path]:
    """A real file system without links, owners and most modes."""
    image, folder = tmp_path / "image", tmp_path / "vfat"
    mkfs = shutil.which("mkfs.vfat")
    if not mkfs:
        pytest.skip("no FAT file system can be made here: there is no mkfs.vfat")
    with image.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run([mkfs, str(image)], check=True, capture_output=True)
    with mounted("-o", "loop", str(image), at=folder):
        yield folder


def test_a_fat_file_system_is_refused_with_the_reason(vfat: Path, files: Path) -> None:
    project = hopsartifacts.login(vfat / "project")
    with warnings.catch_warnings(), pytest.raises(StorageError, match="no hard links"):
        save(project, files)
    assert not project.doctor().ok
