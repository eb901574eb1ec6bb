"""The application with the web UI, asked as a browser asks it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from starlette.testclient import TestClient

from hopsartifacts.project import Project
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.web.pages import PAGES
from tests.web.sites import Site, hosting, launched, served

ORIGIN = "http://127.0.0.1:8443"


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Hosted]:
    """What the application serves: an empty project on this disk."""
    with hosting(tmp_path) as hosted:
        yield hosted


@pytest.fixture
def project(hosted: Hosted) -> Project:
    """The project that is served."""
    return hosted.project


@pytest.fixture
def browser(hosted: Hosted) -> Iterator[TestClient]:
    """A browser that is not logged in, and does not follow what leads elsewhere."""
    app = create_app(hosted, PAGES)
    with TestClient(
        app, ORIGIN, raise_server_exceptions=False, follow_redirects=False
    ) as browser:
        yield browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A running browser.

    While it runs there is an event loop on the main thread. So it ends with the module:
    tests elsewhere start loops of their own.
    """
    with launched() as browser:
        yield browser


@pytest.fixture
def site(chromium: Browser, hosted: Hosted) -> Iterator[Site]:
    """The project served to Chromium; any error on a page fails the test."""
    with served(chromium, hosted) as site:
        yield site
