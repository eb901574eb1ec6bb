"""Each line of the threat model names a test that is there."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "threat-model.md").read_text()
ROWS = re.findall(r"^\| (?!threat|-)(.+?) \| .+? \| (.+) \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("threat", "named"), ROWS, ids=[row[0] for row in ROWS])
def test_a_test_shows_what_is_done(threat: str, named: str) -> None:
    tests = re.findall(r"`([^`]+)::(\w+)`", named)
    assert tests, threat
    for path, name in tests:
        folder = TESTS.parent if path.startswith("tests/") else TESTS / "rest"
        assert f"\ndef {name}(" in (folder / path).read_text(), f"{path}::{name}"


def test_there_are_rows() -> None:
    assert len(ROWS) > 30
