"""Sealed versions on each kind of store, and the command of the init container."""

import getpass
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.deployments.versions import read_deployment
from hopsartifacts.pods.launch_file import read_launch
from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.kserve.addresses import SealedAddress
from hopsartifacts.storage.contract import Storage
from tests.backends.conftest import Azure, Gcs, Hdfs, Sftp, azure, gcs, hdfs, sftp
from tests.s3.conftest import KEYS, Server, _proxy_process, proxy, s3

__all__ = ["_proxy_process", "azure", "gcs", "hdfs", "proxy", "s3", "sftp"]

PREDICTOR = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"
TRANSFORMER = "class Transformer:\n    def preprocess(self, inputs): return inputs\n"
FILES: dict[str, bytes] = {
    "weights.bin": os.urandom(900_000),
    "part/shard 1 é.bin": b"1" * 70_000,
    "part/deep/config.json": b"{}",
    "empty": b"",
}
PASSED_ON = ("PATH", "COV", "HOPSARTIFACTS_TEST")
"""Variables of the tests that the command gets as well; the others are not set."""


class Store(NamedTuple):
    """An empty place for a project, for its owner and for a pod."""

    url: str
    options: dict[str, Any]
    environ: dict[str, str]
    """What tells the pod's clients where the store is, and who they are."""

    def login(self) -> Project:
        return hopsartifacts.login(self.url, storage_options=self.options)


class Sealed(NamedTuple):
    """A deployment version in a store."""

    store: Store
    project: Project
    address: SealedAddress

    @property
    def storage(self) -> Storage:
        return self.project.storage

    def content(self) -> dict[str, bytes]:
        """Return everything in the store."""
        found = [it.path for it in self.storage.find("")]
        return {path: self.storage.read(path) for path in found}


class Outcome(NamedTuple):
    """How a run of the command ended."""

    code: int
    message: str
    """What the pod's status would show."""
    stdout: str
    stderr: str
    seconds: float
    folder: Path

    def launch(self) -> Launch:
        return read_launch(self.folder / "launch.json")

    def model_files(self) -> dict[str, bytes]:
        top = Path(self.launch().model_files_path)
        return content_of(top)


Seal = Callable[..., Sealed]
Fetch = Callable[..., Outcome]


def content_of(folder: Path) -> dict[str, bytes]:
    files = (it for it in folder.rglob("*") if it.is_file())
    return {it.relative_to(folder).as_posix(): it.read_bytes() for it in files}


def s3_environ(endpoint: str, keys: Mapping[str, str] = KEYS) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": keys["key"],
        "AWS_SECRET_ACCESS_KEY": keys["secret"],
    }


def gcs_environ(endpoint: str) -> dict[str, str]:
    return {"STORAGE_EMULATOR_HOST": endpoint, "FSSPEC_GS_TOKEN": "anon"}


def s3_store(server: Server) -> Store:
    url = f"s3://{server.bucket()}/team/models"
    return Store(url, server.options(), s3_environ(server.endpoint))


@pytest.fixture
def mounted(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "my project"), {}, {})


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """The store that the test's parameter names."""
    if request.param == "mounted":
        return Store(str(tmp_path / "my project"), {}, {})
    server = request.getfixturevalue(request.param)
    if isinstance(server, Server):
        return s3_store(server)
    place = server.place()
    if isinstance(server, Gcs):
        return Store(place.url, place.options, gcs_environ(server.endpoint))
    if isinstance(server, Sftp):
        names = {"username": getpass.getuser(), "key_filename": str(server.key)}
        environ = {f"FSSPEC_SFTP_{it.upper()}": names[it] for it in names}
        return Store(place.url, place.options, environ)
    if isinstance(server, Hdfs):
        return Store(place.url, place.options, {})
    assert isinstance(server, Azure)
    connection = place.options["connection_string"]
    environ = {"AZURE_STORAGE_CONNECTION_STRING": connection}
    return Store(place.url, place.options, environ)


@pytest.fixture
def seal(tmp_path: Path) -> Seal:
    """Save a model in a store and deploy it: ``seal(store, files={…})``."""

    def make(
        store: Store,
        files: Mapping[str, bytes] = FILES,
        framework: str = "python",
        **settings: Any,
    ) -> Sealed:
        folder = tmp_path / "given"
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        (tmp_path / "predict.py").write_text(PREDICTOR)
        (tmp_path / "transform.py").write_text(TRANSFORMER)
        project = store.login()
        creator = getattr(project.get_model_registry(), framework)
        model = creator.create_model("shown_model").save(folder)
        if framework == "python":
            settings = {"script_file": str(tmp_path / "predict.py"), **settings}
        model.deploy("shown", **settings)
        return sealed_in(store, project)

    return make


def sealed_in(store: Store, project: Project) -> Sealed:
    """Return the active version of the deployment ``shown``."""
    deployed = read_deployment(project.storage, "shown")
    address = SealedAddress(
        project_url=project.url,
        deployment="shown",
        version=deployed.active,
        specification=deployed.current.specification.digest,
    )
    return Sealed(store, project, address)


@pytest.fixture
def fetch(tmp_path: Path) -> Fetch:
    """Run the command to its end: ``fetch(sealed)``; further variables by name."""

    def run(
        sealed: Sealed,
        *,
        uri: str | None = None,
        folder: Path | None = None,
        environ: Mapping[str, str] | None = None,
        before: tuple[str, ...] = (),
        **popen: Any,
    ) -> Outcome:
        given = sealed.store.environ if environ is None else environ
        target = folder or tmp_path / "volume"
        arguments = [uri or sealed.address.uri, str(target)]
        return run_command(arguments, given, tmp_path, before=before, **popen)

    return run


def run_command(
    arguments: list[str],
    environ: Mapping[str, str],
    tmp_path: Path,
    *,
    before: tuple[str, ...] = (),
    **popen: Any,
) -> Outcome:
    log = tmp_path / "termination-log"
    log.write_bytes(b"")
    log.chmod(0o666)
    began = time.monotonic()
    done = subprocess.run(
        [*before, *command(*arguments)],
        env={**own_environ(log), **environ},
        cwd="/",
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        **popen,
    )
    seconds = time.monotonic() - began
    folder = Path(arguments[-1]) if arguments else tmp_path
    message = log.read_text()
    return Outcome(done.returncode, message, done.stdout, done.stderr, seconds, folder)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hopsartifacts.pods.fetching", *arguments]


def own_environ(log: Path) -> dict[str, str]:
    """Return the variables of a pod; ``HOME`` is none of them."""
    passed_on = {k: v for k, v in os.environ.items() if k.startswith(PASSED_ON)}
    root = str(Path(hopsartifacts.__file__).parents[1])
    return {
        **passed_on,
        "PYTHONPATH": root,
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOPSARTIFACTS_TERMINATION_LOG": str(log),
    }


def is_refused(outcome: Outcome, *words: str) -> None:
    """Check that a run failed as a pod must: with words, and nothing to start from."""
    assert outcome.code == 1, outcome
    assert not (outcome.folder / "launch.json").exists()
    for word in words:
        assert word in outcome.message
    assert outcome.message.count("\n") == 0
    assert len(outcome.message.encode()) <= 4096
    assert outcome.message in outcome.stderr
    assert "Traceback" not in outcome.stderr
