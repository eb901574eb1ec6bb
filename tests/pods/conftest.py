"""Containers of pods that end with the test, and launches of made-up scripts."""

import socket
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from hopsartifacts.serving.contract import Launch
from tests.pods.containers import Container, wait_for, why_not_isolated, write_launch
from tests.serving.conftest import make_launch

__all__ = ["make_launch"]

MODULE = "hopsartifacts.pods.serving"
_why_not_isolated = cache(why_not_isolated)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder that another user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="hopsartifacts-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


class Server:
    """A container that serves, and a way to ask it."""

    def __init__(self, container: Container, port: int, grpc_port: int) -> None:
        self.container = container
        self.port = port
        self.grpc_port = grpc_port
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, body: Any, path: str = "/v1/models/flowers:predict") -> Any:
        answer = httpx.post(f"{self.url}{path}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def predict(self, rows: Any) -> Any:
        return self.ask({"instances": rows})["predictions"]

    def ready(self) -> tuple[int, str]:
        """Return the status of the probe, 0 if nothing is there, and the reason."""
        try:
            answer = httpx.get(f"{self.url}/v2/health/ready", timeout=2)
        except httpx.TransportError as error:
            return 0, repr(error)
        return answer.status_code, answer.json().get("error", "")

    def wait_ready(self) -> "Server":
        wait_for(self.container, lambda: self.ready()[0] == 200)
        return self


class ServerFactory(Protocol):
    def __call__(
        self,
        launch: Launch,
        *arguments: str,
        isolated: bool = ...,
        env: dict[str, str] | None = ...,
        grpc: bool = ...,
        tmp: Path | None = ...,
    ) -> Server: ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[ServerFactory]:
    """Start the main container of a pod."""
    started: list[Container] = []

    def run(
        launch: Launch,
        *arguments: str,
        isolated: bool = False,
        env: dict[str, str] | None = None,
        grpc: bool = False,
        tmp: Path | None = None,
    ) -> Server:
        if isolated and (why := _why_not_isolated()):
            pytest.skip(why)
        number = len(started)
        path = write_launch(tmp_path / f"launch-{number}.json", launch)
        port, grpc_port = free_port(), free_port()
        more = ["--grpc-port", str(grpc_port)] if grpc else []
        container = Container(
            tmp_path / f"container-{number}",
            MODULE,
            [str(path), "--port", str(port), *more, *arguments],
            {"HOPSARTIFACTS_LEAVE_SECONDS": "0.5", **(env or {})},
            is_isolated=isolated,
            tmp=tmp,
        )
        started.append(container)
        return Server(container, port, grpc_port)

    yield run
    for container in started:
        container.kill()


@pytest.fixture
def echo(make_launch: Callable[..., Launch]) -> Launch:
    return make_launch(
        """
        import asyncio

        class Predictor:
            async def predict(self, inputs):
                if isinstance(inputs[0], list) and inputs[0][0] > 1000:
                    await asyncio.sleep(inputs[0][0] - 1000)
                return inputs
        """
    )
