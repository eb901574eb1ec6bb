"""The programs in examples/ run in an empty folder, and say what they should."""

import re
import runpy
from pathlib import Path

import pytest

from tests.doc_blocks import ROOT

EXAMPLES = ROOT / "examples"
PRINTED = {
    "best_model": r"best: version 2, .*answer:  {'predictions': \[\d+",
    "champion": r"champion answers: \[28.5\].*challenger answers: \[33.0\].*"
    r"after the roll back: \[28.5\].*version 1: complaints of customers",
    "inference_log": r"6 messages, 0 dropped.*response 200 {'predictions': \[250.0\]}",
    "scikit_learn": r"predicted: \[0, 2, 1, 0, 1\]\ntrue:      \[0, 2, 1, 0, 1\]",
    "script_and_files": r"\['sport', 'politics', 'other'\]",
    "transformer": r"{'species': \['setosa', 'virginica'\]}",
}
"""What each one prints; tests/s3 runs that about buckets."""


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_runs(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    said = capsys.readouterr().out
    assert re.search(PRINTED[name], said, re.DOTALL), said


def test_an_example_can_be_run_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        runpy.run_path(str(EXAMPLES / "champion.py"), run_name="__main__")
        assert "after the roll back: [28.5]" in capsys.readouterr().out


def test_examples_are_short_and_listed() -> None:
    programs = {path.stem: path.read_text("utf-8") for path in EXAMPLES.glob("*.py")}
    assert programs.keys() == PRINTED.keys() | {"s3_bucket"}
    listed = re.findall(
        r"^\| \[(\w+).py\]", (EXAMPLES / "README.md").read_text(), re.MULTILINE
    )
    assert {*listed} == programs.keys()
    for name, text in programs.items():
        assert len(text.splitlines()) < 60, name
