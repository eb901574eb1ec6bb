"""What holds for every page: it is accessible, in both themes, and fits any screen."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.projects import fill
from tests.web.sites import NARROW, WIDE, Site, complaints, hosting, served

FORM = (
    "model=fraud_detector&version=3&script_file=Resources/serving/predictor.py"
    '&inference_logger={"mode":"ALL"}&inference_batcher={"enabled":true}'
    '&env_vars=[["A","1"]]&resources={"num_instances":"many"}'
)
PAGES = [
    # Each page: its address, and a text that is there when it is complete.
    ("/ui/nothing", "There is no page /nothing"),
    ("/ui/deployments", "frauddetector"),
    ("/ui/files", "Resources/"),
    ("/ui/files/Models/fraud_detector/3", "used by"),
    ("/ui/files/Models/fraud_detector/3/Files/notes.md", "Trained on"),
    ("/ui/files/Resources/serving/predictor.py?line=9", "MODEL_FILES_PATH"),
    ("/ui/keys", "No keys yet"),
    ("/ui/keys/logins", "No browser is logged in"),
    ("/ui/health", "Not verified yet"),
    ("/ui/health/storage", "Result of the test"),
    ("/ui/health/jobs", "No jobs since"),
    ("/ui/models", "fraud_detector"),
    ("/ui/models/save?model=fraud_detector", "The next version of"),
    ("/ui/models/fraud_detector", "As a table"),
    ("/ui/models/fraud_detector/aliases", "beats 2 offline"),
    ("/ui/models/fraud_detector/aliases/champion", "beats 2 offline"),
    ("/ui/models/fraud_detector/uses", "not running"),
    ("/ui/models/fraud_detector/history", "beats 2 offline"),
    ("/ui/models/fraud_detector/compare?v=3,4&all=1", "weights.json"),
    ("/ui/models/fraud_detector/versions/3", "predictor-predictor.py"),
    ("/ui/deployments/iris/progress", "was not started on this server's machine"),
    ("/ui/deployments/frauddetector", "What it runs"),
    ("/ui/deployments/frauddetector/try", "Keep as golden request"),
    ("/ui/deployments/frauddetector/logs", "No logs yet"),
    ("/ui/deployments/frauddetector/traffic", "counted in the inference log"),
    ("/ui/deployments/new", "Pick a model: then"),
    (f"/ui/deployments/new?{FORM}&name=bad-name", "will be created"),
    (f"/ui/deployments/new/advanced?{FORM}", "will be created"),
    ("/ui/deployments/frauddetector/edit?description=Other", "Differs from"),
    ("/ui/deployments/frauddetector/versions?from=1&to=2", "x * 1.5"),
    ("/ui/deployments/frauddetector/artifact?file=predictor.py&line=8", "weights.json"),
    ("/ui/deployments/frauddetector/settings", "It never changes"),
    ("/ui/deployments/frauddetector/manifest", "no image is given"),
    (
        f"/ui/deployments/iris/manifest?claim=c&image=i@sha256:{'1' * 64}",
        "hops://iris/1",
    ),
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
