"""The frame of the web UI."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from hopsartifacts.rest.application import create_app
from hopsartifacts.web.pages import PAGES
from tests.rest.conftest import bearing
from tests.rest.servers import on_thread
from tests.web.projects import fill
from tests.web.sites import Site, hosting


def test_an_address_that_does_not_exist_is_named(site: Site) -> None:
    page = site.visit("/ui/nothing/here")
    expect(
        page.get_by_role("heading", name="There is no page /nothing/here")
    ).to_be_visible()
    expect(page.get_by_text("live", exact=True)).to_be_visible()


def test_the_menu_shows_what_there_is_and_who_looks(site: Site) -> None:
    page = site.visit("/ui/nothing")
    menu = page.get_by_role("navigation", name="Sections")
    for section in ("Deployments", "Models", "Files", "Health", "Keys"):
        expect(menu.get_by_role("link", name=section)).to_be_visible()
    expect(menu).to_contain_text(site.project.url)
    expect(menu).to_contain_text("key admin · admin")


def test_the_theme_is_the_systems_until_another_is_chosen(site: Site) -> None:
    page = site.visit("/ui/nothing", theme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(colour) == "rgb(14, 17, 22)"
    page.get_by_label("Theme").select_option("light")
    assert page.evaluate(colour) == "rgb(247, 248, 250)"
    page.reload()
    page.get_by_label("Theme").wait_for()
    assert page.evaluate(colour) == "rgb(247, 248, 250)"


def test_search_leads_from_anywhere_to_a_version(site: Site, tmp_path: Path) -> None:
    fill(site.project, tmp_path)
    page = site.visit("/ui/nothing")
    page.get_by_text("live", exact=True).wait_for()
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="Search models, deployments and files")
    expect(field).to_be_focused()
    field.fill("fraud champion")
    found = page.get_by_role("option", name="version fraud_detector version 3")
    expect(found).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.url}/ui/models/fraud_detector/versions/3")


@pytest.mark.parametrize(("keys", "path"), [("gm", "models"), ("gf", "files")])
def test_two_keys_lead_to_a_section(site: Site, keys: str, path: str) -> None:
    page = site.visit("/ui/nothing")
    page.get_by_text("live", exact=True).wait_for()
    for key in keys:
        page.keyboard.press(key)
    expect(page).to_have_url(f"{site.url}/ui/{path}")


def test_the_keys_are_listed_by_one(site: Site) -> None:
    page = site.visit("/ui/nothing")
    page.get_by_text("live", exact=True).wait_for()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Search models, deployments and files")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()


def test_a_page_goes_on_when_the_server_is_back(
    chromium: Browser, tmp_path: Path
) -> None:
    """Nobody has to load it again, and what happened meanwhile is there."""
    (tmp_path / "model.json").write_text("{}")
    context = chromium.new_context(extra_http_headers=bearing("admin"))
    page = context.new_page()
    with hosting(tmp_path) as hosted:
        with on_thread(create_app(hosted, PAGES)) as port:
            page.goto(f"http://127.0.0.1:{port}/ui/models")
            expect(page.get_by_text("live", exact=True)).to_be_visible()
            hosted.close()
        expect(page.get_by_text("The server has not answered since")).to_be_visible()
        model = hosted.project.get_model_registry().python.create_model("meanwhile")
        model.save(str(tmp_path / "model.json"), keep_original_files=True)
    with hosting(tmp_path) as again, on_thread(create_app(again, PAGES), port=port):
        expect(page.get_by_role("link", name="meanwhile")).to_be_visible()
        expect(page.get_by_text("live", exact=True)).to_be_visible()
        expect(page.get_by_text("has not answered since")).to_be_hidden()
        again.close()
    context.close()


def test_a_second_tab_is_live_through_the_first(site: Site, tmp_path: Path) -> None:
    user = site.user()
    first = site.visit("/ui/models", context=user)
    expect(first.get_by_text("live", exact=True)).to_be_visible()
    second = site.visit("/ui/models", context=user)
    expect(second.get_by_text("live", exact=True)).to_be_visible()
    (tmp_path / "model.json").write_text("{}")
    model = site.project.get_model_registry().python.create_model("new")
    model.save(str(tmp_path / "model.json"), keep_original_files=True)
    for page in (first, second):
        expect(page.get_by_role("link", name="new", exact=True)).to_be_visible()
    first.close()
    expect(second.get_by_text("live", exact=True)).to_be_visible()
