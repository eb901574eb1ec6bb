"""The list of deployments: found, started, stopped and deleted by users."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from hopsartifacts.deployments.scripts import MissingImportWarning
from hopsartifacts.errors import PredictionError
from hopsartifacts.testing.states_only import StatesOnly
from tests.web.projects import PREDICTOR, fill
from tests.web.sites import Site, hosting, served

LIST = "/ui/deployments"
MISSING = "import a_module_that_is_nowhere\n"


@pytest.fixture(scope="module")
def shared(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Three deployments that no test changes; ``frauddetector`` runs."""
    folder = tmp_path_factory.mktemp("shared")
    with hosting(folder, StatesOnly()) as hosted:
        fill(hosted.project, folder)
        serving = hosted.project.get_model_serving()
        serving.get_deployment("frauddetector").start()
        with served(chromium, hosted) as site:
            yield site


@pytest.fixture
def own(chromium: Browser, tmp_path: Path) -> Iterator[Site]:
    """Three deployments ``a``, ``b`` and ``c`` of this test alone."""
    with hosting(tmp_path, StatesOnly()) as hosted:
        deploy(hosted.project, tmp_path, "a", "b", "c")
        with served(chromium, hosted) as site:
            yield site


def deploy(project: object, folder: Path, *names: str, script: str = PREDICTOR) -> None:
    """Save deployments of one model."""
    files = folder / "weights.json"
    files.write_text("[1]")
    file = folder / "predictor.py"
    file.write_text(script)
    registry = project.get_model_registry()  # type: ignore[attr-defined]
    model = registry.python.create_model("sums")
    model.save(str(files), keep_original_files=True)
    for name in names:
        model.deploy(name, script_file=str(file))


def row(page: Page, name: str) -> Locator:
    """Return the row of a deployment."""
    link = page.get_by_role("link", name=name, exact=True)
    return page.get_by_role("row").filter(has=link)


def names(page: Page) -> list[str]:
    """Return the names of the deployments in the list, as shown."""
    return page.locator("td.first").all_inner_texts()


def await_rows(page: Page, count: int) -> None:
    """Wait until the list says that it has so many rows, and shows them all."""
    shown = f"1\N{EN DASH}{count} of {count}" if count else "none"
    expect(page.get_by_text(shown, exact=True)).to_be_visible()


def test_a_row_says_what_runs_where_and_leads_there(shared: Site) -> None:
    page = shared.visit(LIST)
    shown = row(page, "frauddetector")
    expect(shown).to_contain_text("Running")
    for name, target in {
        "frauddetector": f"{LIST}/frauddetector",
        "fraud_detector": "/ui/models/fraud_detector",
        "version 3": "/ui/models/fraud_detector/versions/3",
        "champion": "/ui/models/fraud_detector/aliases/champion",
        "artifact 2": f"{LIST}/frauddetector/artifact",
    }.items():
        link = shown.get_by_role("link", name=name, exact=True)
        expect(link).to_have_attribute("href", target)
    expect(row(page, "iris")).to_contain_text("artifact 0 (no scripts)")
    await_rows(page, 3)


def test_filters_are_counted_and_are_in_the_address(shared: Site) -> None:
    page = shared.visit(LIST)
    page.get_by_role("button", name="Framework").click()
    page.get_by_role("button", name="TENSORFLOW 1").click()
    expect(page).to_have_url(re.compile(r"\?framework=TENSORFLOW$"))
    await_rows(page, 1)
    assert names(page) == ["iris"]
    page.reload()
    await_rows(page, 1)
    remove = page.get_by_role("button", name="Remove filter Framework: TENSORFLOW")
    remove.press("Enter")
    await_rows(page, 3)
    expect(page.get_by_role("button", name="Framework")).to_be_focused()


def test_models_are_searched_on_the_server(shared: Site) -> None:
    page = shared.visit(LIST)
    page.get_by_role("button", name="Model ▾").click()
    page.get_by_label("Search: Model").fill("RIS")
    menu = page.locator(".menu-panel")
    expect(menu.get_by_role("button")).to_have_count(1)
    menu.get_by_role("button", name="iris").click()
    expect(page).to_have_url(re.compile(r"\?model=iris$"))
    await_rows(page, 1)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name=DETECT", ["frauddetector"]),
        ("status=Created", ["broken", "iris"]),
        ("has_errors=true", []),
        ("serving_tool=KSERVE&sort=-name", ["iris", "frauddetector", "broken"]),
        ("sort=model", ["broken", "frauddetector", "iris"]),
    ],
)
def test_an_address_is_a_view(shared: Site, query: str, found: list[str]) -> None:
    page = shared.visit(f"{LIST}?{query}")
    await_rows(page, len(found))
    assert names(page) == found


def test_if_nothing_fits_the_filters_can_be_removed(shared: Site) -> None:
    page = shared.visit(f"{LIST}?name=zzz&status=Running")
    expect(page.get_by_role("heading", name="No deployment fits")).to_be_visible()
    page.get_by_role("button", name="Remove all filters").click()
    await_rows(page, 3)
    expect(page.get_by_label("Name")).to_have_value("")


def test_columns_and_order_are_in_the_address(shared: Site) -> None:
    page = shared.visit(LIST)
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Protocol").check()
    page.get_by_label("Instances").uncheck()
    page.get_by_role("button", name="Name ↑").click()
    heads = page.get_by_role("columnheader")
    expect(heads.filter(has_text="Protocol")).to_be_visible()
    expect(heads.filter(has_text="Instances")).to_have_count(0)
    page.reload()
    expect(heads.filter(has_text="Name ↓")).to_have_attribute("aria-sort", "descending")
    expect(heads.filter(has_text="Protocol")).to_be_visible()


def test_an_empty_project_says_the_next_step(site: Site) -> None:
    page = site.visit("/ui")
    expect(page).to_have_url(re.compile("/ui/deployments$"))
    expect(page.get_by_role("heading", name="No deployments yet")).to_be_visible()
    button = page.get_by_role("link", name="New deployment", exact=True)
    expect(button).to_have_attribute("href", "/ui/deployments/new")


def test_one_is_started_and_stopped_in_its_row(own: Site) -> None:
    page = own.visit(LIST)
    page.get_by_role("button", name="Start b").click()
    expect(row(page, "b")).to_contain_text("Running")
    page.get_by_role("button", name="Stop b").click()
    question = page.get_by_role("dialog", name="Stop b?")
    expect(question).to_contain_text("then none until it is started again")
    question.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Stop b")).to_be_focused()
    page.get_by_role("button", name="Stop b").click()
    question.get_by_role("button", name="Stop b").click()
    expect(page.get_by_role("button", name="Start b")).to_be_visible()


def test_several_are_started_and_deleted_at_once(own: Site) -> None:
    page = own.visit(LIST)
    page.get_by_label("Select a", exact=True).check()
    page.get_by_label("Select c", exact=True).check()
    chosen = page.get_by_role("group", name="Selected deployments")
    expect(chosen).to_contain_text("2 selected")
    chosen.get_by_role("button", name="Start").click()
    question = page.get_by_role("dialog", name="Start 2 deployments?")
    question.get_by_role("button", name="Start 2 deployments").click()
    expect(row(page, "a")).to_contain_text("Running")
    expect(row(page, "c")).to_contain_text("Running")
    expect(row(page, "b")).to_contain_text("Created")
    chosen.get_by_role("button", name="Delete").click()
    question = page.get_by_role("dialog", name="Delete 2 deployments?")
    expect(question.get_by_role("listitem")).to_have_count(2)
    expect(question).to_contain_text("is stopped and then deleted")
    question.get_by_role("button", name="Delete 2 deployments").click()
    await_rows(page, 1)
    expect(chosen).to_have_count(0)
    assert names(page) == ["b"]
    left = own.project.get_model_serving().get_deployments()
    assert [it.name for it in left] == ["b"]


def test_what_others_do_is_seen_without_a_reload(own: Site, tmp_path: Path) -> None:
    page = own.visit(LIST)
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    await_rows(page, 3)
    deploy(own.project, tmp_path, "d")
    expect(row(page, "d")).to_contain_text("sums version 2")
    own.project.get_model_serving().get_deployment("a").delete()
    expect(row(page, "a")).to_have_count(0)


def test_why_a_start_failed_is_said(own: Site, tmp_path: Path) -> None:
    with pytest.warns(MissingImportWarning):
        deploy(own.project, tmp_path, "e", script=MISSING + PREDICTOR)
    page = own.visit(LIST)
    page.get_by_role("button", name="Start e").click()
    said = page.get_by_role("status").filter(has_text="a_module_that_is_nowhere")
    expect(said).to_be_visible()


def test_requests_and_errors_are_in_the_row(site: Site, tmp_path: Path) -> None:
    """With a real process, as only one counts requests."""
    fails = PREDICTOR.replace(
        "        return", "        1 / inputs[0][0]\n        return"
    )
    deploy(site.project, tmp_path, "counted", script=fails)
    deployment = site.project.get_model_serving().get_deployment("counted")
    deployment.start()
    try:
        page = site.visit(LIST)
        shown = row(page, "counted")
        expect(shown).to_contain_text("the server answers requests")
        deployment.predict(inputs=[[1]])
        with pytest.raises(PredictionError):
            deployment.predict(inputs=[[0]])
        link = shown.get_by_role("link", name="line 14 of predictor-predictor.py")
        target = f"{LIST}/counted/artifact?file=predictor-predictor.py&line=14"
        expect(link).to_have_attribute("href", target)
        expect(shown).to_contain_text("ZeroDivisionError")
        said = "1 of 2 requests failed in the last hour"
        while said not in shown.inner_text():
            page.reload()
            expect(link).to_be_visible()
        expect(shown.get_by_role("img", name="2 requests")).to_be_visible()
    finally:
        deployment.stop()


def test_a_key_that_may_only_read_is_told_why(own: Site) -> None:
    page = own.visit(LIST, key="reader")
    page.get_by_role("button", name="Start a").press("Enter")
    expect(page.get_by_text("it lacks the scope “deploy”").first).to_be_visible()
    expect(row(page, "a")).to_contain_text("Created")


def test_the_keyboard_is_enough(own: Site) -> None:
    page = own.visit(LIST)
    await_rows(page, 3)
    for key in ("j", "x", "j", "j", "x", "k"):
        page.keyboard.press(key)
    expect(page.get_by_label("Select a", exact=True)).to_be_checked()
    expect(page.get_by_label("Select c", exact=True)).to_be_checked()
    expect(page.get_by_label("Select b", exact=True)).not_to_be_checked()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/ui/deployments/b$"))
    page.go_back()
    page.get_by_role("button", name="More about c").press("Enter")
    page.get_by_role("button", name="Delete…").press("Enter")
    question = page.get_by_role("dialog", name="Delete c?")
    question.get_by_role("button", name="command line").press("Enter")
    way = page.get_by_role("dialog", name="The same in command line")
    expect(way).to_contain_text("hopsartifacts deployments delete c")
    page.keyboard.press("Escape")
    expect(way).to_have_count(0)
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(page.get_by_role("button", name="More about c")).to_be_focused()
