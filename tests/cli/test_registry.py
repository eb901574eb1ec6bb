"""Aliases, descriptions, artifacts, bundles, garbage and the catalog as commands."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import hopsartifacts

Run = Callable[..., Result]
Answer = Callable[..., Any]


@pytest.fixture
def saved(run: Run, make_files: Callable[..., Path], make_script: Any) -> None:
    """Save two versions of a model and deploy the first."""
    for args in (
        ("models", "save", "m", make_files(), "--metric", "auc=0.5", "--tag", "a=1"),
        ("models", "save", "m", make_files({"model.bin": b"second"})),
        ("deployments", "create", "m", 1, "--name", "d", "--script", make_script()),
    ):
        result = run(*args)
        assert result.exit_code == 0, result.output


@pytest.mark.usefixtures("saved")
def test_an_alias_is_set_rolled_back_and_deleted(run: Run, answer: Answer) -> None:
    """The commands about aliases agree with each other after each step."""
    assert run("aliases", "list", "m").output == "model 'm' has no aliases\n"
    first = run("aliases", "set", "m", "champion", 1, "--why", "the only one")
    assert first.output == "Alias champion of m points at version 1\n"
    moved = answer("aliases", "set", "m", "champion", 2)
    assert moved == {"model": "m", "alias": "champion", "version": 2}
    assert answer("aliases", "list", "m") == {"champion": 2}
    assert run("aliases", "list", "m").output.splitlines()[1].split() == [
        "champion",
        "2",
    ]
    assert answer("models", "show", "m", 2)["aliases"] == ["champion"]
    refused = run("models", "delete", "m", 2, "--yes")
    assert (refused.exit_code, "champion" in refused.stderr) == (1, True)

    back = run("aliases", "rollback", "m", "champion", "--why", "worse")
    assert back.output == "Alias champion of m points at version 1\n"
    gone = run("aliases", "delete", "m", "champion")
    assert gone.output == "Alias champion of m points at no version\n"
    history = answer("aliases", "history", "m", "champion")
    assert [it["version"] for it in history] == [None, 1, 2, 1]
    text = run("aliases", "history", "m", "champion").output
    assert "none" in text
    assert "the only one" in text
    assert run("aliases", "history", "m", "other").output == (
        "alias 'other' of model 'm' was never set\n"
    )
    for missing in (("set", "m", "x", 9), ("delete", "m", "x"), ("rollback", "m", "x")):
        assert run("aliases", *missing).exit_code == 1


@pytest.mark.usefixtures("saved")
def test_a_description_is_replaced(run: Run, answer: Answer) -> None:
    result = run("models", "describe", "m", 1, "what it is")
    assert result.output == "Described m version 1\n"
    assert answer("models", "show", "m", 1)["description"] == "what it is"
    assert answer("models", "describe", "m", 1, "new")["description"] == "new"
    assert run("models", "describe", "m", 9, "x").exit_code == 1


@pytest.mark.usefixtures("saved")
def test_an_artifact_version_is_deleted_once_nobody_uses_it(
    run: Run, answer: Answer
) -> None:
    used = run("artifacts", "delete", "m", 1, 1, "--yes")
    assert (used.exit_code, "deployment 'd'" in used.stderr) == (1, True)
    run("deployments", "delete", "d", "--yes")
    assert run("artifacts", "delete", "m", 1, 1).exit_code == 1
    deleted = answer("artifacts", "delete", "m", 1, 1, "--yes")
    assert deleted["version"] == 1
    assert [it["version"] for it in answer("artifacts", "list", "m", 1)] == [0]
    assert run("artifacts", "delete", "m", 1, 1, "--yes").exit_code == 1


@pytest.mark.usefixtures("saved")
def test_garbage_is_shown_and_freed(run: Run, answer: Answer, tmp_path: Path) -> None:
    left = ".hopsartifacts/staging/" + "0" * 32 + "/file"
    project = hopsartifacts.login()
    project.storage.write(left, [b"12345"])
    assert left.rpartition("/")[0] in run("gc").output
    assert project.storage.stat(left)

    shown = answer("gc", tmp_path / "project", "--dry-run", "--grace", "0")
    assert shown["dry_run"] is True
    assert "staging" in str(shown["freed"])
    assert project.storage.stat(left)
    assert answer("gc", "--grace", "1d")["kept"] != []
    freed = answer("gc", "--grace", "0s")
    assert freed["size_bytes"] >= 5
    assert project.storage.stat(left) is None
    assert run("gc", "--grace", "0").output.startswith("0 bytes freed")


@pytest.mark.usefixtures("saved")
def test_the_catalog_is_shown_and_written(
    run: Run, answer: Answer, tmp_path: Path
) -> None:
    """The same rows are shown as text and as JSON, and written as CSV and Parquet."""
    _need("pyarrow")
    run("aliases", "set", "m", "champion", 1)
    rows = answer("catalog")
    assert [(it["model"], it["version"], it["aliases"]) for it in rows] == [
        ("m", 1, ["champion"]),
        ("m", 2, []),
    ]
    assert (rows[0]["metrics"], rows[0]["tags"]) == ({"auc": 0.5}, {"a": 1})
    lines = run("catalog", tmp_path / "project").output.splitlines()
    assert lines[0].split()[:3] == ["MODEL", "VERSION", "FRAMEWORK"]
    assert lines[1].split()[-4:] == ["auc=0.5", "champion", "1", "d"]
    assert answer("catalog", "--kind", "metrics")[0]["value"] == 0.5
    assert "auc" in run("catalog", "--kind", "metrics").output
    assert "predictor-predict.py" in run("catalog", "--kind", "artifacts").output
    assert "d" in run("catalog", "--kind", "deployments").output

    assert answer("catalog", "--csv", "all.csv") == {"file": "all.csv", "rows": 2}
    with Path("all.csv").open(newline="") as file:
        first, _ = csv.DictReader(file)
    assert json.loads(first["metrics"]) == {"auc": 0.5}
    assert json.loads(first["aliases"]) == ["champion"]
    assert json.loads(first["deployments"])[0]["name"] == "d"

    assert run("catalog", "--parquet", "all.parquet").exit_code == 0
    parquet = _need("pyarrow.parquet")
    assert parquet.read_table("all.parquet").equals(hopsartifacts.login().catalog())


def test_a_table_replaces_a_file_only_when_asked(run: Run, url: str) -> None:
    del url
    _need("pyarrow")
    Path("mine.csv").write_text("mine")
    # A project without a model.
    run("files", "upload", "mine.csv")
    refused = run("catalog", "--csv", "mine.csv")
    assert (refused.exit_code, "exists" in refused.stderr) == (1, True)
    assert Path("mine.csv").read_text() == "mine"
    assert run("catalog", "--csv", "mine.csv", "--overwrite").exit_code == 0
    assert Path("mine.csv").read_text().startswith('"model"')
    assert run("catalog").output == "no models\n"
    failed = run("catalog", "--parquet", "no/such/folder.parquet")
    assert (failed.exit_code, "cannot write" in failed.stderr) == (1, True)


@pytest.mark.usefixtures("saved")
def test_a_bundle_goes_out_and_comes_in(
    run: Run, answer: Answer, tmp_path: Path
) -> None:
    other = ("--url", tmp_path / "other")
    run("aliases", "set", "m", "champion", 1)
    exported = answer("bundle", "export", "all.tar.gz")
    assert exported["models"] == [["m", 1], ["m", 2]]
    refused = run("bundle", "export", "all.tar.gz")
    assert (refused.exit_code, "exists" in refused.stderr) == (1, True)

    wrong = run("bundle", "import", "all.tar.gz", "--digest", "sha256:0", *other)
    assert wrong.exit_code == 1
    imported = answer("bundle", "import", "all.tar.gz", *other)
    assert [it["version"] for it in imported["models"]] == [1, 2]
    assert imported["aliases"][0]["alias"] == "champion"
    assert imported["renumbered"] == []
    again = run("bundle", "import", "all.tar.gz", "--strict-numbers", *other)
    assert "0 stored" in again.output
    assert answer("aliases", "list", "m", *other) == {"champion": 1}

    one = answer("bundle", "export", "one.tar", "--model", "m:2")
    assert (one["models"], one["deployments"]) == ([["m", 2]], [])
    few = answer("bundle", "export", "few.tar", "--deployment", "d", "--no-artifacts")
    assert (few["models"], few["deployments"]) == ([["m", 1]], ["d"])
    both = answer("bundle", "export", "few.tar", "--model", "m", "--overwrite")
    assert both["models"] == [["m", 1], ["m", 2]]


@pytest.mark.usefixtures("saved")
def test_a_repair_may_use_a_bundle(run: Run, answer: Answer) -> None:
    assert run("bundle", "export", "all.tar").exit_code == 0
    hopsartifacts.login().storage.write("Models/m/2/Files/model.bin", [b"edited"])
    assert run("verify").exit_code == 1
    refused = run("repair", "--bundle", "missing.tar")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert answer("repair", "--bundle", "all.tar")["ok"] is True
    assert run("verify").exit_code == 0


def _need(module: str) -> Any:
    if os.environ.get("CI"):
        return __import__(module, fromlist=["_"])  # CI has to have it
    return pytest.importorskip(module, reason="needs the extra catalog")


def test_deploying_the_next_model_version_makes_the_next_deployment_version(
    run: Run, make_files: Callable[..., Path], make_script: Any
) -> None:
    """The answer is JSON alone; what changed is said beside it."""
    script = make_script()
    for number in (1, 2, 3):
        run("models", "save", "m", make_files())
        result = run("deployments", "create", "m", "--script", script, "--json")
        assert result.exit_code == 0, result.output
        made = json.loads(result.stdout)
        assert (made["version"], made["model_version"]) == (number, number)
    assert "Deployment 'm' exists: saved as its version 3" in result.stderr
    assert "model.version: 2 -> 3" in result.stderr


def test_a_new_deployment_can_have_a_reason_for_its_history(
    run: Run, answer: Any, make_files: Callable[..., Path], make_script: Any
) -> None:
    run("models", "save", "m", make_files())
    made = run("deployments", "create", "m", "--script", make_script(), "--why", "A/B")
    assert made.exit_code == 0, made.output
    assert [it["why"] for it in answer("deployments", "history", "m")] == ["A/B"]
