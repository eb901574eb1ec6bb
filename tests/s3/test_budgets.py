"""What operations cost: requests on S3, calls of the storage on a local disk.

Each runs in a project that was just opened, with nothing known. On S3 a proxy counts.
The figures are the same for a model with 10 versions and for one with 20,000: the logs
are real, and of the long one only those entries are there that its newest one names.
"""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import pytest

import hopsartifacts
from hopsartifacts import Model, Project
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.registry.versions import model_log, model_state, projected
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.testing.faults import FaultyStorage
from tests.long_logs import (
    ALIAS,
    MODEL,
    artifact_entries,
    model_entries,
    named_by_newest,
    script,
)
from tests.s3.conftest import Server
from tests.s3.proxy import Proxy

FILES = 5
NEW = "another"
"""A model and a deployment that are not there yet."""
SIZES = (10, 49, 20_000)
"""The next version after 49 opens another page."""
ARTIFACTS = {10: 10, 49: 49, 20_000: 2_000}
CODE = "class Predictor:\n    def predict(self, inputs): return {answer}\n"

pytestmark = pytest.mark.xdist_group("s3")  # the long log is made once


class Place(Protocol):
    """Where a project lies, and how its requests are counted."""

    def put(self, objects: dict[str, bytes]) -> None:
        """Put objects there, uncounted."""

    def opened(self) -> Project:
        """Open the project anew, and begin to count."""

    def requests(self) -> list[str]:
        """Name what was asked for since then."""


class OnDisk:
    """A project on a local disk, whose storage counts its calls."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._calls: list[Any] = []

    def put(self, objects: dict[str, bytes]) -> None:
        for path, data in objects.items():
            (self._root / path).parent.mkdir(parents=True, exist_ok=True)
            (self._root / path).write_bytes(data)

    def opened(self) -> Project:
        storage = FaultyStorage(LocalStorage(self._root))
        project = hopsartifacts.login(storage=storage)
        self._calls = storage.calls
        self._calls.clear()
        return project

    def requests(self) -> list[str]:
        return [f"{it.method} {it.path}" for it in self._calls]


class OnS3:
    """A project on an S3 server behind a proxy that counts."""

    def __init__(self, s3: Server, proxy: Proxy) -> None:
        self._s3 = s3
        self._proxy = proxy
        self._url = f"s3://{s3.bucket()}/p"

    def put(self, objects: dict[str, bytes]) -> None:
        options = self._s3.options()
        storage = hopsartifacts.login(self._url, storage_options=options).storage
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda it: storage.write(it[0], [it[1]]), objects.items()))

    def opened(self) -> Project:
        options = Server(self._proxy.endpoint).options()
        project = hopsartifacts.login(self._url, storage_options=options)
        self._proxy.plan()
        return project

    def requests(self) -> list[str]:
        return [f"{it.method} {it.target}" for it in self._proxy.seen()]


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        return OnDisk(tmp_path / "project")
    return OnS3(request.getfixturevalue("s3"), request.getfixturevalue("proxy"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of five files and a script."""
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "model").mkdir()
    for number in range(FILES):
        (tmp_path / "model" / f"{number}.bin").write_bytes(os.urandom(100 + number))
    (tmp_path / "predict.py").write_text(CODE.format(answer="inputs"))
    return tmp_path


def changed(folder: Path) -> Path:
    """Give every file another size, so that none of them is there already."""
    for path in (folder / "model").iterdir():
        path.write_bytes(path.read_bytes() + os.urandom(50))
    return folder


def save(project: Project, folder: Path, name: str = MODEL) -> Model:
    model = project.get_model_registry().python.create_model(name)
    return model.save(folder / "model")
def deploy(project,folder):
    return project.get_model_registry().get_model(NEW,1).deploy(name=NEW, script_file=folder/"predict.py")

def get(p): return p.get_model_registry().get_model(MODEL,1)
def latest(p): return p.get_model_registry().get_model(MODEL)
OPS = {
 "number": lambda p,f: p.get_model_registry().get_model(MODEL,1),
 "latest": lambda p,f: p.get_model_registry().get_model(MODEL),
 "newest 1000": lambda p,f: model_state(p.storage,MODEL).records.newest(1000),
 "best": lambda p,f: p.get_model_registry().get_model(MODEL, alias=ALIAS),
 "alias": lambda p,f: p.get_model_registry().set_alias(MODEL,ALIAS,1),
 "tag old": lambda p,f: p.get_model_registry().get_model(MODEL,1).set_tag("a",1),
 "tag new": lambda p,f: p.get_model_registry().get_model(MODEL,7).set_tag("a",2),
 "save": lambda p,f: save(p,changed(f)),
 "save2": lambda p,f: save(p,changed(f)),
 "save same": lambda p,f: save(p,f),
 "save first": lambda p,f: save(p,changed(f),NEW),
 "tag newest": lambda p,f: p.get_model_registry().get_model(MODEL).set_tag("a",2),
 "latest2": lambda p,f: p.get_model_registry().get_model(MODEL),
 "artifact found": lambda p,f: ArtifactStore(p.storage,MODEL,1).save(script(3),None),
 "artifact made": lambda p,f: ArtifactStore(p.storage,MODEL,1).save(script(-3),None),
 "artifact made2": lambda p,f: ArtifactStore(p.storage,MODEL,1).save(script(-4),"CREATE"),
 "deploy": lambda p,f: deploy(p,f),
 "deploy2": lambda p,f: deploy(p,f),
}
@pytest.mark.parametrize("n",[10,49,1000])
def test_x(place, folder, n):
    e=model_entries(n)
    from tests.long_logs import Dictionary
    d=Dictionary(); d.entries=e
    log=model_log(d,MODEL)
    place.put({**named_by_newest(e), f"Models/{MODEL}/1/manifest.json": projected(log, log.state().records[1])})
    place.put({".hopsartifacts/project.json": b'{"format":1,"created":"","writer":""}'})
    place.put(named_by_newest(artifact_entries(n)))
    for k,op in OPS.items():
        p=place.opened()
        try:
            op(p,folder)
        except Exception as err:
            import traceback; traceback.print_exc()
        r=place.requests()
        print(type(place).__name__,n,k,len(r))
        if n==49 or k in("deploy",): print("\n".join("      "+it for it in r))
