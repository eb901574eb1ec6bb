"""How long the list of deployments takes, as a page of the API and in a browser.

``HOPSARTIFACTS_BENCH_DEPLOYMENTS`` is how many there are; none of them runs. The
browser opens the page on the same machine, each time as a new user. Aims at 2,000
deployments: 40 ms for a page of the API once the server knows them, and 300 ms until
the browser shows its rows.
"""

import os
import statistics
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import httpx
import pytest

from hopsartifacts.project import Project
from tests.rest.conftest import bearing
from tests.web.sites import Site, hosting, launched, served

DEPLOYMENTS = int(os.environ.get("HOPSARTIFACTS_BENCH_DEPLOYMENTS", "200"))
MODELS = 20
ROUNDS = 10
QUERIES = ("", "?sort=-updated", "?status=Created", "?name=9", "?facets=true")
SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"
SEEN = """
new MutationObserver((_, watch) => {
  if (document.querySelector("tbody tr")) {
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => { window.seen = performance.now(); }));
  }
}).observe(document, {childList: true, subtree: true});
"""
AWAITED = """new Promise((resolve) => {
  const look = () => window.seen ? resolve(window.seen) : setTimeout(look, 5);
  look();
})"""


def test_the_list_of_deployments(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with launched() as browser, hosting(tmp_path) as hosted:
        make(hosted.project, tmp_path)
        with served(browser, hosted) as site:
            print(f"\n{DEPLOYMENTS} deployments")
            for query in ("?limit=1", *QUERIES):
                rounds = 1 if query == "?limit=1" else ROUNDS
                ms = statistics.median(ask(site, query) for _ in range(rounds))
                print(f"    /api/v1/deployments{query}: {ms:.0f} ms")
                record_property(f"deployments{query}, ms", round(ms))
            shown = statistics.median(show(site) for _ in range(ROUNDS))
            print(f"    rows in a browser after {shown:.0f} ms")
            record_property("rows in a browser, ms", round(shown))


def make(project: Project, folder: Path) -> None:
    """Save the deployments; nothing has to last longer than this run."""
    file, script = folder / "weights.json", folder / "predictor.py"
    file.write_text("[1]")
    script.write_text(SCRIPT)
    registry = project.get_model_registry()
    with pytest.MonkeyPatch.context() as patch, (folder / "out").open("w") as out:
        patch.setattr(os, "fsync", lambda _: None)
        with redirect_stdout(out):
            models = [registry.python.create_model(f"m{it}") for it in range(MODELS)]
            for model in models:
                model.save(str(file), keep_original_files=True)
            for number in range(DEPLOYMENTS):
                model = models[number % MODELS]
                model.deploy(f"deployment{number}", script_file=str(script))


def ask(site: Site, query: str) -> float:
    """Return how many milliseconds a page of the API takes."""
    url = f"{site.url}/api/v1/deployments{query}"
    begin = time.perf_counter()
    answer = httpx.get(url, headers=bearing("admin"), timeout=120, trust_env=False)
    answer.raise_for_status()
    return (time.perf_counter() - begin) * 1000


def show(site: Site) -> float:
    """Return after how many milliseconds a browser shows the rows."""
    user = site.user()
    page = user.new_page()
    page.add_init_script(SEEN)
    page.goto(f"{site.url}/ui/deployments")
    seen: float = page.evaluate(AWAITED)
    user.close()
    return seen
