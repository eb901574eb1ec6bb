"""Launches of made-up scripts, and a back end that leaves no process behind."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from typing import Any, Protocol

import msgspec
import psutil
import pytest

from hopsartifacts.serving.contract import DeploymentKey, Launch
from hopsartifacts.serving.local import LocalBackend

STARTER = Path(__file__).with_name("starter.py")
KEEPER = "hopsartifacts.serving.local.keeper"
WORKER = "hopsartifacts.serving.runtime"
FLOWERS = DeploymentKey(name="flowers", id="d-1", version=3, specification="sha256:3")
"""Whose the launches of ``make_launch`` are."""
PROJECT_URL = "file:///somewhere/iris"


class LaunchFactory(Protocol):
    def __call__(
        self, predictor: str | None = ..., transformer: str | None = ..., **changes: Any
    ) -> Launch: ...


@pytest.fixture
def make_launch(tmp_path: Path) -> LaunchFactory:
    def make(
        predictor: str | None = None, transformer: str | None = None, **changes: Any
    ) -> Launch:
        artifact_files = tmp_path / "Artifacts" / "1"
        model_files = tmp_path / "Files"
        artifact_files.mkdir(parents=True, exist_ok=True)
        model_files.mkdir(exist_ok=True)
        names = {}
        for role, code in [("predictor", predictor), ("transformer", transformer)]:
            if code is not None:
                names[f"{role}_script"] = f"{role}-script.py"
                (artifact_files / f"{role}-script.py").write_text(dedent(code))
        settings: dict[str, Any] = {
            "project": "iris",
            "project_url": PROJECT_URL,
            "deployment": "flowers",
            "deployment_id": FLOWERS.id,
            "deployment_version": 3,
            "specification": FLOWERS.specification,
            "model": "iris_model",
            "model_version": 2,
            "artifact_version": 1,
            "framework": "PYTHON",
            "model_server": "PYTHON",
            "serving_tool": "KSERVE",
            "api_protocol": "REST",
            "model_files_path": str(model_files),
            "artifact_files_path": str(artifact_files),
            **names,
            **changes,
        }
        return Launch(**settings)

    return make


@pytest.fixture
def echo(make_launch: LaunchFactory) -> Launch:
    return make_launch(
        """
        class Predictor:
            def predict(self, inputs):
                return inputs
        """
    )


@pytest.fixture
def run_root(tmp_path: Path) -> Iterator[Path]:
    """Where run files go; whatever ran from there is killed after the test."""
    root = tmp_path / "state"
    yield root
    for process in live_processes(root):
        # Workers end with their keeper.
        with suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(30)


@pytest.fixture
def backend(run_root: Path, tmp_path: Path) -> LocalBackend:
    return LocalBackend(
        "iris", PROJECT_URL, logs_dir=tmp_path / "Logs", run_root=run_root
    )


@pytest.fixture
def live(run_root: Path) -> Callable[[], list[psutil.Process]]:
    """Return the processes that came from ``run_root`` and still live."""
    return lambda: live_processes(run_root)


@pytest.fixture
def keepers(run_root: Path) -> Callable[[], list[psutil.Process]]:
    """Return the keepers among them."""
    return lambda: _running(run_root, KEEPER)


@pytest.fixture
def workers(run_root: Path) -> Callable[[], list[psutil.Process]]:
    """Return the workers among them."""
    return lambda: _running(run_root, WORKER)


@pytest.fixture
def start_elsewhere(
    run_root: Path, tmp_path: Path
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a deployment from another process, which then waits for its stdin."""
    started: list[subprocess.Popen[str]] = []

    def start(launch: Launch, **options: Any) -> subprocess.Popen[str]:
        order = {
            "launch": launch,
            "run_root": str(run_root),
            "logs_dir": str(tmp_path / "Logs"),
            "options": options,
        }
        process = subprocess.Popen(
            [sys.executable, str(STARTER), msgspec.json.encode(order).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "AWS_SECRET_ACCESS_KEY": "hush"},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said_by(starter: subprocess.Popen[str]) -> str:
    """Return the next line of a starter: the first says how the start went."""
    assert starter.stdout is not None
    return starter.stdout.readline().strip()


def wait_until(is_true: Callable[[], bool], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def live_processes(root: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            places = [*process.cmdline()[1:], process.cwd()]
            is_zombie = process.status() == psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            continue
        is_ours = any(place.startswith(str(root)) for place in places)
        if is_ours and not is_zombie:
            found.append(process)
    return found


def _running(root: Path, module: str) -> list[psutil.Process]:
    found = []
    for process in live_processes(root):
        with suppress(psutil.Error):
            if module in process.cmdline():
                found.append(process)
    return found
