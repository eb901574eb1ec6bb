"""Models on the command line."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from hopsartifacts.cli.values import json_file

Run = Callable[..., Result]
Answer = Callable[..., Any]


@pytest.fixture
def saved(answer: Answer, make_files: Callable[..., Path]) -> Any:
    return answer("models", "save", "m", make_files({"a/b.txt": "text"}))


def test_a_model_is_saved_with_all_there_is_to_it(
    run: Run, answer: Answer, make_files: Callable[..., Path], tmp_path: Path
) -> None:
    """Each option of ``models save`` is seen again in ``models show``."""
    (tmp_path / "example.json").write_text('{"x": 1}')
    (tmp_path / "schema.json").write_text(
        '{"input_schema": {"columnar_schema": [{"name": "x", "type": "int"}]}}'
    )
    result = run(
        *("models", "save", "m", make_files({"model.bin": b"12345"})),
        *("--framework", "sklearn", "--version", 3, "--description", "The best"),
        *("--metric", "auc=0.5", "--metric", "rows=7"),
        *("--tag", "owner=Ada", "--tag", 'data={"from": 2020}'),
        *("--input-example", "example.json", "--schema", "schema.json"),
    )
    assert (result.exit_code, result.output) == (0, "Saved m version 3\n")

    shown = answer("models", "show", "m")
    assert (shown["version"], shown["framework"]) == (3, "SKLEARN")
    assert shown["description"] == "The best"
    assert shown["metrics"] == {"auc": 0.5, "rows": 7}
    assert shown["tags"] == {"owner": "Ada", "data": {"from": 2020}}
    assert shown["input_example"] == {"x": 1}
    assert "input_schema" in shown["model_schema"]
    assert [file["path"] for file in shown["file_list"]] == ["model.bin"]
    assert (shown["files"], shown["size_bytes"]) == (1, 5)

    text = run("models", "show", "m", 3).output
    assert 'tag data:       {"from":2020}' in text
    assert "model.bin  5 B   sha256:" in text


def test_models_are_listed_with_their_latest_version(
    run: Run, answer: Answer, make_files: Callable[..., Path], url: str
) -> None:
    # A project without a model.
    run("files", "upload", make_files())
    assert run("models", "list").output == f"no models in {url}\n"
    assert answer("models", "list") == []
    for name in ("m", "m", "other"):
        run("models", "save", name, make_files(), "--metric", "auc=0.25")

    listed = answer("models", "list")
    assert [(it["name"], it["version"]) for it in listed] == [("m", 2), ("other", 1)]
    assert [it["version"] for it in answer("models", "list", "m")] == [1, 2]
    lines = run("models", "list").output.splitlines()
    assert lines[0].split() == [
        *("NAME", "VERSION", "FRAMEWORK", "CREATED", "FILES", "SIZE", "METRICS")
    ]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["m", "2", "PYTHON"],
        ["other", "1", "PYTHON"],
    ]
    assert lines[1].endswith("auc=0.25")


@pytest.mark.usefixtures("saved")
def test_files_come_back_as_they_were(run: Run, answer: Answer, tmp_path: Path) -> None:
    assert run("models", "download", "m").output == "m-1\n"
    assert (tmp_path / "m-1" / "a" / "b.txt").read_text() == "text"
    folder = answer("models", "download", "m", 1, "--to", tmp_path / "x")["folder"]
    assert Path(folder, "a", "b.txt").read_text() == "text"


def test_two_versions_are_compared(
    run: Run, answer: Answer, make_files: Callable[..., Path]
) -> None:
    for number in (1, 2):
        files = make_files({f"weights-{number}": "w"})
        run("models", "save", "m", files, "--metric", f"auc=0.{number}")
    assert run("models", "diff", "m", 1, 1).output == "no difference\n"
    assert run("models", "diff", "m", 1).output.splitlines() == [
        "metric auc: 0.1 -> 0.2",
        "file removed: weights-1",
        "file added: weights-2",
    ]
    found = answer("models", "diff", "m", 2, 1)
    assert [it["change"] for it in found["files"]] == ["added", "removed"]
    assert "has no version 3" in run("models", "diff", "m", 3).output


@pytest.mark.usefixtures("saved")
def test_the_history_of_a_model(run: Run, answer: Answer) -> None:
    run("models", "tag", "m", 1, f"note={'long ' * 20}")
    run("aliases", "set", "m", "champion", 1, "--why", "the only one")
    run("models", "describe", "m", 1, "Edited")
    lines = run("models", "history", "m", "--limit", 3).output.splitlines()
    assert lines[0].split() == ["WHEN", "CHANGE", "VERSION", "VALUES", "BY", "WHY"]
    assert '-> "Edited"' in lines[1]
    assert "champion: none -> 1" in lines[2]
    assert lines[2].endswith("the only one")
    assert "{} -> {" in lines[3]
    assert "…" in lines[3]
    assert len(lines) == 4
    kinds = [it["kind"] for it in answer("models", "history", "m")]
    assert kinds == ["described", "alias set", "tagged", "saved", "reserved"]


@pytest.mark.usefixtures("saved")
def test_a_version_is_deleted_only_when_sure(run: Run) -> None:
    refused = run("models", "delete", "m", 1, stdin="n\n")
    assert refused.exit_code == 1
    assert "Delete m version 1 permanently?" in refused.stderr
    assert run("models", "delete", "m", 1).exit_code == 1
    assert run("models", "show", "m").exit_code == 0

    assert run("models", "delete", "m", 1, stdin="y\n").exit_code == 0
    gone = run("models", "show", "m")
    assert gone.exit_code == 1
    assert gone.stderr.startswith("Error: ")


@pytest.mark.usefixtures("saved")
def test_tags_are_set_shown_and_taken_away(run: Run, answer: Answer) -> None:
    assert answer("models", "tag", "m", 1, "a=1", "b=x=y") == {"a": 1, "b": "x=y"}
    assert run("models", "tag", "m", 1).output == 'a:  1\nb:  "x=y"\n'
    assert answer("models", "tag", "m", 1, "--remove", "a") == {"b": "x=y"}


def test_what_steers_a_terminal_does_not_get_there(
    run: Run, make_files: Callable[..., Path]
) -> None:
    run("models", "save", "m", make_files(), "--description", "\x1b[31mred\nline")
    shown = run("models", "show", "m")
    assert "[31mred line\n" in shown.output
    assert "\x1b" not in shown.output


@pytest.mark.parametrize("is_stdin", [False, True])
def test_a_byte_order_mark_before_json_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_stdin: bool
) -> None:
    text = '\ufeff{"a": "\u00e9"}'
    (tmp_path / "it.json").write_text(text, encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    found = json_file("-" if is_stdin else str(tmp_path / "it.json"))
    assert found == {"a": "\u00e9"}


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["show", "nobody"], 1, "no model 'nobody'"),
        (["list", "nobody"], 1, "no model 'nobody'"),
        (["show", "m", "7"], 1, "7"),
        (["show", "m", "one"], 2, "'one' is not a valid integer"),
        (["save", "m", "nothing-here"], 1, "nothing-here"),
        (["save", "no/name", "."], 1, "no/name"),
        (["save", "m", ".", "--metric", "auc"], 2, "'auc' is not KEY=VALUE"),
        (["save", "m", ".", "--metric", "auc=high"], 1, "auc"),
        (["save", "m", ".", "--framework", "x"], 2, "'x' is not one of"),
        (["save", "m", ".", "--schema", "none.json"], 2, "cannot be read"),
        (["save", "m", ".", "--schema", "bad.json"], 2, "is not JSON"),
        (["delete", "m"], 2, "Missing argument 'VERSION'"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("saved")
def test_bad_input_is_told_in_one_message(
    run: Run, answer: Answer, tmp_path: Path, args: list[str], code: int, words: str
) -> None:
    (tmp_path / "bad.json").write_text("{")
    before = answer("models", "show", "m")
    result = run("models", *args)
    assert result.exit_code == code
    assert words in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert answer("models", "show", "m") == before


def test_json_is_what_the_text_says(answer: Answer, saved: Any) -> None:
    assert saved == answer("models", "list")[0]
    assert json.dumps(saved)


def test_the_next_version_keeps_the_framework(
    answer: Answer, make_files: Callable[..., Path]
) -> None:
    answer("models", "save", "m", make_files(), "--framework", "sklearn")
    assert answer("models", "save", "m", make_files())["framework"] == "SKLEARN"
    other = answer("models", "save", "m", make_files(), "--framework", "torch")
    assert other["framework"] == "TORCH"
    assert answer("models", "save", "new", make_files())["framework"] == "PYTHON"
