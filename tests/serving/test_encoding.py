from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

from hopsartifacts.serving.runtime.encoding import encode, plain


def _kind(value: object) -> str:
    """Name a value in the same words in every process."""
    return type(value).__name__ if not isinstance(value, bytes | str) else repr(value)


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (np.array([[1, 2], [3, 4]]), b"[[1,2],[3,4]]"),
        (np.array([1.5, np.nan, np.inf]), b"[1.5,null,null]"),
        ([float("nan"), float("-inf")], b"[null,null]"),
        (
            {"label": np.str_("a"), "score": np.float32(0.5)},
            b'{"label":"a","score":0.5}',
        ),
        ([np.int64(3), np.bool_(1)], b"[3,true]"),
        (pd.Series([1, 2]), b"[1,2]"),
        (pd.DataFrame({"a": [1], "b": ["x"]}), b'[{"a":1,"b":"x"}]'),
        ([pd.NaT, pd.NA], b"[null,null]"),
        (pd.Timestamp("2026-01-02"), b'"2026-01-02T00:00:00"'),
        (
            np.array(["2026-01-02T03", "NaT"], "M8[ns]"),
            b'["2026-01-02T03:00:00",null]',
        ),
        (np.timedelta64(90, "s"), b'"PT90S"'),
        (np.array([b"cat"]), b'["cat"]'),
        (np.array([b"\xff"]), b'["/w=="]'),
        (np.array([np.longdouble(1.5)]), b"[1.5]"),
        (np.ma.array([1, 2], mask=[False, True]), b"[1,null]"),
        (pd.Series(["a", None]), b'["a",null]'),
        (pd.DataFrame({1: [np.nan]}), b'[{"1":null}]'),
        (pl.DataFrame({"a": [1]}), b'[{"a":1}]'),
        (pl.Series([1, 2]), b"[1,2]"),
        (pa.table({"a": [1]}), b'[{"a":1}]'),
        (pa.scalar(3), b"3"),
        (csr_matrix([[1, 0]]), b"[[1,0]]"),
    ],
)
def test_values_of_numerical_libraries_become_json(value: Any, json: bytes) -> None:
    assert encode(value) == json


@dataclass
class Point:
    x: int
    when: date


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "json"),
    [
        ({3}, b"[3]"),
        (frozenset([3]), b"[3]"),
        (deque([1, 2]), b"[1,2]"),
        (range(2), b"[0,1]"),
        ({"a": 1}.values(), b"[1]"),
        ((number for number in (1, 2)), b"[1,2]"),
        (MappingProxyType({"a": 1}), b'{"a":1}'),
        ({1: "a"}, b'{"1":"a"}'),
        (Point(1, date(2026, 1, 2)), b'{"x":1,"when":"2026-01-02"}'),
        (datetime(2026, 1, 2, tzinfo=UTC), b'"2026-01-02T00:00:00Z"'),
        (Decimal("1.10"), b'"1.10"'),
        (Colour.RED, b'"red"'),
        (UUID(int=1), b'"00000000-0000-0000-0000-000000000001"'),
        (b"\xff", b'"/w=="'),
    ],
    ids=_kind,
)
def test_values_of_python_become_json(value: Any, json: bytes) -> None:
    assert encode(value) == json


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([object()], r"a value of type builtins\.object"),
        ([1 + 2j], r"a value of type builtins\.complex"),
        (np.array([1j]), r"a value of type builtins\.complex"),
        ({(1, 2): 3}, r"a value of type builtins\.tuple"),
        (len, r"a value of type builtins\.builtin_function"),
    ],
    ids=_kind,
)
def test_what_cannot_become_json_is_named(value: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        encode(value)


def test_plain_values_keep_bytes_and_nan() -> None:
    value = plain({"a": (np.array([np.nan]), b"x")})
    assert repr(value) == "{'a': ([nan], b'x')}"
