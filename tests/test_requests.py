"""From what a user passes to predict to the request that is sent."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hopsartifacts.deployments.requests import payload
from hopsartifacts.errors import InvalidInputError


def sent(body: dict[str, Any]) -> Any:
    return json.loads(json.dumps(body))


@pytest.mark.parametrize(
    ("inputs", "rows"),
    [
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ([1, 2], [[1, 2]]),
        (["a"], ["a"]),
        (("a", None), ["a", None]),
        ([1, "a"], [[1, "a"]]),
        (5, [[5]]),
        ({"x": 1}, [{"x": 1}]),
        ([{"x": 1}, {"x": 2}], [{"x": 1}, {"x": 2}]),
        ((1, 2), [[1, 2]]),
        (((1, 2),), [[1, 2]]),
        ([(1, 2), (3, 4)], [[1, 2], [3, 4]]),
        (np.array([[1.5, 2.0]]), [[1.5, 2.0]]),
        ([np.array([1, 2])], [[1, 2]]),
        (np.array([1, 2]), [1, 2]),
        (np.array(["a", "b"]), ["a", "b"]),
        (pd.DataFrame({"x": [1], "y": ["b"]}), [{"x": 1, "y": "b"}]),
        (pd.Series([1, 2]), [1, 2]),
    ],
    ids=str,
)
def test_inputs_become_rows(inputs: Any, rows: list[Any]) -> None:
    assert sent(payload(None, inputs)) == {"instances": rows}


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ({"instances": [[1]]}, {"instances": [[1]]}),
        ({"inputs": [[1]]}, {"inputs": [[1]]}),
        ({"instances": np.array([[1]])}, {"instances": [[1]]}),
        ({"instances": ((1, 2),)}, {"instances": [[1, 2]]}),
        ({"instances": [1], "id": 7}, {"instances": [1], "id": 7}),
        ({"instances": {"customer": 1}}, {"instances": {"customer": 1}}),
        ({"inputs": "text"}, {"inputs": "text"}),
    ],
    ids=str,
)
def test_data_is_sent_as_it_is(data: Any, body: dict[str, Any]) -> None:
    assert sent(payload(data, None)) == body


@pytest.mark.parametrize(
    ("data", "inputs", "words"),
    [
        ({"instances": [[1]]}, [[1]], "not both"),
        (None, None, "predict needs"),
        ({}, None, "predict needs"),
        ({"instances": [[1]], "inputs": [[1]]}, None, "predict needs"),
        ([[1]], None, "predict needs"),
        ({"instances": []}, None, "has no row"),
        ({"inputs": ()}, None, "has no row"),
        (None, [], "an empty list"),
        (None, "row", "a str"),
        pytest.param(None, [object()], "object", id="object input"),
        pytest.param({"instances": [object()]}, None, "object", id="object instance"),
    ],
    ids=str,
)
def test_what_is_no_request(data: Any, inputs: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        payload(data, inputs)
