"""A server without a process: the application, a key, and a client of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import hopsartifacts
from hopsartifacts.project import Project
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.keys import Caller, Keys
from hopsartifacts.rest.uploads import Uploads

KEYS = {
    "reader.secret": Caller("reader", "reader", frozenset({"read"})),
    "writer.secret": Caller("writer", "writer", frozenset({"write"})),
    "deployer.secret": Caller("deployer", "deployer", frozenset({"deploy"})),
    "admin.secret": Caller("admin", "admin", frozenset({"admin"})),
}


class FixedKeys:
    """Four keys, one of each scope."""

    def find(self, secret: str) -> Caller | None:
        return KEYS.get(secret)


class MoreKeys(Keys):
    """Keys in a file, besides the four."""

    def find(self, secret: str) -> Caller | None:
        return KEYS.get(secret) or super().find(secret)


def bearing(key: str) -> dict[str, str]:
    """Return the header that bears the key of a scope's holder."""
    return {"authorization": f"ApiKey {key}.secret"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project on this disk."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return hopsartifacts.login(str(tmp_path / "demo"))


@pytest.fixture
def hosted(project: Project, tmp_path: Path) -> Iterator[Hosted]:
    """What the application serves, with a folder of its own for uploads."""
    uploads = Uploads(project.storage, tmp_path / "server")
    hosted = Hosted(project, FixedKeys(), uploads)
    yield hosted
    hosted.close()
    uploads.close()


@pytest.fixture
def client(hosted: Hosted) -> Iterator[TestClient]:
    """A client that bears the key for everything."""
    app = create_app(hosted)
    headers = bearing("admin")
    with TestClient(app, headers=headers, raise_server_exceptions=False) as client:
        yield client
