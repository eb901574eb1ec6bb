"""``hopsartifacts ui``: one command, one link, one browser that is logged in."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, expect

from hopsartifacts.machine.peers import is_other_user
from hopsartifacts.web.owner import FILE
from hopsartifacts.web.sessions import LINK_LIFE, LoginLinks
from tests.rest.servers import CLI
from tests.web.conftest import PAGE, Clock

_PATIENCE_S = 60
Open = Callable[..., "Ui"]
_READS_FILE = """#!/bin/sh
echo "$1" > {file}.part && mv {file}.part {file}
"""


class Ui:
    """``hopsartifacts ui`` as it is called by people.

    Args:
        environment: of the command.
        options: of the command.
        command: how ``hopsartifacts`` is called.

    Attributes:
        said: what it said when it was ready.
    """

    def __init__(
        self,
        environment: dict[str, str],
        *options: object,
        command: Sequence[str] = CLI,
    ) -> None:
        self.process = subprocess.Popen(
            [*command, "ui", *map(str, options), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.process.stdout
        self._browsers: list[httpx.Client] = []
        lines = ""
        for line in iter(self.process.stdout.readline, ""):
            lines += line
            if line == "}\n":
                break
        if not lines:
            _, error = self.process.communicate(timeout=_PATIENCE_S)
            raise ChildProcessError(error)
        self.said: dict[str, Any] = json.loads(lines)

    def browser(self, headers: dict[str, str] | None = None) -> httpx.Client:
        """Return a browser that is not logged in."""
        url: str = self.said["url"]
        browser = httpx.Client(
            base_url=url,
            headers={**PAGE, **(headers or {})},
            timeout=_PATIENCE_S,
            trust_env=False,
        )
        self._browsers.append(browser)
        return browser

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Have it end; return the exit code, and what it said on stderr."""
        for browser in self._browsers:
            browser.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, error = self.process.communicate(timeout=_PATIENCE_S)
        return self.process.returncode, error


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a user whose browser writes down what it is to show."""
    script = tmp_path / "browser"
    script.write_text(_READS_FILE.format(file=tmp_path / "shown"))
    script.chmod(0o700)
    names = ("PATH", "PYTHONPATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    return {
        **{name: os.environ[name] for name in names if name in os.environ},
        "HOPSARTIFACTS_STATE_DIR": str(tmp_path / "state"),
        "BROWSER": str(script),
        # It asks itself, not through a proxy.
        "http_proxy": "http://127.0.0.1:9",
    }


@pytest.fixture
def open_ui(tmp_path: Path, environment: dict[str, str]) -> Iterator[Open]:
    """Call ``hopsartifacts ui`` for the project ``team``."""
    opened: list[Ui] = []

    def call(*options: object, **variables: str) -> Ui:
        made = Ui({**environment, **variables}, tmp_path / "team", *options)
        opened.append(made)
        return made

    yield call
    for each in opened:
        each.end(signal.SIGKILL)


def wait_for(file: Path) -> str:
    end = time.monotonic() + _PATIENCE_S
    while not file.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    return file.read_text().strip()


def test_it_opens_a_browser_that_is_logged_in(open_ui: Open, tmp_path: Path) -> None:
    ui = open_ui()
    link = ui.said["link"]
    assert wait_for(tmp_path / "shown") == link
    assert link.startswith(f"{ui.said['url']}/ui/enter?token=")
    assert ui.said["url"].startswith("http://127.0.0.1:")
    assert (ui.said["is_new"], ui.said["is_read_only"]) == (True, False)
    browser = ui.browser({"sec-fetch-site": "none"})
    entered = browser.get(link)
    assert (entered.status_code, entered.headers["location"]) == (303, "/ui")
    assert entered.headers["referrer-policy"] == "no-referrer"
    assert entered.headers["cache-control"] == "no-store"
    me = browser.get("/api/v1/me").json()
    assert me["name"]
    assert (me["scopes"], me["login"], me["read_only"]) == (["admin"], "link", False)
    path = "/api/v1/files/Resources%2Fa.txt/content"
    made = browser.put(path, content=b"x", headers=PAGE)
    assert made.status_code == 201
    code, error = ui.end()
    assert (code, error) == (0, "")
    token = parse_qs(urlsplit(link).query)["token"][0]
    for file in (tmp_path / "state").rglob("*"):
        if file.is_file():
            assert token.encode() not in file.read_bytes()


def test_a_link_logs_one_browser_in(open_ui: Open) -> None:
    ui = open_ui("--no-browser")
    link = ui.said["link"]
    first, second = ui.browser(), ui.browser()
    # A preview of the link does not use it up.
    assert first.head(link).status_code == 303
    assert first.get(link).status_code == 303
    again = second.get(link)
    assert again.status_code == 403
    assert "run" in again.text.lower()
    assert "hopsartifacts ui" in again.text
    assert "set-cookie" not in again.headers
    assert second.get("/api/v1/me").status_code == 401
    # Whoever is logged in and loads the page again sees the page.
    assert first.get(link).status_code == 303


@pytest.mark.parametrize("token", ["", "x", "%00", "%ff", "x" * 5000])
def test_no_other_token_logs_in(open_ui: Open, token: str) -> None:
    answer = open_ui("--no-browser").browser().get(f"/ui/enter?token={token}")
    assert answer.status_code in {400, 403}
    assert "set-cookie" not in answer.headers


def test_a_link_is_valid_for_two_minutes(clock: Clock) -> None:
    links = LoginLinks(clock)
    one, other = links.make(), links.make()
    clock.now += LINK_LIFE / 2
    assert links.use(one)
    assert not links.use(one)
    clock.now += LINK_LIFE / 2
    assert not links.use(other)


def test_a_second_call_opens_what_runs(open_ui: Open, tmp_path: Path) -> None:
    first = open_ui("--no-browser")
    second = open_ui()
    assert second.process.wait(_PATIENCE_S) == 0
    assert second.said["url"] == first.said["url"]
    assert second.said["link"] != first.said["link"]
    assert not second.said["is_new"]
    assert wait_for(tmp_path / "shown") == second.said["link"]
    for said in (first.said, second.said):
        assert first.browser().get(said["link"]).status_code == 303
    with pytest.raises(ChildProcessError, match="without --read-only"):
        open_ui("--read-only")


def test_after_a_crash_it_starts_again(open_ui: Open) -> None:
    first = open_ui("--no-browser")
    first.end(signal.SIGKILL)
    second = open_ui("--no-browser")
    assert second.said["is_new"]
    assert second.browser().get(second.said["link"]).status_code == 303


def port_of(ui: Ui) -> int:
    return int(ui.said["url"].rpartition(":")[2])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_open_page_goes_on_after_a_restart(open_ui: Open, number: int) -> None:
    """The next run takes the same port, and knows the browser."""
    first = open_ui("--no-browser")
    page = first.browser()
    page.get(first.said["link"])
    (cookie,) = page.cookies.jar
    said = {"cookie": f"{cookie.name}={cookie.value}"}
    first.end(number)
    second = open_ui("--no-browser")
    assert second.said["url"] == first.said["url"]
    assert second.browser(said).get("/api/v1/me").status_code == 200


def test_an_upload_goes_on_after_a_restart(
    open_ui: Open, chromium: Browser, tmp_path: Path
) -> None:
    """In the tab that is open, without anything that the user does."""
    parts = re.compile(r"/api/v1/uploads/\w+\?offset=[1-9]")
    first = open_ui("--no-browser")
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(first.said["link"])
        url = first.said["url"]
        there = f"{url}/api/v1/files/Resources%2Fa.txt/content"
        context.request.put(there, data=b"x", headers=PAGE)
        page.goto(f"{url}/ui/files/Resources")
        page.route(parts, lambda it: it.abort())
        (tmp_path / "big.bin").write_bytes(b"ab" * 2**21)
        page.get_by_label("Files to upload").set_input_files(tmp_path / "big.bin")
        status = page.get_by_role("region", name="Uploads").get_by_role("status")
        expect(status).to_have_text("Waiting for the server: 1 file, 25 %")
        first.end(signal.SIGTERM)
        page.unroute_all()
        open_ui("--no-browser")
        expect(status).to_have_text("Uploaded 1 file")
    stored = tmp_path / "team" / "Resources" / "big.bin"
    assert stored.read_bytes() == b"ab" * 2**21


def test_the_port_of_the_last_run_may_be_in_use(open_ui: Open) -> None:
    first = open_ui("--no-browser")
    first.end()
    with socket.create_server(("127.0.0.1", port_of(first))):
        second = open_ui("--no-browser")
        assert second.said["url"] != first.said["url"]
        second.end()
    third = open_ui("--no-browser")
    assert third.said["url"] == second.said["url"]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"port":-1,"secret":"","is_read_only":0}']
)
def test_a_damaged_file_of_the_last_run_changes_nothing(
    open_ui: Open, tmp_path: Path, data: bytes
) -> None:
    open_ui("--no-browser").end()
    (file,) = (tmp_path / "state").rglob(FILE)
    file.write_bytes(data)
    ui = open_ui("--no-browser")
    assert ui.browser().get(ui.said["link"]).status_code == 303


def test_another_port_is_taken_if_the_user_says_so(open_ui: Open) -> None:
    first = open_ui("--no-browser")
    first.end()
    second = open_ui("--no-browser", "--port", "0")
    assert second.said["is_new"]
    second.end()
    third = open_ui("--no-browser", "--port", port_of(first))
    assert third.said["url"] == first.said["url"]


def test_only_its_user_may_ask_for_links(open_ui: Open, tmp_path: Path) -> None:
    ui = open_ui("--no-browser")
    (file,) = (tmp_path / "state").rglob(FILE)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    browser = ui.browser()
    assert browser.get(ui.said["link"]).status_code == 303
    for authorization in ("", "Link", "Link x", "ApiKey x.y"):
        headers = {"authorization": authorization}
        assert browser.post("/ui/link", headers=headers).status_code == 403
    secret = json.loads(file.read_text())["secret"]
    good = {"authorization": f"Link {secret}"}
    assert browser.post("/ui/link", headers=good).status_code == 200


def test_it_only_shows_the_project(open_ui: Open) -> None:
    ui = open_ui("--no-browser", "--read-only")
    browser = ui.browser()
    browser.get(ui.said["link"])
    me = browser.get("/api/v1/me").json()
    assert (me["scopes"], me["read_only"]) == (["read"], True)
    refused = browser.put("/api/v1/files/Resources%2Fa.txt/content", content=b"x")
    assert refused.status_code == 403
    assert "--read-only" in refused.json()["detail"]


def test_who_is_not_logged_in_reads_what_to_do(open_ui: Open) -> None:
    browser = open_ui("--no-browser").browser()
    answer = browser.get("/api/v1/me")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Link"
    assert "'hopsartifacts ui'" in answer.json()["detail"]
    assert browser.post("/ui/session", json={"key": "a.b"}).status_code == 405
    key = {"authorization": "ApiKey a.b"}
    assert browser.get("/api/v1/me", headers=key).status_code == 401


def test_it_is_known_by_no_other_name(open_ui: Open) -> None:
    browser = open_ui("--no-browser").browser({"host": "evil.example"})
    for path in ("/ui", "/health", "/api/v1/me", "/openapi.json"):
        assert browser.get(path).status_code == 421


def test_it_listens_on_this_machine_only(open_ui: Open) -> None:
    ui = open_ui("--no-browser")
    port = int(ui.said["url"].rpartition(":")[2])
    tables = [Path(f"/proc/net/{table}").read_text() for table in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table.splitlines()]
    places = [fields[1] for fields in rows if fields[3] == "0A"]
    found = [place for place in places if place.endswith(f":{port:04X}")]
    assert found == [f"0100007F:{port:04X}"]


def test_without_a_display_it_prints_the_link(open_ui: Open, tmp_path: Path) -> None:
    ui = open_ui(BROWSER="", DISPLAY="", WAYLAND_DISPLAY="")
    assert ui.browser().get(ui.said["link"]).status_code == 303
    assert not (tmp_path / "shown").exists()


def test_a_browser_that_does_not_start_is_reported(open_ui: Open) -> None:
    ui = open_ui(BROWSER=f"{sys.executable} -c raise(SystemExit(1)) %s")
    assert ui.process.stderr
    assert "open the link yourself" in ui.process.stderr.readline()


def test_text_says_how_to_reach_it_from_elsewhere(
    environment: dict[str, str], tmp_path: Path
) -> None:
    command = [*CLI, "ui", str(tmp_path / "team"), "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout
        said = "".join(process.stdout.readline() for _ in range(5))
        process.send_signal(signal.SIGINT)
    assert said.splitlines()[0] == f"Serving file://{tmp_path / 'team'}"
    assert "/ui/enter?token=" in said
    assert f"{socket.gethostname()}\n" in said
    assert "Ctrl+C" in said


def test_another_users_connection_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with socket.create_connection(address) as client:
            near = client.getsockname()
            assert not is_other_user(near, address)
            other = os.geteuid() + 1
            monkeypatch.setattr(os, "geteuid", lambda: other)
            # The superuser may act as anybody.
            assert is_other_user(near, address) == (os.getuid() != 0)
        assert not is_other_user(("127.0.0.1", 1), address)
        assert not is_other_user(("testclient", 1), address)
