import math
from collections import UserString, deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

from hopsartifacts.values import plain


def encode(value: Any) -> bytes:
    return msgspec.json.encode(plain(value, "it"))


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
        (
            pd.DataFrame({"id": [2**53 + 1], "x": [0.5]}),
            b'[{"id":9007199254740993,"x":0.5}]',
        ),
        (
            np.array(["2026-01-02T00:00:00.000000001", "NaT"], "M8[ns]"),
            b'["2026-01-02T00:00:00.000000001",null]',
        ),
        (np.datetime64("10000-01-01"), b'"10000-01-01"'),
        (np.datetime64(10**14, "s"), b'"3170843-11-07T09:46:40"'),
        (pl.Series([1]).cast(pl.Datetime("ns")), b'["1970-01-01T00:00:00.000000001"]'),
        (np.array([(1, 0.5)], [("a", "i8"), ("b", "f4")]), b'[{"a":1,"b":0.5}]'),
        (pd.Series([1, None], dtype="Int64"), b"[1,null]"),
        (pd.Timestamp("2026-01-02", tz="UTC"), b'"2026-01-02T00:00:00Z"'),
        (pl.DataFrame({"a": [1]}), b'[{"a":1}]'),
        (pl.Series([1, 2]), b"[1,2]"),
        (pa.table({"a": [1]}), b'[{"a":1}]'),
        (pa.scalar(3), b"3"),
        (csr_matrix([[1, 0]]), b"[[1,0]]"),
        (np.array([[1, 2]]).view(np.matrix), b"[[1,2]]"),
    ],
)
def test_values_of_numerical_libraries_become_json(value: Any, json: bytes) -> None:
    assert encode(value) == json


def lists(*inner: Any) -> pl.Series:
    return pl.Series([[1234567891], None]).cast(pl.List(*inner))


TIME_NS = pa.time64("ns")
FINE = 3723000000007


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (pl.Series([FINE, None]).cast(pl.Time), b'["01:02:03.000000007",null]'),
        (pl.Series([FINE - 7]).cast(pl.Time), b'["01:02:03"]'),
        (lists(pl.Datetime("ns")), b'[["1970-01-01T00:00:01.234567891"],null]'),
        (lists(pl.Duration("ns")), b'[["PT1.234567891S"],null]'),
        (lists(pl.Time), b'[["00:00:01.234567891"],null]'),
        (
            pl.Series([[1]], dtype=pl.Array(pl.Int64, 1)).cast(
                pl.Array(pl.Datetime("ns", "UTC"), 1)
            ),
            b'[["1970-01-01T00:00:00.000000001Z"]]',
        ),
        (
            pl.Series([{"a": 1}]).cast(pl.Struct({"a": pl.Time})),
            b'[{"a":"00:00:00.000000001"}]',
        ),
        (
            pl.Series([{"a": 1000}, None]).cast(pl.Struct({"a": pl.Time})),
            b'[{"a":"00:00:00.000001"},null]',
        ),
        (
            pl.DataFrame({"t": [FINE]}).cast(pl.Time),
            b'[{"t":"01:02:03.000000007"}]',
        ),
        (pl.Series([-1]).cast(pl.Duration("ns")), b'["-PT0.000000001S"]'),
        (pl.Series([0]).cast(pl.Datetime("ns", "UTC")), b'["1970-01-01T00:00:00Z"]'),
        (pa.array([FINE, None], TIME_NS), b'["01:02:03.000000007",null]'),
        (pa.array([FINE - 7], TIME_NS), b'["01:02:03"]'),
        (pa.scalar(FINE, TIME_NS), b'"01:02:03.000000007"'),
        (pa.table({"t": pa.array([FINE], TIME_NS)}), b'[{"t":"01:02:03.000000007"}]'),
        (
            pa.array([[FINE], None], pa.list_(TIME_NS)),
            b'[["01:02:03.000000007"],null]',
        ),
        (
            pa.array([{"a": FINE}, None], pa.struct({"a": TIME_NS})),
            b'[{"a":"01:02:03.000000007"},null]',
        ),
        (
            pa.array([[("a", FINE)]], pa.map_(pa.string(), TIME_NS)),
            b'[[["a","01:02:03.000000007"]]]',
        ),
        (pa.array([1], pa.timestamp("ns")), b'["1970-01-01T00:00:00.000000001"]'),
        (pa.array([1], pa.duration("ns")), b'["PT0.000000001S"]'),
        (
            pd.Series([FINE, None], dtype=pd.ArrowDtype(TIME_NS)),
            b'["01:02:03.000000007",null]',
        ),
        (np.array([1, "NaT"], "m8[ns]"), b'["PT0.000000001S",null]'),
        (pd.Timedelta(-1, "s"), b'"-PT1S"'),
        (pd.Timedelta(days=-2, nanoseconds=1), b'"-P1DT86399.999999999S"'),
    ],
)
def test_nanoseconds_are_kept(value: Any, json: bytes) -> None:
    assert encode(value) == json


@pytest.mark.parametrize("days", [-2, 0, 1])
@pytest.mark.parametrize("microseconds", [0, 1, 500_000, 90_000_000])
def test_spans_have_one_form(days: int, microseconds: int) -> None:
    value = timedelta(days, microseconds=microseconds)
    forms = (value, pd.Timedelta(value), np.timedelta64(value))
    assert {encode(form) for form in forms} == {msgspec.json.encode(value)}


@dataclass
class Point:
    x: int
    when: date


class Struct(msgspec.Struct, tag=True, rename="camel"):
    an_int: Any
    unset: int | msgspec.UnsetType = msgspec.UNSET


class Colour(Enum):
    RED = "red"


class Broken:
    def tolist(self) -> Any:
        raise OSError("the disk is gone")


def itself() -> list[Any]:
    """Return a list that is in itself."""
    found: list[Any] = []
    found.append(found)
    return found


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
        (Struct(np.int8(1)), b'{"type":"Struct","anInt":1}'),
        (datetime(2026, 1, 2, tzinfo=UTC), b'"2026-01-02T00:00:00Z"'),
        (
            datetime(1900, 1, 2, tzinfo=timezone(timedelta(seconds=1172))),
            b'"1900-01-02T00:00:00+00:19:32"',
        ),
        (timedelta(microseconds=1), b'"PT0.000001S"'),
        (2**70, b"1180591620717411303424"),
        (Decimal("1.10"), b'"1.10"'),
        (Colour.RED, b'"red"'),
        (UserString("a"), b'"a"'),
        (10**4299, b"1" + b"0" * 4299),
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
        ([object()], r"it\[0\] is of the type object, which has no form in JSON"),
        ([1 + 2j], r"it\[0\] is of the type complex"),
        (np.array([[1j]]), r"it\[0\]\[0\] is of the type complex"),
        ({"a": {(1, 2): 3}}, r'it\["a"\] has the key \(1, 2\) of the type tuple'),
        ({True: 1}, "has the key True of the type bool"),
        ({1: 2, "1": 3}, "two keys that are both '1'"),
        (len, "it is of the type builtin_function"),
        (pd.Period("2026"), "of the type pandas.Period"),
        (pd.DataFrame({"a": [1, 1j]}), r'it\[0\]\["a"\] is of the type complex'),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns with the label 'a'"),
        (pa.table([[1], [2]], names=["a", "a"]), "two columns with the label 'a'"),
        (
            pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])),
            r"a column with the label \('a', 'b'\)",
        ),
        (pl.LazyFrame({"a": [1]}), r"has no values yet: call its collect\(\)"),
        (np.timedelta64(1, "Y"), "months or years"),
        (np.timedelta64(90, "ps"), "not whole nanoseconds of 64 bits"),
        (np.timedelta64(10**17, "s"), "durations of the type timedelta64"),
        (np.timedelta64(5), "a duration without a unit"),
        (
            pl.Series([{"a": 1}, None]).cast(pl.Struct({"a": pl.Time})),
            "nanoseconds in a struct, some of which are missing",
        ),
        (
            pa.array([FINE], TIME_NS).dictionary_encode(),
            "whose nanoseconds would be lost",
        ),
        ([Decimal("sNaN")], r"it\[0\] is Decimal\('sNaN'\)"),
        ([1, 10**5000], r"it\[1\] is an integer of 16610 bits"),
        ({10**5000: 1}, "it is an integer of 16610 bits"),
        (np.longdouble("0.1"), "64 bits cannot represent"),
        (["a", "\ud800"], r"it\[1\] is '\\ud800': it contains a lone surrogate"),
        ([[["\ud800"]]], r"it\[0\]\[0\]\[0\] is"),
        (itself(), "it is nested too deeply, or contains itself"),
        (Broken(), r"Broken and cannot be read: OSError: the disk is gone"),
    ],
    ids=_kind,
)
def test_what_cannot_become_json_is_named(value: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        plain(value, "it")


@pytest.mark.parametrize("value", [math.inf, [1.5, -math.inf], {"a": [[math.inf, 1]]}])
def test_infinities_can_be_refused(value: Any) -> None:
    assert plain(value, "it") == value
    for fractions in ("no infinity", "finite"):
        with pytest.raises(TypeError, match="inf, which JSON cannot represent"):
            plain(value, "it", fractions)


def test_nan_is_kept_is_missing_or_is_refused() -> None:
    value = [1.5, math.nan]
    assert repr(plain(value, "it")) == "[1.5, nan]"
    assert plain(value, "it", "no infinity") == [1.5, None]
    with pytest.raises(TypeError, match=r"it\[1\] is NaN"):
        plain(value, "it", "finite")


def test_sums_beyond_all_fractions_hide_no_infinity() -> None:
    big = [1.7e308, 1.7e308, 10**400]
    assert plain(big, "it", "no infinity") == big


def test_what_an_iterator_raises_is_the_users_own() -> None:
    with pytest.raises(ZeroDivisionError):
        plain((1 // number for number in (1, 0)), "it")


def test_plain_values_keep_bytes_and_nan() -> None:
    value = plain({"a": (np.array([np.nan]), b"x")}, "it")
    assert repr(value) == "{'a': [[nan], b'x']}"
