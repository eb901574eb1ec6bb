"""What holds for every page: it is accessible, in both themes, and fits any screen."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.projects import fill
from tests.web.sites import NARROW, WIDE, Site, complaints, hosting, served

PAGES = [
    # Each page: its address, and a text that is there when it is complete.
    ("/ui/nothing", "There is no page /nothing"),
    ("/ui/deployments", "frauddetector"),
    ("/ui/files", "Resources/"),
    ("/ui/files/Models/fraud_detector/3", "used by"),
    ("/ui/files/Models/fraud_detector/3/Files/notes.md", "Trained on"),
    ("/ui/files/Resources/serving/predictor.py?line=9", "MODEL_FILES_PATH"),
]
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def town(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A project with some of everything."""
    folder = tmp_path_factory.mktemp("town")
    with hosting(folder) as hosted:
        fill(hosted.project, folder)
        with served(chromium, hosted) as site:
            yield site


def check(page: Page) -> None:
    """Check the page in both themes, wide and narrow."""
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        assert complaints(page) == [], theme
    width, height = NARROW
    page.set_viewport_size({"width": width, "height": height})
    assert page.evaluate(TOO_WIDE) <= 0, "it scrolls sideways at 360 px"
    assert complaints(page) == [], "narrow"
    width, height = WIDE
    page.set_viewport_size({"width": width, "height": height})


@pytest.mark.parametrize(("path", "text"), PAGES, ids=[path for path, _ in PAGES])
def test_it_is_accessible_and_fits(town: Site, path: str, text: str) -> None:
    page = town.visit(path)
    expect(page.get_by_text(text).first).to_be_visible()
    check(page)
    page.context.close()
