"""Kubernetes' quantities: ``500m``, ``2Gi``, ``1e3``."""

import re
from decimal import Decimal
from typing import Any

_FORM = re.compile(
    r"(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))"
    r"(?:(?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?\d{1,3}))?",
    re.ASCII,
)
_POWERS_OF_TEN = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12}
_POWERS_OF_TEN |= {"P": 15, "E": 18}
_POWERS_OF_TWO = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def quantity(value: Any) -> Decimal | None:
    """Return the number that a quantity stands for; None if *value* is not one.

    Args:
        value: a text, or a number, as YAML may have it: ``"500m"``, ``2``.
    """
    match = _FORM.fullmatch(str(value))
    if match is None:
        return None
    number = Decimal(match["number"])
    if suffix := match["suffix"]:
        if suffix in _POWERS_OF_TWO:
            return number * Decimal(2) ** _POWERS_OF_TWO[suffix]
        return number.scaleb(_POWERS_OF_TEN[suffix])
    return number.scaleb(int(match["exponent"] or 0))
