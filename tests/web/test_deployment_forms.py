"""The forms that create and edit a deployment."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec import to_builtins
from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, expect

from hopsartifacts import GoldenRequest, InferenceLogger, Transformer
from hopsartifacts.project import Project
from tests.rest.conftest import bearing
from tests.web.sites import Site, hosting, served
from tests.web.test_every_page import check

PREDICTOR = """import json


class Predictor:
    def predict(self, inputs):
        return inputs
"""
TRANSFORMER = """class Transformer:
    def preprocess(self, inputs):
        return inputs
"""
pytestmark = pytest.mark.filterwarnings(
    "ignore::hopsartifacts.deployments.scripts.MissingImportWarning"
)
NEW = "/ui/deployments/new"
FULL = "/ui/deployments/new/advanced"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for files of the user."""
    folder = tmp_path_factory.mktemp("forms")
    (folder / "predictor.py").write_text(PREDICTOR)
    (folder / "transformer.py").write_text(TRANSFORMER)
    return folder


@pytest.fixture(scope="module")
def shop(chromium: Browser, folder: Path) -> Iterator[Site]:
    """A project with models of several frameworks, and scripts in ``Resources``."""
    with hosting(folder) as hosted:
        fill(hosted.project, folder)
        with served(chromium, hosted) as site:
            yield site


def fill(project: Project, folder: Path) -> None:
    registry = project.get_model_registry()
    files = folder / "model"
    files.mkdir()
    (files / "model.pkl").write_bytes(b"weights")
    made = [
        *[
            registry.python.create_model("my_model", metrics={"auc": it})
            for it in (1, 2)
        ],
        registry.tensorflow.create_model("flow"),
        registry.sklearn.create_model("trees"),
        registry.llm.create_model("chat"),
    ]
    for model in made:
        model.save(str(files), keep_original_files=True)
    registry.set_alias("my_model", "champion", 2)
    dataset = project.get_dataset_api()
    dataset.mkdir("Resources/serving")
    for name in ("predictor.py", "transformer.py"):
        dataset.upload(str(folder / name), "Resources/serving")
    (folder / "notes.txt").write_text("no script")
    dataset.upload(str(folder / "notes.txt"), "Resources/serving")


def specification(site: Site, name: str) -> dict[str, Any]:
    """Return the sealed settings of a deployment."""
    found = site.project.get_model_serving().get_deployment(name)
    sealed: dict[str, Any] = to_builtins(found.specification)
    return sealed


def pick(page: Page, model: str) -> None:
    """Pick a model, as a user does."""
    page.get_by_role("combobox", name="Model", exact=True).click()
    page.get_by_role("option", name=model).click()


def outcome(page: Page) -> Locator:
    return page.get_by_role("complementary", name="What will happen")


def drop(page: Page, label: str, name: str, text: str) -> None:
    """Drop a file on a field, as from a file manager."""
    data = page.evaluate_handle(
        """([name, text]) => {
            const data = new DataTransfer();
            data.items.add(new File([text], name, {type: "text/x-python"}));
            return data;
        }""",
        [name, text],
    )
    field = page.locator(".file-field").filter(has_text=label)
    field.dispatch_event("dragover", {"dataTransfer": data})
    field.dispatch_event("drop", {"dataTransfer": data})


def test_the_rest_is_filled_in_after_a_model_was_picked(shop: Site) -> None:
    page = shop.visit(NEW)
    page.get_by_role("radio", name="Python").click()
    pick(page, "my_model")
    expect(page.get_by_label("Model version")).to_have_value("2")
    expect(page.get_by_label("Model version")).to_contain_text("2 (latest) · champion")
    expect(
        page.get_by_text("stays on version 2, also when champion moves")
    ).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("mymodel")
    query = parse_qs(urlsplit(page.url).query)
    assert query == {"framework": ["PYTHON"], "model": ["my_model"], "version": ["2"]}


def test_a_link_names_the_model_version(shop: Site) -> None:
    page = shop.visit(f"{NEW}?model=my_model&version=1")
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value(
        "my_model"
    )
    expect(page.get_by_label("Model version")).to_have_value("1")
    expect(page.get_by_label("Name")).to_have_value("mymodel")


def test_the_number_of_models_of_each_framework_is_shown(shop: Site) -> None:
    page = shop.visit(NEW)
    choice = page.get_by_role("radiogroup", name="Model framework")
    expect(choice.get_by_role("radio", name="Python")).to_contain_text("1 model")
    expect(choice.get_by_role("radio", name="Torch")).to_contain_text("0 models")


def test_frameworks_are_chosen_with_the_arrow_keys(shop: Site) -> None:
    page = shop.visit(f"{NEW}?model=my_model&version=1&framework=PYTHON")
    chosen = page.get_by_role("radio", checked=True)
    expect(chosen).to_contain_text("Python")
    chosen.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", checked=True)).to_be_focused()
    expect(page.get_by_role("radio", checked=True)).not_to_contain_text("Python")
    # A model of another framework is not kept.
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value("")


@pytest.mark.parametrize(
    ("model", "remark"),
    [("my_model", "required"), ("chat", "required"), ("trees", "optional")],
)
def test_the_form_says_whether_a_script_is_needed(
    shop: Site, model: str, remark: str
) -> None:
    page = shop.visit(f"{NEW}?model={model}&version=1")
    expect(page.locator("label").filter(has_text="Predictor script")).to_contain_text(
        remark
    )


def test_a_script_that_is_not_allowed_is_refused_with_the_reason(shop: Site) -> None:
    page = shop.visit(f"{NEW}?model=flow&version=1")
    button = page.get_by_role("button", name="Predictor script: from project")
    expect(button).to_be_disabled()
    expect(button).to_have_accessible_description(
        re.compile("TENSORFLOW deployments take no predictor script")
    )


def test_a_name_is_checked_while_it_is_typed(shop: Site) -> None:
    page = shop.visit(f"{NEW}?model=my_model&version=1")
    name = page.get_by_label("Name")
    name.fill("my-model")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_accessible_description(re.compile("like 'mymodel'"))
    name.fill("mymodel")
    expect(name).to_have_attribute("aria-invalid", "false")
    name.fill("")
    expect(name).to_have_attribute("aria-invalid", "true")


def test_a_taken_name_is_told_while_it_is_typed(shop: Site) -> None:
    model = shop.project.get_model_registry().get_model("trees", 1)
    model.deploy("taken")
    page = shop.visit(f"{NEW}?model=trees&version=1")
    page.get_by_label("Name").fill("taken")
    expect(page.get_by_label("Name")).to_have_accessible_description(
        re.compile("taken")
    )
    expect(page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")


def test_a_script_is_chosen_among_those_that_fit(shop: Site) -> None:
    page = shop.visit(f"{NEW}?model=my_model&version=1&name=chosen")
    page.get_by_role("button", name="From project").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="serving").click()
    expect(dialog.get_by_role("button", name="transformer.py")).to_be_visible()
    expect(dialog.get_by_role("button", name="notes.txt")).to_have_count(0)
    dialog.get_by_label("Filter by name").fill("PRED")
    expect(dialog.get_by_role("button", name="transformer.py")).to_have_count(0)
    dialog.get_by_role("button", name="predictor.py").click()
    expect(dialog.get_by_label("Content")).to_contain_text("class Predictor")
    dialog.get_by_role("button", name="Choose").click()
    expect(page.get_by_text("class Predictor, predict · imports json")).to_be_visible()
    page.get_by_role("button", name="Create new deployment").click()
    page.wait_for_url("**/ui/deployments/chosen")
    assert (
        specification(shop, "chosen")["predictor"]["script"] == "predictor-predictor.py"
    )


def test_a_dropped_script_is_uploaded(shop: Site) -> None:
    page = shop.visit(f"{NEW}?model=my_model&version=1&name=dropped")
    drop(page, "Predictor script", "dropped.py", PREDICTOR)
    expect(page.get_by_text("Resources/dropped.py", exact=True)).to_be_visible()
    expect(outcome(page)).to_contain_text("Artifact version")
    page.get_by_role("button", name="Create new deployment").click()
    page.wait_for_url("**/ui/deployments/dropped")
    assert shop.project.storage.read("Resources/dropped.py") == PREDICTOR.encode()


def test_an_upload_replaces_nothing_unasked(shop: Site) -> None:
    page = shop.visit(f"{NEW}?model=my_model&version=1")
    storage = shop.project.storage

    def upload(text: str) -> None:
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Upload new file").click()
        file = FilePayload(name="mine.py", mimeType="", buffer=text.encode())
        chooser.value.set_files(file)

    upload(PREDICTOR)
    expect(page.get_by_text("Resources/mine.py", exact=True)).to_be_visible()
    # The same once more asks nothing.
    upload(PREDICTOR)
    other = PREDICTOR + "# other\n"
    upload(other)
    dialog = page.get_by_role("dialog", name="Resources/mine.py exists already")
    dialog.get_by_role("button", name="Keep both").click()
    expect(page.get_by_text("Resources/mine-2.py", exact=True)).to_be_visible()
    assert storage.read("Resources/mine.py") == PREDICTOR.encode()
    assert storage.read("Resources/mine-2.py") == other.encode()
    upload(other + "# more\n")
    dialog.get_by_role("button", name="Replace it").click()
    expect(page.get_by_text("Resources/mine.py", exact=True)).to_be_visible()
    assert storage.read("Resources/mine.py").endswith(b"# more\n")


def test_what_will_happen_is_said_before(shop: Site) -> None:
    page = shop.visit(f"{NEW}?model=my_model&version=2&name=first")
    box = outcome(page)
    expect(box).to_contain_text("need a predictor script")
    drop(page, "Predictor script", "first.py", "import nosuchmodule\n" + PREDICTOR)
    expect(box).to_contain_text("Artifact version 1 will be created")
    expect(box).to_contain_text("nosuchmodule")
    expect(page.get_by_text("nosuchmodule is not installed here")).to_be_visible()
    page.get_by_role("button", name="Create new deployment").click()
    page.wait_for_url("**/ui/deployments/first")
    page = shop.visit(f"{NEW}?model=my_model&version=2&script_file=Resources/first.py")
    expect(outcome(page)).to_contain_text("Artifact version 1 will be reused")
    expect(outcome(page).get_by_role("link", name="first")).to_be_visible()
    changed = "import nosuchmodule\n" + PREDICTOR.replace("return inputs", "return [1]")
    drop(page, "Predictor script", "second.py", changed)
    expect(outcome(page)).to_contain_text("Artifact version 2 will be created")


def test_half_filled_forms_say_what_is_missing_and_keep_what_is_there(
    shop: Site,
) -> None:
    page = shop.visit(NEW)
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_attribute(
        "aria-invalid", "false"
    )
    page.get_by_role("button", name="Create new deployment").click()
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_be_focused()
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_attribute(
        "aria-invalid", "true"
    )
    page.goto(f"{shop.url}{FULL}?model=my_model&version=1")
    cores = page.get_by_label("Cores").first
    cores.fill("many")
    expect(cores).to_have_accessible_description("“many” is not a number.")
    # The rest is checked all the same.
    expect(outcome(page)).to_contain_text("Model files")
    request = page.get_by_label("Request · rows")
    request.fill('{"instances": [')
    expect(page.get_by_text("This is not JSON")).to_have_count(2)
    page.get_by_label("Name of variable 1").fill("A B")
    page.reload()
    expect(cores).to_have_value("many")
    expect(request).to_have_value('{"instances": [')
    expect(page.get_by_label("Name of variable 1")).to_have_value("A B")


def test_both_forms_have_the_same_values(shop: Site) -> None:
    page = shop.visit(f"{NEW}?model=my_model&version=1&name=both")
    page.get_by_role("link", name="Advanced options").click()
    page.wait_for_url(f"**{FULL}?*")
    expect(page.get_by_label("Name", exact=True)).to_have_value("both")
    page.get_by_label("Description").fill("A sentence")
    page.get_by_role("link", name="Fewer options").click()
    expect(page.get_by_label("Description")).to_have_count(0)
    page.get_by_role("link", name="Advanced options").click()
    expect(page.get_by_label("Description")).to_have_value("A sentence")


def test_what_a_combination_forbids_is_disabled_with_the_reason(shop: Site) -> None:
    page = shop.visit(f"{FULL}?model=my_model&version=1&serving_tool=DEFAULT")
    batches = page.get_by_label("Combine concurrent requests")
    expect(batches).to_be_disabled()
    expect(page.get_by_text("has no batcher").first).to_be_visible()
    button = page.get_by_role("button", name="Transformer script: from project")
    expect(button).to_have_accessible_description(re.compile("has no transformer"))
    page.get_by_label("Serving tool").select_option("KSERVE")
    expect(batches).to_be_enabled()


FILLED = (
    "model=my_model&version=1&script_file=Resources/serving/predictor.py"
    '&transformer={"script_file":"Resources/serving/transformer.py",'
    '"resources":{"num_instances":1,"requests":{"cores":0.5},"limits":{"memory":2048}}}'
    '&resources={"num_instances":2,"limits":{"cores":1.5}}'
    '&inference_logger={"mode":"PREDICTIONS"}'
    '&inference_batcher={"enabled":true,"max_batch_size":8}'
    '&env_vars=[["THRESHOLD","0.5"],["EMPTY",""],["QUOTED","it\'s \\"so\\" 🚀"]]'
    '&files=["Resources/serving/notes.txt"]'
    "&description=It's good&environment=py313"
    '&golden_request={"instances":[[1,2]]}&why=a reason'
)


def shown(page: Page, way: str) -> str:
    page.get_by_role("button", name=way, exact=True).click()
    dialog = page.get_by_role("dialog")
    text = dialog.locator("pre").inner_text()
    dialog.get_by_label("Close").click()
    return text


def alike(site: Site, name: str) -> dict[str, Any]:
    found = specification(site, name)
    del found["name"]
    return found


def test_the_same_in_python_and_curl_makes_the_same_deployment(
    shop: Site, folder: Path
) -> None:
    page = shop.visit(f"{FULL}?{FILLED}&name=byform")
    expect(outcome(page)).to_contain_text("Artifact version")
    page.get_by_role("button", name="Create new deployment").click()
    page.wait_for_url("**/ui/deployments/byform")
    made = alike(shop, "byform")
    assert made["env_vars"] == {
        "THRESHOLD": "0.5",
        "EMPTY": "",
        "QUOTED": 'it\'s "so" 🚀',
    }
    assert made["transformer"]["resources"]["limits"]["memory"] == 2048
    for way, name in (("Python", "bypython"), ("curl", "bycurl")):
        page = shop.visit(f"{FULL}?{FILLED}&name={name}")
        expect(outcome(page)).to_contain_text("Artifact version")
        run(shown(page, way), way, folder)
        assert alike(shop, name) == made, way


def test_the_same_on_the_command_line_makes_the_same_deployment(
    shop: Site, folder: Path
) -> None:
    """All but the resources of a transformer, which have no option."""
    filled = re.sub(r',"resources":\{[^&]*\}(?=\}&resources)', "", FILLED)
    page = shop.visit(f"{FULL}?{filled}&name=bycli")
    expect(outcome(page)).to_contain_text("Artifact version")
    run(shown(page, "command line"), "cli", folder)
    page.get_by_label("Name", exact=True).fill("byform2")
    expect(outcome(page)).to_contain_text("Artifact version")
    page.get_by_role("button", name="Create new deployment").click()
    page.wait_for_url("**/ui/deployments/byform2")
    assert alike(shop, "bycli") == alike(shop, "byform2")


def run(text: str, way: str, folder: Path) -> None:
    """Run a text as a user does: pasted into a terminal."""
    key = bearing("admin")["authorization"].removeprefix("ApiKey ")
    (folder / "key.txt").write_text(key)
    command = [sys.executable, "-c", text] if way == "Python" else ["sh", "-c", text]
    binaries = Path(sys.executable).parent
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if way == "curl":
        assert json.loads(done.stdout)["name"], done.stdout


def deployed(site: Site, name: str, folder: Path) -> None:
    """Deploy ``my_model`` with two scripts and settings of all kinds."""
    other = folder / f"{name}.py"
    other.write_text(PREDICTOR + f"# {name}\n")
    site.project.get_model_registry().get_model("my_model", 1).deploy(
        name,
        script_file=other,
        transformer=Transformer(
            folder / "transformer.py", {"limits": {"memory": 4096}}
        ),
        inference_logger=InferenceLogger(),
        env_vars={"EMPTY": ""},
        golden_request=GoldenRequest([[1]], {"predictions": [1]}),
    )


def test_an_edit_shows_the_difference_and_keeps_the_rest(
    shop: Site, folder: Path
) -> None:
    deployed(shop, "edited", folder)
    before = specification(shop, "edited")
    page = shop.visit("/ui/deployments/edited/edit")
    expect(outcome(page)).to_contain_text("Nothing differs from version 1")
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    instances = page.get_by_label("Instances").last
    instances.fill("3")
    row = outcome(page).get_by_role("row", name="predictor.resources.num_instances")
    expect(row.get_by_role("cell")).to_have_text(
        ["predictor.resources.num_instances", "1", "3"]
    )
    page.get_by_label("Why").fill("more requests")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/ui/deployments/edited")
    after = specification(shop, "edited")
    assert after["predictor"]["resources"].pop("num_instances") == 3
    before["predictor"]["resources"].pop("num_instances")
    assert after == before
    history = shop.project.get_model_serving().get_deployment("edited").get_history()
    assert [it.why for it in history] == ["more requests", ""]


def test_an_edit_of_one_script_keeps_the_other_and_shows_the_lines(
    shop: Site, folder: Path
) -> None:
    deployed(shop, "rescripted", folder)
    page = shop.visit("/ui/deployments/rescripted/edit")
    changed = PREDICTOR.replace("return inputs", "return [0]") + "# rescripted\n"
    drop(page, "Predictor script", "rescripted.py", changed)
    expect(outcome(page)).to_contain_text("will be created")
    expect(outcome(page).locator(".diff")).to_contain_text("return [0]")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/ui/deployments/rescripted")
    after = specification(shop, "rescripted")
    assert after["transformer"]["resources"]["limits"]["memory"] == 4096
    assert after["golden_request"]["answer"] == {"predictions": [1]}
    # The number of the artifact is chosen: its files take the place of the others.
    page = shop.visit("/ui/deployments/rescripted/edit")
    now = after["artifact"]["version"]
    page.get_by_label("Artifact version").select_option(str(now - 1))
    expect(outcome(page).locator(".diff")).to_contain_text("return inputs")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/ui/deployments/rescripted")
    assert specification(shop, "rescripted")["artifact"]["version"] == now - 1


def test_another_model_version_takes_the_files_and_not_the_recorded_answer(
    shop: Site, folder: Path
) -> None:
    deployed(shop, "moved", folder)
    page = shop.visit("/ui/deployments/moved/edit")
    page.get_by_label("Model version").select_option("2")
    expect(page.get_by_text("record it again")).to_be_visible()
    expect(outcome(page)).to_contain_text("will be created")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/ui/deployments/moved")
    after = specification(shop, "moved")
    assert after["model"]["version"] == 2
    assert after["predictor"]["script"] == "predictor-moved.py"
    assert after["golden_request"].get("answer") is None


@pytest.mark.parametrize("way", ["Python", "curl", "command line"])
def test_an_edit_is_the_same_in_the_other_interfaces(
    shop: Site, folder: Path, way: str
) -> None:
    name, by = f"edit{way[:4].strip()}", way.replace("command line", "cli")
    for it in (name, f"{name}form"):
        deployed(shop, it, folder)
    change = (
        "description=New words&api_protocol=GRPC"
        "&script_file=Resources/serving/predictor.py"
        '&env_vars=[["A","1"]]&environment=&why=so'
    )
    page = shop.visit(f"/ui/deployments/{name}/edit?{change}")
    expect(outcome(page)).to_contain_text("Differs from version 1")
    run(shown(page, way), by, folder)
    page = shop.visit(f"/ui/deployments/{name}form/edit?{change}")
    expect(outcome(page)).to_contain_text("Differs from version 1")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(f"**/ui/deployments/{name}form")
    made = alike(shop, name)
    assert made == alike(shop, f"{name}form")
    assert made["env_vars"] == {"A": "1"}
    assert made["description"] == "New words"


def test_a_name_is_given_once_by_two_tabs(shop: Site) -> None:
    """The second tab says so while it is open, and its values stay."""
    filled = f"{NEW}?model=trees&version=1&name=twice"
    user = shop.user()
    first, second = (shop.visit(filled, context=user) for _ in range(2))
    for page in (first, second):
        expect(outcome(page)).to_contain_text("Artifact version")
    first.get_by_role("button", name="Create new deployment").click()
    first.wait_for_url("**/ui/deployments/twice")
    name = second.get_by_label("Name")
    expect(name).to_have_attribute("aria-invalid", "true", timeout=20_000)
    second.get_by_role("button", name="Create new deployment").click()
    expect(name).to_be_focused()
    name.fill("twice2")
    expect(name).to_have_attribute("aria-invalid", "false")
    second.get_by_role("button", name="Create new deployment").click()
    second.wait_for_url("**/ui/deployments/twice2")


def test_an_edit_begins_again_with_what_another_tab_saved(
    shop: Site, folder: Path
) -> None:
    deployed(shop, "shared", folder)
    user = shop.user()
    first, second = (
        shop.visit("/ui/deployments/shared/edit", context=user) for _ in range(2)
    )
    second.get_by_label("Why").fill("the second")
    second.get_by_label("Description").fill("by the second")
    first.get_by_label("Python environment").fill("py313")
    first.get_by_role("button", name="Save", exact=True).click()
    first.wait_for_url("**/ui/deployments/shared")
    expect(second.get_by_label("Python environment")).to_have_value(
        "py313", timeout=20_000
    )
    expect(outcome(second)).to_contain_text("Differs from version 2")
    second.get_by_role("button", name="Save", exact=True).click()
    second.wait_for_url("**/ui/deployments/shared")
    after = specification(shop, "shared")
    assert (after["environment"], after["description"]) == ("py313", "by the second")


def test_a_key_that_may_only_read_sees_why_it_cannot_create(shop: Site) -> None:
    page = shop.visit(f"{NEW}?model=trees&version=1", key="reader")
    expect(outcome(page)).to_contain_text("Artifact version")
    for name in ("Create new deployment", "Create and start", "Upload new file"):
        button = page.get_by_role("button", name=name)
        expect(button).to_have_accessible_description(re.compile("lacks the scope"))


def test_a_refusal_of_the_server_is_shown_at_its_field(shop: Site) -> None:
    """The name was taken after the last check."""
    first: list[dict[str, Any]] = []

    def as_before(route: Route) -> None:
        if not first:
            first.append(route.fetch().json())
        route.fulfill(json=first[0])

    user = shop.user()
    user.route("**/api/v1/deployments/check", as_before)
    page = shop.visit(f"{NEW}?model=trees&version=1&name=late", context=user)
    expect(outcome(page)).to_contain_text("Artifact version")
    shop.project.get_model_registry().get_model("trees", 1).deploy("late")
    page.get_by_role("button", name="Create new deployment").click()
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert").first).to_contain_text("late")


def test_the_dialogs_are_accessible_and_fit(shop: Site) -> None:
    page = shop.visit(f"{NEW}?model=my_model&version=1")
    page.get_by_role("button", name="From project").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Filter by name").fill("predictor")
    dialog.get_by_role("button", name="Resources/serving/predictor.py").click()
    expect(dialog.get_by_label("Content")).to_contain_text("class Predictor")
    check(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="From project")).to_be_focused()
    page.get_by_role("button", name="Python", exact=True).click()
    check(page)
    page.keyboard.press("Escape")
    shop.project.storage.write("Resources/there.py", [b"# other"])
    drop(page, "Predictor script", "there.py", PREDICTOR)
    expect(page.get_by_text("The existing file differs")).to_be_visible()
    check(page)


def test_a_deployment_is_made_with_the_keyboard_only(shop: Site) -> None:
    page = shop.visit(f"{NEW}?script_file=Resources/serving/predictor.py")
    page.get_by_role("radio").first.focus()
    while page.get_by_role("radio", name="Python").get_attribute("tabindex") != "0":
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.type("my_")
    expect(page.get_by_role("option", name="my_model")).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Model version")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Name")).to_have_value("mymodel")
    page.keyboard.press("Control+a")
    page.keyboard.type("bykeys")
    expect(page.get_by_label("Name")).to_have_value("bykeys")
    expect(outcome(page)).to_contain_text("Artifact version")
    create = page.get_by_role("button", name="Create new deployment")
    for _ in range(8):
        page.keyboard.press("Tab")
        if create.evaluate("it => it === document.activeElement"):
            break
    expect(create).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/deployments/bykeys")
