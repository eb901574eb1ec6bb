"""The access log: what it says of a request, and what it never says."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts.errors import StorageError
from hopsartifacts.rest.access_log import log_to
from hopsartifacts.rest.hosted import Hosted

API = "/hopsworks-api/api"


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    """Put back what logging was set to."""
    loggers = [logging.getLogger(it) for it in (None, "hopsartifacts.access")]
    before = [(it, it.handlers, it.level, it.propagate) for it in loggers]
    yield
    logging.captureWarnings(capture=False)
    for logger, handlers, level, propagate in before:
        for handler in logger.handlers:
            if handler not in handlers:
                handler.close()
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture
def log(tmp_path: Path, _logging_as_before: None) -> Callable[[], list[dict[str, Any]]]:
    """Return the lines of the log."""
    path = tmp_path / "access.log"
    log_to(path)
    return lambda: [json.loads(it) for it in path.read_text().splitlines()]


def test_each_request_is_a_line(
    client: TestClient, log: Callable[[], list[dict[str, Any]]]
) -> None:
    answer = client.get(f"{API}/variables/kube_kserve_installed")
    (line,) = log()
    assert line.pop("seconds") >= 0
    assert line.pop("time").endswith("Z")
    assert line == {
        "request": answer.headers["x-request-id"],
        "client": "testclient",
        "key": "admin",
        "method": "GET",
        "operation": f"{API}/variables/{{name}}",
        "path": f"{API}/variables/kube_kserve_installed",
        "status": 200,
        "whole": True,
        "bytes_in": 0,
        "bytes_out": len(answer.content),
    }


def test_refusals_and_unknown_paths_are_lines_too(
    client: TestClient, log: Callable[[], list[dict[str, Any]]]
) -> None:
    client.get("/none/%2e%2E%0a?x=1")
    client.get("/metrics", headers={"authorization": "ApiKey reader.wrong"})
    client.put(f"{API}/project/1/modelregistries/1/models/a_1", content="{" * 9)
    seen = [(it["status"], it["key"], it["operation"] == "") for it in log()]
    assert seen == [(404, "", True), (401, "", False), (400, "admin", False)]
    assert [it["bytes_in"] for it in log()] == [0, 0, 9]
    assert log()[0]["path"] == "/none/%2e%2E%0a"


def test_secrets_are_not_in_it(
    client: TestClient, tmp_path: Path, log: Callable[[], list[dict[str, Any]]]
) -> None:
    secret = "dontlookatme"  # noqa: S105 - none
    for authorization in (secret, f"ApiKey {secret}", f"ApiKey admin.{secret}"):
        client.post(
            f"{API}/project?token={secret}",
            headers={"authorization": authorization, "cookie": secret},
            json={"password": secret},
        )
    assert len(log()) == 3
    client.get("/health", headers={"authorization": "ApiKey admin.secret"})
    text = (tmp_path / "access.log").read_text()
    assert secret not in text
    assert "admin.secret" not in text


def test_a_request_keeps_an_id_that_it_was_given(
    client: TestClient, log: Callable[[], list[dict[str, Any]]]
) -> None:
    def asked(number: str) -> str:
        headers = {"x-request-id": number}
        given: str = client.get("/health", headers=headers).headers["x-request-id"]
        return given

    assert asked("from-proxy_1.2") == "from-proxy_1.2"
    for number in ("", "a b", 'a"', "x" * 65):
        assert asked(number) not in {number, ""}
    assert len({it["request"] for it in log()}) == 5


@pytest.mark.usefixtures("_logging_as_before")
def test_what_nobody_foresaw_is_told_once_with_the_id(
    client: TestClient,
    hosted: Hosted,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: str) -> None:
        raise RuntimeError("what a pity")

    monkeypatch.setattr(hosted.keys, "find", fail)
    log_to(None)
    answer = client.get(f"{API}/project", headers={"x-request-id": "mine"})
    assert answer.status_code == 500
    said = [json.loads(it) for it in capsys.readouterr().err.splitlines()]
    errors = [it for it in said if "level" in it]
    assert [(it["level"], it["request"]) for it in errors] == [("error", "mine")]
    assert "RuntimeError: what a pity" in errors[0]["trace"]
    assert [it["status"] for it in said if "status" in it] == [500]


def test_a_log_that_was_moved_away_is_made_again(
    client: TestClient, tmp_path: Path, log: Callable[[], list[dict[str, Any]]]
) -> None:
    client.get("/health")
    path = tmp_path / "access.log"
    assert path.stat().st_mode & 0o777 == 0o600
    path.rename(tmp_path / "access.log.1")
    client.get("/health")
    client.get("/health")
    assert len(log()) == 2


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write the access log"):
        log_to(tmp_path / "none" / "access.log")
