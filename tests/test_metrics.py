"""Metrics: names and finite numbers."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopsartifacts.errors import InvalidModelError
from hopsartifacts.registry.given import checked_metrics

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1), numbers
    )
)
def test_finite_numbers_stay_as_they_are(metrics: dict[str, float]) -> None:
    assert checked_metrics(metrics) == metrics


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("0.5", 0.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (True, 1),
        (Fraction(1, 2), 0.5),
        (np.array(2.0), 2.0),
    ],
    ids=repr,
)
def test_what_is_a_number_becomes_one(value: Any, number: float) -> None:
    assert checked_metrics({"m": value}) == {"m": number}


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        "nan",
        np.float64("inf"),
        "good",
        None,
        [1],
        {"a": 1},
        Fraction(10**309),
        1j,
        np.zeros(2),
        np.datetime64("2026-01-02", "ns"),
    ],
    ids=repr,
)
def test_what_is_no_finite_number(value: Any) -> None:
    with pytest.raises(InvalidModelError) as caught:
        checked_metrics({"acc": value})
    assert f"metric 'acc' is {value!r}" in str(caught.value)


@pytest.mark.parametrize("name", [1, None, "", b"a", "\ud800"], ids=ascii)
def test_a_metric_has_a_name(name: Any) -> None:
    with pytest.raises(InvalidModelError) as caught:
        checked_metrics({name: 1})
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("metrics", [[("acc", 1)], "acc", 5], ids=str)
def test_metrics_are_a_dict(metrics: Any) -> None:
    with pytest.raises(InvalidModelError, match=type(metrics).__name__):
        checked_metrics(metrics)


def test_no_metrics_are_none() -> None:
    assert checked_metrics(None) == {}
