"""Saving again: what this machine remembers is neither read nor believed too easily."""

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import hopsartifacts
from hopsartifacts import Model, Project
from hopsartifacts.digests import digest_of
from hopsartifacts.registry.sources import SourceFile
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.store.recall import Fingerprint, Recall

MakeFiles = Callable[..., Path]
FILES: dict[str, str | bytes] = {
    f"{number % 3}/{number}": os.urandom(200) for number in range(12)
}


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(folder))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return hopsartifacts.login(tmp_path / "project")


@pytest.fixture
def folder(make_files: MakeFiles) -> Path:
    return make_files(FILES)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often the files of the user and of the store are read."""
    counted: Counter[str] = Counter()
    source_chunks, read = SourceFile.chunks, LocalStorage.read

    def chunks(file: SourceFile) -> Iterator[bytes]:
        counted[file.path] += 1
        return source_chunks(file)

    def stored(storage: LocalStorage, path: str) -> bytes:
        if "/Files/" in path:
            counted[path] += 1
        return read(storage, path)

    monkeypatch.setattr(SourceFile, "chunks", chunks)
    monkeypatch.setattr(LocalStorage, "read", stored)
    return counted


def save(project: Project, folder: Path) -> Model:
    # Everything was written a moment ago, which is not believed.
    time.sleep(0.1)
    saved = project.get_model_registry().python.create_model("m").save(folder)
    assert isinstance(saved, Model)
    return saved


def stored(project: Project, version: int) -> dict[str, bytes]:
    top = f"Models/m/{version}/Files"
    storage: Storage = project.storage
    return {
        entry.path.removeprefix(f"{top}/"): storage.read(entry.path)
        for entry in storage.find(top)
    }


def remembered(project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Save so that all is remembered."""
    with monkeypatch.context() as patch:
        # The files of the store were linked a moment ago when they are looked at.
        patch.setattr("hopsartifacts.store.recall._FRESH_NS", 0)
        patch.setattr("hopsartifacts.store.recall._FRESH_COARSE_NS", 0)
        save(project, folder)


def test_what_did_not_change_is_not_read(
    project: Project,
    folder: Path,
    reads: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remembered(project, folder, monkeypatch)
    reads.clear()
    (folder / "1" / "4").write_bytes(b"x" * 200)
    save(project, folder)
    # Nothing else, neither here nor there.
    assert reads == Counter({"1/4": 1})
    assert stored(project, 2) == {**FILES, "1/4": b"x" * 200}
    assert project.verify().ok


def test_what_changed_is_read_though_size_and_time_are_the_same(
    project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered(project, folder, monkeypatch)
    path = folder / "1" / "4"
    before = path.stat()
    path.write_bytes(b"y" * 200)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    save(project, folder)
    assert stored(project, 2) == {**FILES, "1/4": b"y" * 200}
    assert project.verify().ok


def test_a_stored_file_that_was_changed_does_not_spread(
    project: Project, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered(project, folder, monkeypatch)
    path = tmp_path / "project" / "Models" / "m" / "1" / "Files" / "1" / "4"
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"z" * 200)
    path.chmod(0o444)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    save(project, folder)
    assert stored(project, 2) == FILES


def test_what_changed_between_its_writing_and_the_seal_is_not_remembered(
    project: Project, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    protect = LocalStorage.protect

    def damage(storage: LocalStorage, path: str) -> None:
        protect(storage, path)
        there = tmp_path / "project" / path / "1" / "4"
        if there.exists() and "/1/Files" in path:
            there.chmod(0o644)
            there.write_bytes(b"w" * 200)
            there.chmod(0o444)

    monkeypatch.setattr(LocalStorage, "protect", damage)
    remembered(project, folder, monkeypatch)
    assert stored(project, 1)["1/4"] == b"w" * 200
    save(project, folder)
    assert stored(project, 2) == FILES


def test_what_was_just_written_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a")
    digest = digest_of(b"a")
    fresh = Fingerprint.of(path.stat())
    recall = Recall(tmp_path / "recall")
    recall.add("file", fresh, digest)
    recall.keep()
    assert Recall(tmp_path / "recall").digest("file", fresh) is None
    time.sleep(0.1)
    found = Fingerprint.of(path.stat())
    recall.add("file", found, digest)
    recall.keep()
    if found.changed_ns % 10_000_000 or found.modified_ns % 10_000_000:
        assert Recall(tmp_path / "recall").digest("file", found) == digest


def test_a_time_in_whole_seconds_has_to_be_two_of_them_old(tmp_path: Path) -> None:
    now = time.time_ns() // 1_000_000_000
    for age, is_known in ((1, False), (4, True)):
        at = (now - age) * 1_000_000_000
        found = Fingerprint(1, 2, 1, at, at)
        recall = Recall(tmp_path / "recall")
        recall.add("file", found, digest_of(b"a"))
        recall.keep()
        known = Recall(tmp_path / "recall").digest("file", found)
        assert (known is not None) == is_known


@pytest.mark.parametrize("damage", ["torn", "empty", "other", "gone", "unwritable"])
def test_a_save_does_without_what_cannot_be_remembered(
    project: Project, folder: Path, state: Path, damage: str
) -> None:
    save(project, folder)
    (kept,) = (state / "recall").iterdir()
    data = kept.read_bytes()
    if damage == "gone":
        shutil.rmtree(state)
    elif damage == "unwritable":
        shutil.rmtree(state)
        state.write_bytes(b"no folder")
    else:
        damaged = {"torn": data[:-9], "empty": b"", "other": b"?" + data[1:]}
        kept.write_bytes(damaged[damage])
    save(project, folder)
    assert stored(project, 2) == FILES


def test_what_nobody_came_back_for_is_forgotten(
    project: Project, folder: Path, state: Path
) -> None:
    (state / "recall").mkdir(parents=True)
    old, young = state / "recall" / "old", state / "recall" / "young"
    for path in (old, young):
        path.write_bytes(b"x")
    month = time.time() - 31 * 24 * 3600
    os.utime(old, (month, month))
    save(project, folder)
    assert not old.exists()
    assert young.exists()


def test_a_second_place_for_the_same_files_is_another_file(
    project: Project, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered(project, folder, monkeypatch)
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    (other / "0" / "0").write_bytes(b"v" * 200)
    save(project, other)
    assert stored(project, 2) == {**FILES, "0/0": b"v" * 200}
