"""Commands about a whole project: doctor, verify, repair, files, deployments."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import hopsartifacts

Run = Callable[..., Result]
Answer = Callable[..., Any]


@pytest.fixture
def deployed(run: Run, make_files: Callable[..., Path], make_script: Any) -> None:
    for args in (
        ("models", "save", "m", make_files()),
        ("deployments", "create", "m", "--script", make_script()),
    ):
        assert run(*args).exit_code == 0


def test_the_doctor_prints_a_table_and_a_verdict(run: Run, url: str) -> None:
    result = run("doctor")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == url
    assert lines[-1] == "Verdict: it can keep a project."
    assert all(line.startswith("  ok  ") for line in lines[1:-1])
    assert len(lines) == 14


def test_the_doctor_answers_in_json(answer: Answer, tmp_path: Path) -> None:
    found = answer("doctor", tmp_path / "elsewhere")
    assert found["ok"] is True
    assert found["url"] == (tmp_path / "elsewhere").as_uri()
    assert {check["outcome"] for check in found["checks"]} == {"held"}


def test_the_doctor_finds_a_place_that_cannot_be_written(
    run: Run, users_folder: Path
) -> None:
    (users_folder / "p").mkdir()
    (users_folder / "p").chmod(0o555)
    result = run("doctor", users_folder / "p", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["ok"] is False
    failed = [check for check in found["checks"] if check["outcome"] == "failed"]
    assert [check["name"] for check in failed] == ["write access"]
    assert "permission denied" in failed[0]["detail"]
    assert list((users_folder / "p").iterdir()) == []


@pytest.mark.usefixtures("deployed")
def test_verify_finds_and_repair_undoes_an_edit(run: Run, tmp_path: Path) -> None:
    assert run("verify").exit_code == 0
    extra = "Models/m/1/Artifacts/9/new.py"
    hopsartifacts.login().storage.write(extra, [b"x"])

    found = run("verify", tmp_path / "project")
    assert found.exit_code == 1
    assert f"extra: {extra}" in found.stdout
    asked = json.loads(run("verify", "--json").stdout)
    assert asked["ok"] is False
    assert [it["path"] for it in asked["findings"]] == [extra]

    assert run("repair").exit_code == 0
    assert run("verify").exit_code == 0


@pytest.mark.usefixtures("deployed")
def test_artifacts_are_listed_shown_and_compared(
    run: Run, answer: Answer, make_script: Callable[..., Path]
) -> None:
    other = make_script("class Predictor:\n    x = 1\n")
    run("deployments", "create", "m", 1, "--name", "other", "--script", other)

    listed = answer("artifacts", "list", "m", 1)
    assert [it["version"] for it in listed] == [0, 1, 2]
    assert "predictor-predict.py" in run("artifacts", "list", "m", 1).output
    shown = answer("artifacts", "show", "m", 1, 2)
    assert [it["role"] for it in shown["files"]] == ["predictor"]
    assert "predictor-predict.py" in run("artifacts", "show", "m", 1, 2).output
    assert "+    x = 1" in run("artifacts", "diff", "m", 1, 1, 2).output
    assert answer("artifacts", "diff", "m", 1, 1, 2)["files"][0]["change"] == "changed"
    assert run("artifacts", "diff", "m", 1, 1, 1).output == "no difference\n"
    missing = run("artifacts", "show", "m", 1, 9)
    assert (missing.exit_code, missing.stdout) == (1, "")


@pytest.mark.usefixtures("deployed")
def test_deployments_are_listed_shown_and_deleted(run: Run, answer: Answer) -> None:
    listed = answer("deployments", "list")
    assert [(it["name"], it["model"], it["artifact_version"]) for it in listed] == [
        ("m", "m", 1)
    ]
    assert run("deployments", "list").output.splitlines()[1].split() == [
        *("m", "1", "m", "1", "1", "KSERVE", "Created")
    ]
    assert answer("deployments", "list", "--model", "other") == []
    shown = answer("deployments", "show", "m")
    assert shown["specification"]["model"]["version"] == 1
    assert shown["state"]["status"] == "Created"
    assert "predict.py" in run("deployments", "show", "m").output

    refused = run("models", "delete", "m", 1, "--yes")
    assert (refused.exit_code, "deployment 'm'" in refused.stderr) == (1, True)
    assert run("deployments", "delete", "m").exit_code == 1
    assert run("deployments", "delete", "m", "--yes").output == "Deleted m\n"
    assert answer("deployments", "list") == []


@pytest.mark.usefixtures("deployed")
def test_versions_are_listed_compared_gone_back_to_and_given_up(
    run: Run, answer: Answer, make_script: Callable[..., Path], tmp_path: Path
) -> None:
    """The commands about versions agree with each other after each step."""
    other = make_script("class Predictor:\n    x = 1\n")
    (tmp_path / "rows.json").write_text("[[1, 2]]")
    (tmp_path / "lock.txt").write_text("no-such-package==1\n")
    create = ["deployments", "create", "m", 1, "--script", other]
    settings = ["--env", "A=1", "--env", "B=x=2", "--golden-request", "rows.json"]
    run(*create, *settings, "--environment-lock", "lock.txt")

    listed = answer("deployments", "versions", "m")
    assert [(it["version"], it["is_active"]) for it in listed] == [
        (2, True),
        (1, False),
    ]
    sealed = listed[0]["specification"]
    assert sealed["env_vars"] == {"A": "1", "B": "x=2"}
    assert sealed["golden_request"] == {"request": {"instances": [[1, 2]]}}
    row = run("deployments", "versions", "m").output.splitlines()[1].split()
    assert row[:2] == ["2", "*"]

    shown = run("deployments", "diff", "m", 1).output
    assert shown == run("deployments", "diff", "m", 1, 2).output
    assert 'env_vars.A: nothing -> "1"' in shown
    assert "+    x = 1" in shown
    assert answer("deployments", "diff", "m", 1)["files"]["files"]

    refused = run("deployments", "start", "m")
    assert refused.exit_code == 1
    assert "no-such-package  1       not installed" in refused.stderr

    words = ("--why", "it was better")
    done = run("deployments", "rollback", "m", 1, *words).output
    assert done == "Version 1 of m is active\n"
    found = answer("deployments", "history", "m")
    assert [(it["version"], it["cause"], it["why"]) for it in found] == [
        (1, "rollback", "it was better"),
        (2, "save", ""),
        (1, "save", ""),
    ]
    assert "it was better" in run("deployments", "history", "m").output

    assert run("deployments", "delete-version", "m", 2).exit_code == 1
    gone = run("deployments", "delete-version", "m", 2, "--yes").output
    assert gone == "Deleted version 2 of m\n"
    assert run("deployments", "delete-version", "m", 1, "--yes").exit_code == 1
    assert [it["version"] for it in answer("deployments", "versions", "m")] == [1]
    for wrong in ("A", "=1"):
        assert run(*create, "--env", wrong).exit_code == 2


def test_what_is_installed_is_frozen(run: Run, answer: Answer, tmp_path: Path) -> None:
    text = run("deployments", "freeze").output
    assert "msgspec==" in text
    assert run("deployments", "freeze", "lock.txt").output == "Wrote lock.txt\n"
    assert (tmp_path / "lock.txt").read_text() == text
    assert answer("deployments", "freeze")["lock"] == text


@pytest.mark.usefixtures("deployed")
def test_a_deployment_runs_until_it_is_stopped(run: Run, answer: Answer) -> None:
    pytest.importorskip("psutil", reason="needs the extra serving")
    try:
        started = answer("deployments", "start", "m")
        assert started["status"] == "Running"
        assert run("deployments", "start", "m").stdout.startswith("http://127.0.0.1:")
        for request in ("[[1, 2]]", '{"instances": [[1, 2]]}'):
            predicted = run("deployments", "predict", "m", "--data", "-", stdin=request)
            assert json.loads(predicted.stdout) == {"predictions": [[1, 2]]}
        assert "Started" in run("deployments", "logs", "m", "--tail", 50).output
        golden = run("deployments", "record-golden", "m", "--data", "-", stdin="[[3]]")
        assert golden.stdout == "Version 2 of m must answer as recorded\n"
        assert answer("deployments", "show", "m")["state"]["deployment_version"] == 2
    finally:
        stopped = run("deployments", "stop", "m")
    assert stopped.output == "Stopped m\n"
    followed = run("deployments", "logs", "m", "--follow", "--tail", 50)
    assert "Started" in followed.stdout
    refused = run("deployments", "predict", "m", "--data", "-", stdin="[[1]]")
    assert (refused.exit_code, refused.stdout) == (1, "")


def test_own_files_come_and_go(run: Run, answer: Answer, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1,2")
    assert run("files", "upload", "data.csv").output == "Resources/data.csv\n"
    assert run("files", "upload", "data.csv").exit_code == 1
    assert run("files", "upload", "data.csv", "--overwrite").exit_code == 0
    assert answer("files", "list", "Resources") == ["Resources/data.csv"]
    run("files", "download", "Resources/data.csv", "--to", tmp_path / "copy.csv")
    assert (tmp_path / "copy.csv").read_text() == "1,2"
    assert run("files", "remove", "Resources/data.csv", "--yes").exit_code == 0
    assert run("files", "list", "Resources").output == "\n"
    managed = run("files", "upload", "data.csv", "--to", "Models/m")
    assert (managed.exit_code, "managed" in managed.stderr) == (1, True)
