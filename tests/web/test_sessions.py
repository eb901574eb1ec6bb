"""Browsers that are logged in: the cookie, where it counts, and when it ends."""

import json
import logging
import re
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from hopsartifacts.errors import StorageError
from hopsartifacts.rest import browsers
from hopsartifacts.rest.application import API_OPERATIONS
from hopsartifacts.rest.hosted import Hosted, ServerSettings
from hopsartifacts.rest.keys import Keys
from hopsartifacts.rest.operations import Operation
from hopsartifacts.web import sessions as module
from hopsartifacts.web.sessions import (
    FILE,
    IDLE,
    LONGEST,
    MOST_OF_KEY,
    BrowserSessions,
)
from hopsartifacts.web.site import shared
from tests.web.conftest import ORIGIN, PAGE, Clock, OpenBrowser, log_in

HOPSWORKS = "/hopsworks-api/api"
ME = "/api/v1/me"
MakeKey = Callable[..., str]
Restart = Callable[[], BrowserSessions]
CHANGES = [it for it in API_OPERATIONS if it.method != "GET"]


NAIVE = {
    **dict.fromkeys(("id", "key", "address", "agent"), "a"),
    **dict.fromkeys(("created", "used", "expires"), "2030-01-01T00:00:00"),
}
"""A session whose times have no time zone."""


def filled(operation: Operation) -> str:
    """Return a path of *operation*, with a value for each parameter."""
    return re.sub(r"{\w+}", "1", operation.path)


def test_a_browser_logs_in_with_a_key(browser: TestClient, make_key: MakeKey) -> None:
    assert browser.get(ME).status_code == 401
    assert log_in(browser, make_key("ann", "read", "deploy")) == 204
    assert browser.get(ME).json() == {
        "name": "ann",
        "scopes": ["deploy", "read"],
        "allows": ["read", "deploy"],
        "login": "session",
        "read_only": False,
        "has_keys": True,
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"key": "wrong.secret"}, 401),
        ({"key": ""}, 401),
        ({"key": "\ud800"}, 400),
        ({}, 400),
        ({"key": 1}, 400),
        ({"key": "a", "keys": "b"}, 400),
    ],
)
def test_without_a_valid_key_there_is_no_session(
    browser: TestClient, body: object, status: int
) -> None:
    answer = browser.post("/ui/session", content=json.dumps(body))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "set-cookie" not in answer.headers
    assert browser.get(ME).status_code == 401


def test_logins_in_browsers_count_as_failed_ones_too(browser: TestClient) -> None:
    statuses = [log_in(browser, f"key{number}.wrong") for number in range(12)]
    assert statuses == [401] * 10 + [429] * 2


def attributes(answer: Response) -> tuple[str, dict[str, str]]:
    """Return the name of the cookie that is set, and its attributes."""
    (line,) = answer.headers.get_list("set-cookie")
    first, *others = line.split("; ")
    pairs = (it.partition("=") for it in others)
    return first.partition("=")[0], {name: value for name, _, value in pairs}


@pytest.mark.parametrize(
    ("origin", "name", "is_secure"),
    [
        ("https://models.example.com", "__Host-hopsartifacts", True),
        ("https://models.example.com:8443", "__Host-hopsartifacts-8443", True),
        ("https://10.0.0.5:9443", "__Host-hopsartifacts-9443", True),
        ("http://127.0.0.1:8000", "hopsartifacts-8000", False),
        ("http://[::1]:8000", "hopsartifacts-8000", False),
        ("http://localhost:8001", "hopsartifacts-8001", False),
    ],
)
def test_no_script_reads_the_cookie_and_no_other_server_has_one_of_its_name(
    open_browser: OpenBrowser,
    make_key: MakeKey,
    origin: str,
    name: str,
    is_secure: bool,
) -> None:
    answer = open_browser(origin).post("/ui/session", json={"key": make_key()})
    assert answer.headers["cache-control"] == "no-store"
    found, given = attributes(answer)
    assert found == name
    secure = {"Secure": ""} if is_secure else {}
    assert given == {
        **secure,
        "HttpOnly": "",
        "Max-Age": "604800",
        "Path": "/",
        "SameSite": "strict",
    }


def test_the_cookie_of_another_port_does_not_log_in(
    open_browser: OpenBrowser, make_key: MakeKey
) -> None:
    one, other = (
        open_browser("http://127.0.0.1:8000"),
        open_browser("http://127.0.0.1:8001"),
    )
    log_in(one, make_key())
    (cookie,) = one.cookies.jar
    other.cookies.set(cookie.name, str(cookie.value))
    assert one.get(ME).status_code == 200
    assert other.get(ME).status_code == 401


@pytest.mark.parametrize(
    "said",
    [
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": ""},
        {"sec-fetch-site": "same-site", "origin": ORIGIN},
        {"origin": "https://models.example.com:30123"},
        {"origin": "https://models.example.com"},
        {"origin": "http://models.example.com:8443"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {},
    ],
)
def test_no_other_page_changes_anything(ann: TestClient, said: dict[str, str]) -> None:
    del ann.headers["sec-fetch-site"]
    for operation in CHANGES:
        answer = ann.request(operation.method, filled(operation), headers=said)
        assert answer.status_code == 403, operation.path
        assert "a page of another origin" in answer.json()["detail"]


@pytest.mark.parametrize("said", [PAGE, {"origin": ORIGIN}])
def test_our_page_changes_what_it_wants(ann: TestClient, said: dict[str, str]) -> None:
    del ann.headers["sec-fetch-site"]
    answer = ann.post("/api/v1/jobs/verify", headers=said)
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"origin": ORIGIN}, 200),
        ({}, 200),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
    ],
)
def test_no_other_page_reads_anything(
    ann: TestClient, said: dict[str, str], status: int
) -> None:
    del ann.headers["sec-fetch-site"]
    for method in ("GET", "HEAD"):
        assert ann.request(method, ME, headers=said).status_code == status


@pytest.mark.parametrize("site", ["same-site", "cross-site", "none"])
def test_no_other_page_logs_a_browser_in_or_out(
    ann: TestClient, make_key: MakeKey, site: str
) -> None:
    said = {"sec-fetch-site": site}
    form = {"key": make_key("eve")}
    assert ann.post("/ui/session", json=form, headers=said).status_code == 403
    assert ann.delete("/ui/session", headers=said).status_code == 403
    assert ann.get(ME).json()["name"] == "ann"


def test_a_key_needs_no_origin_and_wins_over_the_cookie(
    ann: TestClient, make_key: MakeKey
) -> None:
    bob = {"authorization": f"ApiKey {make_key('bob', 'read')}"}
    for site in ("cross-site", "same-site", "same-origin"):
        me = ann.get(ME, headers={**bob, "sec-fetch-site": site})
        assert (me.json()["name"], me.json()["login"]) == ("bob", "key")
    refused = ann.post("/api/v1/jobs/verify", headers=bob)
    assert refused.status_code == 403
    wrong = ann.get(ME, headers={"authorization": "ApiKey wrong.secret"})
    assert wrong.status_code == 401


@pytest.mark.parametrize(
    "path", [f"{HOPSWORKS}/project", f"{HOPSWORKS}/variables/versions", "/metrics"]
)
def test_the_cookie_counts_for_our_own_api_only(ann: TestClient, path: str) -> None:
    assert ann.get(path).status_code == 401


@pytest.mark.parametrize("path", [ME, "/api/v1/models", "/api/v1/models/none"])
def test_browsers_keep_nothing_that_came_with_the_cookie(
    ann: TestClient, make_key: MakeKey, path: str
) -> None:
    assert ann.get(path).headers["cache-control"] == "no-store"
    bob = {"authorization": f"ApiKey {make_key('bob')}"}
    assert "cache-control" not in ann.get(path, headers=bob).headers


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("models.example.com:8443", True),
        ("MODELS.example.com", True),
        ("localhost:9000", True),
        ("127.0.0.1", True),
        ("[::1]:8443", True),
        ("10.1.2.3:8443", True),
        ("evil.example", False),
        ("evil.example:8443", False),
        ("models.example.com.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.", False),
        ("", False),
        ("[::1", False),
        ("a:b:c", False),
    ],
)
def test_a_page_of_another_name_for_our_address_gets_nothing(
    ann: TestClient, host: str, is_known: bool
) -> None:
    said = {"host": host}
    expected = 200 if is_known else 421
    assert ann.get("/ui", headers=said).status_code == expected
    assert ann.get("/ui/models/a", headers=said).status_code == expected
    form = ann.post("/ui/session", json={"key": "wrong"}, headers=said)
    assert form.status_code == (401 if is_known else 421)
    cookies = "; ".join(f"{it.name}={it.value}" for it in ann.cookies.jar)
    api = ann.get(ME, headers={**said, "cookie": cookies})
    assert api.status_code in ({200, 401} if is_known else {421})
    if not is_known:
        assert "serve --name" in api.json()["detail"]


def test_programs_reach_the_server_by_any_name(
    browser: TestClient, make_key: MakeKey, hosted: Hosted
) -> None:
    said = {"host": "alias.example", "authorization": f"ApiKey {make_key()}"}
    assert browser.get(ME, headers=said).status_code == 200
    assert browser.get("/health", headers={"host": "alias.example"}).status_code == 200
    hosted.settings = ServerSettings(checks_every_host=True)
    assert browser.get(ME, headers=said).status_code == 200
    assert browser.get("/health", headers={"host": "alias.example"}).status_code == 421


def test_a_session_ends_with_its_key(ann: TestClient, keys: Keys) -> None:
    keys.revoke("ann")
    assert ann.get(ME).status_code == 401
    keys.create("ann", ["admin"])
    assert ann.get(ME).status_code == 401


def test_a_session_has_the_scopes_that_its_key_has_now(
    ann: TestClient, tmp_path: Path
) -> None:
    assert ann.get(ME).json()["scopes"] == ["admin"]
    file = tmp_path / "server" / "keys.json"
    file.write_text(file.read_text().replace('"admin"', '"read"'))
    file.chmod(0o600)
    assert ann.get(ME).json()["scopes"] == ["read"]
    assert ann.post("/api/v1/jobs/verify").status_code == 403


def test_no_session_counts_while_keys_cannot_be_read(
    ann: TestClient, tmp_path: Path
) -> None:
    file = tmp_path / "server" / "keys.json"
    before = file.read_text()
    file.write_text("{")
    assert ann.get(ME).status_code == 503
    file.write_text(before)
    assert ann.get(ME).status_code == 200


def test_a_session_ends_when_nobody_uses_it(ann: TestClient, clock: Clock) -> None:
    for _ in range(3):
        clock.now += IDLE - timedelta(seconds=1)
        assert ann.get(ME).status_code == 200
    clock.now += IDLE
    assert ann.get(ME).status_code == 401


def test_a_session_ends_after_a_week_in_any_case(ann: TestClient, clock: Clock) -> None:
    end = clock.now + LONGEST
    while clock.now < end - timedelta(hours=6):
        assert ann.get(ME).status_code == 200
        clock.now += timedelta(hours=6)
    assert ann.get(ME).status_code == 200
    clock.now = end
    assert ann.get(ME).status_code == 401


@pytest.fixture
def restart(hosted: Hosted, keys: Keys, clock: Clock, tmp_path: Path) -> Restart:
    """Have the server forget what is only in its memory."""

    def restart() -> BrowserSessions:
        file = tmp_path / "server" / FILE
        hosted.sessions = BrowserSessions(keys.caller, clock=clock, file=file)
        return hosted.sessions

    return restart


def test_a_session_outlives_a_restart(
    ann: TestClient, restart: Restart, clock: Clock
) -> None:
    clock.now += timedelta(hours=5)
    (own,) = ann.get("/api/v1/sessions").json()["items"]
    for _ in range(2):
        restart()
        (kept,) = ann.get("/api/v1/sessions").json()["items"]
        assert kept == own
    restart()
    # The use after five hours counts.
    clock.now += IDLE - timedelta(seconds=1)
    assert ann.get(ME).status_code == 200


def test_a_server_with_keys_keeps_sessions_in_its_folder(
    keys: Keys, make_key: MakeKey, tmp_path: Path
) -> None:
    key, folder = make_key().partition(".")[0], tmp_path / "server"
    first = shared(keys, folder).sessions
    assert isinstance(first, BrowserSessions)
    _, secret = first.start(key, "", "")
    assert shared(keys, folder).sessions.find(secret, is_use=False)


@pytest.mark.parametrize("way", ["revoked", "logged out", "unused", "a week old"])
def test_a_session_that_has_ended_stays_ended_after_a_restart(
    ann: TestClient, restart: Restart, keys: Keys, clock: Clock, way: str
) -> None:
    (cookie,) = ann.cookies.jar
    said = {"cookie": f"{cookie.name}={cookie.value}"}
    match way:
        case "revoked":
            keys.revoke("ann")
        case "logged out":
            ann.delete("/ui/session")
        case "unused":
            clock.now += IDLE
        case _:
            clock.now += LONGEST
    restart()
    assert ann.get(ME, headers=said).status_code == 401


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b'{"format":1}',
        b'{"format":2,"sessions":{}}',
        b'{"format":1,"sessions":{"a":{"id":"a"}}}',
        json.dumps({"format": 1, "sessions": {"a": NAIVE}}).encode(),
    ],
)
def test_with_a_damaged_file_users_log_in_again(
    ann: TestClient,
    restart: Restart,
    make_key: MakeKey,
    tmp_path: Path,
    data: bytes,
) -> None:
    (tmp_path / "server" / FILE).write_bytes(data)
    restart()
    assert ann.get(ME).status_code == 401
    (tmp_path / "server" / FILE).chmod(0o600)
    sessions = restart()
    _, secret = sessions.start(make_key("bob").partition(".")[0], "", "")
    assert restart().find(secret, is_use=True)


def test_nobody_else_reads_or_adds_sessions(
    ann: TestClient, restart: Restart, tmp_path: Path
) -> None:
    file = tmp_path / "server" / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (cookie,) = ann.cookies.jar
    assert str(cookie.value) not in file.read_text()
    file.chmod(0o620)
    restart()
    assert ann.get(ME).status_code == 401


def test_the_use_of_a_session_is_not_written_with_each_request(
    ann: TestClient, clock: Clock, tmp_path: Path
) -> None:
    file = tmp_path / "server" / FILE
    written = set()
    for _ in range(30):
        clock.now += timedelta(minutes=1)
        assert ann.get(ME).status_code == 200
        written.add(file.stat().st_ino)
    assert len(written) <= 4


def test_without_room_for_the_file_a_session_that_ended_does_not_come_back(
    ann: TestClient, restart: Restart, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(module, "write_private", full)
    (cookie,) = ann.cookies.jar
    said = {"cookie": f"{cookie.name}={cookie.value}"}
    assert ann.delete("/ui/session").status_code == 204
    restart()
    assert ann.get(ME, headers=said).status_code == 401


def test_the_cookie_of_a_link_counts_for_its_user_only(
    ann: TestClient, hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever listens on a port of this machine gets the cookie from the browser."""
    hosted.sessions.way = "link"
    assert ann.get(ME).status_code == 200
    monkeypatch.setattr(browsers, "is_other_user", lambda *_: True)
    answer = ann.get(ME)
    assert answer.status_code == 403
    assert "another user of this machine" in answer.json()["detail"]


def test_events_do_not_keep_a_session(ann: TestClient, clock: Clock) -> None:
    clock.now += IDLE / 2
    assert ann.head("/api/v1/events").status_code == 200
    clock.now += IDLE / 2
    assert ann.get(ME).status_code == 401


def test_a_browser_logs_out(ann: TestClient) -> None:
    (cookie,) = ann.cookies.jar
    name, value = cookie.name, str(cookie.value)
    answer = ann.delete("/ui/session")
    assert answer.status_code == 204
    assert attributes(answer)[0] == name
    assert attributes(answer)[1]["Max-Age"] == "0"
    assert len(ann.cookies) == 0
    assert ann.get(ME, headers={"cookie": f"{name}={value}"}).status_code == 401
    assert ann.delete("/ui/session").status_code == 204


def test_who_is_logged_in_sees_where(
    ann: TestClient, open_browser: OpenBrowser, make_key: MakeKey
) -> None:
    bob = make_key("bob", "read")
    phone, laptop = open_browser(**{"user-agent": "phone"}), open_browser()
    for browser in (phone, laptop):
        log_in(browser, bob)
    page = phone.get("/api/v1/sessions").json()
    assert page["total"] == 2
    assert {it["agent"]: it["is_this"] for it in page["items"]} == {
        "phone": True,
        "testclient": False,
    }
    assert all(it["address"] == "testclient" for it in page["items"])
    (own,) = ann.get("/api/v1/sessions").json()["items"]
    assert own["is_this"]
    other = next(it["id"] for it in page["items"] if not it["is_this"])
    assert ann.delete(f"/api/v1/sessions/{other}").status_code == 404
    assert phone.delete(f"/api/v1/sessions/{other}").status_code == 204
    assert (laptop.get(ME).status_code, phone.get(ME).status_code) == (401, 200)


def test_a_key_is_logged_out_everywhere(
    ann: TestClient, open_browser: OpenBrowser, make_key: MakeKey
) -> None:
    key = make_key("bob", "read")
    browsers = [open_browser() for _ in range(3)]
    for browser in browsers:
        log_in(browser, key)
    program = {"authorization": f"ApiKey {key}"}
    assert browsers[0].get("/api/v1/sessions", headers=program).json()["total"] == 3
    assert browsers[0].delete("/api/v1/sessions").json() == {"ended": 3}
    assert [it.get(ME).status_code for it in browsers] == [401] * 3
    assert ann.get(ME).status_code == 200


def test_sessions_do_not_fill_the_memory(
    ann: TestClient, open_browser: OpenBrowser, make_key: MakeKey, clock: Clock
) -> None:
    key, first = make_key("bob"), open_browser()
    log_in(first, key)
    for _ in range(MOST_OF_KEY):
        clock.now += timedelta(seconds=1)
        log_in(open_browser(), key)
    assert first.get(ME).status_code == 401
    program = {"authorization": f"ApiKey {key}"}
    listed = ann.get("/api/v1/sessions", headers=program).json()
    assert listed["total"] == MOST_OF_KEY


def test_a_session_is_not_found_by_what_is_shown_of_it(ann: TestClient) -> None:
    (own,) = ann.get("/api/v1/sessions").json()["items"]
    (cookie,) = ann.cookies.jar
    assert len(str(cookie.value)) >= 43
    for value in (own["id"], own["key"]):
        other = {"cookie": f"{cookie.name}={value}"}
        assert ann.get(ME, headers=other).status_code == 401
    assert str(cookie.value) not in json.dumps(own)


def test_the_log_has_the_key_and_no_secret(
    browser: TestClient, make_key: MakeKey, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    key = make_key()
    log_in(browser, key)
    browser.get(ME)
    said = (it.getMessage() for it in caplog.records)
    lines = [json.loads(it) for it in said if it.startswith("{")]
    assert [(it["operation"], it["key"]) for it in lines] == [
        ("/ui/session", key.partition(".")[0]),
        ("/api/v1/me", key.partition(".")[0]),
    ]
    (cookie,) = browser.cookies.jar
    for secret in (key.partition(".")[2], str(cookie.value)):
        assert secret not in caplog.text


def test_a_server_that_only_shows_changes_nothing_for_any_key(
    ann: TestClient, hosted: Hosted, make_key: MakeKey
) -> None:
    hosted.settings = ServerSettings(
        is_read_only=True, host_names=hosted.settings.host_names
    )
    me = ann.get(ME).json()
    assert (me["scopes"], me["read_only"]) == (["read"], True)
    program = {"authorization": f"ApiKey {make_key('bob', 'write', 'deploy')}"}
    for operation in CHANGES:
        if operation.scope == "read":
            continue  # its own sessions, predictions
        for headers in ({}, program):
            answer = ann.request(operation.method, filled(operation), headers=headers)
            assert answer.status_code == 403, operation.path
            assert "--read-only" in answer.json()["detail"]
    listed = ann.get(f"{HOPSWORKS}/project", headers=program)
    assert listed.status_code == 200
    own = f"{HOPSWORKS}/project/{hosted.project_id}/dataset/Resources%2Fa.py"
    refused = ann.delete(own, headers=program)
    assert refused.status_code == 403
    assert "--read-only" in refused.json()["usrMsg"]
