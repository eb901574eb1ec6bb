"""What goes into a model, by the schemas that the libraries write."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from hopsartifacts import ModelSchema, Schema
from hopsartifacts.deployments.launch import model_inputs
from hopsartifacts.digests import digest_of
from hopsartifacts.registry.documents import EmbeddedFile
from hopsartifacts.serving.runtime.tensors import DATATYPES

Described = list[tuple[str, str, tuple[int, ...]]]


def inputs_of(schema: Any) -> Described:
    made = ModelSchema(input_schema=Schema(schema)).json()
    return described(made)


def described(text: str) -> Described:
    found = model_inputs(EmbeddedFile(text=text, digest=digest_of(text.encode())))
    return [(it.name, it.datatype, it.shape) for it in found]


FRAME = pd.DataFrame(
    {"n": [1], "x": [0.5], "t": pd.Series(["a"], dtype="string"), "b": [True]}
)
COLUMNS: Described = [
    ("n", "INT64", (-1,)),
    ("x", "FP64", (-1,)),
    ("t", "BYTES", (-1,)),
    ("b", "BOOL", (-1,)),
]


@pytest.mark.parametrize(
    "schema",
    [
        FRAME,
        FRAME.convert_dtypes(),
        pl.DataFrame({"n": [1], "x": [0.5], "t": ["a"], "b": [True]}),
        pa.table({"n": [1], "x": [0.5], "t": ["a"], "b": [True]}),
        {"n": int, "x": float, "t": str, "b": bool},
        {"n": "bigint", "x": "double", "t": "string", "b": "boolean"},
    ],
    ids=["pandas", "nullable", "polars", "arrow", "types", "hive"],
)
def test_columns_of_every_library_are_inputs(schema: Any) -> None:
    assert inputs_of(schema) == COLUMNS


@pytest.mark.parametrize(
    ("schema", "shape"),
    [
        (np.zeros((5, 3, 2), np.float32), (-1, 3, 2)),
        (np.zeros(5, np.float32), (-1,)),
        ([{"shape": [None, 3], "type": "float32"}], (-1, 3)),
        ([{"shape": (1, -1), "type": "float32"}], (-1, -1)),
    ],
    ids=str,
)
def test_the_rows_of_a_tensor_may_be_any_number(
    schema: Any, shape: tuple[int, ...]
) -> None:
    assert inputs_of(schema) == [("input-0", "FP32", shape)]


@pytest.mark.parametrize(
    "schema",
    [
        {"n": "int", "when": "datetime64[us]"},
        {"n": "int", "any": "object"},
        [{"type": "int"}, {"name": "b", "type": "int"}],
        [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}],
        [{"shape": [1, 2], "type": "int64"}, {"shape": [1], "type": "int64"}],
        [{"shape": "two", "type": "int64"}],
        [{"shape": [2], "type": "complex128"}],
    ],
    ids=str,
)
def test_nothing_is_listed_if_a_part_has_no_form(schema: Any) -> None:
    assert inputs_of(schema) == []


@pytest.mark.parametrize("text", ["{}", '{"input_schema": 3}', '{"mine": []}'])
def test_what_is_no_schema_of_inputs_lists_nothing(text: str) -> None:
    assert described(text) == []


def test_without_a_schema_nothing_is_known() -> None:
    assert model_inputs(None) == ()


@pytest.mark.parametrize("kind", ["int8", "uint16", "float16", "Float32", "UInt64"])
def test_datatypes_are_those_of_the_protocol(kind: str) -> None:
    [(_, datatype, _)] = inputs_of({"a": kind})
    assert datatype in DATATYPES
    assert datatype.lower().replace("fp", "float") == kind.lower()
