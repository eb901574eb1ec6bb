"""The pages of API keys and logins."""

import re

import pytest
from playwright.sync_api import Page, expect

from hopsartifacts.rest.keys import Keys
from tests.web.sites import Site, complaints
from tests.web.test_login import log_in


@pytest.fixture
def keys(site: Site) -> Keys:
    """The keys of the served project."""
    found = site.hosted.keys
    assert isinstance(found, Keys)
    return found


def create(page: Page, name: str) -> None:
    page.get_by_role("button", name="Create key").click()
    page.get_by_role("dialog").get_by_label("Name").fill(name)


def test_a_key_is_created_and_shown_once(site: Site, keys: Keys) -> None:
    page = site.visit("/ui/keys")
    create(page, "bob")
    form = page.get_by_role("dialog", name="Create a key")
    for scope, is_on in (("read", True), ("write", False), ("deploy", False)):
        expect(form.get_by_label(scope, exact=True)).to_be_checked(checked=is_on)
    form.get_by_label("deploy", exact=True).check()
    expect(form.get_by_text("which runs code")).to_be_visible()
    form.get_by_label("Expires after days").fill("30")
    assert complaints(page) == []
    form.get_by_role("button", name="Create", exact=True).click()
    shown = page.get_by_role("dialog", name="The key bob")
    text = shown.get_by_role("region", name="API key").inner_text().split()[0]
    caller = keys.find(text)
    assert caller
    assert caller.scopes == {"read", "deploy"}
    shown.get_by_role("button", name="Done").click()
    row = page.get_by_role("row").filter(has_text="bob")
    expect(row).to_contain_text("valid")
    page.reload()
    expect(row).to_be_visible()
    assert text not in page.content()


def test_a_name_that_cannot_be_one_is_said_at_its_field(site: Site) -> None:
    page = site.visit("/ui/keys")
    create(page, "a b")
    page.get_by_role("button", name="Create", exact=True).click()
    field = page.get_by_role("dialog").get_by_label("Name")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("key name 'a b'"))


def test_a_key_is_revoked_after_a_question(site: Site, keys: Keys) -> None:
    _, text = keys.create("bob", ["read"])
    page = site.visit("/ui/keys")
    row = page.get_by_role("row").filter(has_text="bob")
    row.get_by_role("button", name="Revoke").click()
    question = page.get_by_role("dialog", name="Revoke the key bob?")
    question.get_by_role("button", name="Cancel").click()
    assert keys.find(text)
    row.get_by_role("button", name="Revoke").click()
    question.get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("revoked")
    assert keys.find(text) is None


def test_without_the_scope_the_page_says_why(site: Site) -> None:
    page = site.visit("/ui/keys", key="reader")
    button = page.get_by_role("button", name="Create key")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_accessible_description(re.compile("lacks the scope “admin”"))
    expect(page.get_by_role("alert")).to_contain_text("'admin'")


def test_a_user_ends_another_login_and_then_all(site: Site, keys: Keys) -> None:
    _, text = keys.create("ann", ["read"])
    pages = [site.visit("/ui/keys/logins", key=None) for _ in range(2)]
    for page in pages:
        log_in(page, text)
        expect(page.get_by_text("this browser")).to_be_visible()
    first, second = pages
    first.reload()
    rows = first.get_by_role("table", name="Logins").get_by_role("row")
    expect(rows).to_have_count(3)
    other = rows.filter(has_text="Chrome").filter(has_not_text="this browser")
    other.get_by_role("button", name="Log out").click()
    expect(rows).to_have_count(2)
    expect(second.get_by_label("API key")).to_be_visible()
    first.get_by_role("button", name="Log out everywhere").click()
    question = first.get_by_role("dialog", name="Log out everywhere?")
    question.get_by_role("button", name="Log out everywhere").click()
    expect(first.get_by_label("API key")).to_be_visible()
    assert site.hosted.sessions.of(text.partition(".")[0]) == []
