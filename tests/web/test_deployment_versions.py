"""The versions, the artifact and the settings of a deployment, for its users."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from hopsartifacts.errors import UnsupportedHereError
from hopsartifacts.testing.states_only import StatesOnly
from tests.web.projects import PREDICTOR, fill
from tests.web.sites import Site, complaints, hosting, served

DEPLOYMENT = "/ui/deployments/frauddetector"


@pytest.fixture(scope="module")
def shared(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A deployment with two versions, which no test changes."""
    folder = tmp_path_factory.mktemp("shared")
    with hosting(folder, StatesOnly()) as hosted:
        fill(hosted.project, folder)
        with served(chromium, hosted) as site:
            yield site


@pytest.fixture
def own(chromium: Browser, tmp_path: Path) -> Iterator[Site]:
    """The same, of this test alone."""
    with hosting(tmp_path, StatesOnly()) as hosted:
        fill(hosted.project, tmp_path)
        with served(chromium, hosted) as site:
            yield site


def version(page: Page, number: int) -> Locator:
    """Return the row of a version."""
    table = page.get_by_role("table", name="Versions of frauddetector")
    return table.get_by_role("row").filter(
        has=page.get_by_text(str(number), exact=True)
    )


def active(site: Site) -> int | None:
    return site.project.get_model_serving().get_deployment("frauddetector").version


def test_versions_are_listed_with_the_active_one(shared: Site) -> None:
    page = shared.visit(f"{DEPLOYMENT}/versions")
    expect(version(page, 2)).to_contain_text("active")
    expect(version(page, 1)).not_to_contain_text("active")
    for word in ("Roll back to version 2", "Delete version 2"):
        button = page.get_by_role("button", name=word)
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(button).to_have_accessible_description("It is the active version.")


def test_two_versions_are_compared_by_settings_and_lines(shared: Site) -> None:
    page = shared.visit(f"{DEPLOYMENT}/versions")
    settings = page.get_by_role("table", name="Settings that differ")
    expect(settings).to_contain_text("description")
    expect(settings).to_contain_text("Scores what the shop asks")
    expect(page.get_by_text("+        return [sum(w * x * 1.5 for")).to_be_visible()
    page.get_by_label("From version").select_option("2")
    expect(page.get_by_text("Versions 2 and 2 have the same settings.")).to_be_visible()
    page.get_by_label("To version", exact=True).select_option("1")
    expect(page).to_have_url(re.compile(r"from=2&to=1"))
    expect(page.get_by_text("-        return [sum(w * x * 1.5 for")).to_be_visible()
    page.reload()
    expect(page.get_by_label("From version")).to_have_value("2")


def test_a_rollback_shows_what_changes_and_asks_why(own: Site) -> None:
    page = own.visit(f"{DEPLOYMENT}/versions")
    page.get_by_role("button", name="Roll back to version 1").click()
    dialog = page.get_by_role("dialog", name="Roll frauddetector back to version 1?")
    expect(dialog).to_contain_text("This machine can run version 1.")
    expect(dialog).to_contain_text("Scores what the shop asks")
    expect(dialog).to_contain_text("-        return [sum(w * x * 1.5 for")
    assert complaints(page) == []
    assert active(own) == 2
    dialog.get_by_label(re.compile("^Why")).fill("it was slower")
    dialog.get_by_role("button", name="Roll back to 1").click()
    expect(dialog).not_to_be_visible()
    assert active(own) == 1
    expect(version(page, 1)).to_contain_text("active")
    journal = page.get_by_role("table", name="What was active when")
    newest = journal.get_by_role("row").nth(1)
    expect(newest).to_contain_text("Version 1")
    expect(newest).to_contain_text("rolled back")
    expect(newest).to_contain_text("it was slower")


def test_a_rollback_says_what_keeps_this_machine_from_running_it(
    own: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise UnsupportedHereError("no GPU here")

    monkeypatch.setattr(StatesOnly, "check", refuse)
    page = own.visit(f"{DEPLOYMENT}/versions")
    page.get_by_role("button", name="Roll back to version 1").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("no GPU here")
    dialog.get_by_label("Roll back even if the packages").check()
    dialog.get_by_role("button", name="Roll back to 1").click()
    expect(dialog).not_to_be_visible()
    assert active(own) == 1


def test_an_old_version_is_deleted(own: Site) -> None:
    page = own.visit(f"{DEPLOYMENT}/versions")
    page.get_by_role("button", name="Delete version 1").click()
    dialog = page.get_by_role("dialog", name="Delete version 1 of frauddetector?")
    expect(dialog).to_contain_text("fraud_detector version 3")
    dialog.get_by_role("button", name="Delete version 1").click()
    expect(page.get_by_text("Version 1 of frauddetector was deleted")).to_be_visible()
    expect(page.get_by_role("button", name="Roll back to version 1")).to_have_count(0)


def test_a_version_saved_elsewhere_appears_by_itself(own: Site) -> None:
    page = own.visit(f"{DEPLOYMENT}/versions")
    expect(version(page, 2)).to_contain_text("active")
    deployment = own.project.get_model_serving().get_deployment("frauddetector")
    deployment.description = "by hand"
    deployment.save(why="a better sentence")
    expect(version(page, 3)).to_contain_text("active")
    expect(version(page, 3)).to_contain_text("a better sentence")


def test_a_key_that_only_reads_may_look(shared: Site) -> None:
    page = shared.visit(f"{DEPLOYMENT}/versions", key="reader")
    button = page.get_by_role("button", name="Roll back to version 1")
    expect(button).to_have_accessible_description(
        re.compile("lacks the scope “deploy”")
    )
    page.get_by_role("button", name="Compare version 1").click()
    expect(page.get_by_label("From version")).to_have_value("2")
    expect(page.get_by_label("To version", exact=True)).to_have_value("1")


def test_the_artifact_shows_its_files_and_their_source(shared: Site) -> None:
    page = shared.visit(f"{DEPLOYMENT}/artifact")
    expect(page.get_by_text("Artifact version 2 is reused")).to_be_visible()
    source = page.get_by_role("region", name="predictor-predictor.py")
    expect(source).to_contain_text("class Predictor:")
    expect(source.locator(".t-k").first).to_be_visible()
    page.get_by_role("link", name="transformer-transformer.py", exact=True).click()
    source = page.get_by_role("region", name="transformer-transformer.py")
    expect(source).to_contain_text("class Transformer:")
    source.get_by_role("link", name="Line 4", exact=True).click()
    expect(page).to_have_url(re.compile(r"file=transformer-transformer\.py&line=4"))


def test_a_line_of_a_script_has_an_address(shared: Site) -> None:
    line = PREDICTOR.split("\n").index("class Predictor:") + 1
    page = shared.visit(
        f"{DEPLOYMENT}/artifact?file=predictor-predictor.py&line={line}"
    )
    marked = page.locator("[aria-current=location]")
    expect(marked).to_have_text(str(line))
    expect(marked).to_be_in_viewport()
    expect(page.locator(".line.here")).to_contain_text("class Predictor:")


def test_a_file_of_the_artifact_is_downloaded_as_it_was_sealed(shared: Site) -> None:
    page = shared.visit(f"{DEPLOYMENT}/artifact")
    link = page.get_by_role("link", name="Download predictor-predictor.py")
    expect(link).to_have_attribute("download", "predictor-predictor.py")
    # Chromium does not send the headers that this test logs in with for a download.
    answer = page.request.get(f"{shared.url}{link.get_attribute('href')}")
    assert "x * 1.5" in answer.text()


def test_a_deployment_without_scripts_says_so(shared: Site) -> None:
    page = shared.visit("/ui/deployments/iris/artifact")
    expect(page.get_by_text("Artifact version 0 has no files")).to_be_visible()


def test_the_settings_are_copied_as_json(shared: Site) -> None:
    page = shared.visit(f"{DEPLOYMENT}/settings")
    shown = page.get_by_role("region", name="Specification of frauddetector")
    expect(shown).to_contain_text('"serving_tool": ')
    shown.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert '"script": "predictor-predictor.py"' in copied
