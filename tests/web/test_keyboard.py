"""A whole walk without a mouse: from the list to a new deployment and its logs."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.web.sites import Site

MOST_TABS = 80


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until *wanted* has the focus, which then has to be seen."""
    wanted.wait_for()
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("it => it === document.activeElement"):
            assert wanted.evaluate("it => getComputedStyle(it).outlineStyle") != "none"
            return
    raise AssertionError(f"{wanted} cannot be reached with {MOST_TABS} tabs")


def test_a_deployment_is_made_and_looked_at(site: Site, tmp_path: Path) -> None:
    files = tmp_path / "saved_model"
    files.mkdir()
    (files / "saved_model.pb").write_bytes(b"weights")
    registry = site.project.get_model_registry()
    registry.tensorflow.create_model("flow").save(str(files))

    page = site.visit("/ui/deployments")
    tab_to(page, page.get_by_role("link", name="New deployment", exact=True))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/ui/deployments/new"))

    radios = page.get_by_role("radio")
    tab_to(page, radios.first)
    wanted = page.get_by_role("radio", name=re.compile("tensorflow", re.IGNORECASE))
    for _ in range(radios.count()):
        if wanted.is_checked():
            break
        page.keyboard.press("ArrowRight")
    expect(wanted).to_be_focused()
    tab_to(page, page.get_by_role("combobox", name="Model", exact=True))
    page.keyboard.type("flo")
    expect(page.get_by_role("option", name="flow")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_have_value("flow")
    tab_to(page, page.get_by_role("button", name="Create new deployment", exact=True))
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("/ui/deployments/flow$"))
    tab_to(page, page.get_by_role("link", name="Logs", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No logs yet")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("d")
    rows = page.get_by_role("table")
    expect(rows.get_by_role("link", name="flow", exact=True).first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/ui/deployments/flow$"))
