"""What the sources of the web UI may not contain."""

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts.rest.application import create_app
from tests.rest.conftest import bearing
from tests.web.sites import hosting

SOURCES = Path(__file__).parents[2] / "ui/src"
BANNED = [
    # A pattern, and what to do instead.
    (r"\b(innerHTML|outerHTML|insertAdjacentHTML|dangerouslySet)", "make elements"),
    (r"\bstyle=", "use a class: the policy of the page forbids inline styles"),
    (r"https?://(?!www\.w3\.org/)", "the page works offline, for any server"),
]


def sources() -> dict[str, str]:
    """Return the sources by path, without the generated types."""
    return {
        str(path.relative_to(SOURCES)): path.read_text("utf-8")
        for path in sorted(SOURCES.rglob("*.ts*"))
        if path.name != "schema.d.ts"
    }


def words(value: Any) -> set[str]:
    """Return all values of choices in the rules."""
    if isinstance(value, dict):
        own = {it for it in (value.get("value"), value.get("framework")) if it}
        return own.union(*map(words, value.values()))
    return set[str]().union(*map(words, value)) if isinstance(value, list) else set()


def test_no_word_of_a_rule_is_written_in_them(tmp_path: Path) -> None:
    with hosting(tmp_path) as hosted, TestClient(create_app(hosted)) as client:
        rules = client.get("/api/v1/rules", headers=bearing("reader")).json()
    found = words(rules)
    assert {"PYTHON", "KSERVE", "REST", "ALL", "MODEL-ONLY"} <= found
    quoted = re.compile("[\"'`](" + "|".join(map(re.escape, sorted(found))) + ")[\"'`]")
    written = {
        path: names
        for path, text in sources().items()
        if (names := quoted.findall(text))
    }
    assert written == {}, "take these from GET /api/v1/rules"


@pytest.mark.parametrize(("pattern", "instead"), BANNED)
def test_they_do_not_contain(pattern: str, instead: str) -> None:
    found = [path for path, text in sources().items() if re.search(pattern, text)]
    assert found == [], instead
