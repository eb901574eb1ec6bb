"""The history of a model: what changed, by whom, when and why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts import Model, ModelRegistry, Project, layout
from hopsartifacts.errors import InvalidInputError, ModelNotFoundError, StorageError
from hopsartifacts.registry.history import ModelChange
from hopsartifacts.testing.faults import FAIL, Fault, FaultyStorage, StorageCall

SaveModel = Callable[..., Model]


def told(changes: list[ModelChange]) -> list[tuple[object, ...]]:
    return [(it.kind, it.version, it.before, it.after) for it in changes[::-1]]


def test_every_change_is_told_with_its_values(
    save_model: SaveModel, mr: ModelRegistry
) -> None:
    model = save_model("iris", description="First", tags={"a": 1, "b": {"c": 2}})
    model.add_tag("a", 1.0)
    model.delete_tag("b")
    model.set_description("Edited")
    model.set_alias("champion", why="the only one")
    save_model("iris").set_alias("champion", why="better")
    mr.rollback_alias("iris", "champion", why="worse")
    mr.delete_alias("iris", "champion", why="no more")
    mr.get_model("iris", 2).delete()
    found = mr.get_history("iris")
    assert told(found) == [
        ("reserved", 1, None, None),
        ("saved", 1, None, None),
        ("tagged", 1, {"a": 1}, {"a": 1.0}),
        ("tagged", 1, {"b": {"c": 2}}, {}),
        ("described", 1, "First", "Edited"),
        ("alias set", 1, None, 1),
        ("reserved", 2, None, None),
        ("saved", 2, None, None),
        ("alias set", 2, 1, 2),
        ("alias set", 1, 2, 1),
        ("alias deleted", None, 1, None),
        ("deletion started", 2, None, None),
        ("deleted", 2, None, None),
    ]
    assert [it.entry for it in found] == list(range(len(found), 0, -1))
    whys = [it.why for it in found if it.alias == "champion"]
    assert whys == ["no more", "worse", "better", "the only one"]
    assert all(it.by and it.when.endswith("Z") for it in found)
    assert sorted(it.when for it in found) == [it.when for it in found[::-1]]


def test_the_newest_changes_only(save_model: SaveModel, mr: ModelRegistry) -> None:
    for _ in range(3):
        save_model("iris")
    found = mr.get_history("iris", limit=2)
    assert [(it.entry, it.kind, it.version) for it in found] == [
        (6, "saved", 3),
        (5, "reserved", 3),
    ]
    assert mr.get_history("iris", limit=100) == mr.get_history("iris")


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "2"])
def test_a_limit_that_is_no_count(mr: ModelRegistry, limit: Any) -> None:
    with pytest.raises(InvalidInputError, match=f"limit={limit!r}"):
        mr.get_history("iris", limit)


def test_a_save_that_failed_and_a_model_that_never_was(
    project: Project, make_files: Callable[..., Path]
) -> None:
    registry = project.get_model_registry()
    with pytest.raises(ModelNotFoundError, match="no model 'iris'"):
        registry.get_history("iris")

    seal = layout.log_entry(layout.model_log("iris"), 2)

    def fault(call: StorageCall) -> Fault | None:
        return FAIL if call.path == seal and call.method == "create" else None

    broken = Project(FaultyStorage(project.storage, fault))
    folder = make_files({"weights": "1"})
    with pytest.raises(StorageError):
        broken.get_model_registry().python.create_model("iris").save(folder)
    assert told(registry.get_history("iris")) == [("reserved", 1, None, None)]
    project.gc(grace_s=0)
    registry.python.create_model("iris").save(folder)
    assert told(registry.get_history("iris")) == [
        ("reserved", 1, None, None),
        ("given up", 1, None, None),
        ("reserved", 2, None, None),
        ("saved", 2, None, None),
    ]
