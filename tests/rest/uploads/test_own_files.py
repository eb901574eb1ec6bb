"""Uploads into the user's own folders, and of scripts for deployments."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hopsartifacts.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidInputError,
    InvalidNameError,
    ManagedPathError,
    StorageError,
)
from hopsartifacts.project import Project
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.uploads import Uploads
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.faults import FAIL, Fault, FaultyStorage, StorageCall
from tests.rest.uploads.conftest import LIMITS
from tests.rest.uploads.sending import ME, OTHER, send, send_part

DATA = b"0123456789"
PATH = "Resources/data/x.bin"
START = Callable[..., Uploads]


def spooled(tmp_path: Path) -> list[str]:
    return [it.name for it in (tmp_path / "server" / "spool").iterdir()]


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 1, 2], [2, 2, 1, 3, 3, 1]])
def test_a_file_is_stored_when_it_is_whole(
    uploads: Uploads, storage: Storage, tmp_path: Path, order: list[int]
) -> None:
    for count, number in enumerate(order, 1):
        send_part(uploads, PATH, DATA, number)
        is_whole = len(set(order[:count])) == 3
        assert (storage.stat(PATH) is not None) == is_whole
        assert uploads.stat(PATH, ME) is None
    assert storage.read(PATH) == DATA
    assert spooled(tmp_path) == []
    assert Project(storage).verify().ok


def test_an_empty_file_is_stored(uploads: Uploads, storage: Storage) -> None:
    send(uploads, "empty.txt", b"")
    assert storage.read("empty.txt") == b""


def test_several_threads_send_one_file(uploads: Uploads, storage: Storage) -> None:
    data = os.urandom(4000)
    with ThreadPoolExecutor(6) as pool:
        parts = [*range(1, 1001), *range(1, 1001)]
        list(pool.map(lambda number: send_part(uploads, PATH, data, number), parts))
    assert storage.read(PATH) == data


def test_what_exists_is_not_replaced(uploads: Uploads, storage: Storage) -> None:
    send(uploads, PATH, DATA)
    send_part(uploads, PATH, DATA, 2)
    for owner, data in ((ME, b"others"), (OTHER, DATA), (OTHER, b"x")):
        with pytest.raises((AlreadyExistsError, ConflictError)):
            send(uploads, PATH, data, owner)
    with pytest.raises(ConflictError, match="differs"):
        send_part(uploads, PATH, b"x" * 10, 1)
    assert storage.read(PATH) == DATA


def test_what_was_removed_is_uploaded_again(uploads: Uploads, storage: Storage) -> None:
    send(uploads, PATH, DATA)
    assert not uploads.remove(PATH, ME)
    storage.delete_tree(PATH)
    send(uploads, PATH, DATA)
    assert storage.read(PATH) == DATA
    storage.delete_tree(PATH)  # by somebody who does not ask the server
    send(uploads, PATH, b"another")
    assert storage.read(PATH) == b"another"
    storage.delete_tree(PATH)
    send(uploads, PATH, b"another")
    assert storage.read(PATH) == b"another"


def test_parts_of_two_owners_never_meet(uploads: Uploads, storage: Storage) -> None:
    send_part(uploads, PATH, DATA, 1, ME)
    send_part(uploads, PATH, b"x" * 10, 2, OTHER)
    send_part(uploads, PATH, DATA, 3, ME)
    send_part(uploads, PATH, b"x" * 10, 1, OTHER)
    assert storage.stat(PATH) is None
    send_part(uploads, PATH, DATA, 2, ME)
    with pytest.raises(AlreadyExistsError):
        send_part(uploads, PATH, b"x" * 10, 3, OTHER)
    assert storage.read(PATH) == DATA


def test_an_unfinished_file_is_removed_or_left_over(
    start: START, storage: Storage
) -> None:
    uploads = start()
    send_part(uploads, PATH, DATA, 1)
    with pytest.raises(ConflictError, match="remove the unfinished file"):
        send_part(uploads, PATH, b"another", 1)
    assert not uploads.remove(PATH, OTHER)
    assert uploads.remove("Resources", ME)
    send_part(uploads, PATH, b"another", 1)
    # Long afterwards, or after a restart, somebody begins with another file.
    uploads = start(takeover_s=0)
    send(uploads, PATH, DATA)
    assert storage.read(PATH) == DATA


def test_a_store_that_failed_gets_it_with_the_next_try(
    storage: Storage, tmp_path: Path
) -> None:
    broken = [True]

    def plan(call: StorageCall) -> Fault | None:
        is_due = call.method == "write" and call.path == PATH and broken[0]
        return FAIL if is_due else None

    uploads = Uploads(FaultyStorage(storage, plan), tmp_path / "server", LIMITS)
    send_part(uploads, PATH, DATA, 1)
    send_part(uploads, PATH, DATA, 2)
    with pytest.raises(StorageError):
        send_part(uploads, PATH, DATA, 3)
    broken[0] = False
    send_part(uploads, PATH, DATA, 3)
    assert storage.read(PATH) == DATA
    uploads.close()


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/a/x", "a//x", "a/./x", "a\\b", "a/\x00", "a/", "x?"]
)
def test_no_path_leads_out(uploads: Uploads, storage: Storage, path: str) -> None:
    with pytest.raises(InvalidNameError):
        send(uploads, path, DATA)
    assert list(storage.find("")) == []


def test_nothing_is_stored_below_a_file(uploads: Uploads) -> None:
    send(uploads, "Resources/x", DATA)
    with pytest.raises(InvalidInputError, match="'Resources/x' is a file"):
        send(uploads, "Resources/x/y/z", DATA)


def test_no_link_leads_out(local_project: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "below").mkdir(parents=True)
    (outside / "taken").write_bytes(b"of somebody else")
    storage = local_project.storage
    uploads = Uploads(storage, tmp_path / "server", LIMITS)
    send(uploads, "Resources/x", DATA)
    root = storage.local_path("Resources")
    assert root is not None
    (root / "link").symlink_to(outside)
    (root / "dangling").symlink_to(outside / "new")
    for path in ("link/x", "link/taken", "link/below/x", "link/new/x", "dangling"):
        with pytest.raises((InvalidInputError, AlreadyExistsError)):
            send(uploads, f"Resources/{path}", DATA)
    assert sorted(it.name for it in outside.rglob("*")) == ["below", "taken"]
    assert (outside / "taken").read_bytes() == b"of somebody else"
    uploads.close()


def test_a_link_that_comes_meanwhile_leads_nowhere(
    local_project: Project, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    uploads = Uploads(local_project.storage, tmp_path / "server", LIMITS)
    send(uploads, "Resources/x", DATA)
    send_part(uploads, "Resources/link/x", DATA, 1)
    send_part(uploads, "Resources/link/x", DATA, 2)
    root = local_project.storage.local_path("Resources")
    assert root is not None
    (root / "link").symlink_to(outside)
    with pytest.raises(InvalidInputError):
        send_part(uploads, "Resources/link/x", DATA, 3)
    assert list(outside.iterdir()) == []
    uploads.close()


def test_scripts_wait_for_their_deployment(
    uploads: Uploads, storage: Storage, tmp_path: Path
) -> None:
    """Clients upload scripts before the deployment exists: their owner sees them."""
    path = "Deployments/d/resources/predictor/predict.py"
    for folder in ("Deployments/d", "Deployments/d/resources", path.rpartition("/")[0]):
        assert uploads.stat(folder, ME) is None
        uploads.make_folder(folder, ME)
        there = uploads.stat(folder, ME)
        assert there is not None
        assert there.kind == "directory"
    send(uploads, path, DATA)
    assert [it.path for it in uploads.list("Deployments", ME)] == ["Deployments/d"]
    there = uploads.stat(path, ME)
    assert there is not None
    assert there.size_bytes == len(DATA)
    local = uploads.local_file(path, ME)
    assert local is not None
    assert (local.name, local.read_bytes()) == ("predict.py", DATA)
    assert local.is_relative_to(tmp_path / "server")
    assert uploads.local_file(path, OTHER) is None
    assert uploads.stat(path, OTHER) is None
    assert list(storage.find("")) == []
    with pytest.raises(AlreadyExistsError, match="overwrite=True"):
        send(uploads, path, b"another")
    assert uploads.remove(path, ME)
    assert uploads.local_file(path, ME) is None
    send(uploads, path, b"another")
    again = uploads.local_file(path, ME)
    assert again is not None
    assert again.read_bytes() == b"another"
    assert uploads.remove("Deployments/d", ME)
    assert uploads.stat("Deployments/d", ME) is None


def test_two_owners_have_scripts_of_their_own(uploads: Uploads) -> None:
    path = "Deployments/d/resources/predict.py"
    send(uploads, path, b"mine", ME)
    send(uploads, path, b"others", OTHER)
    mine, others = uploads.local_file(path, ME), uploads.local_file(path, OTHER)
    assert mine is not None
    assert others is not None
    assert (mine.read_bytes(), others.read_bytes()) == (b"mine", b"others")


def test_scripts_are_there_after_a_restart(start: START) -> None:
    path = "Deployments/d/resources/predict.py"
    send(start(), path, DATA)
    local = start().local_file(path, ME)
    assert local is not None
    assert local.read_bytes() == DATA


@pytest.mark.parametrize(
    "path",
    [
        "Deployments/d/x.py",
        "Deployments/d/1/x.py",
        "Deployments/d/resources",
        "Deployments/x",
    ],
)
def test_other_files_of_deployments_are_managed(uploads: Uploads, path: str) -> None:
    with pytest.raises(ManagedPathError):
        send_part(uploads, path, DATA, 1)


def test_deployments_have_names_within_the_rule(uploads: Uploads) -> None:
    with pytest.raises(InvalidNameError):
        uploads.make_folder("Deployments/my_model", ME)
    with pytest.raises(InvalidNameError):
        send_part(uploads, "Deployments/my_model/resources/x.py", DATA, 1)


def test_finished_files_do_not_count_as_unfinished(start: START) -> None:
    uploads = start(max_open=2)
    for number in range(5):
        send(uploads, f"Resources/{number}", DATA)
    send_part(uploads, "Resources/a", DATA, 1)
    send_part(uploads, "Resources/b", DATA, 1)
    with pytest.raises(RefusedError):
        send_part(uploads, "Resources/c", DATA, 1)
