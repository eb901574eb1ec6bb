"""How far a deployment is, over HTTP, with real processes."""

import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from os import kill
from pathlib import Path
from typing import Any

import psutil
import pytest
from starlette.testclient import TestClient

import hopsartifacts
from hopsartifacts import Model, Project

FLOWERS = "/deployments/flowers"
GOOD = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"
BAD = f"{GOOD}\n    def __init__(self):\n        self.weights = {{}}['gone']\n"
STARTED = ["CHECKED", "SCHEDULED", "INITIALIZED", "STARTED", "READY"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return hopsartifacts.login(str(tmp_path / "demo"))


@pytest.fixture
def save(
    client: TestClient, project: Project, save_model: Callable[..., Model]
) -> Iterator[Callable[[str], None]]:
    """Save deployment ``flowers`` with a script; stop it at the end."""
    save_model()

    def save(script: str) -> None:
        project.storage.write("Resources/predictor.py", [script.encode()])
        settings = {
            "model": "my_model",
            "model_version": 1,
            "script_file": "Resources/predictor.py",
        }
        answer = client.put(f"/api/v1{FLOWERS}", json=settings)
        assert answer.status_code in {200, 201}, answer.text

    yield save
    project.get_model_serving().get_deployment("flowers").stop()


@pytest.fixture
def act(client: TestClient, finished: Callable[[Any], Any]) -> Callable[[str], Any]:
    """Start or stop it, and return the job once it has ended."""
    return lambda verb: finished(client.post(f"/api/v1{FLOWERS}/{verb}"))


def settled(get: Callable[..., Any], status: str) -> Any:
    """Return the progress once it has the status."""
    for _ in range(1000):
        progress = get(f"{FLOWERS}/progress")
        if progress["status"] == status:
            return progress
        time.sleep(0.02)
    raise AssertionError(progress)


def steps(progress: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the name and the status of each step."""
    return [(it["name"], it["status"]) for it in progress["steps"]]


def test_a_start_an_update_and_a_stop(
    save: Callable[[str], None], act: Callable[[str], Any], get: Callable[..., Any]
) -> None:
    save(GOOD)
    nothing = get(f"{FLOWERS}/progress")
    assert (nothing["kind"], nothing["steps"]) == (None, [])
    assert nothing["state"]["status"] == "Created"

    act("start")
    start = get(f"{FLOWERS}/progress")
    assert (start["kind"], start["status"], start["version"]) == ("start", "done", 1)
    assert (start["by"], start["revision"]) == ("admin", start["state"]["revision"])
    assert steps(start) == [(name, "done") for name in STARTED]
    times = [datetime.fromisoformat(it["at"]) for it in start["steps"]]
    assert times == sorted(times)
    assert times[0] >= datetime.fromisoformat(start["began"])
    assert start["steps"][-1]["reason"] == "the server answers requests"

    save(BAD)
    update = settled(get, "failed")
    assert (update["kind"], update["version"]) == ("update", 2)
    assert steps(update)[2:] == [("STARTED", "failed"), ("READY", "not reached")]
    assert "KeyError: 'gone'" in update["steps"][2]["reason"]
    assert update["state"]["deployment_version"] == 1

    act("stop")
    stop = get(f"{FLOWERS}/progress")
    assert (stop["kind"], stop["status"]) == ("stop", "done")
    assert (stop["by"], steps(stop)) == ("admin", [("STOPPED", "done")])


def test_a_start_that_fails_in_the_script(
    save: Callable[[str], None], act: Callable[[str], Any], get: Callable[..., Any]
) -> None:
    save(BAD)
    assert act("start")["status"] == "failed"
    progress = get(f"{FLOWERS}/progress")
    assert (progress["kind"], progress["status"]) == ("start", "failed")
    statuses = ["done", "done", "done", "failed", "not reached"]
    assert steps(progress) == list(zip(STARTED, statuses, strict=True))
    assert "KeyError: 'gone'" in progress["steps"][3]["reason"]


def test_a_start_that_fails_before_its_run(
    save: Callable[[str], None], act: Callable[[str], Any], get: Callable[..., Any]
) -> None:
    with pytest.warns(UserWarning, match="a_module_that_is_nowhere"):
        save(f"import a_module_that_is_nowhere\n{GOOD}")
    assert act("start")["status"] == "failed"
    progress = get(f"{FLOWERS}/progress")
    assert (progress["kind"], progress["status"]) == ("start", "failed")
    statuses = ["failed", *["not reached"] * 4]
    assert steps(progress) == list(zip(STARTED, statuses, strict=True))
    assert "a_module_that_is_nowhere" in progress["steps"][0]["reason"]
    assert progress["steps"][0]["at"]
    assert progress["revision"] is None
    assert progress["state"]["status"] == "Created"


def test_a_start_that_this_server_was_not_asked_for(
    save: Callable[[str], None], project: Project, get: Callable[..., Any]
) -> None:
    """As after a restart of the server; the run began after the checks anyway."""
    save(GOOD)
    project.get_model_serving().get_deployment("flowers").start()
    progress = settled(get, "done")
    assert (progress["kind"], progress["by"]) == ("start", None)
    assert steps(progress) == [(name, "done") for name in STARTED]
    assert progress["steps"][0]["at"] == progress["began"]


def test_a_failure_of_an_earlier_deployment_with_the_name(
    save: Callable[[str], None],
    act: Callable[[str], Any],
    get: Callable[..., Any],
    client: TestClient,
) -> None:
    with pytest.warns(UserWarning, match="a_module_that_is_nowhere"):
        save(f"import a_module_that_is_nowhere\n{GOOD}")
    assert act("start")["status"] == "failed"
    assert client.delete(f"/api/v1{FLOWERS}").status_code == 204
    save(GOOD)
    progress = get(f"{FLOWERS}/progress")
    assert (progress["kind"], progress["steps"]) == (None, [])


def test_a_process_that_is_killed(
    save: Callable[[str], None], act: Callable[[str], Any], get: Callable[..., Any]
) -> None:
    """When it ended is not known, as nothing could report it."""
    save(GOOD)
    act("start")
    for process in psutil.Process().children():
        if "hopsartifacts.serving.local.keeper" in " ".join(process.cmdline()):
            kill(process.pid, signal.SIGKILL)
    progress = settled(get, "failed")
    assert (progress["kind"], progress["status"]) == ("start", "failed")
    assert steps(progress)[-1] == ("READY", "failed")
    assert progress["steps"][-1]["at"] is None
    assert "SIGKILL" in progress["steps"][-1]["reason"]
