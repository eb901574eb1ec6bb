"""The login page, and what ends a login while a page is open."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from hopsartifacts.rest.keys import Keys, Scope
from tests.web.sites import NARROW, Site, complaints

MakeKey = Callable[..., str]


@pytest.fixture
def keys(site: Site) -> Keys:
    """The keys of the served project."""
    found = site.hosted.keys
    assert isinstance(found, Keys)
    return found


@pytest.fixture
def make_key(keys: Keys) -> MakeKey:
    """Make a key with a name and scopes; return its text."""

    def make(name: str = "ann", *scopes: Scope) -> str:
        return keys.create(name, scopes or ("admin",))[1]

    return make


def log_in(page: Page, key: str) -> None:
    """Log in on the page that asks for a key."""
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Log in").click()


def test_who_is_not_logged_in_comes_to_the_wanted_page_after_it(
    site: Site, make_key: MakeKey
) -> None:
    page = site.visit("/ui/models?sort=-updated", key=None)
    expect(page).to_have_title("Log in · hopsartifacts")
    log_in(page, make_key("ann", "read"))
    expect(page).to_have_url(f"{site.url}/ui/models?sort=-updated")
    menu = page.get_by_role("navigation", name="Sections")
    expect(menu).to_contain_text("key ann · read")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    page.reload()
    expect(menu).to_contain_text("key ann · read")


def test_a_wrong_key_says_so_beside_the_field(site: Site, make_key: MakeKey) -> None:
    page = site.visit("/ui/login", key=None)
    log_in(page, "wrong.key")
    expect(page.get_by_text("This key is not valid")).to_be_visible()
    expect(page.get_by_label("API key")).to_have_attribute("aria-invalid", "true")
    log_in(page, make_key())
    expect(page).to_have_url(f"{site.url}/ui/deployments")


@pytest.mark.parametrize(
    "next_page", ["//evil.example/ui/", "https://evil.example", "javascript:alert(1)"]
)
def test_a_login_leads_to_no_other_site(
    site: Site, make_key: MakeKey, next_page: str
) -> None:
    page = site.visit(f"/ui/login?next={next_page}", key=None)
    log_in(page, make_key())
    expect(page).to_have_url(f"{site.url}/ui/deployments")


def test_a_revoked_key_ends_the_open_page(
    site: Site, make_key: MakeKey, keys: Keys
) -> None:
    page = site.visit("/ui/deployments", key=None)
    log_in(page, make_key("ann"))
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    keys.revoke("ann")
    expect(page.get_by_label("API key")).to_be_visible()
    expect(page).to_have_url(f"{site.url}/ui/login?next=%2Fui%2Fdeployments")


def test_a_page_that_waits_for_a_link_goes_on_after_a_login_in_another_tab(
    site: Site, make_key: MakeKey
) -> None:
    page = site.visit("/ui/health", key=None)
    log_in(page, make_key("ann"))
    expect(page.get_by_role("heading", name="Health")).to_be_visible()
    sessions = site.hosted.sessions
    sessions.way = "link"
    caller = page.context.request.get(f"{site.url}/api/v1/sessions").json()["items"][0]
    sessions.end(caller["key"])
    expect(page.get_by_text("hopsartifacts ui", exact=True)).to_be_visible()
    other = site.visit("/ui/login", key=None, context=page.context)
    other.evaluate(
        """key => fetch("/ui/session", {
            method: "POST",
            headers: {"content-type": "application/json"},
            body: JSON.stringify({key}),
        })""",
        make_key("bob"),
    )
    expect(page.get_by_role("heading", name="Health")).to_be_visible()
    expect(page).to_have_url(f"{site.url}/ui/health")


def test_after_a_minute_without_answer_the_user_is_told_of_other_tabs(
    site: Site, make_key: MakeKey
) -> None:
    page = site.visit("/ui/login", key=None)
    page.clock.install()
    log_in(page, make_key("ann"))
    site.hosted.sessions.way = "link"
    page.goto(f"{site.url}/ui/health")
    sections = page.get_by_role("navigation", name="Sections")
    expect(sections).to_contain_text("user ann")
    page.context.set_offline(True)
    banner = page.get_by_text("The server has not answered since")
    sections.get_by_role("link", name="Models").click()
    expect(banner).to_be_visible()
    expect(banner).not_to_contain_text("hopsartifacts ui")
    page.clock.run_for(100_000)
    expect(banner).to_contain_text("use the tab that it opened")


def test_a_user_logs_out(site: Site, make_key: MakeKey) -> None:
    page = site.visit("/ui/deployments", key=None)
    log_in(page, make_key("ann"))
    page.get_by_role("button", name="log out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    page.goto(f"{site.url}/ui/deployments")
    expect(page.get_by_label("API key")).to_be_visible()


def test_a_server_that_only_shows_says_so_on_its_buttons(
    site: Site, make_key: MakeKey
) -> None:
    site.hosted.settings = type(site.hosted.settings)(is_read_only=True)
    page = site.visit("/ui/health", key=None)
    log_in(page, make_key("ann"))
    expect(page.get_by_role("navigation", name="Sections")).to_contain_text(
        "key ann · read-only"
    )
    button = page.get_by_role("button", name="Verify everything")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_accessible_description(
        re.compile("started with --read-only")
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_login_page_is_accessible(site: Site, theme: str) -> None:
    page = site.visit("/ui/login", key=None, size=NARROW)
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    expect(page.get_by_label("API key")).to_be_visible()
    assert complaints(page) == []
