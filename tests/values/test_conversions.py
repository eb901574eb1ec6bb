"""Every kind of value in every conversion: it is kept, or refused in words.

One more value is one line of ``VALUES`` or ``ROWS``; one more conversion is one line of
``CONVERSIONS``.
"""

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from hopsartifacts.deployments.requests import infer_payload, payload
from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.registry.given import checked_metrics, checked_tag, example_text
from hopsartifacts.serving.runtime.app import InferCall
from hopsartifacts.serving.runtime.protocol import predictions_body, read_inputs

pytest.importorskip("grpc", reason="needs grpcio")
grpc_client = pytest.importorskip("hopsartifacts.serving.local.grpc_client")
grpc_server = pytest.importorskip("hopsartifacts.serving.runtime.grpc_server")

ASKED = b'{"inputs": [{"name": "x", "shape": [1], "datatype": "INT8", "data": [1]}]}'


class Colour(StrEnum):
    RED = "red"


class Number(IntEnum):
    SEVEN = 7


def asked_v1(value: Any) -> Any:
    return read_inputs(msgspec.json.encode(payload(None, value)))


def asked_v2(value: Any) -> Any:
    body = payload(infer_payload(None, value), None)
    return InferCall("m", 1, msgspec.json.encode(body)).rows()


def asked_grpc(value: Any) -> Any:
    request = grpc_client._request("m", infer_payload(None, value))
    return grpc_server._InferCall("m", 1, request).rows()


def example(value: Any) -> Any:
    return json.loads(example_text(value) or "")


def tag(value: Any) -> Any:
    return checked_tag("a", value)


def metric(value: Any) -> Any:
    return checked_metrics({"a": value[0]["x"]})["a"]


def answered_v1(value: Any) -> Any:
    return json.loads(predictions_body(value))["predictions"]


def answered_v2(value: Any) -> Any:
    call = InferCall("m", 1, ASKED)
    call.rows()
    return columns(json.loads(call.write(value))["outputs"])


def answered_grpc(value: Any) -> Any:
    request = grpc_client._request("m", {"inputs": json.loads(ASKED)["inputs"]})
    call = grpc_server._InferCall("m", 1, request)
    call.rows()
    message = grpc_server.message_class("ModelInferResponse")
    answer = message.FromString(call.write(value))
    return columns(grpc_client._document(answer)["outputs"])


def columns(outputs: list[dict[str, Any]]) -> Any:
    """Return an answer of tensors in the form of V1."""
    names = [output["name"] for output in outputs]
    if names == ["output-0"]:
        return outputs[0]["data"]
    columns = [output["data"] for output in outputs]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "predict": asked_v1,
    "predict V2": asked_v2,
    "predict gRPC": asked_grpc,
    "example": example,
    "tag": tag,
    "metric": metric,
    "answer": answered_v1,
    "answer V2": answered_v2,
    "answer gRPC": answered_grpc,
}
TENSORS = ("predict V2", "predict gRPC", "answer V2", "answer gRPC")


class No(NamedTuple):
    """It is refused, in these words among others."""

    words: str


class Value(NamedTuple):
    """A value, what it becomes, and where it becomes something else."""

    value: Any
    kept: Any
    but: Mapping[str, Any] = {}


def at(conversions: Any, kept: Any) -> dict[str, Any]:
    return dict.fromkeys(
        [conversions] if isinstance(conversions, str) else conversions, kept
    )


def named(rows: list[Value]) -> list[str]:
    """Return a name for each, the same in every process."""
    return [f"{type(row.value).__name__}-{at}" for at, row in enumerate(rows)]


NOT_A_NUMBER = at("metric", No("is not a number"))
BEYOND = at(TENSORS, No("more than 64 bits"))
MISSING = {
    **NOT_A_NUMBER,
    **at(TENSORS, math.nan),
    **at("answer V2", None),
}

VALUES = [
    Value(1, 1),
    Value(2**53 + 1, 2**53 + 1),
    Value(-(2**63), -(2**63)),
    Value(2**64 - 1, 2**64 - 1),
    Value(2**70, 2**70, BEYOND),
    Value(np.int64(2**53 + 1), 2**53 + 1),
    Value(np.uint8(7), 7),
    Value(Number.SEVEN, 7),
    Value(0.1, 0.1),
    Value(1e308, 1e308),
    Value(np.float32(0.1), float(np.float32(0.1))),
    Value(np.float64(0.1), 0.1),
    Value(value=True, kept=True, but=at("metric", 1.0)),
    Value(np.bool_(0), kept=False, but=at("metric", 0.0)),
    Value("é", "é", NOT_A_NUMBER),
    Value(np.str_("a"), "a", NOT_A_NUMBER),
    Value(Colour.RED, "red", NOT_A_NUMBER),
    Value("0.5", "0.5", at("metric", 0.5)),
    Value(Decimal("1.10"), "1.10", at("metric", 1.1)),
    Value(Decimal(2**70), str(2**70), at("metric", float(2**70))),
    Value(Decimal("sNaN"), No("sNaN"), at("metric", No("is not a number"))),
    Value(
        10**400,
        10**400,
        BEYOND,
    ),
    Value(
        10**5000,
        No("an integer of 16610 bits"),
    ),
    Value(str(2**53 + 1), str(2**53 + 1), at("metric", 2**53 + 1)),
    Value(date(2026, 1, 2), "2026-01-02", NOT_A_NUMBER),
    Value(time(12, 30), "12:30:00", NOT_A_NUMBER),
    Value(timedelta(seconds=90), "PT90S", NOT_A_NUMBER),
    Value(datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z", NOT_A_NUMBER),
    Value(pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00", NOT_A_NUMBER),
    Value(
        pd.Timestamp("2026-01-02T00:00:00.000000001"),
        "2026-01-02T00:00:00.000000001",
        NOT_A_NUMBER,
    ),
    Value(
        np.datetime64("2026-01-02", "ns"),
        "2026-01-02T00:00:00",
        NOT_A_NUMBER,
    ),
    Value(None, None, MISSING),
    Value(pd.NA, None, MISSING),
    Value(pd.NaT, None, MISSING),
    Value(np.datetime64("NaT"), None, MISSING),
    Value(
        math.nan,
        None,
        {
            **at(("predict V2", "predict gRPC", "answer gRPC"), math.nan),
            "tag": No('[0]["x"] is NaN'),
            "metric": No("metric 'a' is nan"),
        },
    ),
    Value(
        math.inf,
        math.inf,
        {
            **at(("predict", "example", "tag"), No('[0]["x"] is inf')),
            "predict V2": No("is inf"),
            "metric": No("metric 'a' is inf"),
            **at(("answer", "answer V2"), None),
        },
    ),
    Value(b"\xff", "/w==", {**NOT_A_NUMBER, **at(TENSORS[1::2], b"\xff")}),
    Value("\ud800", No("a lone surrogate"), NOT_A_NUMBER),
    Value(1j, No("complex"), NOT_A_NUMBER),
    Value(object(), No("object"), NOT_A_NUMBER),
    Value(pd.Period("2026"), No("Period"), NOT_A_NUMBER),
    Value({(1, 2): 3}, No("tuple"), NOT_A_NUMBER),
    Value({1: [1], "1": [2]}, No("two keys that are both '1'"), NOT_A_NUMBER),
    Value(
        [1, [2.5, "a"]],
        [1, [2.5, "a"]],
        {**NOT_A_NUMBER, **at(TENSORS, No("is not a tensor"))},
    ),
]


@pytest.mark.parametrize("conversion", CONVERSIONS)
@pytest.mark.parametrize("row", VALUES, ids=named(VALUES))
def test_a_value_is_kept_or_refused(row: Value, conversion: str) -> None:
    expected = row.but.get(conversion, row.kept)
    convert = CONVERSIONS[conversion]
    if isinstance(expected, No):
        with pytest.raises((HopsArtifactsError, TypeError)) as refused:
            convert([{"x": row.value}])
        assert expected.words in str(refused.value)
        return
    found = convert([{"x": row.value}])
    expected = expected if conversion == "metric" else [{"x": expected}]
    # With types: 1 is not 1.0, nor True. NaN is not equal to itself.
    assert repr(found) == repr(expected)


@pytest.mark.parametrize("key", [True, None, 1], ids=str)
@pytest.mark.parametrize("conversion", ["answer", "answer V2", "answer gRPC"])
def test_an_answer_has_one_output_of_a_name(key: Any, conversion: str) -> None:
    with pytest.raises(TypeError, match=r"the key (True|None)|both '1'"):
        CONVERSIONS[conversion]({key: [1], "1": [2]})


FRAME = {"id": [2**53 + 1, 7], "x": [0.5, None], "s": ["a", None]}
RECORDS = [{"id": 2**53 + 1, "x": 0.5, "s": "a"}, {"id": 7, "x": None, "s": None}]
AS_TENSORS = [
    {"id": 2**53 + 1, "x": 0.5, "s": "a"},
    {"id": 7, "x": math.nan, "s": None},
]
OF_FRAMES = {
    "example": RECORDS[0],
    "predict V2": AS_TENSORS,
    **at(("predict gRPC", "answer gRPC"), No("element 1 of 's' is missing")),
}
WHEN = np.array(["2026-01-02"], "M8[ns]")
TWICE = pd.DataFrame([[1, 2]], columns=["a", "a"])
LEVELS = pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")]))

ROWS = [
    Value(pd.DataFrame(FRAME), RECORDS, {**OF_FRAMES, "tag": No('[1]["x"] is NaN')}),
    Value(pl.DataFrame(FRAME), RECORDS, OF_FRAMES),
    Value(pa.table(FRAME), RECORDS, OF_FRAMES),
    Value(
        pd.DataFrame({"t": WHEN}),
        [{"t": "2026-01-02T00:00:00"}],
        at("example", {"t": "2026-01-02T00:00:00"}),
    ),
    Value(WHEN, ["2026-01-02T00:00:00"]),
    Value(pd.Series([1, 2]), [1, 2]),
    Value(pl.Series([1, 2]), [1, 2]),
    Value(pa.array([1, 2]), [1, 2]),
    Value(np.array([1, 2]), [1, 2]),
    Value(np.array(["a", "b"]), ["a", "b"]),
    Value(
        pd.Series([1, None], dtype="Int64"),
        [1, None],
        at(TENSORS, [1.0, math.nan]) | at("answer V2", [1.0, None]),
    ),
    Value(np.array([[1, 2]]).view(np.matrix), [[1, 2]], at(TENSORS[2:], [1, 2])),
    Value([{1: 1, "1": 2}], No("two keys that are both '1'")),
    Value([{True: 1}], No("the key True of the type bool")),
    Value([{None: 1}], No("the key None of the type NoneType")),
    Value(["a", "b"], ["a", "b"]),
    Value([[1, 2], [3, 4]], [[1, 2], [3, 4]], at(TENSORS[2:], [1, 2, 3, 4])),
    Value([1, 2], [1, 2], at(("predict", "predict V2", "predict gRPC"), [[1, 2]])),
    Value(
        [[2**53 + 1, 0.5]],
        [[2**53 + 1, 0.5]],
        at(TENSORS, No("the integer 9007199254740993 would lose digits")),
    ),
    Value(TWICE, No("two columns with the label 'a'")),
    Value(LEVELS, No("the label ('a', 'b')")),
    Value(pl.LazyFrame({"a": [1]}), No("collect()")),
]


@pytest.mark.parametrize(
    "conversion", [conversion for conversion in CONVERSIONS if conversion != "metric"]
)
@pytest.mark.parametrize("row", ROWS, ids=named(ROWS))
def test_rows_are_kept_or_refused(row: Value, conversion: str) -> None:
    expected = row.but.get(conversion, row.kept)
    if isinstance(expected, No):
        with pytest.raises((HopsArtifactsError, TypeError)) as refused:
            CONVERSIONS[conversion](row.value)
        assert expected.words in str(refused.value)
    else:
        assert repr(CONVERSIONS[conversion](row.value)) == repr(expected)
