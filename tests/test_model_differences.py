"""How two versions of a model differ, and what a changed schema means for callers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts import Model, ModelRegistry
from hopsartifacts.errors import InvalidNameError, ModelNotFoundError
from hopsartifacts.registry.difference import compare_schemas

SaveModel = Callable[..., Model]


def columns(**types: str) -> dict[str, Any]:
    return {"columnar_schema": [{"name": it, "type": types[it]} for it in types]}


def tensor(shape: str, kind: str = "float32") -> dict[str, Any]:
    return {"tensor_schema": {"shape": shape, "type": kind}}


AGE = columns(age="int64")
AGE_AND_SEX = columns(age="int64", sex="object")


def test_all_parts_that_differ(mr: ModelRegistry, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "same").write_bytes(b"same")
    (folder / "gone").write_bytes(b"gone")
    (folder / "weights").write_bytes(b"1")
    inputs = {"input_schema": AGE}
    mr.python.create_model(
        "m", metrics={"loss": 0.5, "f1": 1}, tags={"stage": "dev"}, model_schema=inputs
    ).save(folder)
    (folder / "gone").unlink()
    (folder / "new").write_bytes(b"")
    (folder / "weights").write_bytes(b"23")
    second = mr.sklearn.create_model(
        "m",
        metrics={"loss": 0.4, "auc": 0.9},
        description="Better",
        input_example={"age": 3},
        model_schema={"input_schema": columns(age="float64")},
    ).save(folder)
    second.add_tag("reviewed", 2)

    found = second.diff(1)
    assert (found.first, found.second) == (1, 2)
    assert [(it.name, it.before, it.after) for it in found.metrics] == [
        ("loss", 0.5, 0.4),
        ("f1", 1, None),
        ("auc", None, 0.9),
    ]
    assert [(it.name, it.before, it.after) for it in found.tags] == [
        ("stage", "dev", None),
        ("reviewed", None, 2),
    ]
    assert [(it.path, it.change) for it in found.files] == [
        ("gone", "removed"),
        ("new", "added"),
        ("weights", "changed"),
    ]
    assert [(it.before_bytes, it.after_bytes) for it in found.files] == [
        (4, None),
        (None, 0),
        (1, 2),
    ]
    assert [it.name for it in found.settings] == [
        "framework",
        "description",
        "input_example",
    ]
    assert found.model_schema.effect == "compatible"
    assert str(found).splitlines() == [
        'framework: "PYTHON" -> "SKLEARN"',
        'description: "A collection of models for m" -> "Better"',
        'input_example: nothing -> {"age":3}',
        "metric loss: 0.5 -> 0.4",
        "metric f1: 1 -> nothing",
        "metric auc: nothing -> 0.9",
        'tag stage: "dev" -> nothing',
        "tag reviewed: nothing -> 2",
        "schema: compatible",
        "  input column 1 (age) was int64 and is float64",
        "file removed: gone",
        "file added: new",
        "file changed: weights",
    ]
    backwards = mr.get_model("m", 1).diff(2)
    assert backwards.model_schema.effect == "incompatible"
    assert [it.change for it in backwards.files] == ["added", "removed", "changed"]


def test_equal_versions(save_model: SaveModel) -> None:
    save_model()
    found = save_model().diff(1)
    assert not found
    assert str(found) == "no difference"
    assert found.model_schema.effect == "same"


def test_a_value_that_is_equal_in_python_only_differs(save_model: SaveModel) -> None:
    save_model(tags={"n": 1})
    assert [it.name for it in save_model(tags={"n": True}).diff(1).tags] == ["n"]


def test_the_current_tags_and_description_count(save_model: SaveModel) -> None:
    first, second = save_model(), save_model()
    first.add_tag("a", 1)
    second.add_tag("a", 1)
    assert not second.diff(1)
    second.set_description("edited")
    assert [it.name for it in second.diff(1).settings] == ["description"]


def test_versions_that_are_not_there(save_model: SaveModel, mr: ModelRegistry) -> None:
    save_model()
    saved = save_model()
    with pytest.raises(ModelNotFoundError, match="no version 9: it has 1, 2"):
        saved.diff(9)
    with pytest.raises(InvalidNameError, match="'x'"):
        saved.diff("x")  # type: ignore[arg-type]
    mr.get_model("my_model", 1).delete()
    with pytest.raises(ModelNotFoundError, match="it was deleted"):
        saved.diff(1)
    with pytest.raises(ModelNotFoundError, match="not saved yet"):
        mr.python.create_model("new").diff(1)


@pytest.mark.parametrize(
    ("before", "after", "effect", "words"),
    [
        (None, None, "same", ""),
        ({"input_schema": AGE}, {"input_schema": AGE}, "same", ""),
        (
            None,
            {"input_schema": AGE},
            "unknown",
            "only the second version has a schema",
        ),
        ({"input_schema": AGE}, None, "unknown", "only the first version has a schema"),
        ({"input_schema": AGE}, {"output_schema": AGE}, "unknown", "an input schema"),
        ({"input_schema": AGE}, {"input_schema": "?"}, "unknown", "Hopsworks' form"),
        ({"a": 1}, {"a": 2}, "unknown", "does not define"),
        ({"input_schema": [1]}, [2], "unknown", "an input schema"),
    ],
)
def test_schemas_as_a_whole(before: Any, after: Any, effect: str, words: str) -> None:
    found = compare_schemas(before, after)
    assert found.effect == effect
    assert words in " ".join(found.reasons)
    assert bool(found.reasons) == (effect != "same")
    assert (found.before, found.after) == (before, after)


@pytest.mark.parametrize(
    ("before", "after", "inputs", "outputs", "words"),
    [
        (AGE, AGE_AND_SEX, "incompatible", "compatible", "column 2 (sex) is new"),
        (AGE_AND_SEX, AGE, "incompatible", "incompatible", "column 2 (sex) is gone"),
        (
            AGE_AND_SEX,
            columns(sex="object", age="int64"),
            "incompatible",
            "incompatible",
            "column 1 was 'age' and is 'sex'",
        ),
        (
            AGE,
            columns(age="float64"),
            "compatible",
            "incompatible",
            "column 1 (age) was int64 and is float64",
        ),
        (columns(a="int"), columns(a="double"), "compatible", "incompatible", "double"),
        (
            columns(a="uint8"),
            columns(a="int16"),
            "compatible",
            "incompatible",
            "is int16",
        ),
        (
            columns(a="uint8"),
            columns(a="int8"),
            "incompatible",
            "incompatible",
            "is int8",
        ),
        (
            columns(a="int8"),
            columns(a="uint64"),
            "incompatible",
            "incompatible",
            "uint",
        ),
        (columns(a="float64"), columns(a="int64"), "incompatible", "incompatible", ""),
        (
            columns(a="float64"),
            columns(a="float32"),
            "incompatible",
            "incompatible",
            "",
        ),
        (columns(a="int64"), columns(a="string"), "incompatible", "incompatible", ""),
        (
            AGE,
            tensor("(1, 1)"),
            "incompatible",
            "incompatible",
            "s were columns and are",
        ),
        (
            tensor("(100, 4)"),
            tensor("(7, 4)"),
            "compatible",
            "incompatible",
            "tensor 1 had shape (100, 4) and has (7, 4)",
        ),
        (tensor("(100, 4)"), tensor("(100, 5)"), "incompatible", "incompatible", ""),
        (tensor("(4,)"), tensor("(5,)"), "incompatible", "incompatible", "(5,)"),
        (tensor("(4, 1)"), tensor("(4,)"), "incompatible", "incompatible", "(4,)"),
        (
            {"columnar_schema": [{"type": "int"}]},
            {"columnar_schema": [{"type": "int", "description": "years"}]},
            "compatible",
            "compatible",
            "",
        ),
    ],
)
def test_schemas_of_inputs_and_outputs(
    before: Any, after: Any, inputs: str, outputs: str, words: str
) -> None:
    for side, effect in (("input_schema", inputs), ("output_schema", outputs)):
        found = compare_schemas({side: before}, {side: after})
        assert found.effect == effect, side
        assert words in " ".join(found.reasons)


def test_one_incompatible_part_decides() -> None:
    before = {"input_schema": AGE, "output_schema": AGE}
    after = {"input_schema": columns(age="float64"), "output_schema": tensor("(1,)")}
    found = compare_schemas(before, after)
    assert found.effect == "incompatible"
    assert len(found.reasons) == 2
