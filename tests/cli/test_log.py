"""Entries of logs as commands show them."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import hopsartifacts

Run = Callable[..., Result]
Answer = Callable[..., Any]
ARTIFACTS = "models/m/1/artifacts"


@pytest.fixture
def saved(run: Run, make_files: Callable[..., Path], make_script: Any) -> None:
    """Save a model, point an alias at it, and deploy it with a script."""
    for args in (
        ("models", "save", "m", make_files(), "--metric", "auc=0.5"),
        ("aliases", "set", "m", "champion", 1),
        ("deployments", "create", "m", 1, "--name", "d", "--script", make_script()),
    ):
        result = run(*args)
        assert result.exit_code == 0, result.output


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize(
    ("log", "happened"),
    [
        ("models/m", ["alias", "seal", "reserve"]),
        ("Models/m/_log", ["alias", "seal", "reserve"]),
        (ARTIFACTS, ["create"]),
        ("Models/m/1/Artifacts/_log/", ["create"]),
        ("deployments/d", ["save"]),
    ],
)
def test_entries_are_listed_newest_first(
    run: Run, answer: Answer, log: str, happened: list[str]
) -> None:
    found = answer("log", "list", log)
    assert [it["op"]["kind"] for it in found] == happened
    assert [it["seq"] for it in found] == list(range(len(happened), 0, -1))
    assert answer("log", "list", log, "--limit", 1) == found[:1]
    header, *lines = run("log", "list", log).output.splitlines()
    assert header.split() == ["ENTRY", "TIME", "WRITER", "KIND", "DETAILS"]
    assert [line.split()[3] for line in lines] == happened
    assert len(run("log", "list", log, "--limit", 2).output.splitlines()) == 1 + min(
        2, len(happened)
    )


@pytest.mark.usefixtures("saved")
def test_what_happened_is_said_in_words(run: Run) -> None:
    lines = run("log", "list", "models/m").output.splitlines()
    assert lines[1].endswith("alias champion")
    assert lines[3].endswith("version 1")


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize(
    ("log", "entry", "path"),
    [
        ("models/m", 2, "Models/m/_log/99/99/99/97.json.gz"),
        (ARTIFACTS, 1, "Models/m/1/Artifacts/_log/99/99/99/98.json.gz"),
        ("deployments/d", 1, "Deployments/d/_log/99/99/99/98.json.gz"),
    ],
)
def test_an_entry_is_shown_as_it_lies_there(
    run: Run, answer: Answer, log: str, entry: int, path: str
) -> None:
    stored = json.loads(gzip.decompress(hopsartifacts.login().storage.read(path)))
    del stored["check"]
    assert answer("log", "show", log, entry, "--pages") == stored
    pages = {"tree", "index"}
    few = {key: it for key, it in stored.items() if key not in pages}
    assert answer("log", "show", log, entry) == few
    shown = run("log", "show", log, entry)
    assert json.loads(shown.output) == few
    assert '\n  "op": {\n    "kind":' in shown.output


@pytest.mark.usefixtures("saved")
def test_what_is_not_there_is_an_error(run: Run) -> None:
    beyond = run("log", "show", "models/m", 4)
    assert beyond.exit_code == 1
    assert (
        "Models/m/_log has no entry 4: the newest is 3; 'hopsartifacts log list"
        in beyond.stderr
    )
    for log in ("models/other", "models/m/2/artifacts", "deployments/other"):
        missing = run("log", "list", log)
        assert (missing.exit_code, missing.stdout) == (1, "")
        assert "has no entries" in missing.stderr
    path = "Models/m/_log/99/99/99/97.json.gz"
    hopsartifacts.login().storage.delete_tree(path)
    gone = run("log", "show", "models/m", 2)
    assert (gone.exit_code, path in gone.stderr) == (1, True)
    assert run("log", "show", "models/m", 1).exit_code == 0


@pytest.mark.usefixtures("saved")
def test_an_old_entry_is_shown_where_the_newest_is_damaged(run: Run) -> None:
    newest = "Models/m/_log/99/99/99/96.json.gz"
    storage = hopsartifacts.login().storage
    storage.delete_tree(newest)
    storage.create(newest, b"damaged")
    shown = run("log", "show", "models/m", 2)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert json.loads(shown.output)["op"]["kind"] == "seal"
    for args in (("show", "models/m", 3), ("list", "models/m")):
        damaged = run("log", *args)
        assert (damaged.exit_code, damaged.stdout) == (1, "")
        assert newest in damaged.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("list", "m"),
        ("list", "models/m/1"),
        ("list", "models/m/0/artifacts"),
        ("list", "deployments/d/1/artifacts"),
        ("list", "models/m", "--limit", 0),
        ("show", "models/m", 0),
        ("show", "models/m", "x"),
    ],
    ids=str,
)
def test_what_names_no_log_or_entry_is_not_understood(run: Run, args: Any) -> None:
    result = run("log", *args)
    assert (result.exit_code, result.stdout) == (2, "")
