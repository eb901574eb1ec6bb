from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopsartifacts.serving.kserve.quantities import quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", "0"),
        ("2", "2"),
        (7, "7"),
        (0.5, "0.5"),
        ("500m", "0.5"),
        ("100u", "0.0001"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1k", "1000"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1E", "1000000000000000000"),
        ("12e-1", "1.2"),
        ("-1", "-1"),
        ("+1", "1"),
    ],
)
def test_quantities_are_numbers(text: Any, number: str) -> None:
    assert quantity(text) == Decimal(number)


OTHERS: list[Any] = ["", "m", "1 Gi", "1GB", "1gi", "1K", "1mi", "x", ".", "1e", "1\n"]
OTHERS += ["\N{ARABIC-INDIC DIGIT ONE}", True, None, [], {}, float("inf"), float("nan")]


@pytest.mark.parametrize("value", OTHERS)
def test_other_values_are_none(value: Any) -> None:
    assert quantity(value) is None


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3))
def test_what_a_number_says_is_read(number: Decimal) -> None:
    assert quantity(f"{number:f}") == number
