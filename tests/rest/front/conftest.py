"""A project with running deployments, and the inference port before them."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import httpx
import pytest

import hopsartifacts
from hopsartifacts.project import Project
from hopsartifacts.rest.connections import ConnectionLimit
from hopsartifacts.rest.front.port import front, listen_at
from hopsartifacts.rest.hopsworks.installation import project_namespace
from hopsartifacts.rest.hosted import Hosted, ServerSettings
from hopsartifacts.rest.keys import Caller

KEY = "reader.secret"
MAX_BYTES = 1_000_000


class OneKey:
    """One key that may read, and one that may nothing."""

    def find(self, secret: str) -> Caller | None:
        scopes: dict[str, Any] = {KEY: ["read"], "nobody.secret": []}
        if secret not in scopes:
            return None
        return Caller(secret, secret, frozenset(scopes[secret]))


class Front(NamedTuple):
    """Where the port is."""

    hosted: Hosted
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def path(self, deployment: str) -> str:
        """What newer clients write before the path of a deployment."""
        return f"/v1/{project_namespace(self.hosted)}/{deployment}"

    def client(self, key: str = KEY) -> httpx.Client:
        headers = {"authorization": f"ApiKey {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)


@contextmanager
def opened(
    project: Project, *, at: int = 0, most: int = 1000, **settings: Any
) -> Iterator[Front]:
    """Open the port of a project in a thread of this process until the block ends."""
    hosted = Hosted(project, OneKey(), None, ServerSettings(**settings))
    ports: list[int] = []
    is_open = threading.Event()
    failures: list[BaseException] = []
    ends: list[Callable[[], object]] = []

    async def serve() -> None:
        end, loop = asyncio.Event(), asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(end.set))
        async with front(hosted, listen_at("127.0.0.1", at), ConnectionLimit(most)) as (
            _,
            port,
        ):
            ports.append(port)
            is_open.set()
            await end.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)
        finally:
            is_open.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        is_open.wait(30)
        if ports:
            yield Front(hosted, ports[0])
    finally:
        if ports:
            ends[0]()
        thread.join(30)
    if failures:
        raise failures[0]


ECHO = """
    class Predictor:
        def predict(self, inputs):
            return inputs
"""


class Ground:
    """A project whose deployments are stopped in the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.project = hopsartifacts.login(str(folder / "demo"))

    def model(self, name: str = "echo", framework: str = "python") -> Any:
        files = self._folder / "files"
        files.mkdir(exist_ok=True)
        (files / "weights.bin").write_bytes(b"w")
        creator = getattr(self.project.get_model_registry(), framework)
        return creator.create_model(name).save(files)

    def script(self, code: str = ECHO) -> Path:
        path = self._folder / f"script-{len(list(self._folder.iterdir()))}.py"
        path.write_text(dedent(code))
        return path

    def deploy(self, name: str, code: str = ECHO, **settings: Any) -> Any:
        deployment = self.model(name).deploy(
            name, script_file=self.script(code), **settings
        )
        deployment.start(60)
        return deployment

    def end(self) -> None:
        for deployment in self.project.get_model_serving().get_deployments():
            deployment.stop(5)


@contextmanager
def grounded(folder: Path) -> Iterator[Ground]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOPSARTIFACTS_STATE_DIR", str(folder / "state"))
        patch.setenv("HOPSARTIFACTS_CACHE_DIR", str(folder / "cache"))
        ground = Ground(folder)
        try:
            yield ground
        finally:
            ground.end()


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with grounded(tmp_path_factory.mktemp("front")) as found:
        yield found


@pytest.fixture(scope="module")
def port(ground: Ground) -> Iterator[Front]:
    with opened(ground.project, max_prediction_bytes=MAX_BYTES) as found:
        yield found
