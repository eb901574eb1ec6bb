"""Live state: told to who listens, goes on where it was, ends when somebody leaves."""

import asyncio
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts import Project
from hopsartifacts.rest import deployment_states, event_streams
from hopsartifacts.rest.api import events
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.event_streams import Announcer
from hopsartifacts.rest.hosted import Hosted, ServerSettings
from hopsartifacts.rest.uploads import Uploads
from hopsartifacts.testing.states_only import StatesOnly
from tests.rest.api.listening import Serving, serving
from tests.rest.conftest import FixedKeys


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment_states, "_PAUSE_S", 0.02)
    monkeypatch.setattr(deployment_states, "_SHORTEST_S", 0.02)


@pytest.fixture
def server(project: Project) -> Iterator[Serving]:
    settings = ServerSettings(max_listeners=2, max_log_listeners=1)
    with serving(Hosted(project, FixedKeys(), None, settings)) as running:
        yield running


def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(condition)


def test_who_listens_hears_of_deployments(
    server: Serving, deployed: Callable[..., Any], backend: StatesOnly
) -> None:
    with server.listen() as listener:
        assert listener.answer.status == 200
        assert listener.answer.headers["content-type"].startswith("text/event-stream")
        assert listener.answer.headers["cache-control"] == "no-store"
        first = listener.next()
        assert (first.name, first.data) == ("reload", {})
        until(lambda: server.hosted.watch._told is not None)
        deployment = deployed()
        made = listener.until("deployment", name="flowers")[-1]
        assert made.data["version"] == 1
        assert made.data["state"]["status"] == "Created"
        deployment.start()
        running = listener.until("deployment", name="flowers")[-1]
        assert running.data["state"]["status"] == "Running"
        assert backend.running
        deployment.delete(force=True)
        listener.until("deployment-removed", name="flowers")


def test_each_change_of_a_deployment_is_an_event(
    server: Serving, deployed: Callable[..., Any]
) -> None:
    with server.listen() as listener:
        listener.next()
        until(lambda: server.hosted.watch._told is not None)
        deployment = deployed()
        entry = listener.until("deployment", name="flowers")[-1].data["entry"]
        deployment.description = "roses"
        deployment.save()
        second = listener.until("deployment", name="flowers")[-1].data
        assert (second["version"], second["entry"]) == (2, entry + 1)
        deployment.set_tag("colour", "red")
        tagged = listener.until("deployment", name="flowers")[-1].data
        assert (tagged["version"], tagged["entry"]) == (2, entry + 2)
        deployment.delete_version(1)
        last = listener.until("deployment", name="flowers")[-1].data
        assert (last["version"], last["entry"]) == (2, entry + 3)


def test_who_listens_hears_of_jobs(server: Serving) -> None:
    with server.listen() as listener:
        listener.next()
        job = server.hosted.jobs.start("verify", lambda _: 1, by="me")
        heard = listener.until("job", status="done")
        assert [it.data["status"] for it in heard] == ["running", "done"]
        assert {it.data["id"] for it in heard} == {job.id}
        assert heard[-1].data["result"] is None


def test_who_listens_hears_of_models_and_aliases(
    server: Serving, project: Project, save_model: Callable[..., Any]
) -> None:
    """Also of what other processes change: these calls bypass the server."""
    with server.listen() as listener:
        listener.next()
        until(lambda: server.hosted.watch._told is not None)
        saved = save_model("iris")
        assert listener.next().data == {"name": "iris"}
        saved.set_alias("champion", why="the best one")
        heard = listener.until("model", name="iris")
        assert [(it.name, it.data) for it in heard] == [
            ("alias", {"model": "iris", "alias": "champion", "version": 1}),
            ("model", {"name": "iris"}),
        ]
        project.get_model_registry().delete_alias("iris", "champion")
        assert listener.until("model")[0].data["version"] is None
        saved.delete()
        assert [it.name for it in listener.until("model-removed", name="iris")] == [
            "model-removed"
        ]


def test_what_a_job_has_written_is_told_at_once(
    memory_project: Project, tmp_path: Path
) -> None:
    """On remote storage, the logs are otherwise looked at every ten seconds."""
    (tmp_path / "model.bin").write_bytes(b"model")

    def work(_: object) -> None:
        registry = memory_project.get_model_registry()
        registry.python.create_model("roses").save(tmp_path / "model.bin")

    hosted = Hosted(memory_project, FixedKeys(), None)
    with serving(hosted) as server, server.listen() as listener:
        until(lambda: hosted.watch._told is not None)
        start = time.monotonic()
        hosted.jobs.start("save", work, by="admin", subject="roses")
        listener.until("model", name="roses")
        assert time.monotonic() - start < 5


def test_models_that_are_there_already_are_no_news(
    server: Serving, save_model: Callable[..., Any]
) -> None:
    save_model("old")
    with server.listen() as listener:
        listener.next()
        until(lambda: server.hosted.watch._told is not None)
        save_model("new")
        assert listener.next().data == {"name": "new"}


def test_who_listens_hears_of_files(project: Project, tmp_path: Path) -> None:
    uploads = Uploads(project.storage, tmp_path / "server")
    with serving(Hosted(project, FixedKeys(), uploads)) as server:
        hears_of_files(server)
    uploads.close()


def hears_of_files(server: Serving) -> None:
    headers = {"authorization": "ApiKey admin.secret"}

    def send(method: str, path: str, body: bytes | None = None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        with closing(connection):
            connection.request(method, path, body, headers)
            assert connection.getresponse().status < 300, path

    path = "Resources%2Fa.txt"
    singles = server.hosted.uploads.single
    upload = singles.begin("Resources/up", 0, "admin", overwrite=False)
    again = b'{"source": "Resources/up", "target": "Resources/new"}'
    datasets = f"/hopsworks-api/api/project/{server.hosted.project_id}/dataset"
    with server.listen() as listener:
        listener.next()
        for method, url, body, changed in (
            ("PUT", f"/api/v1/files/{path}/content", b"1", ["Resources/a.txt"]),
            ("PUT", "/api/v1/folders/Resources%2Fb", None, ["Resources/b"]),
            (
                "POST",
                f"{datasets}/{path}?action=move&destination_path=Resources%2Fc.txt",
                None,
                ["Resources/a.txt", "Resources/c.txt"],
            ),
            ("POST", f"/api/v1/uploads/{upload.id}/finish", b"{}", ["Resources/up"]),
            ("POST", "/api/v1/copies", again, ["Resources/new"]),
            ("DELETE", "/api/v1/files/Resources%2Fnew", None, ["Resources/new"]),
            ("POST", "/api/v1/moves", again, ["Resources/up", "Resources/new"]),
            ("DELETE", "/api/v1/files/Resources%2Fc.txt", None, ["Resources/c.txt"]),
            ("DELETE", f"{datasets}/Resources%2Fb", None, ["Resources/b"]),
        ):
            send(method, url, body)
            for expected in changed:
                heard = listener.next()
                assert (heard.name, heard.data) == ("file", {"path": expected})


def test_who_was_away_hears_what_was_missed(
    server: Serving, deployed: Callable[..., Any]
) -> None:
    with server.listen() as listener:
        listener.next()
        until(lambda: server.hosted.watch._told is not None)
        deployment = deployed()
        mark = listener.until("deployment", name="flowers")[-1].mark
    until(lambda: server.hosted.watch._thread is None)
    server.hosted.jobs.start("verify", lambda _: 1, by="me")
    deployment.start()
    with server.listen(mark=mark) as listener:
        heard = listener.until("deployment", name="flowers")
    assert [it.name for it in heard] == ["job", "job", "deployment"]
    assert heard[-1].data["state"]["status"] == "Running"
    with server.listen(mark=heard[0].mark) as listener:
        assert listener.next() == heard[1]
        assert listener.next() == heard[2]


@pytest.mark.parametrize(
    "mark", ["x", "0-1", "other-99999999999999999999999", "-", "é"]
)
def test_an_unknown_event_id_gets_a_reload(server: Serving, mark: str) -> None:
    with server.listen(mark=mark) as listener:
        assert listener.next().name == "reload"


def test_an_open_connection_is_kept_awake(
    server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "HEARTBEAT_S", 0.02)
    with server.listen() as listener:
        assert [
            it.name for it in (listener.next(), listener.next(), listener.next())
        ] == [
            "reload",
            "",
            "",
        ]


def test_a_stream_ends_after_a_while(
    server: Serving, deployed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed().start()
    for module in (event_streams, events):
        monkeypatch.setattr(module, "LONGEST_S", 0.1)
        monkeypatch.setattr(module, "HEARTBEAT_S", 0.02)
    for path, last in (("/events", ""), ("/deployments/flowers/logs/follow", "")):
        with server.listen(path) as listener:
            assert [it.name for it in listener][-1] == last


def test_who_leaves_is_forgotten(server: Serving) -> None:
    hosted = server.hosted
    for _ in range(4):
        with server.listen() as listener:
            listener.next()
            assert hosted.announcer.has_listeners
        until(lambda: not hosted.announcer.has_listeners)
        until(lambda: hosted.listeners.count == 0)
    until(lambda: hosted.watch._thread is None)


@pytest.mark.parametrize("path", ["/events", "/deployments/flowers/logs/follow"])
def test_a_stream_ends_when_its_key_does(
    server: Serving,
    deployed: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:
    deployed().start()
    monkeypatch.setattr(event_streams, "KEY_S", 0.1)
    with server.listen(path) as listener, server.listen("/events") as other:
        other.next()
        monkeypatch.setattr(FixedKeys, "find", lambda *_: None)
        began = time.monotonic()
        # To its end, which is one that clients take for one.
        assert all(it.name in {"reload", "line", "deployment"} for it in listener)
        assert time.monotonic() - began < 3
        assert listener.answer.read() == b""
    until(lambda: server.hosted.listeners.count == 0)


def test_a_stream_ends_when_keys_cannot_be_read(
    server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RefusedError("the server cannot read its keys", 503)

    monkeypatch.setattr(event_streams, "KEY_S", 0.1)
    with server.listen() as listener:
        listener.next()
        monkeypatch.setattr(FixedKeys, "find", fail)
        assert [*listener] == []


def test_only_so_many_may_listen(server: Serving) -> None:
    with server.listen() as one, server.listen() as two, server.listen() as three:
        assert [it.answer.status for it in (one, two, three)] == [200, 200, 429]
        assert three.answer.headers["retry-after"]
        assert b"2 clients listen already" in three.answer.read()


def test_a_server_that_stops_lets_go_of_listeners(server: Serving) -> None:
    with server.listen() as listener:
        listener.next()
        started = time.monotonic()
        server.stop()
        assert list(listener) == []
        assert time.monotonic() - started < 5


def test_headers_can_be_asked_for_alone(server: Serving) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"authorization": "ApiKey admin.secret"}
    for _ in range(4):  # more than may listen
        connection.request("HEAD", "/api/v1/events", headers=headers)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
    connection.close()


def test_a_log_is_followed_until_it_ends(
    server: Serving, deployed: Callable[..., Any], backend: StatesOnly
) -> None:
    deployed().start()
    with server.listen("/deployments/flowers/logs/follow?tail=3") as listener:
        line = listener.next()
        assert (line.name, line.data) == ("line", {"text": "flowers predictor 3"})
        backend.running.clear()
        assert [it.name for it in listener] == ["end"]
    with server.listen("/deployments/flowers/logs/follow", line.mark) as listener:
        assert [it.name for it in listener] == ["end"]
    with server.listen("/deployments/nothing/logs/follow") as listener:
        assert listener.answer.status == 404


def test_who_follows_a_log_and_leaves_is_forgotten(
    server: Serving, deployed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.02)
    deployed().start()
    threads = threading.active_count()
    path = "/deployments/flowers/logs/follow"
    for _ in range(3):
        with server.listen(path) as listener, server.listen(path) as second:
            listener.next()
            assert listener.next().name == ""
            assert second.answer.status == 429
        until(lambda: server.hosted.log_listeners.count == 0)
    with server.listen(path) as listener:
        listener.next()
        server.stop()
    assert threading.active_count() <= threads + 2  # idle workers of the loop


def test_a_slow_listener_costs_no_memory_and_gets_a_reload() -> None:
    announcer = Announcer(kept=3)

    async def walk() -> list[bytes]:
        frames = announcer.listen()
        found = [await anext(frames), await anext(frames)]
        for number in range(2):
            announcer.publish("job", number)
        found.append(await anext(frames))
        for number in range(2, 10):
            announcer.publish("job", number)
        found += [await anext(frames), await anext(frames)]
        announcer.close()
        found += [it async for it in frames]
        return found

    told = [it.split(b"event: ")[-1].split(b"\n")[0] for it in asyncio.run(walk())]
    # What was fetched before it fell behind is still given out.
    assert told == [b"retry: 3000", b"reload", b"job", b"job", b"reload"]
