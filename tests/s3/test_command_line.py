"""The command line on real S3 servers: verdicts, and refusals in their words."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("click", reason="needs the extra cli")

from click.testing import CliRunner, Result

import hopsartifacts
from hopsartifacts.cli.app import app
from tests.s3.conftest import Server
from tests.s3.proxy import Proxy

Run = Callable[..., Result]
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command with storage options from a file."""

    def invoke(options: dict[str, Any], *args: object) -> Result:
        file = tmp_path / "options.json"
        file.write_text(json.dumps(options))
        command = [*map(str, args), "--storage-options-file", str(file)]
        return CliRunner().invoke(app, command)

    return invoke


def test_the_doctor_says_yes_to_a_real_server(s3: Server, run: Run) -> None:
    url = f"s3://{s3.bucket()}/p"
    result = run(s3.options(), "doctor", url)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == url
    [modes] = [line for line in lines[1:-1] if not line.startswith("  ok  ")]
    assert modes.split("  ")[-1] == "there are no modes here", result.output
    assert lines[-1] == "Verdict: it can keep a project."

    project = hopsartifacts.login(url, storage_options=s3.options())
    kept = json.loads(project.storage.read(".hopsartifacts/doctor.json"))
    assert kept["ok"] is True
    assert kept["versions"].keys() >= {"fsspec", "s3fs", "botocore"}
    assert list(project.storage.find(".hopsartifacts/probes")) == []


def test_the_doctor_says_no_to_a_careless_server_and_the_no_stands(
    careless_s3: Server, run: Run, tmp_path: Path
) -> None:
    url, options = f"s3://{careless_s3.bucket()}/p", careless_s3.options()
    result = run(options, "doctor", url)
    assert result.exit_code == 1
    assert "the second creation of an object was not refused" in result.stdout
    assert (
        "that means: the server ignores the condition on a new object" in result.stdout
    )
    assert "8 writers were told they won" in result.stdout
    assert "4 writers were told they won" in result.stdout
    assert result.stdout.endswith("Verdict: it cannot keep a project.\n")

    (tmp_path / "model").write_text("m")
    refused = run(options, "models", "save", "m", tmp_path / "model", "--url", url)
    assert refused.exit_code == 1
    assert "as was found on" in refused.stderr
    assert "hopsartifacts doctor" in refused.stderr


def test_the_short_trial_is_kept_on_a_real_server(
    s3: Server, run: Run, tmp_path: Path
) -> None:
    url = f"s3://{s3.bucket()}/p"
    (tmp_path / "model").write_text("m")
    saved = run(s3.options(), "models", "save", "m", tmp_path / "model", "--url", url)
    assert saved.exit_code == 0, saved.output
    project = hopsartifacts.login(url, storage_options=s3.options())
    kept = json.loads(project.storage.read(".hopsartifacts/doctor.json"))
    assert (kept["ok"], kept["occasion"], kept["url"]) == (True, "first write", url)


def test_keys_that_may_only_read_are_told_apart(s3: Server, run: Run) -> None:
    options = s3.options(key="reader", secret="readers-secret")  # noqa: S106 - of the test server
    result = run(options, "doctor", f"s3://{s3.bucket()}/p", "--json")
    assert result.exit_code == 1
    checks = {it["name"]: it for it in json.loads(result.stdout)["checks"]}
    assert checks["read access"]["ok"]
    assert checks["write access"]["outcome"] == "failed"
    assert "Access Denied" in checks["write access"]["detail"]
    assert "permissions of the credentials" in checks["write access"]["meaning"]
    assert checks["create if absent, 8 threads"]["outcome"] == "not tried"


def test_a_bucket_that_is_not_there_is_told(careless_s3: Server, run: Run) -> None:
    result = run(careless_s3.options(), "doctor", "s3://no-such-bucket/p")
    assert result.exit_code == 1
    assert "does not exist: create it" in result.output


def test_lists_of_models_take_few_requests(
    s3: Server, proxy: Proxy, run: Run, tmp_path: Path
) -> None:
    """Two for each model, at the same time; none for each version."""
    url = f"s3://{s3.bucket()}/p"
    project = hopsartifacts.login(url, storage_options=s3.options())
    creator = project.get_model_registry().python
    (tmp_path / "model").write_text("m")
    for name in "mnopm":
        creator.create_model(name, metrics={"a": 1}).save(tmp_path / "model")
    options = Server(proxy.endpoint).options()

    proxy.plan()
    all_ = run(options, "models", "list", "--url", url, "--json")
    assert len(proxy.seen()) <= 2 * 4 + 3, proxy.seen()
    found = json.loads(all_.stdout)
    assert [(it["name"], it["version"]) for it in found] == [
        *(("m", 2), ("n", 1), ("o", 1), ("p", 1))
    ]
    shown = {"files": 1, "size_bytes": 1, "framework": "PYTHON", "metrics": {"a": 1}}
    assert all(it.items() >= shown.items() for it in found)

    proxy.plan()
    one = run(options, "models", "list", "m", "--url", url)
    assert len(proxy.seen()) <= 4, proxy.seen()
    lines = [line.split() for line in one.stdout.splitlines()[1:]]
    assert [line[:3] for line in lines] == [["m", "1", "PYTHON"], ["m", "2", "PYTHON"]]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"secret": "wrong"}, "check key and secret"),
        ({"client_kwargs": {"endpoint_url": NOBODY}}, "Could not connect"),
        ({"client_kwargs": "nonsense"}, "Error: "),
    ],
    ids=["wrong keys", "no server", "no options"],
)
@pytest.mark.parametrize("command", [["doctor"], ["models", "list", "--url"]], ids=str)
def test_what_cannot_be_reached_is_one_message(
    s3: Server, run: Run, command: list[str], options: dict[str, Any], words: str
) -> None:
    given = s3.options(config_kwargs={"retries": {"max_attempts": 1}})
    result = run({**given, **options}, *command, f"s3://{s3.bucket()}/p")
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr
    assert "Traceback" not in result.stderr
