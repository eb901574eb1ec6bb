"""What single requests bring lies in the server's own folder, and has bounds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts.project import Project
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.own_folder import RequestBodies
from hopsartifacts.rest.uploads import Uploads
from hopsartifacts.rest.uploads.values import UploadLimits
from tests.rest.conftest import FixedKeys, bearing

FILES = {"file": ("weights.bin", b"w" * 1000)}
REQUESTS: list[dict[str, Any]] = [
    {
        "method": "PUT",
        "url": "/api/v1/files/Resources%2Fa.bin/content",
        "content": b"x" * 1000,
    },
    {
        "method": "POST",
        "url": "/api/v1/models/m/versions",
        "data": {"framework": "PYTHON"},
        "files": FILES,
    },
]


def test_what_an_earlier_server_left_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "bodies" / "tmp1").mkdir(parents=True)
    (tmp_path / "bodies" / "tmp1" / "file").write_bytes(b"x")
    RequestBodies(tmp_path / "bodies", 0)
    assert not [*(tmp_path / "bodies").iterdir()]


def test_a_folder_is_there_as_long_as_its_block(tmp_path: Path) -> None:
    bodies = RequestBodies(tmp_path / "bodies", 0)
    with bodies.folder() as one, bodies.folder() as other:
        assert one.parent == other.parent == tmp_path / "bodies"
        assert one != other
        (one / "file").write_bytes(b"x")
    assert not [*(tmp_path / "bodies").iterdir()]


def test_what_must_stay_free_is_not_used(tmp_path: Path) -> None:
    bodies = RequestBodies(tmp_path / "bodies", 1)
    bodies.check_room(0)
    with pytest.raises(RefusedError, match="no room"):
        bodies.check_room(2**60)


@pytest.fixture
def full(project: Project, tmp_path: Path) -> Iterator[TestClient]:
    """A client of a server whose disk is full."""
    limits = UploadLimits(min_free_bytes=2**60)
    uploads = Uploads(project.storage, tmp_path / "server", limits)
    app = create_app(Hosted(project, FixedKeys(), uploads))
    with TestClient(app, headers=bearing("admin")) as client:
        yield client
    uploads.close()


@pytest.mark.parametrize("request_", REQUESTS, ids=["file", "version"])
def test_a_full_disk_is_told(
    full: TestClient, tmp_path: Path, request_: dict[str, Any]
) -> None:
    answer = full.request(**request_)
    assert answer.status_code == 507
    assert "no room" in answer.json()["detail"]
    assert not [*(tmp_path / "server" / "bodies").iterdir()]


@pytest.mark.parametrize("coding", ["gzip", "br"])
@pytest.mark.parametrize("request_", REQUESTS, ids=["file", "version"])
def test_what_is_kept_as_it_comes_has_no_coding(
    client: TestClient, request_: dict[str, Any], coding: str
) -> None:
    answer = client.request(**request_, headers={"content-encoding": coding})
    assert answer.status_code == 415
    assert coding in answer.json()["detail"]
    assert client.request(
        **request_, headers={"content-encoding": "identity"}
    ).is_success
