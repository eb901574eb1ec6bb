"""The application with the web UI, asked as a browser asks it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from starlette.testclient import TestClient

import hopsartifacts
from hopsartifacts.project import Project
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.hosted import Hosted, ServerSettings
from hopsartifacts.rest.keys import Keys, Scope
from hopsartifacts.rest.uploads import Uploads
from hopsartifacts.web.login import with_key
from hopsartifacts.web.pages import PAGES
from hopsartifacts.web.sessions import FILE, BrowserSessions
from tests.web.sites import Site, hosting, launched, served

ORIGIN = "https://models.example.com:8443"
PAGE = {"sec-fetch-site": "same-origin"}
"""What a browser says of a request that one of our pages makes."""

OpenBrowser = Callable[..., TestClient]


class Clock:
    """A clock that the tests set."""

    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project on this disk."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return hopsartifacts.login(str(tmp_path / "demo"))


@pytest.fixture
def keys(tmp_path: Path, clock: Clock) -> Keys:
    """The keys of the server; there is none yet."""
    return Keys(tmp_path / "server", clock)


@pytest.fixture
def make_key(keys: Keys) -> Callable[..., str]:
    """Make a key with a name and scopes; return its text."""

    def make(name: str = "ann", *scopes: Scope) -> str:
        return keys.create(name, scopes or ("admin",))[1]

    return make


@pytest.fixture
def sessions(keys: Keys, clock: Clock, tmp_path: Path) -> BrowserSessions:
    """The browsers that are logged in."""
    return BrowserSessions(keys.caller, clock=clock, file=tmp_path / "server" / FILE)


@pytest.fixture
def hosted(
    project: Project, keys: Keys, sessions: BrowserSessions, tmp_path: Path
) -> Iterator[Hosted]:
    """What the application serves, with a folder of its own for uploads."""
    uploads = Uploads(project.storage, tmp_path / "server")
    settings = ServerSettings(host_names=("models.example.com",))
    yield Hosted(project, keys, uploads, settings, sessions=sessions)
    uploads.close()


@pytest.fixture
def open_browser(hosted: Hosted, sessions: BrowserSessions) -> Iterator[OpenBrowser]:
    """Open a browser that is not logged in, and follows nothing that leads elsewhere.

    Each has its own cookies. What it sends comes from one of our pages.
    """
    app = create_app(hosted, (*PAGES, *with_key(sessions)))
    opened: list[TestClient] = []

    def open_browser(origin: str = ORIGIN, **headers: str) -> TestClient:
        browser = TestClient(
            app,
            origin,
            headers={**PAGE, **headers},
            raise_server_exceptions=False,
            follow_redirects=False,
        )
        opened.append(browser.__enter__())
        return browser

    yield open_browser
    for browser in opened:
        browser.__exit__()


@pytest.fixture
def browser(open_browser: OpenBrowser) -> TestClient:
    """A browser that is not logged in."""
    return open_browser()


@pytest.fixture
def ann(browser: TestClient, make_key: Callable[..., str]) -> TestClient:
    """A browser in which ann is logged in, whose key allows everything."""
    assert log_in(browser, make_key("ann")) == 204
    return browser


def log_in(browser: TestClient, key: str) -> int:
    """Log *browser* in with *key*; return the status of the answer."""
    return int(browser.post("/ui/session", json={"key": key}).status_code)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A running browser.

    While it runs there is an event loop on the main thread. So it ends with the module:
    tests elsewhere start loops of their own.
    """
    with launched() as browser:
        yield browser


@pytest.fixture
def site(chromium: Browser, tmp_path: Path) -> Iterator[Site]:
    """A new project served to Chromium; any error on a page fails the test."""
    with hosting(tmp_path / "site") as hosted, served(chromium, hosted) as site:
        yield site
