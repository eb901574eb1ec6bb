"""A rename whose answer was lost, that fails, or that replaces: on a real server."""

from collections.abc import Callable
from pathlib import Path

import pytest

import hopsartifacts
from hopsartifacts.errors import StorageError, UnsafeStorageError
from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.rename_storage import RenamingStorage
from tests.backends.conftest import Sftp


@pytest.fixture
def storage(sftp: Sftp) -> RenamingStorage:
    place = sftp.place()
    opened = connect(place.url, place.options)
    assert isinstance(opened, RenamingStorage)
    return opened


@pytest.fixture
def losing(storage: RenamingStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every rename done and its answer lost."""
    rename: Callable[[str, str], None] = storage._server.rename

    def lose(source: str, target: str) -> None:
        rename(source, target)
        raise OSError("the answer is lost")

    monkeypatch.setattr(storage._server, "rename", lose)


@pytest.mark.usefixtures("losing")
def test_who_created_it_is_told_so(storage: RenamingStorage) -> None:
    storage._server.make_folder(storage._full("a"))
    assert storage.create("a/b", b"first")
    assert not storage.create("a/b", b"second")
    assert storage.read("a/b") == b"first"
    assert [entry.path for entry in storage.find("")] == ["a/b"]


@pytest.mark.usefixtures("losing")
def test_who_moved_the_folder_is_told_so(storage: RenamingStorage) -> None:
    storage.write("s/a", [b"one"])
    assert storage.move_tree("s", "t")
    storage.write("s/b", [b"two"])
    assert not storage.move_tree("s", "t")
    assert [entry.path for entry in storage.find("")] == ["s/b", "t/a"]


def test_a_rename_that_fails_is_an_error(
    storage: RenamingStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError(f"cannot rename {source} to {target}")

    monkeypatch.setattr(storage._server, "rename", refuse)

    with pytest.raises(StorageError, match="cannot create 'a': cannot rename"):
        storage.create("a", b"first")

    assert list(storage.find("")) == []


def test_an_empty_folder_is_not_in_the_way(storage: RenamingStorage) -> None:
    storage.write("s/a", [b"one"])
    storage._server.make_folder(storage._full("t"))
    assert storage.move_tree("s", "t")
    assert [entry.path for entry in storage.find("")] == ["t/a"]


def test_a_server_whose_rename_replaces_is_refused(
    storage: RenamingStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage._server, "rename", storage._server.replace)
    (tmp_path / "weights").write_bytes(b"w")
    registry = hopsartifacts.login(storage=storage).get_model_registry()

    with pytest.raises(UnsafeStorageError, match=r"overwrites.*a rename replaces"):
        registry.python.create_model("m").save(tmp_path / "weights")

    assert list(storage.find("")) == []
