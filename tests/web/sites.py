"""Chromium, a served project, and pages that may not do anything unexpected."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    expect,
    sync_playwright,
)

import hopsartifacts
from hopsartifacts.project import Project
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.front.http_proxy import operations
from hopsartifacts.rest.front.upstreams import Upstreams
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.uploads import Uploads
from hopsartifacts.serving.contract import ServingBackend
from hopsartifacts.web.login import with_key
from hopsartifacts.web.pages import PAGES
from hopsartifacts.web.sessions import BrowserSessions
from tests.rest.conftest import MoreKeys, bearing
from tests.rest.servers import on_thread

AXE = Path(__file__).parents[2] / "ui/node_modules/axe-core/axe.min.js"
_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # CI runs as root
)
_LAUNCH_MS = 240_000
_PATIENCE_MS = 60_000
_EXPECT_MS = 30_000
WIDE = (1440, 900)
NARROW = (360, 780)

Theme = Literal["light", "dark"]


@contextmanager
def launched() -> Iterator[Browser]:
    """Run Debian's Chromium; skip without it, but fail in CI."""
    # The shell has no window, which halves the time of these tests.
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        assert not os.environ.get("CI"), "CI installs Chromium"
        pytest.skip(
            "Chromium is not installed: apt-get install chromium-headless-shell"
        )
    expect.set_options(timeout=_EXPECT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=_FLAGS, timeout=_LAUNCH_MS
        )
        yield browser
        browser.close()


@dataclass
class Site:
    """A served project, and the tabs that show it.

    Attributes:
        url: where it is served.
        origins: origins that pages may send requests to.
        errors: what went wrong in any page.
    """

    browser: Browser
    project: Project
    hosted: Hosted
    url: str
    stack: ExitStack
    errors: list[str] = field(default_factory=list)

    def visit(
        self,
        path: str = "/ui",
        *,
        key: str | None = "admin",
        theme: Theme = "light",
        size: tuple[int, int] = WIDE,
        context: BrowserContext | None = None,
    ) -> Page:
        """Open *path* in a new tab.

        Args:
            path: path and query, ``/ui/models?sort=name``.
            key: the holder of a key of tests/rest/conftest.py; None for no key.
            theme: what the system of the user prefers.
            size: of the window.
            context: the browser of the user; by default a new one.
        """
        page = (context or self.user(key=key, theme=theme, size=size)).new_page()
        page.goto(self.url + path)
        return page

    def user(
        self,
        *,
        key: str | None = "admin",
        theme: Theme = "light",
        size: tuple[int, int] = WIDE,
        **more: Any,
    ) -> BrowserContext:
        """Return a browser without history, whose tabs share what they keep."""
        width, height = size
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            extra_http_headers=bearing(key) if key else {},
            permissions=["clipboard-read", "clipboard-write"],
            **more,
        )
        self.stack.callback(context.close)
        context.set_default_timeout(_PATIENCE_MS)
        context.on("page", self._watch)
        return context

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("request", lambda request: self._note_request(request.url))

    def _note(self, kind: str, text: str) -> None:
        # Each answer that is an error is also written to the console by the browser.
        if kind == "error" and not re.match("Failed to load resource: ", text):
            self.errors.append(text)

    def _note_request(self, url: str) -> None:
        if not url.startswith((f"{self.url}/", "data:", "blob:")):
            self.errors.append(f"request to another origin: {url}")


@contextmanager
def hosting(folder: Path, backend: ServingBackend | None = None) -> Iterator[Hosted]:
    """Return what a server of a new project in *folder* has, for many tests.

    Args:
        folder: where the project and the state of this machine are.
        backend: what runs deployments; by default processes of this machine.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        project = hopsartifacts.login(str(folder / "demo"))
        if backend is not None:
            project = Project(project.storage, backend=backend)
        uploads = Uploads(project.storage, folder / "server")
        keys = MoreKeys(folder / "server")
        sessions = BrowserSessions(keys.caller)
        yield Hosted(project, keys, uploads, sessions=sessions)
        uploads.close()


@contextmanager
def served(browser: Browser, hosted: Hosted) -> Iterator[Site]:
    """Serve the project on this machine; fail if a page did something unexpected."""
    lines = Upstreams(hosted.project.get_model_serving())
    sessions = hosted.sessions
    logins = with_key(sessions) if isinstance(sessions, BrowserSessions) else ()
    app = create_app(hosted, (*operations(lines), *PAGES, *logins))
    with ExitStack() as stack:
        port = stack.enter_context(on_thread(app))
        # Event streams do not end by themselves.
        stack.callback(hosted.close)
        url = f"http://127.0.0.1:{port}"
        site = Site(browser, hosted.project, hosted, url, stack)
        yield site
    assert not site.errors, site.errors


def complaints(page: Page) -> list[str]:
    """Return what axe finds on *page* of impact serious or critical."""
    assert AXE.exists(), "axe-core is missing: make ui"
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {rule['help']}: {node['target']} {node['html'][:160]} "
        f"{node.get('failureSummary', '')}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]
