"""Model schemas and input examples, as Hopsworks writes them."""

import json
from collections.abc import Callable
from textwrap import dedent
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from hopsartifacts import Model, ModelSchema, Project, Schema
from hopsartifacts.errors import InvalidModelError
from hopsartifacts.registry.given import embedded
from hopsartifacts.registry.schema import input_columns, schema_text

SaveModel = Callable[..., Model]
FRAME = pd.DataFrame({"age": np.array([1, 2], dtype="int64"), "height": [1.5, 2.5]})


class Tensor:
    """As a tensor of torch is, whose types have no names."""

    dtype = type("dtype", (), {"__str__": lambda _: "torch.float32"})()
    shape = (2, 3)


@pytest.mark.parametrize(
    ("given", "document"),
    [
        (
            FRAME,
            {
                "columnar_schema": [
                    {"name": "age", "type": "int64"},
                    {"name": "height", "type": "float64"},
                ]
            },
        ),
        (
            pd.Series([1.0], name="label"),
            {"columnar_schema": [{"name": "label", "type": "float64"}]},
        ),
        (pd.Series([True]), {"columnar_schema": [{"type": "bool"}]}),
        (
            np.zeros((2, 3)),
            {"tensor_schema": {"shape": "(2, 3)", "type": "float64"}},
        ),
        (
            np.zeros(4, dtype="int32"),
            {"tensor_schema": {"shape": "(4,)", "type": "int32"}},
        ),
        (
            [{"name": "a", "type": "int", "description": "what"}, {"type": str}],
            {
                "columnar_schema": [
                    {"name": "a", "type": "int", "description": "what"},
                    {"type": "<class 'str'>"},
                ]
            },
        ),
        (
            [{"shape": [2, 3], "type": "float32"}, {"shape": (1,), "type": "int"}],
            {
                "tensor_schema": [
                    {"shape": "(2, 3)", "type": "float32"},
                    {"shape": "(1,)", "type": "int"},
                ]
            },
        ),
        (
            pl.LazyFrame({"a": [1]}),
            {"columnar_schema": [{"name": "a", "type": "Int64"}]},
        ),
        (pl.Series("a", [1]), {"columnar_schema": [{"name": "a", "type": "Int64"}]}),
        (pa.table({"a": [1]}), {"columnar_schema": [{"name": "a", "type": "int64"}]}),
        (
            {"a": "int", "b": float},
            {
                "columnar_schema": [
                    {"name": "a", "type": "int"},
                    {"name": "b", "type": "float"},
                ]
            },
        ),
        (
            {"columnar_schema": [{"name": "a", "type": "int"}]},
            {"columnar_schema": [{"name": "a", "type": "int"}]},
        ),
        (
            {"tensor_schema": {"shape": "(1,)", "type": "int"}},
            {"tensor_schema": {"shape": "(1,)", "type": "int"}},
        ),
        (Tensor(), {"tensor_schema": {"shape": "(2, 3)", "type": "float32"}}),
        (Schema(np.zeros(1)), {"tensor_schema": {"shape": "(1,)", "type": "float64"}}),
    ],
    ids=[
        "frame",
        "series",
        "nameless",
        "array",
        "vector",
        "columns",
        "tensors",
        "lazy",
        "polars",
        "arrow",
        "types",
        "document",
        "tensor-document",
        "torch",
        "schema",
    ],
)
def test_what_a_schema_is_made_of(given: Any, document: dict[str, Any]) -> None:
    assert Schema(given).to_dict() == document


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "an empty list"),
        (None, "a NoneType"),
        ("text", "a str"),
        ([1, 2], "a list"),
        ([[1, 2], [3, 4]], r"numpy\.array\(rows\)"),
        ({}, "a dict"),
        ({"a": [1, 2]}, "a dict whose values are not types"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns with the label 'a'"),
        (
            pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])),
            r"a column with the label \('a', 'b'\)",
        ),
        ([{"name": "a"}], "lacks 'type'"),
        ([{"shape": [1]}], "lacks 'type'"),
        ([{"type": "int", "shape": [1]}, {"type": "int"}], "shape"),
        ([{"type": "int", "colour": "red"}], "has colour"),
    ],
    ids=str,
)
def test_what_is_no_schema(given: Any, words: str) -> None:
    with pytest.raises(InvalidModelError, match=words):
        Schema(given)


@pytest.mark.parametrize(
    ("schema", "columns"),
    [
        (ModelSchema(Schema(FRAME)), ("age", "height")),
        (ModelSchema(Schema({"b": "int", "a": "int"})), ("b", "a")),
        (ModelSchema(Schema([{"name": "a", "type": "int"}, {"type": "int"}])), ()),
        (ModelSchema(Schema(np.zeros(1))), ()),
        (ModelSchema(output_schema=Schema(FRAME)), ()),
        ({"input_schema": "my own"}, ()),
        (None, ()),
    ],
    ids=["frame", "dict", "nameless", "tensor", "output", "own", "none"],
)
def test_the_input_columns_of_a_schema(schema: Any, columns: tuple[str, ...]) -> None:
    assert input_columns(embedded(schema_text(schema))) == columns


def test_equal_schemas_are_equal() -> None:
    first, second = Schema(np.zeros(1)), Schema(np.ones(1))
    assert first == second
    assert len({first, second}) == 1
    assert first != Schema(np.zeros(2))
    assert first != first.to_dict()
    assert "tensor_schema" in repr(first)
    assert "input_schema" in repr(ModelSchema(first))


def test_the_file_is_the_one_hopsworks_writes(
    project: Project, save_model: SaveModel
) -> None:
    """Keys sorted, two spaces, every value a text: semantics 4.5."""
    schema = ModelSchema(
        output_schema=Schema(np.zeros((2, 3))),
        input_schema=Schema([{"name": "age", "type": "int", "description": "years"}]),
    )
    save_model(model_schema=schema)
    assert project.storage.read("Models/my_model/1/model_schema.json").decode() == (
        dedent("""\
        {
          "input_schema": {
            "columnar_schema": [
              {
                "description": "years",
                "name": "age",
                "type": "int"
              }
            ]
          },
          "output_schema": {
            "tensor_schema": {
              "shape": "(2, 3)",
              "type": "float64"
            }
          }
        }""")
    )
    model = project.get_model_registry().get_model("my_model")
    assert model.model_schema == schema.to_dict()


def test_one_side_is_enough() -> None:
    schema = Schema(np.zeros(1))
    assert list(ModelSchema(input_schema=schema).to_dict()) == ["input_schema"]
    assert list(ModelSchema(output_schema=schema).to_dict()) == ["output_schema"]


def test_no_side_is_not_enough() -> None:
    with pytest.raises(InvalidModelError, match="needs an input_schema"):
        ModelSchema()


def test_a_side_is_a_schema() -> None:
    with pytest.raises(InvalidModelError, match=r"output_schema is a DataFrame: wrap"):
        ModelSchema(None, FRAME)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (FRAME, "model_schema is a DataFrame"),
        ("text", "model_schema is a str"),
        ({"input_schema": object()}, "object"),
        ({"input_schema": "\ud800"}, "JSON"),
    ],
    ids=["frame", "text", "object", "surrogate"],
)
def test_a_model_schema_is_one(save_model: SaveModel, schema: Any, words: str) -> None:
    with pytest.raises(InvalidModelError, match=words):
        save_model(model_schema=schema)


def test_a_model_schema_may_be_a_dict(save_model: SaveModel) -> None:
    schema = {"input_schema": {"columnar_schema": [{"name": "a", "type": "int"}]}}
    assert save_model(model_schema=schema).model_schema == schema


@pytest.mark.parametrize(
    ("example", "stored"),
    [
        (FRAME, {"age": 1, "height": 1.5}),
        (FRAME["age"], [1, 2]),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        ([1, "a", None, True, 2.5], [1, "a", None, True, 2.5]),
        ((1, 2), [1, 2]),
        ({"x": [1], "y": np.float32(0.5)}, {"x": [1], "y": 0.5}),
        ([np.array([1, 2]), [3]], [[1, 2], [3]]),
        ([{"x": np.int64(3)}], [{"x": 3}]),
    ],
    ids=["frame", "series", "array", "list", "tuple", "dict", "arrays", "rows"],
)
def test_an_input_example_is_stored_as_json(
    project: Project, save_model: SaveModel, example: Any, stored: Any
) -> None:
    save_model(input_example=example)
    data = project.storage.read("Models/my_model/1/input_example.json")
    assert json.loads(data) == stored
    model = project.get_model_registry().get_model("my_model")
    assert model.input_example == stored


def test_without_schema_and_example_there_are_no_files(
    project: Project, model: Model
) -> None:
    names = [entry.name for entry in project.storage.list("Models/my_model/1")]
    assert names == ["Files", "manifest.json"]
    assert (model.input_example, model.model_schema) == (None, None)


@pytest.mark.parametrize(
    ("example", "words"),
    [
        ([], "an empty list"),
        ({}, "an empty dict"),
        (FRAME[:0], "an empty DataFrame"),
        (np.zeros(0), "an empty ndarray"),
        ("text", "a str"),
        (5, "a int"),
        ([object()], r"input_example\[0\] is of the type object"),
        (["\ud800"], "JSON"),
    ],
    ids=["list", "dict", "frame", "array", "text", "number", "object", "surrogate"],
)
def test_what_is_no_example(save_model: SaveModel, example: Any, words: str) -> None:
    with pytest.raises(InvalidModelError, match=words):
        save_model(input_example=example)
