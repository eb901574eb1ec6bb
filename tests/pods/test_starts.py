"""How a container starts, and what it says when it cannot."""

import signal
import socket
from typing import Any

import pytest

from hopsartifacts.serving.contract import Golden, Launch
from tests.pods.conftest import ServerFactory
from tests.pods.containers import wait_for

IDLE = """
    class Predictor:
        def predict(self, inputs):
            return inputs
"""
FAILING: dict[str, tuple[str | None, dict[str, Any], str]] = {
    "constructor": (
        """
        class Predictor:
            def __init__(self):
                raise ValueError("no weights")

            def predict(self, inputs):
                return inputs
        """,
        {},
        "failed: ValueError: no weights (predictor-script.py, line 4)",
    ),
    "syntax": ("class Predictor", {}, "importing the predictor script"),
    "no class": ("x = 1", {}, "the script has no class Predictor or class Predict"),
    "exit": ("exit(3)", {}, "importing the predictor script"),
    "no script": (None, {}, "models of framework PYTHON need a predictor script"),
    "golden": (
        IDLE,
        {"golden": Golden(request={"instances": [[1]]}, answer={"predictions": [[2]]})},
        "gave an answer other than the recorded one: predictions[0][0] is 1, but 2",
    ),
    "artifact": (
        IDLE,
        {"artifact_files": ("predictor-script.py", "missing.py")},
        "the artifact cannot be copied",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_failure_is_told_in_the_log_and_in_the_termination_message(
    start: ServerFactory, make_launch: Any, case: str
) -> None:
    script, changes, words = FAILING[case]
    server = start(make_launch(script, **changes))
    container = server.container
    assert container.wait() == 1
    assert words in container.message
    assert container.message in container.log.splitlines()[-1]
    assert server.ready()[0] == 0, "nothing listened"
    assert [*container.tmp.iterdir()] == []


COMMANDS: dict[str, tuple[list[str], dict[str, str], str]] = {
    "no component": (["--component", "tokenizer"], {}, "invalid choice: 'tokenizer'"),
    "port": (["--port", "http"], {}, "--port has the port 'http'"),
    "no transformer": (
        ["--component", "transformer", "--predictor-host", "there"],
        {},
        "deployment 'flowers' has no transformer",
    ),
    "no predictor": (["--component", "transformer"], {}, "needs --predictor-host"),
    "seconds": ([], {"HOPSARTIFACTS_DRAIN_SECONDS": "5m"}, "DRAIN_SECONDS is '5m'"),
    "bytes": ([], {"HOPSARTIFACTS_MAX_REQUEST_BYTES": "0"}, "MAX_REQUEST_BYTES is '0'"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_a_command_that_makes_no_sense_is_refused_in_words(
    start: ServerFactory, echo: Launch, case: str
) -> None:
    arguments, env, words = COMMANDS[case]
    container = start(echo, *arguments, env=env).container
    assert container.wait() == 1
    assert words in container.message
    assert "Traceback" not in container.log or case == "bytes"


def test_a_port_that_is_taken_and_a_launch_that_is_missing_are_named(
    start: ServerFactory, echo: Launch
) -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        container = start(echo, "--port", str(port)).container
        assert container.wait() == 1
    assert container.message == f"port {port} cannot be served: Address already in use"


def test_a_worker_that_is_killed_ends_the_container_with_its_signal(
    start: ServerFactory, make_launch: Any
) -> None:
    launch = make_launch(
        """
        import os
        class Predictor:
            def predict(self, inputs):
                os.kill(os.getpid(), inputs[0])
        """
    )
    for number, words in ((9, "SIGKILL; was it short of memory?"), (11, "SIGSEGV")):
        server = start(launch).wait_ready()
        with pytest.raises(Exception, match="disconnected"):
            server.predict([number])
        assert server.container.wait() == 128 + number
        assert server.container.message == f"the worker was ended by {words}"


def test_it_ends_at_once_when_asked_before_it_is_ready(
    start: ServerFactory, make_launch: Any
) -> None:
    launch = make_launch("print('loading'); import time; time.sleep(600)")
    container = start(launch).container
    wait_for(container, lambda: "loading" in container.log)
    container.first.send_signal(signal.SIGTERM)
    assert container.wait(10) == 0
    assert container.message == ""


def test_nothing_listens_before_the_model_is_loaded(
    start: ServerFactory, make_launch: Any
) -> None:
    launch = make_launch(
        """
        import time
        print("loading")
        time.sleep(1.5)

        class Predictor:
            def predict(self, inputs):
                return inputs
        """
    )
    server = start(launch)
    wait_for(server.container, lambda: "loading" in server.container.log)
    assert server.ready()[0] == 0
    assert server.wait_ready().predict([[1]]) == [[1]]
