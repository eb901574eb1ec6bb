"""The main container as Kubernetes runs it: process 1, a user, a read-only root."""

import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tritonclient import grpc, http

from hopsartifacts.serving.contract import Launch
from tests.pods.conftest import Server, ServerFactory
from tests.pods.containers import USER

SCRIPT = """
    import os, subprocess, sys, time
    from pathlib import Path

    class Predictor:
        def predict(self, inputs):
            return [getattr(self, name)() for name in inputs]

        def ids(self):
            return [os.getuid(), os.getppid(), os.getpgrp() == os.getpid()]

        def places(self):
            found = []
            for place in ("/", "/var", os.environ["MODEL_FILES_PATH"], "/etc", "."):
                try:
                    (Path(place) / "new").write_text("")
                    found.append(place)
                except OSError:
                    pass
            return found

        def orphans(self):
            # Its child ends at once, so that process 1 gets the grandchild.
            code = "import subprocess; subprocess.Popen(['sleep', '0.2'])"
            for _ in range(5):
                subprocess.run([sys.executable, "-c", code], check=True)
            return subprocess.run(["sh", "-c", "exit 7"]).returncode

        def zombies(self):
            states = []
            for path in Path("/proc").glob("[0-9]*/stat"):
                states.append(path.read_text().rpartition(")")[2].split()[0])
            return [len(states), states.count("Z")]

        def environment(self):
            kinds = ("IS_", "DEPLOYMENT", "SCRIPT", "MODEL_V", "FL")
            return {it: os.environ[it] for it in os.environ if it.startswith(kinds)}
"""


@pytest.fixture
def isolated(start: ServerFactory, make_launch: Any) -> Server:
    launch = make_launch(SCRIPT, api_protocol="GRPC", env_vars={"FLAVOUR": "mild"})
    return start(launch, isolated=True, grpc=True).wait_ready()


def test_it_is_process_1_of_a_user_who_may_write_nowhere(isolated: Server) -> None:
    container = isolated.container
    assert isolated.predict(["ids"]) == [[USER, 1, True]]
    assert isolated.predict(["places"]) == [["."]]
    assert container.first.uids().real == USER
    assert len([*container.tmp.iterdir()]) == 1
    container.terminate()
    assert container.wait() == 0
    assert [*container.tmp.iterdir()] == []
    assert container.message == ""


def test_process_1_waits_for_the_processes_that_it_adopts(isolated: Server) -> None:
    assert isolated.predict(["orphans"]) == [7]
    deadline = time.monotonic() + 20
    while (found := isolated.predict(["zombies"])[0]) != [2, 0]:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_it_answers_every_protocol_with_the_documented_environment(
    isolated: Server,
) -> None:
    [found] = isolated.predict(["environment"])
    script = found.pop("SCRIPT_PATH")
    assert Path(script).parent.name == "artifact"
    assert found == {
        "DEPLOYMENT_NAME": "flowers",
        "DEPLOYMENT_VERSION": "3",
        "FLAVOUR": "mild",
        "IS_PREDICTOR": "true",
        "MODEL_VERSION": "2",
        "SCRIPT_NAME": "predictor-script.py",
    }
    for kind, port in ((http, isolated.port), (grpc, isolated.grpc_port)):
        with kind.InferenceServerClient(f"127.0.0.1:{port}") as client:
            assert client.is_server_ready()
            tensor = kind.InferInput("names", [1], "BYTES")
            tensor.set_data_from_numpy(np.array([b"orphans"], dtype=object))
            answer = client.infer("flowers", [tensor])
            assert answer.as_numpy("output-0").tolist() == [7]
    assert (
        b"hopsartifacts_requests_total" in httpx.get(f"{isolated.url}/metrics").content
    )


def test_what_a_killed_container_left_is_deleted_at_the_next_start(
    start: ServerFactory, echo: Launch
) -> None:
    first = start(echo, isolated=True).wait_ready().container
    [left] = first.tmp.iterdir()
    first.first.kill()
    assert first.wait() != 0
    again = start(echo, isolated=True, tmp=first.tmp).wait_ready()
    [home] = again.container.tmp.iterdir()
    assert home != left
