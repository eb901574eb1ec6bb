"""The pages of health: verification, repair, garbage, storage, jobs."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import expect

from hopsartifacts.machine.progress import Callback
from tests.web.sites import Site, complaints


@pytest.fixture
def model(site: Site, tmp_path: Path) -> Path:
    """A saved model version with a script of an artifact; return its folder."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "weights.bin").write_bytes(b"weights")
    script = tmp_path / "predict.py"
    script.write_text("class Predictor:\n    def predict(self, inputs): ...\n")
    creator = site.project.get_model_registry().python
    creator.create_model("iris").save(files).deploy("iris", script_file=str(script))
    folder = site.project.storage.local_path("Models/iris/1")
    assert folder
    return Path(folder)


def test_it_counts_what_the_project_has(site: Site, model: Path) -> None:
    page = site.visit("/ui/health")
    main = page.get_by_role("main")
    expect(main).to_contain_text("1 version")
    expect(main.get_by_role("link", name="Models")).to_be_visible()
    expect(main).to_contain_text("the longest:")
    assert model.exists()


def test_intact_files_are_found_intact(site: Site, model: Path) -> None:
    page = site.visit("/ui/health")
    expect(page.get_by_text("Not verified yet")).to_be_visible()
    page.get_by_role("button", name="Verify everything").click()
    expect(page.get_by_text("Intact", exact=True)).to_be_visible()
    assert model.exists()


def test_a_changed_script_is_found_and_repaired(site: Site, model: Path) -> None:
    script = model / "Artifacts" / "1" / "predictor-predict.py"
    before = script.read_bytes()
    script.chmod(0o600)
    script.write_bytes(b"changed")
    page = site.visit("/ui/health")
    page.get_by_role("button", name="Verify everything").click()
    row = page.get_by_role("row").filter(has_text="predictor-predict.py")
    expect(row).to_contain_text("changed")
    assert complaints(page) == []
    link = row.get_by_role("link")
    expect(link).to_have_attribute("href", f"/ui/files/{_inside(script)}")
    row.get_by_role("button", name="Repair…").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("A repair does the following")
    expect(question).to_contain_text("moved to quarantine")
    assert script.read_bytes() == b"changed"
    question.get_by_role("button", name="Repair").click()
    expect(row).to_be_hidden()
    expect(page.get_by_text("Intact", exact=True)).to_be_visible()
    assert script.read_bytes() == before


def _inside(file: Path) -> str:
    return "/".join(file.parts[file.parts.index("Models") :])


def test_a_file_without_a_second_copy_is_said_to_be_lost(
    site: Site, model: Path
) -> None:
    weights = model / "Files" / "weights.bin"
    weights.chmod(0o600)
    weights.write_bytes(b"changed")
    page = site.visit("/ui/health")
    page.get_by_role("button", name="Verify everything").click()
    page.get_by_role("button", name="Repair all…").click()
    question = page.get_by_role("dialog", name="Repair everything?")
    expect(question).to_contain_text("The following cannot be repaired")
    expect(question).to_contain_text("weights.bin")


def test_garbage_is_shown_with_its_size_and_then_freed(site: Site) -> None:
    page = site.visit("/ui/health")
    found = page.get_by_role("region", name="No longer used")
    found.get_by_role("button", name="Find unused files").click()
    expect(found).to_contain_text("Nothing to free")
    folder = site.project.storage.local_path(".hopsartifacts/staging/left")
    assert folder
    left = Path(folder) / "big.bin"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x" * 3 * 1024 * 1024)
    long_ago = time.time() - 30 * 24 * 3600
    for path in (left, left.parent):
        os.utime(path, (long_ago, long_ago))
    found.get_by_role("button", name="Find unused files").click()
    expect(found).to_contain_text("3.0 MiB can be freed")
    assert left.exists()
    found.get_by_role("button", name="Free 3.0 MiB…").click()
    question = page.get_by_role("dialog", name="Free 3.0 MiB?")
    expect(question).to_contain_text(".hopsartifacts/staging/left")
    question.get_by_role("button", name="Free 3.0 MiB").click()
    expect(found).to_contain_text("3.0 MiB freed")
    assert not left.exists()


def test_the_storage_is_tested(site: Site) -> None:
    page = site.visit("/ui/health/storage")
    expect(page.get_by_text("Not tested yet")).to_be_visible()
    page.get_by_role("button", name="Test the storage").click()
    proof = page.get_by_role("table", name="Tests of the storage")
    expect(proof).to_contain_text("create if absent")
    expect(page.get_by_text("It can hold a project")).to_be_visible()
    expect(page.get_by_role("region", name="Server")).to_contain_text("free")
    assert complaints(page) == []


@pytest.fixture
def running(site: Site) -> Iterator[Event]:
    """A job that goes on, step by step, until the event is set."""
    is_over = Event()

    def work(callback: Callback) -> None:
        callback.set_size(4 * 1024 * 1024)
        callback.relative_update(1024 * 1024)
        while not is_over.wait(0.05):
            callback.relative_update(0)

    site.hosted.jobs.start("count", work, by="ann")
    yield is_over
    is_over.set()


def test_a_job_is_shown_while_it_runs_and_cancelled(site: Site, running: Event) -> None:
    page = site.visit("/ui/health/jobs")
    row = page.get_by_role("row").filter(has_text="count")
    expect(row).to_contain_text("running")
    expect(row).to_contain_text("1.0 MiB of 4.0 MiB")
    assert complaints(page) == []
    row.get_by_role("button", name="Cancel").click()
    expect(row).to_contain_text("cancelled")
    assert not running.is_set()


def test_without_the_scope_buttons_say_why(site: Site) -> None:
    page = site.visit("/ui/health", key="reader")
    for name, scope in (("Verify everything", "write"), ("Find unused files", "admin")):
        button = page.get_by_role("button", name=name)
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(button).to_have_accessible_description(
            re.compile(f"lacks the scope “{scope}”")
        )
