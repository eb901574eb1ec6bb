"""The logs of ended runs over HTTP: listed, read in parts, and as files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import hopsartifacts
from hopsartifacts import Model, Project
from hopsartifacts.serving.local import log_archives

Get = Callable[..., Any]

ARCHIVES = "/deployments/flowers/logs/archives"
LINES = [f"line {number}" for number in range(1, 301)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return hopsartifacts.login(str(tmp_path / "demo"))


@pytest.fixture
def log(project: Project) -> Callable[..., str]:
    """Write the log of a run that has ended; return the id of its archive."""
    folder = project.storage.local_path("Logs/Serving/flowers")
    assert folder is not None

    def write(*files: str, name: str = "20261130-101500_d-1_0a1b2c3d") -> str:
        folder.mkdir(parents=True, exist_ok=True)
        *rotated, newest = files
        path = folder / f"{name}_predictor.log"
        for number, text in enumerate(rotated, start=1):
            path.with_name(f"{path.name}.{number}").write_text(text)
        path.write_text(newest)
        return name

    return write


@pytest.fixture
def three(log: Callable[..., str]) -> str:
    """A log of three files of a hundred lines."""
    parts = [LINES[at : at + 100] for at in range(0, 300, 100)]
    return log(*("".join(f"{line}\n" for line in part) for part in parts))


def texts(answer: Any) -> list[str]:
    return [line["text"] for line in answer["lines"]]


def test_runs_are_listed_newest_first(get: Get, log: Callable[..., str]) -> None:
    log("a\n", name="20261129-101500_d-1_00000001")
    log("a\nb\n", name="20261130-101500_d-2_00000002")
    first, second = get(ARCHIVES)["items"]
    assert first == {
        "id": "20261130-101500_d-2_00000002",
        "deployment_id": "d-2",
        "is_earlier": True,
        "started": "2026-11-30T10:15:00Z",
        "is_written": False,
        "logs": [{"component": "predictor", "size_bytes": 4}],
    }
    assert second["started"] == "2026-11-29T10:15:00Z"
    page = get(ARCHIVES, limit=1)
    assert (page["total"], page["items"]) == (2, [first])
    assert get(ARCHIVES, limit=1, cursor=page["next"])["items"] == [second]


def test_logs_of_a_deleted_deployment_can_be_read(
    get: Get, log: Callable[..., str], client: TestClient
) -> None:
    assert client.get("/api/v1/deployments/flowers").status_code == 404
    archive = log("it was here\n")
    assert [it["id"] for it in get(ARCHIVES)["items"]] == [archive]
    assert texts(get(f"{ARCHIVES}/{archive}/lines")) == ["it was here"]


def test_without_logs_the_deployment_must_exist(
    get: Get, client: TestClient, save_model: Callable[..., Model], make_script: Any
) -> None:
    assert client.get(f"/api/v1{ARCHIVES}").status_code == 404
    save_model().deploy("flowers", script_file=make_script())
    assert get(ARCHIVES)["items"] == []


def test_a_log_is_read_backwards_from_its_end(get: Get, three: str) -> None:
    path, found, before = f"{ARCHIVES}/{three}/lines", list[str](), ""
    while True:
        answer = get(path, limit=70, before=before)
        found = texts(answer) + found
        before = answer["earlier"]
        if before is None:
            break
    assert found == LINES
    assert get(path)["later"] is None


def test_a_log_is_read_forwards_from_any_line(get: Get, three: str) -> None:
    path = f"{ARCHIVES}/{three}/lines"
    found = get(path, limit=250)
    position = found["lines"][0]["position"]
    # The line of a link comes last, and what follows comes after it.
    assert texts(get(path, limit=2, before=position)) == LINES[49:51]
    after, rest = position, list[str]()
    while after:
        answer = get(path, limit=64, after=after)
        rest += texts(answer)
        after = answer["later"]
    assert rest == LINES[51:]


def test_positions_stay_the_same_when_a_log_is_rotated(
    get: Get, three: str, project: Project
) -> None:
    path = f"{ARCHIVES}/{three}/lines"
    last = get(path, limit=1)["lines"][0]
    folder = project.storage.local_path("Logs/Serving/flowers")
    assert folder is not None
    name = f"{three}_predictor.log"
    (folder / name).rename(folder / f"{name}.3")
    (folder / name).write_text("line 301\n")
    assert get(path, limit=1, before=last["position"])["lines"] == [last]
    assert texts(get(path, after=last["position"])) == ["line 301"]


def test_a_log_that_is_rotated_while_it_is_taken_stays_the_same(
    three: str, project: Project
) -> None:
    folder = project.storage.local_path("Logs/Serving/flowers")
    assert folder is not None
    taken = log_archives.archived_log([folder], three, "predictor").chunks(0)
    first = next(taken)
    name = f"{three}_predictor.log"
    (folder / name).rename(folder / f"{name}.3")
    (folder / name).write_text("another line\n" * 300)
    text = b"".join([first, *taken]).decode()
    assert text == "".join(f"{line}\n" for line in LINES)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"before": "elsewhere/1:0"}, 400),
        ({"after": "20261130-101500_d-1_0a1b2c3d_predictor.log/1:x"}, 400),
        ({"after": "20261130-101500_d-1_0a1b2c3d_predictor.log/9:0"}, 404),
        ({"after": "20261130-101500_d-1_0a1b2c3d_predictor.log/3:99999"}, 404),
        ({"after": "a/1:0", "before": "a/1:0"}, 400),
        ({"limit": 10_001}, 400),
        ({"limit": 0}, 400),
        ({"component": "keeper"}, 400),
        ({"component": "transformer"}, 404),
    ],
)
def test_what_is_not_in_the_log_is_refused(
    client: TestClient, three: str, query: dict[str, Any], status: int
) -> None:
    answer = client.get(f"/api/v1{ARCHIVES}/{three}/lines", params=query)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("name", ["..", "..%2F..%2Fsecret", "x", "%00", "*"])
def test_only_archives_can_be_read(client: TestClient, three: str, name: str) -> None:
    assert three
    for kind in ("lines", "content"):
        answer = client.get(f"/api/v1{ARCHIVES}/{name}/{kind}")
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("\n", [""]),
        ("a\n\nb", ["a", "", "b"]),
        ("a\r\x0b\x85\n", ["a\r\x0b\x85"]),
        ("日本\n🌼\n", ["日本", "🌼"]),
    ],
)
def test_every_log_has_lines(
    get: Get, log: Callable[..., str], text: str, lines: list[str]
) -> None:
    archive = log(text)
    assert texts(get(f"{ARCHIVES}/{archive}/lines")) == lines


def test_lines_without_end_come_in_parts(
    get: Get, log: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_archives, "MOST_TAIL_BYTES", 1000)
    archive = log("x" * 2500)
    path, found = f"{ARCHIVES}/{archive}/lines", ""
    before: str | None = ""
    while before is not None:
        answer = get(path, before=before)
        found = "".join(texts(answer)) + found
        before = answer["earlier"]
    assert found == "x" * 2500
    answer = get(path, after=f"{archive}_predictor.log/1:0")
    assert texts(answer) == ["x" * 1000]


def test_a_log_is_a_file(client: TestClient, three: str) -> None:
    path = f"/api/v1{ARCHIVES}/{three}/content"
    answer = client.get(path)
    assert answer.text.splitlines() == LINES
    assert answer.headers["content-disposition"].startswith("attachment")
    part = client.get(path, headers={"range": "bytes=890-909"})
    assert part.status_code == 206
    assert part.content == answer.content[890:910]
