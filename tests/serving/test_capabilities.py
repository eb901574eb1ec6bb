import importlib.util
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hopsartifacts.errors import InvalidNameError, PortTakenError, UnsupportedHereError
from hopsartifacts.serving.contract import Launch, RequestLogging, ServingBackend
from hopsartifacts.serving.local import LocalBackend, capabilities
from tests.serving.conftest import FLOWERS


def test_the_back_end_keeps_the_contract(echo: Launch) -> None:
    backend: ServingBackend = LocalBackend("iris", "file:///p")
    assert backend.name == "local"
    backend.check(echo)


@pytest.mark.parametrize(
    "changes",
    [
        {"framework": "TORCH"},
        {"framework": "SKLEARN", "predictor_script": None},
        {"framework": "SKLEARN", "predictor_script": None, "loadable": ("a.pkl",)},
        {"framework": "SKLEARN", "loadable": ("a.pkl", "b.pkl")},
        {"framework": "PYTHON", "loadable": ()},
        {"features": frozenset({"transformer", "batcher", "logger"})},
        {"features": frozenset({"transformer", "instances"}), "instances": 2},
    ],
)
def test_what_runs_here_passes(make_launch: Any, changes: dict[str, Any]) -> None:
    capabilities.check(make_launch("", **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_server": "VLLM"}, "needs vLLM"),
        ({"model_server": "OTHER"}, "model server OTHER needs OTHER"),
        (
            {"framework": "LLM"},
            "it runs models of PYTHON, SKLEARN, TENSORFLOW, TORCH, ",
        ),
        ({"features": frozenset({"grpc", "gpu"})}, "without assigning GPUs; switch"),
        (
            {"transformer_script": "transformer-t.py", "transformer_instances": 2},
            "predictor, which has 1 instances and not 2",
        ),
        ({"api_protocol": "GRPC", "idle_s": 30}, "gRPC port needs a running process"),
        ({"features": frozenset({"novelty"})}, "without novelty"),
        (
            {
                "framework": "SKLEARN",
                "predictor_script": None,
                "loadable": ("a.pkl", "b.joblib"),
            },
            r"exactly one of .*there are 2: a\.pkl, b\.joblib\. Provide a predictor",
        ),
        (
            {"framework": "SKLEARN", "predictor_script": None, "loadable": ()},
            "there are 0: none",
        ),
        (
            {
                "framework": "TENSORFLOW",
                "predictor_script": None,
                "loadable": tuple("abcdefg"),
            },
            "there are 7: a, b, c, d, e and 2 more",
        ),
    ],
)
def test_what_cannot_run_here_is_refused_with_what_it_needs(
    make_launch: Any, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UnsupportedHereError, match=message):
        capabilities.check(make_launch("", **changes))


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        ("uvicorn", 'pip install "hopsartifacts[serving]"'),
        ("sklearn", 'pip install "hopsartifacts[sklearn]"'),
        ("pyarrow", 'pip install "hopsartifacts[logger]"'),
        ("confluent_kafka", 'pip install "hopsartifacts[kafka]"'),
    ],
)
def test_a_missing_package_is_refused_with_the_command_that_installs_it(
    make_launch: Any, monkeypatch: pytest.MonkeyPatch, missing: str, command: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == missing else find(name)
    )
    logging = RequestLogging(mode="ALL", kafka_topic="t", kafka_servers="host:9092")
    with pytest.raises(UnsupportedHereError) as raised:
        capabilities.check(make_launch(framework="SKLEARN", logging=logging))
    assert str(raised.value).endswith(command)


TENSORFLOW = {"framework": "TENSORFLOW", "model_server": "TENSORFLOW_SERVING"}


@pytest.mark.parametrize(
    ("changes", "installed", "message"),
    [
        (TENSORFLOW, set(), "the model needs tensorflow; run: pip install tensorflow"),
        (TENSORFLOW, {"tensorflow"}, None),
        ({"features": frozenset({"grpc"})}, {"grpc"}, 'install "hopsartifacts.grpc."'),
    ],
)
def test_what_depends_on_an_installed_package(
    make_launch: Any,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    installed: set[str],
    message: str | None,
) -> None:
    find = importlib.util.find_spec

    def find_spec(name: str) -> Any:
        known = name in {"tensorflow", "grpc", "google.protobuf"}
        return (name in installed or None) if known else find(name)

    monkeypatch.setattr("importlib.util.find_spec", find_spec)
    launch = make_launch(None, **changes)
    if message is None:
        capabilities.check(launch)
    else:
        with pytest.raises(UnsupportedHereError, match=message):
            capabilities.check(launch)


def test_other_systems_are_refused(
    echo: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hopsartifacts.serving.local.capabilities.os.name", "nt")
    with pytest.raises(UnsupportedHereError, match="needs Linux or macOS"):
        capabilities.check(echo)


def test_without_the_packages_nothing_runs_and_logs_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    backend = LocalBackend("iris", "file:///p")
    assert backend.state(FLOWERS).status == "Created"
    backend.stop(FLOWERS, await_stopped_s=0)
    backend.forget(FLOWERS)
    with pytest.raises(UnsupportedHereError, match="needs psutil; run: pip install"):
        backend.read_logs(FLOWERS, "predictor", 10)
    with pytest.raises(UnsupportedHereError, match="needs psutil; run: pip install"):
        backend.predict(FLOWERS, {"instances": [1]})


def test_importing_the_back_end_loads_none_of_the_packages() -> None:
    code = (
        "import sys, hopsartifacts.serving.local; "
        "print({'uvicorn', 'starlette', 'urllib3', 'psutil', 'filelock'} "
        "& sys.modules.keys())"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert shown.stdout == "set()\n"


@pytest.mark.parametrize("name", ["", "..", "a/b", "a-b", "ü"])
def test_names_that_are_no_deployment_reach_no_file(
    backend: LocalBackend, name: str
) -> None:
    with pytest.raises(InvalidNameError, match="is not a deployment name"):
        backend.state(replace(FLOWERS, name=name))


@pytest.mark.parametrize("variable", ["HOPSARTIFACTS_STATE_DIR", "XDG_STATE_HOME"])
def test_run_files_are_where_the_user_keeps_state(
    echo: Launch,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    monkeypatch.delenv("HOPSARTIFACTS_STATE_DIR", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr("platformdirs.user_state_path", lambda name: tmp_path / name)
    backend = LocalBackend("iris", "file:///p")
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortTakenError):
        backend.start(echo, await_running_s=60, port=taken.getsockname()[1])
    assert list(tmp_path.rglob("flowers.lock"))
