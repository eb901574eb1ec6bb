"""How soon a page of the web UI is painted, and when its rows are there.

``HOPSARTIFACTS_BENCH_PAGES`` is the number of model versions, once as versions of a
hundred models and once as a model each; a fifth as many deployments; ten times as many
files in one folder. ``hopsartifacts ui`` serves them as a process, and Chromium opens
each page on the same machine: first with nothing kept, then as a user who comes again.
Aims at 10,000 versions: 150 ms until the frame is painted, 300 ms until the rows are
there, and 150 ms from a key that is pressed in a filter to the filtered rows. What the
browser itself takes on this machine is the time of a page of one sentence.
"""

import os
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

import hopsartifacts
from benchmarks.test_deployments_page import make as make_deployments
from benchmarks.test_lists import make as make_versions
from tests.web.sites import launched
from tests.web.test_owner import Ui

SIZE = int(os.environ.get("HOPSARTIFACTS_BENCH_PAGES", "500"))
ROUNDS = 10
SEEN = """
new MutationObserver((_, watch) => {
  if (document.querySelector("tbody tr")) {
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => { window.seen = performance.now(); }));
  }
}).observe(document, {childList: true, subtree: true});
"""
TIMES = """new Promise((resolve) => {
  const look = () => {
    const painted = performance.getEntriesByName("first-contentful-paint")[0];
    if (window.seen && painted) {
      resolve([painted.startTime, window.seen]);
    } else {
      setTimeout(look, 5);
    }
  };
  look();
})"""
PAINTED = """new Promise((resolve) => {
  const look = () => {
    const painted = performance.getEntriesByName("first-contentful-paint")[0];
    painted ? resolve(painted.startTime) : setTimeout(look, 5);
  };
  look();
})"""
FILTERED = """(text) => new Promise((resolve) => {
  const begin = performance.now();
  new MutationObserver((_, watch) => {
    const rows = [...document.querySelectorAll("tbody tr")];
    if (rows.length && rows.every((row) => row.textContent.includes(text))) {
      watch.disconnect();
      resolve(performance.now() - begin);
    }
  }).observe(document, {childList: true, subtree: true, characterData: true});
  const field = document.querySelector("input[type=search]");
  field.value = text;
  field.dispatchEvent(new Event("input", {bubbles: true}));
})"""


def make_files(folder: Path) -> None:
    (folder / "Resources/many").mkdir(parents=True)
    for number in range(SIZE * 10):
        (folder / f"Resources/many/file-{number:06}.txt").touch()


def make_models(folder: Path, models: int) -> None:
    file = folder.with_name("model.bin")
    file.write_bytes(b"weights")
    make_versions(str(folder), file, models, SIZE // models)


@pytest.mark.parametrize(
    ("name", "make", "path", "text"),
    [
        ("100 models", lambda it: make_models(it, 100), "/ui/models", "model_9"),
        ("many models", lambda it: make_models(it, SIZE), "/ui/models", "model_99"),
        (
            "versions of a model",
            lambda it: make_models(it, 1),
            "/ui/models/model_0",
            None,
        ),
        ("files", make_files, "/ui/files/Resources/many", None),
        (
            "deployments",
            lambda it: make_deployments(
                hopsartifacts.login(str(it)), it.parent, SIZE // 5
            ),
            "/ui/deployments",
            "deployment9",
        ),
    ],
)
def test_a_page(
    name: str,
    make: Callable[[Path], None],
    path: str,
    text: str | None,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    state = str(tmp_path / "state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOPSARTIFACTS_STATE_DIR", state)
        make(tmp_path / "project")
    environment = {"PATH": os.environ["PATH"], "HOPSARTIFACTS_STATE_DIR": state}
    ui = Ui(environment, tmp_path / "project", "--no-browser")
    try:
        with launched() as browser:
            context = browser.new_context()
            context.new_page().goto(ui.said["link"])
            context.add_init_script(SEEN)
            cold = show(context, ui.said["url"] + path)
            bare, times = [], []
            for _ in range(ROUNDS):
                bare.append(paint(context, ui.said["url"] + "/ui/enter?token=none"))
                times.append(show(context, ui.said["url"] + path))
            painted, seen = (statistics.median(it) for it in zip(*times, strict=True))
            print(f"\n{name}: first {cold[0]:.0f}, {cold[1]:.0f} ms; ", end="")
            print(f"then painted {painted:.0f}, rows {seen:.0f} ms", end="")
            print(f"; one sentence {statistics.median(bare):.0f} ms", end="")
            record_property("painted and rows, ms", [round(painted), round(seen)])
            if text:
                passed = statistics.median(
                    narrow(context, ui.said["url"] + path, text) for _ in range(ROUNDS)
                )
                print(f"; filtered after {passed:.0f} ms", end="")
                record_property("filtered, ms", round(passed))
    finally:
        ui.end()


def show(context: BrowserContext, url: str) -> tuple[float, float]:
    """Return after how many milliseconds a page is painted, and has its rows."""
    page = context.new_page()
    page.goto(url)
    painted, seen = page.evaluate(TIMES)
    page.close()
    return painted, seen


def paint(context: BrowserContext, url: str) -> float:
    """Return after how many milliseconds a page without a script is painted."""
    page = context.new_page()
    page.goto(url)
    painted: float = page.evaluate(PAINTED)
    page.close()
    return painted


def narrow(context: BrowserContext, url: str, text: str) -> float:
    """Return how many milliseconds pass until only rows with *text* are shown."""
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    passed: float = page.evaluate(FILTERED, text)
    page.close()
    return passed
