"""Jobs: begun by a POST, looked at while they run, joined, cancelled."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts import Model, Project
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.machine.progress import Callback
from hopsartifacts.rest import background
from hopsartifacts.rest.hosted import Hosted

V1 = "/api/v1"


@pytest.fixture
def door() -> Iterator[threading.Event]:
    """What jobs of a test wait for."""
    event = threading.Event()
    yield event
    event.set()


def ended(hosted: Hosted, identity: str) -> None:
    for _ in range(1000):
        if hosted.jobs.get(identity).status != "running":
            return
        time.sleep(0.01)
    raise AssertionError(hosted.jobs.get(identity))


def test_a_verification_finds_an_edit_and_a_repair_undoes_it(
    client: TestClient,
    deployed: Callable[..., Any],
    project: Project,
    finished: Callable[[Any], Any],
) -> None:
    name = deployed().name
    sound = finished(client.post(f"{V1}/jobs/verify"))
    assert sound["result"]["ok"]
    assert sound["result"]["files"] > 0
    progress = sound["progress"]
    assert progress["done_bytes"] == progress["size_bytes"] > 0
    path = f"Deployments/{name}/1/deployment.json"
    document = project.storage.local_path(path)
    assert document
    document.chmod(0o600)
    document.write_text("{}")
    job = finished(client.post(f"{V1}/jobs/verify"))
    assert job["status"] == "done"
    kinds = {it["kind"] for it in job["result"]["findings"]}
    assert kinds == {"changed"}
    repaired = finished(client.post(f"{V1}/jobs/repair"))
    assert (repaired["result"]["kind"], repaired["result"]["ok"]) == ("repair", True)
    assert finished(client.post(f"{V1}/jobs/verify"))["result"]["ok"]


def test_gc_says_first_what_it_would_free(
    client: TestClient, model: Model, project: Project, finished: Callable[[Any], Any]
) -> None:
    project.storage.write(".hopsartifacts/staging/abc/x", [b"left behind"])
    assert model.version == 1
    would = finished(client.post(f"{V1}/jobs/gc", json={"grace_s": 0}))["result"]
    assert (would["kind"], would["dry_run"]) == ("gc", True)
    assert would["size_bytes"] >= 11
    done = finished(
        client.post(f"{V1}/jobs/gc", json={"grace_s": 0, "dry_run": False})
    )["result"]
    assert [it["path"] for it in done["freed"]] == [it["path"] for it in would["freed"]]
    assert project.storage.stat(".hopsartifacts/staging/abc/x") is None
    assert client.post(f"{V1}/jobs/gc", json={"grace_s": -1}).status_code == 400


def test_the_doctor_is_asked(
    client: TestClient, get: Callable[..., Any], finished: Callable[[Any], Any]
) -> None:
    assert get("/project")["verdict"] is None
    job = finished(client.post(f"{V1}/jobs/doctor"))
    assert (job["result"]["kind"], job["result"]["ok"]) == ("doctor", True)
    assert get("/project")["verdict"]["ok"]
    assert get("/project")["verdict"]["checks"] == job["result"]["checks"]


def test_jobs_are_listed(
    client: TestClient, get: Callable[..., Any], finished: Callable[[Any], Any]
) -> None:
    first = finished(client.post(f"{V1}/jobs/verify"))
    second = finished(client.post(f"{V1}/jobs/gc", json={}))
    listed = get("/jobs")
    assert [it["id"] for it in listed["items"]] == [second["id"], first["id"]]
    assert all(it["result"] is None for it in listed["items"])
    assert get("/jobs", kind="gc", status="done")["items"] == [listed["items"][0]]
    assert get("/jobs", status="failed")["total"] == 0
    assert client.get(f"{V1}/jobs/nothing").status_code == 404
    assert client.delete(f"{V1}/jobs/nothing").status_code == 404


def test_the_same_work_is_done_once(hosted: Hosted, door: threading.Event) -> None:
    def work(_: Callback) -> None:
        door.wait(10)

    def start(**more: Any) -> str:
        return hosted.jobs.start("verify", work, by="me", **more).id

    first = start()
    assert start() == first
    assert start(options=1) != first
    assert start(subject="flowers") != first


def test_there_is_a_bound(hosted: Hosted, door: threading.Event) -> None:
    for number in range(background._MOST_RUNNING):
        hosted.jobs.start("a", lambda _: door.wait(10), by="me", options=number)
    with pytest.raises(Exception, match="jobs are running"):
        hosted.jobs.start("b", lambda _: None, by="me")


def test_old_jobs_are_forgotten(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch, door: threading.Event
) -> None:
    monkeypatch.setattr(background, "_MOST_KEPT", 3)
    kept = hosted.jobs.start("long", lambda _: door.wait(10), by="me").id
    for number in range(6):
        job = hosted.jobs.start("short", lambda _: None, by="me", options=number)
        ended(hosted, job.id)
    assert len(hosted.jobs.all()) == 3
    assert hosted.jobs.get(kept).status == "running"


def test_a_job_ends_at_its_next_step(
    client: TestClient,
    hosted: Hosted,
    door: threading.Event,
    finished: Callable[[Any], Any],
) -> None:
    def work(callback: Callback) -> None:
        callback.set_size(10)
        door.wait(10)
        callback.relative_update(5)

    job = hosted.jobs.start("verify", work, by="me")
    answer = client.delete(f"{V1}/jobs/{job.id}")
    door.set()
    ended = finished(answer)
    assert (ended["status"], ended["progress"]["size_bytes"]) == ("cancelled", 10)
    assert finished(client.delete(f"{V1}/jobs/{job.id}"))["status"] == "cancelled"


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (InvalidInputError("grace_s=-1: no"), 400, "grace_s=-1"),
        (ZeroDivisionError("secret"), 500, "unexpected ZeroDivisionError"),
    ],
)
def test_a_failed_job_says_why(
    client: TestClient, hosted: Hosted, error: Exception, status: int, words: str
) -> None:
    def work(_: Callback) -> None:
        raise error

    job = hosted.jobs.start("verify", work, by="me")
    ended(hosted, job.id)
    told = client.get(f"{V1}/jobs/{job.id}").json()
    assert (told["status"], told["error"]["status"]) == ("failed", status)
    assert words in told["error"]["detail"]
    assert "secret" not in told["error"]["detail"]


def test_jobs_end_with_the_server(hosted: Hosted) -> None:
    def work(callback: Callback) -> None:
        while True:
            callback.relative_update(1)

    job = hosted.jobs.start("verify", work, by="me")
    hosted.close()
    ended(hosted, job.id)
    assert hosted.jobs.get(job.id).status == "cancelled"


@pytest.mark.parametrize("kind", ["repair", "gc", "doctor"])
def test_upkeep_is_for_administrators(client: TestClient, kind: str) -> None:
    headers = {"authorization": "ApiKey writer.secret"}
    answer = client.post(f"{V1}/jobs/{kind}", json={}, headers=headers)
    assert answer.status_code == 403
