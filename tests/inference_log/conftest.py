"""Exchanges, a worker's recorder, and what the project knows of them."""

import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hopsartifacts.serving.contract import Launch, RequestLogging
from hopsartifacts.serving.inference_log.access import read_log
from hopsartifacts.serving.inference_log.orders import shipper_command
from hopsartifacts.serving.runtime.recorder import Recorder
from hopsartifacts.serving.runtime.service import Exchange
from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage

PACKAGE_HOME = str(Path(__file__).parents[2])
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
REQUEST = b'{"instances": [[1, 2]]}'
ANSWER = b'{"predictions": [3]}'


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "state" / "flowers.spool"


@pytest.fixture(params=["file", "memory"])
def storage(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    clear_memory: None,  # noqa: ARG001 - a fixture
) -> Storage:
    if request.param == "memory":
        return connect(f"memory://{uuid4().hex}/iris")
    return connect(tmp_path / "iris")


@pytest.fixture
def local(tmp_path: Path) -> Storage:
    return connect(tmp_path / "iris")


@pytest.fixture
def recorder(spool: Path) -> Iterator[Recorder]:
    made = make_recorder(spool)
    yield made
    made.close()


@pytest.fixture
def ids(spool: Path) -> Callable[[Storage], list[str]]:
    """Return the ids in the log, each message once."""
    return lambda storage: logged_ids(storage, spool)


def make_recorder(spool: Path, **options: Any) -> Recorder:
    return Recorder(spool, make_launch(), **options)


def make_launch(version: int = 3, **logging: Any) -> Launch:
    return Launch(
        project="iris",
        project_url="file:///somewhere/iris",
        deployment="flowers",
        deployment_id="d-1",
        deployment_version=version,
        specification="sha256:1",
        model="iris_model",
        model_version=2,
        artifact_version=1,
        framework="PYTHON",
        model_server="PYTHON",
        serving_tool="KSERVE",
        api_protocol="REST",
        model_files_path="/nowhere",
        artifact_files_path="/nowhere",
        logging=RequestLogging(**{"mode": "ALL", **logging}),
    )


FLOWERS = make_launch().key
_numbers = itertools.count()


def make_exchange(name: str | None = None, **changes: Any) -> Exchange:
    return Exchange(
        **{
            "id": name or f"r{next(_numbers)}",
            "received_s": NOON,
            "seconds": 0.001,
            "status": 200,
            "request": REQUEST,
            "answer": ANSWER,
            **changes,
        }
    )


def logged_ids(storage: Storage, spool: Path | None) -> list[str]:
    table = read_log(storage, FLOWERS, spool)
    kinds = list(zip(*(table[name].to_pylist() for name in NAMES), strict=True))
    answered = [name for name, kind in kinds if kind == "response"]
    assert sorted(kinds) == sorted(
        (name, kind) for name in answered for kind in ("request", "response")
    )
    return sorted(answered)


NAMES = ("inferenceId", "messageType")


def start_shipper(told: bytes, log: Path) -> "subprocess.Popen[bytes]":
    """Start a shipper as its owner does, with an environment that says nothing."""
    known = ("COVERAGE_", "PATH", "HOPSARTIFACTS_")
    environ = {name: it for name, it in os.environ.items() if name.startswith(known)}
    with log.open("ab") as words:
        process = subprocess.Popen(
            shipper_command(),
            env={**environ, "PYTHONPATH": PACKAGE_HOME},
            cwd=log.parent,
            stdin=subprocess.PIPE,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    if process.stdin:
        process.stdin.write(told)
        process.stdin.flush()
    return process
