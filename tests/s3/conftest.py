"""A real S3 server (SeaweedFS), and one that ignores conditions (rclone)."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import urlopen
from uuid import uuid4

import pytest
from botocore.loaders import create_loader

from hopsartifacts.rest.certificates import self_signed
from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage
from tests.s3 import proxy as proxies
from tests.s3.content import SMALL_PART

KEYS = {"key": "writer", "secret": "writers-secret"}
IDENTITIES = """
{"identities": [{"name": "writer", "actions": ["Admin", "Read", "Write", "List"],
  "credentials": [{"accessKey": "writer", "secretKey": "writers-secret"}]},
 {"name": "reader", "actions": ["Read", "List"],
  "credentials": [{"accessKey": "reader", "secretKey": "readers-secret"}]}]}
"""
_GRPC_OFFSET = 10_000


class Server(NamedTuple):
    """Where an S3 server listens."""

    endpoint: str
    secure: str = ""
    """The same over TLS, if it listens there."""
    certificate: str = ""
    """The file of what clients have to trust then."""

    def options(self, **more: Any) -> dict[str, Any]:
        """Return storage options for it."""
        client = {"endpoint_url": self.endpoint, "region_name": "us-east-1"}
        return {**KEYS, "client_kwargs": client, **more}

    def bucket(self) -> str:
        """Make a bucket and return its name."""
        name = f"b{uuid4().hex}"
        _filesystem(self.endpoint).mkdir(name)
        return name


@cache
def _filesystem(endpoint: str) -> Any:
    """Return a client that makes the buckets of all tests: one takes 0.1 s to open."""
    import s3fs  # noqa: PLC0415 - only where a server runs

    return s3fs.S3FileSystem(**Server(endpoint).options(skip_instance_cache=True))


@pytest.fixture(scope="session", autouse=True)
def _description_is_read_once() -> Iterator[None]:
    """Let all clients share botocore's description of S3, which takes 60 ms to read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", cache(create_loader))
        yield


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start SeaweedFS."""
    weed = _program("weed")
    folder = tmp_path_factory.mktemp("seaweedfs")
    (folder / "s3.json").write_text(IDENTITIES)
    (folder / "data").mkdir()
    certificate = self_signed(folder, [])
    assert certificate.for_clients
    ports = (_free_port() for _ in range(7))
    master, volume, filer, port, secure, iceberg, lance = ports
    command = [
        weed,
        "server",
        "-dir=data",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-master.port={master}",
        "-master.volumeSizeLimitMB=64",
        "-master.telemetry=false",
        f"-volume.port={volume}",
        "-volume.max=300",
        "-filer",
        f"-filer.port={filer}",
        "-s3",
        f"-s3.port={port}",
        f"-s3.port.https={secure}",
        f"-s3.cert.file={certificate.file}",
        f"-s3.key.file={certificate.file}",
        f"-s3.port.iceberg={iceberg}",
        f"-s3.port.lance={lance}",
        "-s3.config=s3.json",
    ]
    environment = {**os.environ, "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
    with _running(command, folder, port, environment) as server:
        _wait_until(lambda: bool(server.bucket()), "SeaweedFS takes a bucket")
        yield server._replace(
            secure=f"https://127.0.0.1:{secure}",
            certificate=str(certificate.for_clients),
        )


@pytest.fixture(scope="session")
def careless_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start rclone's S3 server, which overwrites whatever the condition says."""
    folder = tmp_path_factory.mktemp("rclone")
    (folder / "data").mkdir()
    port = _free_port()
    command = [
        _program("rclone"),
        "serve",
        "s3",
        "--addr",
        f"127.0.0.1:{port}",
        "--auth-key",
        f"{KEYS['key']},{KEYS['secret']}",
        "data",
    ]
    with _running(command, folder, port, dict(os.environ)) as server:
        yield server


@pytest.fixture(scope="session")
def _proxy_process(s3: Server) -> Iterator[proxies.Proxy]:
    with proxies.running(s3.endpoint) as found:
        yield found


@pytest.fixture
def proxy(_proxy_process: proxies.Proxy) -> proxies.Proxy:
    """Put a proxy in front of the S3 server, with no plan and nothing seen."""
    _proxy_process.plan()
    return _proxy_process


@pytest.fixture
def bucket(s3: Server) -> str:
    return s3.bucket()


@pytest.fixture
def storage(proxy: proxies.Proxy, bucket: str) -> Storage:
    """An empty place behind the proxy."""
    return connect(f"s3://{bucket}/p", Server(proxy.endpoint).options())


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send parts of the least size, where the size does not matter."""
    monkeypatch.setattr("hopsartifacts.storage.s3_transfers.PART_BYTES", SMALL_PART)


@contextmanager
def _running(
    command: list[str], folder: Path, port: int, environ: dict[str, str]
) -> Iterator[Server]:
    server = Server(f"http://127.0.0.1:{port}")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=log, stderr=log
        )
        try:
            _wait_until(lambda: _answers(server.endpoint), "the server answers")
            yield server
        finally:
            process.kill()
            process.wait()


def _program(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is not installed, and CI has to have it")
        pytest.skip(f"{name} is not installed (pip install --group s3)")
    return found


def _free_port() -> int:
    for _ in range(100):
        with socket.socket() as probe, socket.socket() as beside:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            # SeaweedFS takes a second port at a fixed distance.
            if port + _GRPC_OFFSET > 65_535:
                port -= 2 * _GRPC_OFFSET
            try:
                beside.bind(("127.0.0.1", port + _GRPC_OFFSET))
            except OSError:
                continue
            return port
    pytest.fail("no free ports")


def _answers(endpoint: str) -> bool:
    try:
        urlopen(endpoint, timeout=2).close()  # noqa: S310 - our own server
    except HTTPError as error:
        error.close()
        return True
    except (URLError, OSError):
        return False
    return True


def _wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except OSError:
            pass
        time.sleep(0.2)
    pytest.fail(f"gave up waiting until {what}")
