import math
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopsartifacts.serving.runtime.model_rows import UnevenError, check_alike
from hopsartifacts.serving.runtime.protocol import (
    RequestError,
    error_body,
    predictions_body,
    read_inputs,
)

BAD_BODIES = [
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b'{"instances": [[1, NaN]]}', 'not JSON: the body["instances"][0][1] is NaN'),
    (b'{"instances": [{"a": -Infinity}]}', 'the body["instances"][0]["a"] is -inf'),
    (b'{"instances": [NaN', "not JSON"),
    (
        b'{"instances": ["a", "\\ud800"]}',
        "body[\"instances\"][1] is '\\ud800': it contains",
    ),
    (b'{"instances": ["\xff"]}', "not JSON"),
    (b"[" * 100_000, "not JSON"),
    (b"[[1]]", "the body is a list"),
    (b'"text"', "the body is a string"),
    (b"true", "the body is true or false"),
    (b"null", "the body is null"),
    (b"7", "the body is a number"),
    (b"{}", "neither of the keys"),
    (b'{"rows": [[1]]}', "neither of the keys"),
    (b'{"instances": [[1]], "inputs": [[1]]}', "both of the keys"),
    (b'{"instances": []}', '"instances" is an empty list'),
    (b'{"inputs": {"a": 1}}', '"inputs" is an object'),
    (b'{"instances": 3}', '"instances" is a number'),
    (b'{"instances": null}', '"instances" is null'),
]


@pytest.mark.parametrize(("body", "message"), BAD_BODIES)
def test_a_bad_body_is_a_400_that_says_why(body: bytes, message: str) -> None:
    with pytest.raises(RequestError, match=re.escape(message)) as raised:
        read_inputs(body)
    assert raised.value.status == 400


@pytest.mark.parametrize(
    ("body", "inputs"),
    [
        (b'{"instances": [[1, 2.5]]}', [[1, 2.5]]),
        (b'{"inputs": [1, 2], "parameters": {}}', [1, 2]),
        (b'{"instances": [{"a": [1]}, {"a": [1, 2]}]}', [{"a": [1]}, {"a": [1, 2]}]),
        (b'{"instances": [[[1], [2]], [[3], [4]]]}', [[[1], [2]], [[3], [4]]]),
        (b'{"instances": [[[], []]]}', [[[], []]]),
        (b'{"instances": ["a", "b c"]}', ["a", "b c"]),
        (b'{"instances": [[1, 2], [1]]}', [[1, 2], [1]]),
        (b'{"instances": [[1], {"a": 1}]}', [[1], {"a": 1}]),
        (b'{"inputs": [[[1, 2], [1]], [[]]]}', [[[1, 2], [1]], [[]]]),
    ],
)
def test_good_bodies_are_read(body: bytes, inputs: object) -> None:
    assert read_inputs(body) == inputs


RAGGED: list[tuple[list[Any], str]] = [
    (
        [[1, 2], [1, 2], [1]],
        (
            "the rows of x differ: row 0 is a list of length 2, row 2 is a list of "
            "length 1; rows of differing length can be sent as objects"
        ),
    ),
    ([[1], [1, 2], [1, 2]], "row 1 is a list of length 2, row 0 is a list of length 1"),
    ([[1], {"a": 1}], "row 1 is not a list"),
    ([[[1, 2]], [[1]]], "a list of shape 1 x 2"),
    ([[[1, 2], [1]]], "items of row 0 differ"),
    ([[1, [1]]], "items of row 0 differ"),
    ([[[[1]], [[1], [2]]]], "items of row 0 differ"),
]


@pytest.mark.parametrize(("rows", "message"), RAGGED)
def test_rows_that_no_array_holds_are_named(rows: list[Any], message: str) -> None:
    with pytest.raises(UnevenError, match=re.escape(message)):
        check_alike(rows, "the rows of x")


@pytest.mark.parametrize("rows", [[1, 2], [[1], [2]], [[[], []]], [{"a": [1]}], []])
def test_rectangles_and_single_values_pass(rows: list[Any]) -> None:
    check_alike(rows)


@given(
    rows=st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(st.floats(), min_size=width, max_size=width), min_size=1
        )
    )
)
def test_rectangles_pass_and_nan_arrives_as_none(rows: list[list[float]]) -> None:
    expected = [[x if math.isfinite(x) else None for x in row] for row in rows]
    assert read_inputs(msgspec.json.encode({"instances": rows})) == expected


def test_answers_have_the_keys_of_the_protocol() -> None:
    assert predictions_body([1]) == b'{"predictions":[1]}'
    assert error_body("no") == b'{"error":"no"}'
    assert error_body("no", "predictor") == b'{"error":"no","component":"predictor"}'
