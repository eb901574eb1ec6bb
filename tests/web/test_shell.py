"""The frame of the web UI."""

from playwright.sync_api import expect

from tests.web.sites import Site


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
