"""Other registries, each in a virtual environment and a process of its own.

The process is kept, so that no import is counted, and says how long each save took.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

SAVE = {
    "mlflow": """
import mlflow

mlflow.set_tracking_uri(f"sqlite:///{home}/mlflow.db")
mlflow.create_experiment("bench", artifact_location=f"file://{home}/artifacts")
mlflow.set_experiment("bench")

def save(folder):
    with mlflow.start_run() as run:
        mlflow.log_artifacts(folder, "model")
    client = mlflow.MlflowClient()
    if not client.search_registered_models("name='m'"):
        client.create_registered_model("m")
    source = f"{run.info.artifact_uri}/model"
    return client.create_model_version("m", source, run.info.run_id).version
""",
    "bentoml": """
import os, shutil
os.environ["BENTOML_HOME"] = f"{home}"
os.environ["BENTOML_DO_NOT_TRACK"] = "True"
import bentoml

def save(folder):
    with bentoml.models.create("m") as model:
        shutil.copytree(folder, model.path, dirs_exist_ok=True)
    return str(model.tag)
""",
}
_MAIN = """
import json, os, pathlib, sys, time
home = pathlib.Path(sys.argv[1])
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what they print is no answer
{definition}
print(json.dumps({{"ready": True}}), file=answers, flush=True)
for folder in sys.stdin:
    started = time.perf_counter()
    saved = save(folder.rstrip("\\n"))
    taken = time.perf_counter() - started
    print(json.dumps({{"saved": saved, "seconds": taken}}), file=answers, flush=True)
"""
_INSTALL_S = 900


class PeerError(Exception):
    """It cannot be had on this machine, or does not work."""


class Peer:
    """One registry, ready to save."""

    def __init__(self, name: str, venv: Path, home: Path) -> None:
        home.mkdir()
        self._log = home / "log.txt"
        script = home / "peer.py"
        script.write_text(_MAIN.format(definition=SAVE[name]))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                [_python(venv), str(script), str(home)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def __enter__(self) -> Self:
        self._answer()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def save(self, folder: Path) -> float:
        """Save *folder* as the next version and return the seconds that took."""
        if self._process.stdin is None:
            raise PeerError("it has no input")
        self._process.stdin.write(f"{folder}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> float:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise PeerError(f"it ended: {self._log.read_text()[-800:]}")
        return float(json.loads(line).get("seconds", 0))


def installed(name: str, folder: Path, packages: Sequence[str] = ()) -> Path:
    """Return a virtual environment with *name*, made if need be.

    Args:
        name: what can be imported then.
        folder: where virtual environments are kept.
        packages: what to install, if that is not just *name*.

    Raises:
        PeerError: it cannot be installed here.
    """
    venv = folder / name
    if (venv / "installed").exists():
        return venv
    commands = [
        [sys.executable, "-m", "venv", str(venv)],
        [_python(venv), "-m", "pip", "install", "--quiet", *(packages or [name])],
        [_python(venv), "-c", f"import {name}"],
    ]
    for command in commands:
        try:
            subprocess.run(  # noqa: S603 - our own words
                command, check=True, capture_output=True, text=True, timeout=_INSTALL_S
            )
        except subprocess.CalledProcessError as error:
            raise PeerError(f"cannot install {name}: {error.stderr[-300:]}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PeerError(f"cannot install {name}: {error}") from error
    (venv / "installed").touch()
    return venv


def _python(venv: Path) -> str:
    return str(venv / "bin" / "python")
