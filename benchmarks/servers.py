"""Model servers of others, each in a virtual environment, and a load on them.

All serve the same scikit-learn model from the same bytes and are asked through wrk, so
that the one who asks costs the same for each.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers import PeerError, installed

ROW = [5.1, 3.5, 1.4, 0.2]
V1 = {"instances": [ROW]}
V2 = {
    "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [ROW]}],
}
_READY_S = 180.0

# What each needs, how it is started, and how it is asked. {port} and {folder} are
# filled in; the folder holds model.joblib.
_KSERVE = """
import sys, joblib
from kserve import Model, ModelServer

class Iris(Model):
    def load(self):
        self.model = joblib.load(sys.argv.pop() + "/model.joblib")
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        return {"predictions": self.model.predict(payload["instances"]).tolist()}

if __name__ == "__main__":
    model = Iris("iris")
    model.load()
    ModelServer(workers=1).start([model])
"""
_BENTOML = """
import bentoml, joblib

@bentoml.service(workers=1)
class Iris:
    def __init__(self):
        self.model = joblib.load("model.joblib")

    @bentoml.api
    def predict(self, instances: list[list[float]]) -> list[int]:
        return self.model.predict(instances).tolist()
"""
_MLSERVER = {
    "settings.json": (
        '{"http_port": PORT, "grpc_port": PORT1, "metrics_port": PORT2,'
        ' "host": "127.0.0.1", "parallel_workers": 0, "debug": false}'
    ),
    "model-settings.json": (
        '{"name": "iris", "implementation": "mlserver_sklearn.SKLearnModel",'
        ' "parameters": {"uri": "./model.joblib"}}'
    ),
}
_MLFLOW_SAVE = """
import sys, joblib, mlflow.sklearn
folder = sys.argv[1]
mlflow.sklearn.save_model(
    joblib.load(folder + "/model.joblib"), folder + "/mlflow",
    serialization_format="cloudpickle",
)
"""


class Peer(NamedTuple):
    """One server of others."""

    packages: Sequence[str]
    files: Mapping[str, str]
    prepare: Sequence[str]
    command: Sequence[str]
    path: str
    body: Mapping[str, object]


PEERS: dict[str, Peer] = {
    "mlflow": Peer(
        ("mlflow",),
        {"save.py": _MLFLOW_SAVE},
        ("python", "save.py", "{folder}"),
        (
            "mlflow",
            "models",
            "serve",
            "-m",
            "{folder}/mlflow",
            "-p",
            "{port}",
            "-h",
            "127.0.0.1",
            "--env-manager",
            "local",
            "-w",
            "1",
        ),
        "/invocations",
        {"inputs": [ROW]},
    ),
    "bentoml": Peer(
        ("bentoml", "scikit-learn"),
        {"service.py": _BENTOML},
        (),
        ("bentoml", "serve", "service:Iris", "-p", "{port}", "--host", "127.0.0.1"),
        "/predict",
        V1,
    ),
    "mlserver": Peer(
        ("mlserver", "mlserver-sklearn"),
        _MLSERVER,
        (),
        ("mlserver", "start", "{folder}"),
        "/v2/models/iris/infer",
        V2,
    ),
    "kserve": Peer(
        ("kserve", "scikit-learn", "joblib"),
        {"server.py": _KSERVE},
        (),
        (
            "python",
            "server.py",
            "--http_port",
            "{port}",
            "--enable_grpc",
            "false",
            "{folder}",
        ),
        "/v1/models/iris:predict",
        V1,
    ),
}


class Load(NamedTuple):
    """What wrk saw."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    failed: int


@contextmanager
def running(
    name: str, venvs: Path, model: Path, folder: Path
) -> Iterator[tuple[str, float]]:
    """Serve the model file with the peer *name*.

    Yields:
        The URL to post to, and the seconds from the command to the first prediction.

    Raises:
        PeerError: it cannot be installed, or does not answer.
    """
    peer = PEERS[name]
    venv = installed(name, venvs, peer.packages)
    folder.mkdir()
    shutil.copy(model, folder / "model.joblib")
    port = _free_port()
    for file, text in peer.files.items():
        for word, number in (("PORT2", 2), ("PORT1", 1), ("PORT", 0)):
            text = text.replace(word, str(port + number))  # noqa: PLW2901 - step by step
        (folder / file).write_text(text)
    known = {"port": port, "folder": folder}
    environ = {
        **os.environ,
        "PATH": f"{venv}/bin:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "BENTOML_DO_NOT_TRACK": "True",
    }
    with (folder / "log.txt").open("wb") as log:
        if peer.prepare:
            prepare = [word.format(**known) for word in peer.prepare]
            subprocess.run(  # noqa: S603 - our own words
                prepare, cwd=folder, env=environ, stdout=log, stderr=log, check=True
            )
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own words
            [word.format(**known) for word in peer.command],
            cwd=folder,
            env=environ,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}{peer.path}"
    try:
        await_answer(url, peer.body, process)
        yield url, time.perf_counter() - began
    except PeerError as error:
        tail = (folder / "log.txt").read_text(errors="replace")[-500:]
        raise PeerError(f"{name}: {error}\n{tail}") from error
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def await_answer(
    url: str, body: Mapping[str, object], process: subprocess.Popen[bytes] | None = None
) -> None:
    """Return when *url* answers a prediction.

    Raises:
        PeerError: it ended, or does not answer in time.
    """
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise PeerError(f"it ended with {process.returncode}")
        try:
            post(url, body)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.01)
        else:
            return
    raise PeerError(f"no answer within {_READY_S:g} s")


def post(url: str, body: Mapping[str, object]) -> object:
    """Post JSON and return the JSON that comes back."""
    request = urllib.request.Request(  # noqa: S310 - loopback
        url, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        return json.load(answer)


def load(url: str, body: Mapping[str, object], *, at_once: int, seconds: int) -> Load:
    """Ask *url* with *at_once* connections for some seconds.

    Raises:
        PeerError: wrk is not installed.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise PeerError("wrk is not installed: it is in Debian's package wrk")
    command = [wrk, "-t1", f"-c{at_once}", f"-d{seconds}s", "--latency", "-s"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(
            'wrk.method = "POST"\n'
            'wrk.headers["Content-Type"] = "application/json"\n'
            f"wrk.body = [==[{json.dumps(body)}]==]\n"
        )
        script.flush()
        said = subprocess.run(  # noqa: S603 - our own words
            [*command, script.name, url], capture_output=True, text=True, check=True
        ).stdout
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    socket_errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said
    )
    failed = int(errors[1]) if errors else 0
    failed += sum(map(int, socket_errors.groups())) if socket_errors else 0
    return Load(
        float(_found(r"Requests/sec:\s+([\d.]+)", said)[0]),
        _ms(_found(r"50%\s+([\d.]+)(us|ms|s)", said)),
        _ms(_found(r"99%\s+([\d.]+)(us|ms|s)", said)),
        failed,
    )


def _found(pattern: str, said: str) -> tuple[str, ...]:
    match = re.search(pattern, said)
    if match is None:
        raise PeerError(f"wrk said something new: {said}")
    return match.groups()


def _ms(parts: tuple[str, ...]) -> float:
    return float(parts[0]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[parts[1]]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
