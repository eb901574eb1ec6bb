"""A project, and the folder in which a server keeps what is unfinished."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from hopsartifacts.project import Project
from hopsartifacts.rest.uploads import UploadLimits, Uploads
from hopsartifacts.storage.contract import Storage

LIMITS = UploadLimits(min_free_bytes=0)


@pytest.fixture
def storage(storage_of_each_kind: Storage) -> Storage:
    return storage_of_each_kind


@pytest.fixture
def project(storage: Storage) -> Project:
    return Project(storage)


@pytest.fixture
def start(storage: Storage, tmp_path: Path) -> Iterator[Callable[..., Uploads]]:
    """Start a server's uploads: ``start(takeover_s=0)`` ends those before."""
    running: list[Uploads] = []

    def begin(**limits: float) -> Uploads:
        if running:
            running.pop().close()
        made = msgspec.structs.replace(LIMITS, **limits)
        running.append(Uploads(storage, tmp_path / "server", made))
        return running[-1]

    yield begin
    for uploads in running:
        uploads.close()


@pytest.fixture
def uploads(start: Callable[..., Uploads]) -> Uploads:
    return start()
