"""What the API says about requests: how many, how quick, which, and what they take."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

import hopsartifacts
from hopsartifacts import Model, ModelSchema, Project, Schema, Transformer
from hopsartifacts.deployments.versions import read_deployment
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.serving.inference_log import exchange_reader
from hopsartifacts.serving.inference_log.data_set import date_of, file_of
from hopsartifacts.serving.inference_log.spool import Origin, Record
from tests.rest.api.listening import serving
from tests.serving.conftest import wait_until

Get = Callable[..., Any]

FLOWERS = "/deployments/flowers"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

SCRIPT = b"""class Predictor:
    def predict(self, inputs):
        if inputs == [[0]]:
            raise ValueError("no such flower")
        return inputs
"""
BROKEN = b"""COLOURS = {}["red"]


class Predictor:
    def predict(self, inputs):
        return inputs
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return hopsartifacts.login(str(tmp_path / "demo"))


@pytest.fixture
def api(hosted: Hosted, save_model: Callable[..., Model]) -> Iterator[httpx.Client]:
    """A client of a server, whose deployment flowers is stopped in the end."""
    save_model()
    with serving(hosted) as server:
        base = f"http://127.0.0.1:{server.port}/api/v1"
        headers = {"authorization": "ApiKey admin.secret"}
        with httpx.Client(
            base_url=base, headers=headers, trust_env=False, timeout=60
        ) as http:
            yield http
            hosted.project.get_model_serving().get_deployment("flowers").stop()


@pytest.fixture
def deploy(api: httpx.Client, project: Project) -> Callable[..., None]:
    """Save a version of flowers with a script, and start it or move to it."""

    def deploy(script: bytes, name: str, **settings: Any) -> None:
        project.storage.write(f"Resources/{name}", [script])
        body = {
            "model": "my_model",
            "model_version": 1,
            "script_file": f"Resources/{name}",
            **settings,
        }
        answer = api.put(FLOWERS, json=body)
        assert answer.is_success, answer.text
        job = api.post(f"{FLOWERS}/start").json()
        wait_until(
            lambda: api.get(f"/jobs/{job['id']}").json()["status"] != "running",
            timeout_s=60,
        )

    return deploy


def test_the_requests_of_a_running_deployment(
    api: httpx.Client, deploy: Callable[..., None]
) -> None:
    """With real processes: counts, times, the last error, the log, and usage."""
    assert api.get("/deployments").json()["items"] == []
    deploy(SCRIPT, "predict.py", inference_logger={"mode": "ALL"})
    ask = f"{FLOWERS}/predictions"
    for rows in ([[1]], [[2]], [[0]]):
        api.post(ask, json={"instances": rows})

    def total() -> Any:
        return api.get(f"{FLOWERS}/traffic").json()["total"]

    wait_until(lambda: total()["requests"] == 3, timeout_s=10)
    found = api.get(f"{FLOWERS}/traffic", params={"step": 60}).json()
    assert (found["source"], found["step_s"]) == ("processes", 60)
    assert (found["total"]["errors"], found["total"]["server_errors"]) == (1, 1)
    assert 0 < found["total"]["p50_ms"] <= found["total"]["p99_ms"] < 5000
    assert sum(it["requests"] for it in found["steps"]) == 3

    [row] = api.get("/deployments").json()["items"]
    assert sum(row["last_hour"]["requests"]) == 3
    assert row["last_hour"]["errors"] == 1
    assert row["last_hour"]["p95_ms"] > 0
    last = row["state"]["last_error"]
    assert last.pop("time").startswith("20")
    assert last == {
        "message": "no such flower",
        "type": "ValueError",
        "component": "predictor",
        "file": "predictor-predict.py",
        "line": 4,
        "version": 1,
    }
    for wanted, names in ((True, ["flowers"]), (False, [])):
        rows = api.get("/deployments", params={"has_errors": wanted}).json()["items"]
        assert [it["name"] for it in rows] == names

    logged = api.get(f"{FLOWERS}/requests").json()
    assert (logged["is_logged"], logged["advice"], logged["next"]) == (True, None, None)
    newest = logged["items"][0]
    assert (newest["status"], newest["request"]) == (500, '{"instances":[[0]]}')
    assert "no such flower" in newest["answer"]
    assert [it["status"] for it in logged["items"]] == [500, 200, 200]
    from_log = api.get(f"{FLOWERS}/traffic", params={"source": "inference_log"}).json()
    assert (from_log["total"]["requests"], from_log["total"]["errors"]) == (3, 1)
    assert from_log["total"]["p95_ms"] is None

    processes = api.get(f"{FLOWERS}/usage").json()["processes"]
    assert sorted(it["kind"] for it in processes) == ["keeper", "shipper", "worker"]
    for process in processes:
        assert process["memory_bytes"] > 1_000_000
        assert 0 <= process["cores"] < 64

    # A restart, also of the keeper, loses neither counts nor the requests at the end.
    api.post(ask, json={"instances": [[3]]})
    job = api.post(f"{FLOWERS}/stop").json()
    wait_until(lambda: api.get(f"/jobs/{job['id']}").json()["status"] == "done")
    assert total()["requests"] == 4
    assert api.get(f"{FLOWERS}/usage").json() == {"processes": []}
    assert api.get(f"{FLOWERS}/state").json()["last_error"]["line"] == 4
    [archive] = api.get(f"{FLOWERS}/logs/archives").json()["items"]
    assert not archive["is_written"]
    lines = api.get(f"{FLOWERS}/logs/archives/{archive['id']}/lines").json()["lines"]
    assert any("no such flower" in it["text"] for it in lines)


def test_the_error_of_a_script_that_cannot_start(
    api: httpx.Client, deploy: Callable[..., None]
) -> None:
    deploy(BROKEN, "broken.py")
    state = api.get(f"{FLOWERS}/state").json()
    assert state["status"] == "Failed"
    last = state["last_error"]
    assert (last["type"], last["file"], last["line"], last["version"]) == (
        "KeyError",
        "predictor-broken.py",
        1,
        1,
    )
    # The next run begins without it.
    deploy(SCRIPT, "predict.py")
    assert api.get(f"{FLOWERS}/state").json()["last_error"] is None
    # A version that cannot start is an error, although another one keeps running.
    deploy(BROKEN, "broken.py")
    wait_until(lambda: api.get(f"{FLOWERS}/state").json()["status"] == "Running")
    assert api.get(f"{FLOWERS}/state").json()["last_error"]["version"] == 3


def test_each_endpoint_answers_its_example(
    api: httpx.Client, deploy: Callable[..., None], save_model: Callable[..., Model]
) -> None:
    save_model(input_example=[[1.5, 2], [3, 4]])
    deploy(SCRIPT, "predict.py", model_version=2)
    found = api.get(f"{FLOWERS}/endpoints").json()
    assert (found["is_answering"], found["example"]) == (True, "input_example")
    kinds = [(it["place"], it["protocol"]) for it in found["endpoints"]]
    assert kinds == [("server", "V1"), ("process", "V1"), ("process", "V2")]
    for endpoint in found["endpoints"]:
        headers = api.headers if endpoint["needs_key"] else {}
        answer = httpx.post(
            endpoint["url"], json=endpoint["body"], headers=headers, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        if endpoint["protocol"] == "V1":
            assert answer.json() == {"predictions": [[1.5, 2], [3, 4]]}
        else:
            assert answer.json()["outputs"][0]["data"] == [1.5, 2, 3, 4]


def test_the_columns_of_a_request_come_from_the_schema(
    get: Get, save_model: Callable[..., Model], make_script: Callable[..., Path]
) -> None:
    schema = ModelSchema(Schema({"age": "int", "name": "str", "ratio": "double"}))
    model = save_model(model_schema=schema)
    model.deploy("flowers", script_file=make_script())
    assert get(f"{FLOWERS}/endpoints")["columns"] == [
        {"name": "age", "datatype": "INT64"},
        {"name": "name", "datatype": "BYTES"},
        {"name": "ratio", "datatype": "FP64"},
    ]
    code = "class Transformer:\n    def preprocess(self, inputs): return inputs\n"
    transformer = Transformer(make_script(code, "transformer.py"))
    model.deploy("flowers", script_file=make_script(), transformer=transformer)
    assert get(f"{FLOWERS}/endpoints")["columns"] == []


@pytest.mark.parametrize(
    ("settings", "example", "source", "bodies"),
    [
        ({}, None, None, {"V1": None}),
        ({}, [[1]], "input_example", {"V1": {"instances": [[1]]}}),
        ({}, {"instances": [[1]]}, "input_example", {"V1": {"instances": [[1]]}}),
        (
            {"golden_request": [[2]]},
            [[1]],
            "golden_request",
            {"V1": {"instances": [[2]]}},
        ),
        (
            {"api_protocol": "GRPC"},
            [[1]],
            "input_example",
            {
                "V1": {"instances": [[1]]},
                "V2": {
                    "inputs": [
                        {
                            "name": "input-0",
                            "shape": [1, 1],
                            "datatype": "INT64",
                            "data": [1],
                        }
                    ]
                },
            },
        ),
    ],
)
def test_examples_come_from_the_deployment_or_its_model(
    get: Get,
    save_model: Callable[..., Model],
    make_script: Callable[..., Path],
    settings: dict[str, Any],
    example: Any,
    source: str | None,
    bodies: dict[str, Any],
) -> None:
    model = save_model(input_example=example)
    model.deploy("flowers", script_file=make_script(), **settings)
    found = get(f"{FLOWERS}/endpoints")
    assert (found["is_answering"], found["example"]) == (False, source)
    assert {it["protocol"]: it["body"] for it in found["endpoints"]} == bodies
    for endpoint in found["endpoints"]:
        assert endpoint["url"].endswith("/api/v1/deployments/flowers/predictions")


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-11-30T10:00:00Z", "to": "2026-11-30T10:00:00Z"},
        {"from": "2026-11-30T10:00:00Z", "to": "2026-11-29T10:00:00Z"},
        {"from": "2026-11-30T10:00:00"},
        {"from": "yesterday"},
        {"from": "1000-01-01T00:00:00Z"},
        {"to": "9999-12-31T23:59:59Z", "from": "2000-01-01T00:00:00Z"},
        {"to": "9999-12-31T23:59:59Z"},
        {"to": "9999-12-31T23:59:59-23:59", "source": "inference_log"},
        {"step": 1},
        {"step": 90},
        {"step": 60, "from": "2026-11-01T00:00:00Z", "to": "2026-11-30T00:00:00Z"},
        {"source": "somewhere"},
    ],
)
def test_periods_that_are_refused(
    client: TestClient, save_model: Any, make_script: Any, query: dict[str, Any]
) -> None:
    save_model().deploy("flowers", script_file=make_script())
    answer = client.get(f"/api/v1{FLOWERS}/traffic", params=query)
    assert answer.status_code == 400, answer.text


@pytest.fixture
def log(
    project: Project, save_model: Callable[..., Model], make_script: Callable[..., Path]
) -> Callable[..., None]:
    """Add a file with exchanges of flowers to the inference log."""
    save_model().deploy(
        "flowers", script_file=make_script(), inference_logger={"mode": "ALL"}
    )
    sealed = read_deployment(project.storage, "flowers")
    made = iter(range(1_000_000))

    def add(
        *moments: datetime, status: int = 200, of: str = sealed.id, body: str = ""
    ) -> None:
        origin = Origin(
            deployment="flowers",
            deployment_id=of,
            deployment_version=1,
            model="my_model",
            model_version=1,
            kafka_topic=None,
            kafka_servers=None,
        )
        number = next(made)
        records = [
            Record(
                id=f"{number}-{at}",
                received_ms=round(moment.timestamp() * 1000),
                status=status,
                request=f'{{"instances": [{at}{body}]}}'.encode(),
                answer=b'{"predictions": [1]}',
            )
            for at, moment in enumerate(moments)
        ]
        folder = f"Logs/inference/flowers/date={date_of(records[0])}"
        path = f"{folder}/v1-{number:08}-0.parquet"
        assert project.storage.create(path, file_of(origin, records, 1))

    return add


def every(get: Get, limit: int) -> list[Any]:
    found, cursor = [], ""
    for _ in range(100):
        page = get(f"{FLOWERS}/requests", limit=limit, cursor=cursor)
        assert len(page["items"]) <= limit
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found
    raise AssertionError(cursor)


@pytest.mark.parametrize("limit", [1, 7, 200])
@pytest.mark.parametrize("budget_bytes", [exchange_reader.BUDGET_BYTES, 1, 40_000])
def test_logged_requests_come_newest_first_and_once(
    get: Get,
    log: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    budget_bytes: int,
) -> None:
    """Files overlap in time, equal times occur, and a budget may end a page early."""
    monkeypatch.setattr(exchange_reader, "BUDGET_BYTES", budget_bytes)
    for file in range(4):
        log(*(NOON + timedelta(seconds=2 * at + file % 2) for at in range(5)))
    log(*(NOON - timedelta(days=1, seconds=at) for at in range(5)))
    log(NOON, of="another deployment")
    found = every(get, limit)
    times = [it["time"] for it in found]
    assert times == sorted(times, reverse=True)
    assert len({it["id"] for it in found}) == len(found) == 25
    assert all(it["request"] and it["answer"] for it in found)


def test_long_bodies_are_cut(get: Get, log: Callable[..., None]) -> None:
    log(NOON, body="0" * 20_000)
    [row] = get(f"{FLOWERS}/requests")["items"]
    assert row["is_cut"]
    assert len(row["request"]) == 16 * 1024


@pytest.mark.parametrize("cursor", ["x", "%", "WyJ4Il0", "e30"])
def test_foreign_cursors_are_refused(
    client: TestClient, log: Callable[..., None], cursor: str
) -> None:
    log(NOON)
    answer = client.get(f"/api/v1{FLOWERS}/requests", params={"cursor": cursor})
    assert answer.status_code == 400


def test_traffic_is_counted_in_the_log_if_it_ran_elsewhere(
    get: Get, log: Callable[..., None]
) -> None:
    log(*(NOON + timedelta(minutes=at) for at in range(10)))
    log(NOON + timedelta(minutes=1), status=503)
    log(NOON, of="another deployment")
    found = get(
        f"{FLOWERS}/traffic",
        **{"from": "2026-11-23T11:00:00Z", "to": "2026-11-23T13:00:00Z", "step": 300},
    )
    assert found["source"] == "inference_log"
    assert found["since"] == "2026-11-23T11:00:00Z"
    steps = {it["start"]: it for it in found["steps"]}
    assert len(steps) == 24
    assert steps["2026-11-23T12:00:00Z"]["requests"] == 6
    assert steps["2026-11-23T12:00:00Z"]["server_errors"] == 1
    assert steps["2026-11-23T12:05:00Z"]["requests"] == 5
    assert found["total"]["requests"] == 11


def test_a_log_that_is_too_long_is_counted_from_later_on(
    get: Get, log: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (22, 23, 24):
        log(NOON.replace(day=day))
    every(get, 1)  # reads how far each file reaches
    monkeypatch.setattr(exchange_reader, "BUDGET_BYTES", 1)
    query = {"from": "2026-11-22T00:00:00Z", "to": "2026-11-25T00:00:00Z"}
    found = get(f"{FLOWERS}/traffic", **query)
    assert found["since"] == "2026-11-23T12:00:00Z"
    assert found["total"]["requests"] == 1
    assert min(it["start"] for it in found["steps"]) >= found["since"]


@pytest.mark.parametrize(
    ("logger", "words"),
    [
        (None, "does not log its requests: save it with inference_logger="),
        ({"mode": "NONE"}, "does not log its requests"),
        ({"mode": "ALL", "kafka_topic": {"name": "flowers-log"}}, "'flowers-log'"),
    ],
)
def test_without_a_log_the_way_to_one_is_told(
    get: Get, save_model: Any, make_script: Any, logger: Any, words: str
) -> None:
    if logger and "kafka_topic" in logger:
        logger = {**logger, "kafka_topic": logger["kafka_topic"]["name"]}
    save_model().deploy("flowers", script_file=make_script(), inference_logger=logger)
    found = get(f"{FLOWERS}/requests")
    assert (found["items"], found["next"], found["is_logged"]) == ([], None, False)
    assert words in found["advice"]
    assert get(f"{FLOWERS}/traffic")["since"] is None


def test_a_file_of_another_kind_in_the_log_is_named(
    client: TestClient, log: Callable[..., None], project: Project
) -> None:
    log(NOON)
    path = "Logs/inference/flowers/date=2026-11-23/v1-x-0.parquet"
    project.storage.create(path, b"something else")
    for kind in ("requests", "traffic?source=inference_log&from=2026-11-23T00:00:00Z"):
        answer = client.get(f"/api/v1{FLOWERS}/{kind}")
        assert answer.status_code == 500, answer.text
        assert "v1-x-0.parquet" in answer.json()["detail"]
