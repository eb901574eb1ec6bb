"""The steps of Hopsworks' guide on creating a deployment, done in the web UI."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.web.sites import Site, hosting, served

SCRIPT = """class Predictor:
    def predict(self, inputs):
        return [sum(row) for row in inputs]
"""
STARTED_MS = 60_000
TRANSFORMER = """class Transformer:
    def preprocess(self, inputs):
        return inputs
"""


@pytest.fixture(scope="module")
def guided(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A project with a model of two versions, and a transformer in ``Resources``."""
    folder = tmp_path_factory.mktemp("guided")
    files = folder / "model"
    files.mkdir()
    (files / "model.bin").write_bytes(b"weights")
    (folder / "transformer.py").write_text(TRANSFORMER)
    with hosting(folder) as hosted:
        registry = hosted.project.get_model_registry()
        for _ in range(2):
            registry.python.create_model("my_model").save(
                str(files), keep_original_files=True
            )
        upload(hosted.project, folder / "transformer.py")
        with served(chromium, hosted) as site:
            yield site
            for deployment in hosted.project.get_model_serving().get_deployments():
                deployment.stop()


def upload(project: Any, file: Path) -> None:
    project.get_dataset_api().upload(str(file), "Resources")


def choose_file(page: Page, label: str, name: str, text: str) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=f"{label}: upload new file").click()
    chooser.value.set_files(
        FilePayload(name=name, mimeType="text/x-python", buffer=text.encode())
    )


def step_1_create_a_deployment(_: Site, page: Page) -> None:
    """Go to the deployments page, and click on ``New deployment``."""
    menu = page.get_by_role("navigation", name="Sections")
    menu.get_by_role("link", name="Deployments").click()
    page.get_by_role("link", name="New deployment").click()
    expect(page.get_by_role("heading", name="Create a deployment")).to_be_visible()


def step_2_choose_the_framework_and_pick_a_model(_: Site, page: Page) -> None:
    """The rest of the fields are filled automatically."""
    page.get_by_role("radio", name="Python").click()
    page.get_by_placeholder("Pick a model").click()
    page.get_by_role("option", name="my_model").click()
    expect(page.get_by_label("Model version")).to_have_value("2")
    expect(page.get_by_label("Name")).to_have_value("mymodel")
    # The artifact version is that of the files; there is no script yet.
    expect(page.get_by_text("need a predictor script").first).to_be_visible()


def step_2_the_name_has_only_letters_and_digits(_: Site, page: Page) -> None:
    name = page.get_by_label("Name")
    name.fill("my_model")
    expect(name).to_have_accessible_description(
        re.compile(r"letters \(a-z, A-Z\) and digits")
    )
    expect(name).to_have_attribute("aria-invalid", "true")
    name.fill("mymodel")
    expect(name).to_have_attribute("aria-invalid", "false")


def step_2_select_a_script_with_upload_new_file(_: Site, page: Page) -> None:
    """For Python models, you must select a custom predictor script."""
    page.get_by_role("button", name="Create new deployment").click()
    script = page.get_by_role("button", name="Upload new file")
    expect(page.get_by_text("need a predictor script").first).to_be_visible()
    expect(page).to_have_url(re.compile("/deployments/new"))
    expect(script).to_be_visible()
    choose_file(page, "Predictor script", "predictor.py", SCRIPT)
    expect(page.get_by_text("class Predictor, predict")).to_be_visible()
    expect(page.get_by_text("Artifact version 1 will be created")).to_be_visible()


def step_2_create_new_deployment(guided: Site, page: Page) -> None:
    page.get_by_role("button", name="Create new deployment").click()
    page.wait_for_url("**/ui/deployments/mymodel")
    made = guided.project.get_model_serving().get_deployment("mymodel")
    assert (made.model_version, made.artifact_version) == (2, 1)
    assert made.script_file == "predictor.py"


def step_2_select_a_script_from_project(_: Site, page: Page) -> None:
    """There is a deployment now, so the button has other words."""
    menu = page.get_by_role("navigation", name="Sections")
    menu.get_by_role("link", name="Deployments").click()
    page.get_by_role("link", name="Create new deployment").click()
    page.get_by_role("radio", name="Python").click()
    page.get_by_placeholder("Pick a model").fill("MODEL")
    page.get_by_role("option", name="my_model").click()
    name = page.get_by_label("Name")
    expect(name).to_have_attribute("aria-invalid", "true")
    name.fill("second")
    page.get_by_role("button", name="From project").click()
    page.get_by_role("button", name=re.compile(r"^predictor\.py")).click()
    page.get_by_role("button", name="Choose").click()
    expect(page.get_by_text("Artifact version 1 will be reused")).to_be_visible()


def step_3_advanced_options(_: Site, page: Page) -> None:
    """A full page shows all values, and the components that can be set up."""
    page.get_by_role("link", name="Advanced options").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("second")
    for component in (
        "Predictor",
        "Transformer",
        "Inference logger",
        "Inference batcher",
        "Resources",
        "API protocol",
    ):
        group = page.get_by_role("group", name=component, exact=True)
        expect(group).to_be_visible()


def step_3_set_up_the_components(_: Site, page: Page) -> None:
    transformer = page.get_by_role("group", name="Transformer", exact=True)
    transformer.get_by_role("button", name="From project").click()
    page.get_by_role("button", name=re.compile(r"^transformer\.py")).click()
    page.get_by_role("button", name="Choose").click()
    page.get_by_label("What is logged").select_option("PREDICTIONS")
    page.get_by_label("Combine concurrent requests into batches").check()
    page.get_by_label("Max batch size").fill("16")
    resources = page.get_by_role("group", name="Resources", exact=True)
    resources.get_by_label("Instances").fill("2")
    resources.get_by_label("Memory (MB)").last.fill("512")
    page.get_by_label("Protocol", exact=True).select_option("GRPC")
    expect(page.get_by_text("Artifact version 2 will be created")).to_be_visible()


def step_3_create_new_deployment(guided: Site, page: Page) -> None:
    page.get_by_role("button", name="Create new deployment").click()
    page.wait_for_url("**/ui/deployments/second")
    made = guided.project.get_model_serving().get_deployment("second")
    sealed = to_builtins(made.specification)
    assert sealed["api_protocol"] == "GRPC"
    assert sealed["inference_logger"]["mode"] == "PREDICTIONS"
    assert sealed["inference_batcher"]["max_batch_size"] == 16
    assert sealed["predictor"]["resources"]["num_instances"] == 2
    assert sealed["predictor"]["resources"]["limits"]["memory"] == 512
    assert sealed["transformer"]["script"] == "transformer-transformer.py"


def step_4_wait_until_it_is_created_and_runs(guided: Site, page: Page) -> None:
    """With ``Create and start`` it also starts."""
    page.goto(f"{guided.url}/ui/deployments/new?model=my_model&version=2")
    page.get_by_label("Name").fill("third")
    page.get_by_role("button", name="From project").click()
    page.get_by_role("button", name=re.compile(r"^predictor\.py")).click()
    page.get_by_role("button", name="Choose").click()
    expect(page.get_by_text("Artifact version 1 will be reused")).to_be_visible()
    page.get_by_role("button", name="Create and start").click()
    page.wait_for_url("**/ui/deployments/third/progress")
    page.get_by_role("link", name="Deployments").first.click()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="third"))
    expect(row).to_contain_text("Running", timeout=STARTED_MS)
    third = guided.project.get_model_serving().get_deployment("third")
    assert third.predict(inputs=[[1, 2]]) == {"predictions": [3]}


def step_5_find_it_with_the_filters_and_open_it(_: Site, page: Page) -> None:
    menu = page.get_by_role("navigation", name="Sections")
    menu.get_by_role("link", name="Deployments").click()
    page.get_by_role("searchbox", name="Name").fill("third")
    expect(page.get_by_role("link", name="second")).to_have_count(0)
    page.get_by_role("link", name="third").click()
    page.wait_for_url("**/ui/deployments/third")


STEPS = [
    step_1_create_a_deployment,
    step_2_choose_the_framework_and_pick_a_model,
    step_2_the_name_has_only_letters_and_digits,
    step_2_select_a_script_with_upload_new_file,
    step_2_create_new_deployment,
    step_2_select_a_script_from_project,
    step_3_advanced_options,
    step_3_set_up_the_components,
    step_3_create_new_deployment,
    step_4_wait_until_it_is_created_and_runs,
    step_5_find_it_with_the_filters_and_open_it,
]


def test_the_guide_step_by_step(guided: Site) -> None:
    """Each step goes on where the one before ended."""
    page = guided.visit("/ui")
    for step in STEPS:
        step(guided, page)
