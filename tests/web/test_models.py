"""Pages of models: found, compared, edited, aliased, deleted, as a user does it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from hopsartifacts.project import Project
from tests.long_logs import MODEL, listed_entries
from tests.web.projects import PREDICTOR, fill
from tests.web.sites import Site, complaints, hosting, served

MANY = 10_000
FRAUD = "/ui/models/fraud_detector"


@pytest.fixture(scope="module")
def town(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A project with some of everything, which tests of this module only read."""
    folder = tmp_path_factory.mktemp("town")
    with hosting(folder) as hosted:
        fill(hosted.project, folder)
        with served(chromium, hosted) as site:
            yield site


@pytest.fixture
def project(site: Site) -> Project:
    """The project that the pages of one test show."""
    return site.project


@pytest.fixture
def save(project: Project, tmp_path: Path) -> Callable[..., None]:
    """Save versions of a model of the project that each test has for itself."""
    file = tmp_path / "model.json"
    file.write_text("{}")

    def save(name: str = "iris", count: int = 1, **more: Any) -> None:
        for _ in range(count):
            model = project.get_model_registry().python.create_model(name, **more)
            model.save(str(file), keep_original_files=True)

    return save


def table(page: Page, name: str | re.Pattern[str]) -> Locator:
    """Return the rows of a table."""
    return page.get_by_role("table", name=name).locator("tbody tr")


def test_models_are_found(town: Site) -> None:
    page = town.visit("/ui/models")
    rows = table(page, "Models")
    expect(rows).to_have_count(2)
    fraud = rows.filter(has_text="fraud_detector")
    for text in ("champion → 3", "challenger → 4", "auc", "0.949", "frauddetector"):
        expect(fraud).to_contain_text(text)
    page.get_by_label("Name", exact=True).fill("IRI")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("name=IRI"))
    page.get_by_label("Name", exact=True).fill("")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Framework ▾").click()
    page.get_by_role("button", name="TENSORFLOW · 1").click()
    expect(rows).to_have_count(1)
    page.get_by_role("button", name=re.compile("Remove filter")).click()
    expect(rows).to_have_count(2)
    rows.first.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile("/ui/models/(iris|fraud_detector)$"))
    page.go_back()
    expect(rows).to_have_count(2)


def test_an_empty_project_says_how_to_begin(
    site: Site, save: Callable[..., None]
) -> None:
    page = site.visit("/ui/models")
    expect(page.get_by_text("There are no models yet")).to_be_visible()
    expect(page.get_by_text("mr.python.create_model")).to_be_visible()
    save("from_elsewhere")  # as another process does
    expect(page.get_by_role("link", name="from_elsewhere")).to_be_visible()


def test_a_metric_over_versions(town: Site) -> None:
    page = town.visit(FRAUD)
    card = page.get_by_role("region", name="Metric over versions")
    expect(card).to_contain_text("champion 3")
    expect(card).to_contain_text("challenger 4")
    page.get_by_label("Metric", exact=True).select_option("logloss")
    expect(page.get_by_role("heading", name="logloss over versions")).to_be_visible()
    expect(page).to_have_url(re.compile("metric=logloss"))
    page.get_by_label("Which logloss is better").select_option("lower")
    page.get_by_text("As a table").click()
    expect(table(page, "logloss of each version")).to_have_count(4)
    chart = page.get_by_role("button", name=re.compile("logloss of 4 versions"))
    chart.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(card.get_by_role("status")).to_have_text("version 3: 0.17")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"{FRAUD}/versions/3$"))


def test_versions_are_sorted_by_a_metric(town: Site) -> None:
    page = town.visit(FRAUD)
    rows = table(page, "Versions of fraud_detector")
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("challenger")
    page.get_by_role("button", name="auc", exact=True).click()
    expect(rows.first).to_contain_text("0.958")
    expect(page).to_have_url(re.compile("sort=-metric"))
    page.get_by_role("button", name="auc ↓").click()
    expect(rows.first).to_contain_text("0.902")


def test_versions_are_compared(town: Site) -> None:
    page = town.visit(FRAUD)
    page.get_by_role("button", name=re.compile("Compare")).click(force=True)
    expect(page.get_by_text("Select two or more versions first").last).to_be_visible()
    for version in ("3", "4"):
        page.get_by_role("checkbox", name=f"Select {version}", exact=True).check()
    page.get_by_role("link", name="Compare 2 selected").click()
    expect(page).to_have_url(re.compile("compare\\?v=3%2C4$"))
    compared = page.get_by_role("region", name="Comparison")
    auc = compared.get_by_role("row", name=re.compile("^auc"))
    expect(auc).to_contain_text("0.958")
    page.get_by_label("Which auc is better").select_option("higher")
    expect(auc).to_contain_text("▼ worse")
    expect(auc).to_contain_text("\u22120.009")
    weights = compared.get_by_role("row", name="weights.json")
    expect(weights).to_contain_text("changed")
    weights.get_by_role("button", name="show the lines").click()
    lines = page.get_by_role("dialog", name="weights.json, version 3 \u2192 4")
    expect(lines.get_by_text("-[3, 0.5, -1.25]")).to_be_visible()
    expect(lines.get_by_text("+[4, 0.5, -1.25]")).to_be_visible()
    assert complaints(page) == []
    lines.get_by_role("button", name="Close").click()
    expect(compared.get_by_role("row", name="framework")).to_have_count(0)
    page.get_by_role("checkbox", name="show all").check()
    expect(compared.get_by_role("row", name="framework")).to_contain_text("PYTHON")
    page.get_by_label("Number of a version").fill("1")
    page.get_by_role("button", name="Add").click()
    expect(compared.get_by_role("columnheader")).to_have_count(4)
    page.get_by_role("button", name="Leave version 4 out").click()
    expect(compared.get_by_role("columnheader")).to_have_count(3)


def test_an_incompatible_schema_is_said(site: Site, save: Callable[..., None]) -> None:
    def schema(*names: str) -> dict[str, object]:
        columns = [{"name": it, "type": "int"} for it in names]
        return {"input_schema": {"columnar_schema": columns}}

    save(model_schema=schema("age"))
    save(model_schema=schema("age", "city"))
    page = site.visit("/ui/models/iris/compare?v=1,2")
    expect(page.get_by_text("Version 2 cannot be called as before")).to_be_visible()
    expect(page.get_by_text("city")).to_be_visible()


def test_all_about_a_version(town: Site) -> None:
    page = town.visit(f"{FRAUD}/versions/3")
    expect(page.get_by_role("heading", level=1)).to_contain_text(
        "fraud_detector version 3"
    )
    expect(page.get_by_role("region", name="Metrics")).to_contain_text("0.958")
    expect(page.get_by_role("region", name="Input example")).to_contain_text(
        "[[1,2,3]]"
    )
    files = page.get_by_role("region", name="Files")
    expect(files).to_contain_text("weights.json")
    expect(files).to_contain_text("not checked")
    files.get_by_role("button", name="Verify").click()
    expect(files.get_by_text("intact")).to_be_visible()
    expect(page.get_by_role("region", name="Used by")).to_contain_text("frauddetector")
    expect(page.get_by_role("region", name="Load it")).to_contain_text(
        'mr.get_model("fraud_detector", version=3)'
    )
    artifacts = page.get_by_role("region", name="Artifacts")
    expect(artifacts).to_contain_text("predictor-predictor.py")
    artifacts.get_by_role("button", name="What changed in artifact version 2").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("* x * 1.5 for")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_everything_that_happened_and_who_uses_it(town: Site) -> None:
    page = town.visit(f"{FRAUD}/history")
    rows = table(page, "History of fraud_detector")
    expect(rows.filter(has_text="beats 2 offline")).to_contain_text("champion")
    expect(rows.filter(has_text="tagged").first).to_contain_text("reviewed")
    page.get_by_role("link", name="Used by 2 deployments").click()
    expect(table(page, "Deployments of fraud_detector")).to_have_count(2)


def test_an_alias_is_set_moved_and_rolled_back(
    site: Site, save: Callable[..., None], project: Project
) -> None:
    save(count=2)
    page = site.visit("/ui/models/iris")
    page.get_by_role("button", name="Set an alias…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Alias").fill("champion")
    dialog.get_by_label("Version").fill("1")
    dialog.get_by_label("Why").fill("it is the first")
    dialog.get_by_role("button", name="Set alias").click()
    card = page.get_by_role("complementary", name="Alias")
    expect(card).to_contain_text("it is the first")
    card.get_by_role("button", name="Move…").click()
    dialog.get_by_label("Version").fill("7")
    dialog.get_by_role("button", name="Move").click()
    expect(dialog.get_by_role("alert")).to_contain_text("version 7")
    dialog.get_by_label("Version").fill("2")
    dialog.get_by_label("Why").fill("it is better")
    dialog.get_by_role("button", name="Move").click()
    expect(card).to_contain_text("it is better")
    expect(page.get_by_role("link", name="champion → 2").first).to_be_visible()
    card.get_by_role("button", name="Roll back to 1…").click()
    dialog.get_by_label("Why").fill("2 fails for <b>new</b> users")
    dialog.get_by_role("button", name="Roll back to 1").click()
    expect(card).to_contain_text("2 fails for <b>new</b> users")
    assert project.get_model_registry().get_aliases("iris") == {"champion": 1}
    page.get_by_role("link", name="Aliases", exact=True).click()
    page.get_by_role("link", name="History of champion").click()
    rows = table(page, "History of champion")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("2 fails for <b>new</b> users")
    at = project.get_model_registry().get_alias_history("iris", "champion")[0].when
    page.get_by_label("Show where it pointed at this time").fill("2001-01-01T12:00")
    expect(page.get_by_text("did not exist at 2001-01-01")).to_be_visible()
    page.get_by_label("Show where it pointed at this time").fill(
        f"{int(at[:4]) + 1}-01-01T12:00"
    )
    expect(page.get_by_text(re.compile("^At version 1, set"))).to_be_visible()
    page.get_by_role("button", name="Delete alias…").click()
    dialog.get_by_role("button", name="Delete alias").click()
    expect(page.get_by_text("It points at no version now")).to_be_visible()
    expect(rows).to_have_count(4)


def test_a_roll_back_says_what_stays_and_what_is_left(
    site: Site, save: Callable[..., None], project: Project, tmp_path: Path
) -> None:
    save(count=2)
    registry, script = project.get_model_registry(), tmp_path / "predictor.py"
    script.write_text(PREDICTOR)
    registry.get_model("iris", 2).deploy("scores", script_file=str(script))
    registry.set_alias("iris", "champion", 1)
    registry.set_alias("iris", "champion", 2)
    page = site.visit("/ui/models/iris/aliases")
    page.get_by_role("button", name="Roll back champion").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("scores stays on version 2.")
    dialog.get_by_role("button", name="Roll back to 1").click()
    none = "There is no move left that a roll back could undo."
    row = table(page, "Aliases of iris").filter(has_text="version 1")
    row.get_by_role("button", name="Roll back champion").click()
    expect(page.get_by_text(none)).to_be_visible()
    page.get_by_role("link", name="History of champion").click()
    card = page.get_by_role("complementary", name="Alias")
    button = card.get_by_role("button", name="Roll back…")
    expect(button).to_have_accessible_description(
        f"{none} To point champion at another version, such as 2, press “Move…”."
    )
    # The number of the process is not of interest.
    by = card.get_by_title(re.compile(r"@.+:\d+$")).first
    expect(by).not_to_have_text(re.compile(r":\d"))


def test_two_browsers_edit_one_description(
    site: Site, save: Callable[..., None], project: Project
) -> None:
    save(description="as it was")
    path = "/ui/models/iris/versions/1"
    ada, bob = site.visit(path), site.visit(path)
    for page, text in ((ada, "what Ada says"), (bob, "what Bob says")):
        page.get_by_role("button", name="Edit Description of version 1").click()
        page.get_by_role("textbox", name="Description of version 1").fill(text)
    ada.get_by_role("button", name="Save").click()
    expect(ada.get_by_text("what Ada says")).to_be_visible()
    bob.get_by_role("button", name="Save").click()
    told = bob.get_by_role("alert").filter(has_text="in the meantime")
    expect(told).to_contain_text("what Ada says")
    expect(told).to_contain_text("what Bob says")
    assert (
        project.get_model_registry()
        .get_model("iris", 1)
        .description.endswith("Ada says")
    )
    bob.get_by_role("button", name="Save my text instead").click()
    expect(ada.get_by_text("what Bob says")).to_be_visible()  # without a reload


def test_tags_are_added_edited_and_deleted(
    site: Site, save: Callable[..., None], project: Project
) -> None:
    save()
    page = site.visit("/ui/models/iris/versions/1")
    tags = page.get_by_role("region", name="Tags")
    tags.get_by_role("button", name="Add a tag").click()
    tags.get_by_label("Name").fill("stage")
    tags.get_by_label("Value").fill("3")
    tags.get_by_role("button", name="Add", exact=True).click()
    expect(tags).to_contain_text("stage 3")
    model = project.get_model_registry().get_model("iris", 1)
    assert model.get_tags() == {"stage": 3}
    tags.get_by_role("button", name="Edit Tag stage").click()
    tags.get_by_role("textbox", name="Tag stage").fill('"3"')
    tags.get_by_role("button", name="Save").click()
    expect(tags.get_by_role("button", name="Edit Tag stage")).to_be_visible()
    assert model.get_tags() == {"stage": "3"}
    tags.get_by_role("button", name="Delete tag stage").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete tag").click()
    expect(tags).to_contain_text("No tags yet")
    assert model.get_tags() == {}


def test_what_keeps_a_version_is_named(
    site: Site, save: Callable[..., None], project: Project, tmp_path: Path
) -> None:
    save(count=2)
    script = tmp_path / "predictor.py"
    script.write_text(PREDICTOR)
    registry = project.get_model_registry()
    registry.get_model("iris", 1).deploy("flowers", script_file=str(script))
    page = site.visit("/ui/models/iris/versions/1")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Delete version 1…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It is used by deployment flowers")
    dialog.get_by_role("button", name="Delete version 1").click()
    expect(dialog.get_by_role("alert")).to_contain_text("flowers")
    dialog.get_by_role("button", name="Cancel").click()
    project.get_model_serving().get_deployment("flowers").delete()
    expect(page.get_by_text("No deployment uses it")).to_be_visible()
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Delete version 1…").click()
    dialog.get_by_role("button", name="Delete version 1").click()
    expect(page).to_have_url(re.compile("/ui/models/iris$"))
    expect(table(page, "Versions of iris")).to_have_count(1)


def test_a_model_goes_with_all_its_versions(
    site: Site, save: Callable[..., None], project: Project, tmp_path: Path
) -> None:
    save(count=3)
    save("other")
    registry, script = project.get_model_registry(), tmp_path / "predictor.py"
    registry.set_alias("iris", "champion", 2)
    script.write_text(PREDICTOR)
    deployment = registry.get_model("iris", 3).deploy("d", script_file=str(script))
    page = site.visit("/ui/models/iris")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Delete all versions…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3 versions")
    expect(dialog).to_contain_text("champion")
    expect(dialog.get_by_role("button", name="Delete all")).to_be_disabled()
    dialog.get_by_label(re.compile("Type iris")).fill("iris")
    dialog.get_by_role("button", name="Delete all").click()
    told = dialog.get_by_role("alert")
    expect(told).to_contain_text("Nothing was deleted: it is used by d")
    assert len(registry.get_models("iris")) == 3
    deployment.delete()
    dialog.get_by_role("button", name="Delete all").click()
    expect(page).to_have_url(re.compile("/ui/models$"))
    expect(table(page, "Models")).to_have_count(1)


def test_a_reader_sees_why_nothing_can_be_changed(
    site: Site, save: Callable[..., None]
) -> None:
    save()
    page = site.visit("/ui/models/iris/versions/1", key="reader")
    page.get_by_role("button", name="Edit Description of version 1").click(force=True)
    expect(page.get_by_text("lacks the scope “write”").last).to_be_visible()


def test_what_is_not_there_is_said(town: Site) -> None:
    for path, words in (
        ("/ui/models/nothing", "there is no model 'nothing'"),
        (f"{FRAUD}/versions/99", "has no version 99"),
    ):
        page = town.visit(path)
        expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()


def test_many_versions_of_one_model(chromium: Browser, tmp_path: Path) -> None:
    with hosting(tmp_path) as hosted:
        file = tmp_path / "model.json"
        file.write_text("{}")
        hosted.project.get_model_registry().python.create_model("a").save(str(file))
        root = tmp_path / "demo"
        for path, entry in listed_entries(MANY).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(entry)
        hosted.rows.versions()
        with served(chromium, hosted) as site:
            page = site.visit(f"/ui/models/{MODEL}")
            expect(page.get_by_text(re.compile("1.50 of 10,000"))).to_be_visible()
            rows = table(page, f"Versions of {MODEL}")
            expect(rows).to_have_count(50)
            expect(rows.first).to_contain_text("10000")
            expect(
                page.get_by_text("The newest 1,000 of 10,000 versions")
            ).to_be_visible()
            page.get_by_role("button", name="Show more").scroll_into_view_if_needed()
            expect(page.get_by_text(re.compile("1.100 of 10,000"))).to_be_visible()
            page.get_by_role("button", name="Version ↓").click()
            expect(rows.first).to_contain_text("1")
            expect(rows.nth(49)).to_contain_text("50")
