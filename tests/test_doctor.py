"""The doctor tells a back end that keeps its promises from one that breaks any."""

import sys
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.errors import InvalidInputError, StorageError, UnsafeStorageError
from hopsartifacts.storage.contract import Capabilities, Entry
from hopsartifacts.storage.memory import MemoryStorage


class Overwriting(MemoryStorage):
    """Takes no notice of the condition."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(has_modes=False, needs_proof=True)

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

    def list(self, path: str) -> list[Entry]:
        return [entry for entry in super().list(path) if not entry.name.isdigit()]


class Losing(MemoryStorage):
    """Does not find what was created just before."""

    def stat(self, path: str) -> Entry | None:
        return None if path.endswith("/001") else super().stat(path)


class Remembering(MemoryStorage):
    """Goes on listing what was deleted."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._listed: dict[str, Entry] = {}

    def list(self, path: str) -> list[Entry]:
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

    def list(self, path: str) -> list[Entry]:  # noqa: ARG002 - the contract's
        return []


class ReadOnly(MemoryStorage):
    """Takes nothing."""

    def create(self, path: str, data: bytes) -> bool:  # noqa: ARG002 - the contract's
        raise StorageError(f"cannot create {path!r}: Access Denied")


def opened(kind: type[MemoryStorage]) -> Project:
    return hopsartifacts.login(storage=kind(uuid4().hex))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Overwriting, "the second creation of an object was not refused"),
        (Racy, "writers were told they won"),
        (Swapping, "the bytes are not the winner's"),
        (Tearing, "a reader saw 2097152 bytes of it"),
        (Hiding, "a new object is not listed at once"),
        (Losing, "a new object is not found at once"),
        (Remembering, "a deleted object is still listed"),
        (Immortal, "what was deleted is still there"),
        (Scribbling, "what was written is not what is read"),
        (Forgetful, "what was written is not listed"),
        (ReadOnly, "Access Denied"),
    ],
)
@pytest.mark.usefixtures("clear_memory")
def test_a_broken_promise_is_named(kind: type[MemoryStorage], words: str) -> None:
    project = opened(kind)
    report = project.doctor()
    assert not report.ok
    assert words in str(report)
    assert str(report).endswith("Verdict: it cannot keep a project.")
    assert project.storage.stat(".hopsartifacts/doctor.json") is None


def test_what_keeps_its_promises_is_told_so(project: Project) -> None:
    report = project.doctor()
    assert report.ok, str(report)
    assert str(report).startswith(project.url)
    assert str(report).endswith("Verdict: it can keep a project.")
    assert project.storage.stat(".hopsartifacts/doctor.json")
    assert list(project.storage.find(".hopsartifacts/probes")) == []
    assert project.verify().ok


@pytest.mark.usefixtures("clear_memory")
def test_nothing_is_stored_where_creation_is_not_exclusive(
    make_files: Callable[..., Any],
) -> None:
    project = opened(Overwriting)
    with pytest.raises(UnsafeStorageError, match="overwrites an object"):
        project.get_model_registry().python.create_model("m").save(make_files())
    assert list(project.storage.find("")) == []


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
