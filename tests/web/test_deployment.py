"""The page of a deployment: where it answers, trying it, its logs, its traffic."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from hopsartifacts import (
    InferenceBatcher,
    InferenceLogger,
    ModelSchema,
    Schema,
    Transformer,
)
from hopsartifacts.errors import DeploymentFailedError, PredictionError
from hopsartifacts.project import Project
from tests.web.sites import Site, hosting, served
from tests.web.test_every_page import check

SCRIPT = """
class Predictor:
    def __init__(self):
        print("loaded")

    def predict(self, inputs):
        print("asked for", inputs)
        if inputs[0][0] < 0:
            raise ValueError("a negative width")
        return [sum(row) for row in inputs]
"""
BROKEN = """import os

WEIGHTS = os.environ["NOWHERE_SET"]


class Predictor:
    def predict(self, inputs):
        return inputs
"""
TRANSFORMER = """
class Transformer:
    def preprocess(self, inputs):
        print("scaling")
        return inputs
"""
LINES = 100_000


@pytest.fixture(scope="module")
def town(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A project with deployments that run, failed, and never ran."""
    folder = tmp_path_factory.mktemp("town")
    with hosting(folder) as hosted:
        project = hosted.project
        fill(project, folder)
        serving = project.get_model_serving()
        serving.get_deployment("flowers").start(60)
        try:
            with pytest.raises(DeploymentFailedError):
                serving.get_deployment("broken").start(60)
            ask(project, [1.5, 2])
            with pytest.raises(PredictionError):
                ask(project, [-1, 2])
            with served(chromium, hosted) as site:
                yield site
        finally:
            serving.get_deployment("flowers").stop()


def fill(project: Project, folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"model")
    model = project.get_model_registry().python.create_model(
        "petals",
        input_example=[[1.5, 2.0]],
        model_schema=ModelSchema(Schema({"width": "double", "height": "double"})),
    )
    model.save(str(folder / "model.bin"), keep_original_files=True)
    script = folder / "predict.py"
    script.write_text(SCRIPT)
    model.deploy("flowers", script_file=script, inference_logger=InferenceLogger())
    batcher = InferenceBatcher(enabled=True, max_latency=5)
    model.deploy("calm", script_file=script, inference_batcher=batcher)
    transformer = folder / "transform.py"
    transformer.write_text(TRANSFORMER)
    script = folder / "broken.py"
    script.write_text(BROKEN)
    model.deploy("broken", script_file=script, transformer=Transformer(transformer))


def ask(project: Project, row: list[float]) -> object:
    deployment = project.get_model_serving().get_deployment("flowers")
    return deployment.predict({"instances": [row]})


def write_log(project: Project, name: str, lines: list[str]) -> None:
    """Write the log of a run that ended."""
    folder = project.storage.local_path(f"Logs/Serving/{name}")
    assert folder is not None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "20261130-101500_d-1_0a1b2c3d_predictor.log"
    path.write_text("".join(f"{line}\n" for line in lines))


def test_the_overview_says_what_runs_and_where(town: Site) -> None:
    page = town.visit("/ui/deployments/flowers")
    expect(page.get_by_role("heading", level=1)).to_contain_text("flowers Running")
    runs = page.get_by_label("What it runs")
    expect(runs.get_by_role("link", name="petals")).to_be_visible()
    expect(runs.get_by_text("1 of 1 ready")).to_be_visible()
    expect(page.get_by_label("Resources").get_by_text("worker")).to_be_visible()
    error = page.get_by_label("Last error")
    expect(error).to_contain_text("ValueError: a negative width")
    line = error.get_by_role("link", name="predictor-predict.py, line 9")
    expect(line).to_have_attribute(
        "href", "/ui/deployments/flowers/artifact?file=predictor-predict.py&line=9"
    )
    expect(page.get_by_label("Last hour")).to_contain_text("requests")
    expect(runs.get_by_text("Batcher")).to_be_visible()
    page = town.visit("/ui/deployments/calm")
    expect(page.get_by_label("What it runs")).to_contain_text("Max latency (ms): 5")


@pytest.mark.parametrize("language", ["curl", "Python"])
def test_the_calls_that_are_shown_work(
    town: Site, tmp_path: Path, language: str
) -> None:
    (tmp_path / "key.txt").write_text("admin.secret")
    page = town.visit("/ui/deployments/flowers")
    for endpoint in ("server-V1", "process-V1", "process-V2"):
        page.get_by_label("Endpoint", exact=True).select_option(endpoint)
        page.get_by_role("button", name=language, exact=True).click()
        text = page.get_by_label(f"Call in {language}").locator("pre").inner_text()
        command = ["sh", "-c", text] if language == "curl" else [sys.executable]
        done = subprocess.run(
            command,
            input=text,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "3.5" in done.stdout
    # What was chosen is in the address.
    assert "endpoint=process-V2" in page.url


def test_a_request_is_tried(town: Site) -> None:
    page = town.visit("/ui/deployments/flowers/try?as=json")
    body = page.get_by_role("textbox", name="Body")
    assert json.loads(body.input_value()) == {"instances": [[1.5, 2.0]]}
    page.get_by_role("button", name="Send the request").click()
    answer = page.get_by_label("Answer", exact=True)
    expect(answer).to_contain_text(re.compile(r"200 · [\d.]+ ms"))
    expect(answer).to_contain_text('"predictions": [3.5]')
    body.fill('{"instances": [[1.5, 2.0}')
    expect(page.get_by_text("This is not JSON").first).to_be_visible()
    expect(page.get_by_role("button", name="Send the request")).to_have_attribute(
        "aria-disabled", "true"
    )
    body.fill('{"instances": [[-3, 4]]}')
    body.press("Control+Enter")
    expect(answer).to_contain_text(
        "a negative width (predictor-predict.py, line 9). See the log"
    )
    expect(answer.get_by_role("link", name="predictor-predict.py")).to_be_visible()
    # This browser keeps what was sent.
    page.reload()
    sent = page.get_by_label("Sent before").get_by_role("listitem")
    expect(sent).to_have_count(2)
    sent.nth(1).get_by_role("button").click()
    assert json.loads(page.get_by_role("textbox", name="Body").input_value()) == {
        "instances": [[1.5, 2.0]]
    }


def test_rows_of_known_columns_have_a_form(town: Site) -> None:
    page = town.visit("/ui/deployments/flowers/try")
    page.get_by_label("width").fill("2.5")
    page.get_by_role("button", name="Add a row").click()
    page.get_by_label("height").nth(1).fill("8")
    page.get_by_role("button", name="Send the request").click()
    answer = page.get_by_label("Answer", exact=True)
    expect(answer).to_contain_text('"predictions": [4.5, 10.5]')
    page.get_by_role("button", name="JSON").click()
    assert json.loads(page.get_by_role("textbox", name="Body").input_value()) == {
        "instances": [[2.5, 2], [2.5, 8]]
    }


def test_without_a_run_it_is_said_why_nothing_can_be_sent(town: Site) -> None:
    page = town.visit("/ui/deployments/calm/try")
    expect(
        page.get_by_text("calm is created: start it to send requests.")
    ).not_to_have_count(0)
    page.goto(f"{town.url}/ui/deployments/calm/logs")
    expect(page.get_by_text("No logs yet")).to_be_visible()
    page.goto(f"{town.url}/ui/deployments/calm/traffic")
    expect(page.get_by_text("Nothing was counted yet")).to_be_visible()
    expect(page.get_by_text("does not log its requests")).to_be_visible()


def test_the_log_of_a_script_that_fails_leads_to_its_line(town: Site) -> None:
    page = town.visit("/ui/deployments/broken")
    expect(page.get_by_role("heading", level=1)).to_contain_text("broken Failed")
    expect(page.get_by_label("Last error")).to_contain_text("KeyError: 'NOWHERE_SET'")
    expect(page.get_by_text("NOWHERE_SET")).to_have_count(1)
    page.get_by_role("link", name="See the log").click()
    log = page.get_by_label("Log of the predictor")
    place = log.get_by_role("link", name="predictor-broken.py").last
    expect(place).to_have_attribute(
        "href", "/ui/deployments/broken/artifact?file=predictor-broken.py&line=3"
    )
    page.go_back()
    error = page.get_by_label("Last error")
    error.get_by_role("link", name="predictor-broken.py, line 3").click()
    line = page.locator(".source .here")
    expect(line).to_contain_text("""os.environ["NOWHERE_SET"]""")
    expect(line).to_contain_text("KeyError: 'NOWHERE_SET'")
    expect(page.get_by_text("KeyError")).to_have_count(1)
    check(page)
    page.go_back()
    page.get_by_role("link", name="See the log").click()
    page.get_by_label("Level").select_option("Errors")
    expect(log.get_by_text("KeyError: 'NOWHERE_SET'").first).to_be_visible()
    expect(log.get_by_text("keeper:")).to_have_count(0)


def test_a_log_goes_on_by_itself(town: Site) -> None:
    page = town.visit("/ui/deployments/flowers/logs")
    log = page.get_by_label("Log of the predictor")
    expect(log.get_by_text("loaded")).to_be_visible()
    expect(page.get_by_text("· live")).to_be_visible()
    ask(town.project, [77, 1])
    expect(log.get_by_text("asked for [[77, 1]]")).to_be_visible()


def test_a_line_has_an_address(town: Site) -> None:
    page = town.visit("/ui/deployments/flowers/logs")
    log = page.get_by_label("Log of the predictor")
    line = log.locator(".log-line", has_text="loaded")
    line.hover()
    line.get_by_label("Link to this line").click()
    expect(line).to_have_attribute("aria-current", "true")
    again = town.visit(page.url.removeprefix(town.url))
    log = again.get_by_label("Log of the predictor")
    expect(log.locator("[aria-current]")).to_contain_text("loaded")


def at_end(page: Page) -> bool:
    return bool(
        page.get_by_label("Log of the predictor").evaluate(
            "it => it.scrollTop + it.clientHeight >= it.scrollHeight - 40"
        )
    )


def test_a_log_of_100_000_lines_is_searched_and_scrolled(site: Site) -> None:
    """Little of it is drawn at once, also when all of it was read."""
    lines = [f"INFO batch {it} took {it % 97} ms" for it in range(LINES)]
    lines[4321] = "ERROR the needle"
    write_log(site.project, "gone", lines)
    page = site.visit("/ui/deployments/gone/logs")
    expect(page.get_by_text("There is no deployment “gone”")).to_be_visible()
    log = page.get_by_label("Log of the predictor")
    expect(log.get_by_text(lines[-1])).to_be_visible()
    assert at_end(page)
    page.get_by_label("Search in the log").fill("needle")
    expect(page.get_by_text("not found in what was read")).to_be_visible()
    page.get_by_role("button", name="Search all of it").click()
    expect(page.get_by_text("100,000 lines")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("1 place", exact=True)).to_be_visible()
    page.get_by_label("Search in the log").press("Enter")
    expect(log.locator("[aria-current]")).to_contain_text("ERROR the needle")
    expect(log.locator("[aria-current]")).to_be_in_viewport()
    assert log.locator(".log-line").count() < 2000
    # A jump to anywhere is drawn within a few frames.
    slowest = log.evaluate(
        """async (log) => {
          let slowest = 0;
          for (let step = 0; step < 20; step += 1) {
            const began = performance.now();
            log.scrollTop = (log.scrollHeight * (step * 7 % 20)) / 20;
            const isDrawn = () => {
              const box = log.getBoundingClientRect();
              const middle = box.y + box.height / 2;
              const seen = document.elementFromPoint(box.x + 60, middle);
              return Boolean(seen?.closest(".log-line"));
            };
            do {
              await new Promise(requestAnimationFrame);
            } while (!isDrawn() && performance.now() - began < 5000);
            slowest = Math.max(slowest, performance.now() - began);
          }
          return slowest;
        }"""
    )
    assert slowest < 1000


def test_the_traffic_and_the_requests_behind_it(town: Site) -> None:
    page = town.visit("/ui/deployments/flowers/traffic")
    expect(page.get_by_text("counted by its processes")).to_be_visible()
    expect(page.get_by_label("Requests", exact=True)).to_be_visible()
    row = page.get_by_label("Logged requests").get_by_text('{"instances":[[-1,2]]}')
    row.first.click()
    opened = page.locator("details[open]")
    expect(opened).to_contain_text("ValueError: a negative width")
    page.get_by_role("button", name="Last day").click()
    assert "period=day" in page.url
    page.get_by_text("The same as a table").click()
    expect(page.get_by_label("Traffic in steps").get_by_role("row")).not_to_have_count(
        1
    )


def test_it_is_started_and_stopped_from_its_page(town: Site) -> None:
    page = town.visit("/ui/deployments/calm")
    head = page.get_by_role("heading", level=1)
    page.get_by_role("button", name="Start calm").click()
    expect(head).to_contain_text("Running")
    page.get_by_role("button", name="Stop calm").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop calm").click()
    expect(head).to_contain_text("Stopped")


def test_a_failure_that_the_page_shows_is_no_message_too(town: Site) -> None:
    page = town.visit("/ui/deployments/broken")
    with page.expect_response("**/deployments/broken/start") as started:
        page.get_by_role("button", name="Start broken").click()
    # It may have failed before: so wait for the end of this start.
    job = f"{town.url}/api/v1/jobs/{started.value.json()['id']}"
    while page.request.get(job).json()["status"] == "running":
        page.wait_for_timeout(100)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Failed")
    with page.expect_response("**/api/v1/deployments/broken"):
        page.get_by_role("link", name="Versions").click()
    expect(page.locator(".toast")).to_have_count(0)
