"""The page about Hopsworks tells the truth about which names are here."""

import re
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import Deployment, Model, ModelRegistry, ModelServing, Project
from hopsartifacts.deployments.predictor import Predictor

PAGE = (Path(__file__).parents[1] / "docs" / "hopsworks.md").read_text()
NAMES = PAGE.partition("## Names\n")[2].partition("\n## ")[0]
CLASSES: dict[str, Any] = {
    it.__name__: it
    for it in (Deployment, Model, ModelRegistry, ModelServing, Predictor, Project)
}


def rows_of_absent_names() -> list[tuple[str, list[str]]]:
    """Return class and names of each row."""
    table = NAMES.partition("| not here | instead |\n|---|---|\n")[2]
    found = []
    for row in table.strip().splitlines():
        owner, *names = re.findall(r"`([\w.]+)`", row.split("|")[1])
        name, _, first = owner.partition(".")
        found.append((name, [first, *names]))
    return found


@pytest.mark.parametrize(("owner", "names"), rows_of_absent_names(), ids=str)
def test_what_is_said_to_be_absent_is(owner: str, names: list[str]) -> None:
    assert not [name for name in names if hasattr(CLASSES[owner], name)]


def test_every_class_to_import_is_here() -> None:
    imported = re.findall(r"from hopsartifacts import ([\w, ]+)`", NAMES)
    names = [name.strip() for line in imported for name in line.split(",")]
    assert names
    assert all(hasattr(hopsartifacts, name) for name in names)


def test_what_stands_in_for_absent_names_is_here() -> None:
    for owner, name in (
        (Deployment, "specification"),
        (Deployment, "follow_logs"),
        (Deployment, "read_logs"),
        (Model, "manifest"),
        (Model, "creator"),
        (Project, "url"),
        (ModelServing, "get_deployment"),
    ):
        assert hasattr(owner, name)
        assert f"`{name}" in NAMES or f".{name}" in NAMES
