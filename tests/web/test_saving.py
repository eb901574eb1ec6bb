"""Saving a version of a model in the browser."""

from pathlib import Path
from typing import Any

from playwright.sync_api import FilePayload, Page, expect

from tests.web.sites import Site


def filled(page: Page, **files: bytes) -> None:
    """Enter everything about a new model."""
    page.get_by_role("combobox", name="Model").fill("fraud")
    page.get_by_role("option", name="fraud a new model").click()
    page.get_by_role("radio", name="Python").check()
    page.get_by_label("Files of the model").set_input_files(
        [
            FilePayload(name=name.replace("_", "."), mimeType="", buffer=data)
            for name, data in files.items()
        ]
    )


def test_a_version_is_saved_with_all_that_is_known(site: Site) -> None:
    page = site.visit("/ui/models/save")
    save = page.get_by_role("button", name="Save version")
    expect(save).to_have_attribute("aria-disabled", "true")
    filled(page, model_bin=b"weights", notes_txt=b"")
    page.get_by_label("Description").fill("From a browser")
    page.get_by_label("Metric 1: name").fill("accuracy")
    page.get_by_label("Metric 1: value").fill("0.93")
    page.get_by_label("Tag 1: name").fill("stage")
    page.get_by_label("Tag 1: value").fill('{"at": 1}')
    page.get_by_label("Input example").fill("[[1, 2")
    expect(page.get_by_text("This is not JSON").first).to_be_visible()
    page.get_by_label("Input example").fill("[[1, 2]]")
    expect(
        page.get_by_text("A new model fraud is created, with version 1")
    ).to_be_visible()
    save.click()
    expect(page).to_have_url(f"{site.url}/ui/models/fraud/versions/1")
    model = site.project.get_model_registry().get_model("fraud", 1)
    assert (model.framework, model.description) == ("PYTHON", "From a browser")
    assert model.training_metrics == {"accuracy": 0.93}
    assert model.get_tags() == {"stage": {"at": 1}}
    assert model.input_example == [[1, 2]]
    files = {it.path: it.digest.size_bytes for it in model.manifest.files}
    assert files == {"model.bin": 7, "notes.txt": 0}


def test_what_the_server_refuses_is_said_and_mended(site: Site) -> None:
    page = site.visit("/ui/models/save")
    filled(page, model_bin=b"weights")
    page.get_by_label("Metric 1: name").fill("auc")
    page.get_by_label("Metric 1: value").fill("high")
    page.get_by_role("button", name="Save version").click()
    expect(page.get_by_role("alert")).to_contain_text("metrics")
    page.get_by_label("Metric 1: value").fill("0.5")
    page.get_by_role("button", name="Save version").click()
    expect(page).to_have_url(f"{site.url}/ui/models/fraud/versions/1")


def test_a_folder_is_saved_without_its_own_name(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "trained"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"w")
    (folder / "sub" / "ü b.txt").write_bytes(b"t")
    page = site.visit("/ui/models/save")
    filled(page)
    page.get_by_label("Folder of the model").set_input_files(folder)
    page.get_by_role("button", name="Save version").click()
    expect(page).to_have_url(f"{site.url}/ui/models/fraud/versions/1")
    assert paths_of(site) == ["model.bin", "sub/ü b.txt"]


def test_a_version_is_saved_from_a_folder_of_the_project(site: Site) -> None:
    for path in ("Resources/trained/model.bin", "Resources/other/x"):
        site.project.storage.write(path, [b"w"])
    page = site.visit("/ui/models/save?model=fraud")
    page.get_by_role("radio", name="PyTorch").check()
    page.get_by_role("button", name="From the project").click()
    page.get_by_role("button", name="trained/").click()
    page.get_by_role("button", name="Save version").click()
    expect(page).to_have_url(f"{site.url}/ui/models/fraud/versions/1")
    assert paths_of(site) == ["model.bin"]


def test_who_may_only_read_is_told_why(site: Site) -> None:
    page = site.visit("/ui/models/save", key="reader")
    button = page.get_by_role("button", name="Save version")
    expect(button).to_have_attribute("aria-disabled", "true")
    button.click(force=True)
    expect(page.get_by_text("lacks the scope “write”").first).to_be_attached()


def paths_of(site: Site) -> list[str]:
    """Return the paths of the files of the model's first version."""
    model: Any = site.project.get_model_registry().get_model("fraud", 1)
    return [it.path for it in model.manifest.files]
