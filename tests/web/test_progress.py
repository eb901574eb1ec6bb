"""The page of progress: deployments that are started, moved and stopped for real."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from hopsartifacts import Model
from hopsartifacts.deployments.scripts import MissingImportWarning
from tests.web.sites import Site, hosting, served
from tests.web.test_every_page import check

HERE = "/ui/deployments/scores/progress"
GOOD = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"
BAD = f"{GOOD}\n    def __init__(self):\n        self.weights = {{}}['gone']\n"
MADE_UP = """import sys
sys.modules["nowhere_at_all"] = sys
import nowhere_at_all
"""
WAITING = f"""import os
import time

print("waits for the file", flush=True)
while not os.path.exists({{path!r}}):
    time.sleep(0.02)
{GOOD}"""


@pytest.fixture
def scores(chromium: Browser, tmp_path: Path) -> Iterator[tuple[Site, "Deploy"]]:
    """A project, and what saves versions of its deployment ``scores``."""
    with hosting(tmp_path) as hosted:
        registry = hosted.project.get_model_registry()
        (tmp_path / "weights.json").write_text("[1]")
        model = registry.python.create_model("sums")
        model.save(str(tmp_path / "weights.json"), keep_original_files=True)
        with served(chromium, hosted) as site:
            yield site, Deploy(model, tmp_path / "predictor.py")
        for deployment in hosted.project.get_model_serving().get_deployments():
            deployment.stop()


class Deploy:
    """Saves versions of deployment ``scores``."""

    def __init__(self, model: Model, path: Path) -> None:
        self._model = model
        self._path = path

    def __call__(self, script: str) -> None:
        """Save a version with the script; one that runs moves to it."""
        self._path.write_text(script)
        deployment = self._model.deploy("scores", script_file=str(self._path))
        assert deployment.name == "scores"


def steps(page: Page) -> list[str]:
    """Return each step as ``NAME status``."""
    heads = page.locator(".step-head").all()
    return [" ".join(it.locator("b, .muted").all_inner_texts()) for it in heads]


def test_a_start_is_seen_step_by_step(
    scores: tuple[Site, Deploy], tmp_path: Path
) -> None:
    site, deploy = scores
    go = tmp_path / "go"
    deploy(WAITING.format(path=str(go)))
    page = site.visit(HERE)
    expect(page.get_by_text("was not started on this server's machine")).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("The start of version 1 is in progress.")).to_be_visible()
    log = page.get_by_role("region", name="Last lines of the predictor's log")
    expect(log).to_contain_text("waits for the file")
    assert steps(page) == [
        "CHECKED done",
        "SCHEDULED done",
        "INITIALIZED done",
        "STARTED running",
        "READY waiting",
    ]
    # Whoever leaves and comes back, and whoever comes new, sees the same.
    page.get_by_role("link", name="Deployments", exact=True).last.click()
    row = page.get_by_role("row").filter(has_text="scores")
    expect(row).to_contain_text("the process is up and loads the model")
    row.get_by_role("link", name="Show the steps").click()
    expect(log).to_contain_text("waits for the file")
    other = site.visit(HERE, key="reader")
    expect(other.get_by_text("The start of version 1 is in progress.")).to_be_visible()
    expect(other.get_by_text("by admin")).to_be_visible()
    go.touch()
    for one in (page, other):
        expect(one.get_by_text("The start of version 1 is done.")).to_be_visible()
        expect(one.get_by_text("the server answers requests")).to_be_visible()
        assert {it.split()[1] for it in steps(one)} == {"done"}
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop scores").click()
    expect(page.get_by_text("The stop is done.")).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_a_failure_says_why_and_what_to_do(scores: tuple[Site, Deploy]) -> None:
    site, deploy = scores
    deploy(BAD)
    page = site.visit(HERE)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("The start of version 1 failed.")).to_be_visible()
    failed = page.locator("[aria-current=step]")
    expect(failed).to_contain_text("STARTED")
    expect(failed).to_contain_text("KeyError: 'gone'")
    line = failed.get_by_role("link", name="predictor-predictor.py, line 6")
    artifact = "/ui/deployments/scores/artifact?file=predictor-predictor.py&line=6"
    expect(line.first).to_have_attribute("href", artifact)
    edit = page.get_by_role("link", name="Edit")
    expect(edit).to_have_attribute("href", "/ui/deployments/scores/edit")
    back = page.get_by_role("button", name="Roll back")
    expect(back).to_have_accessible_description(
        "There is no other version to go back to."
    )
    # The end of the log is there once.
    expect(failed.locator(".reason")).not_to_contain_text("log ends with")
    expect(failed.locator(".code")).to_contain_text("KeyError: 'gone'")
    assert steps(page)[-2:] == ["STARTED failed", "READY not reached"]
    check(page)
    deploy(GOOD)
    expect(page.get_by_role("link", name="Roll back")).to_have_attribute(
        "href", "/ui/deployments/scores/versions"
    )
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("The start of version 2 is done.")).to_be_visible()
    check(page)


def test_a_move_that_fails_leaves_the_version_before(
    scores: tuple[Site, Deploy],
) -> None:
    site, deploy = scores
    deploy(GOOD)
    page = site.visit(HERE)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("link", name="Go to the deployment")).to_be_visible()
    with pytest.raises(Exception, match="gone"):
        deploy(BAD)
    said = "The move to version 2 failed; version 1 keeps answering."
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_role("link", name="Roll back")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)


def test_packages_that_are_missing_can_be_passed_over(
    scores: tuple[Site, Deploy],
) -> None:
    site, deploy = scores
    with pytest.warns(MissingImportWarning):
        deploy(MADE_UP + GOOD)
    page = site.visit(HERE)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("The start of version 1 failed.")).to_be_visible()
    checked = page.locator("[aria-current=step]")
    expect(checked).to_contain_text("CHECKED")
    expect(checked).to_contain_text("nowhere_at_all")
    page.get_by_role("button", name="Start without comparing packages").click()
    expect(page.get_by_text("The start of version 1 is done.")).to_be_visible()


def test_what_does_not_exist_is_said(site: Site) -> None:
    page = site.visit(HERE)
    expect(page.get_by_role("alert")).to_contain_text(
        re.compile("no deployment .scores")
    )
