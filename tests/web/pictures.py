"""Take the pictures of the web UI in docs/ui: ``make pictures``.

Each page is shown wide in both themes, and narrow.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Page, expect

from hopsartifacts.errors import DeploymentFailedError
from hopsartifacts.project import Project
from tests.web.projects import fill
from tests.web.sites import NARROW, Site, Theme, hosting, launched, served

FOLDER = Path(__file__).parents[2] / "docs/ui"
FORM = (
    "model=fraud_detector&version=3&name=fraudscores"
    "&script_file=Resources/serving/predictor.py"
)
PAGES = {
    "deployments": "/ui/deployments",
    "new-deployment": f"/ui/deployments/new?{FORM}",
    "advanced": f"/ui/deployments/new/advanced?{FORM}",
    "deployment": "/ui/deployments/frauddetector",
    "try-it": "/ui/deployments/frauddetector/try",
    "deployment-versions": "/ui/deployments/frauddetector/versions",
    "artifact": "/ui/deployments/frauddetector/artifact",
    "logs": "/ui/deployments/broken/logs",
    "traffic": "/ui/deployments/frauddetector/traffic",
    "progress": "/ui/deployments/broken/progress",
    "models": "/ui/models",
    "model": "/ui/models/fraud_detector",
    "model-version": "/ui/models/fraud_detector/versions/3",
    "compare": "/ui/models/fraud_detector/compare?v=2,3",
    "alias": "/ui/models/fraud_detector/aliases/champion",
    "save": "/ui/models/save",
    "files": "/ui/files/Models/fraud_detector/3",
    "file": "/ui/files/Resources/serving/predictor.py",
    "health": "/ui/health",
    "keys": "/ui/keys",
}
REQUESTS = 40
WIDE = (1280, 800)
VIEWS: dict[str, tuple[Theme, tuple[int, int]]] = {
    "light": ("light", WIDE),
    "dark": ("dark", WIDE),
    "narrow": ("light", NARROW),
}


def whole(page: Page) -> None:
    """Wait until *page* shows all that it will."""
    page.wait_for_load_state("load")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    expect(page.get_by_label("Loading")).to_have_count(0)
    page.evaluate("document.fonts.ready")


def take(site: Site, name: str, path: str, folder: Path) -> None:
    """Take the pictures of one page."""
    for view, (theme, size) in VIEWS.items():
        page = site.visit(path, theme=theme, size=size)
        whole(page)
        # So that what stays in view while the page is scrolled is there once.
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": size[0], "height": max(size[1], height)})
        page.screenshot(path=folder / f"{name}-{view}.png", full_page=True)
        page.context.close()


@contextmanager
def running(project: Project) -> Iterator[None]:
    """Let one deployment answer some requests, and another fail, meanwhile."""
    serving = project.get_model_serving()
    works = serving.get_deployment("frauddetector")
    fails = serving.get_deployment("broken")
    works.start()
    for number in range(REQUESTS):
        works.predict(inputs=[[number, 1, 2]])
    with suppress(DeploymentFailedError):
        fails.start()
    yield
    works.stop()
    fails.stop()


def main(names: list[str], folder: Path = FOLDER) -> None:
    """Take the pictures of the pages *names*; of all if there are none."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        browser = stack.enter_context(launched())
        hosted = stack.enter_context(hosting(scratch))
        fill(hosted.project, scratch)
        stack.enter_context(running(hosted.project))
        site = stack.enter_context(served(browser, hosted))
        for name in names or PAGES:
            take(site, name, PAGES[name], folder)


if __name__ == "__main__":
    main(sys.argv[1:])
