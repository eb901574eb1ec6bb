"""What predictions may consist of, and how each becomes JSON.

JSON has no word for numbers that are not finite: NaN and the infinities become
``null``, as do pandas' missing values. Arrays, series and scalars of numerical
libraries become lists and numbers, frames a list of one object a row.
"""

from typing import Any

import msgspec

_MISSING = {"NaTType", "NAType"}


def encode(value: Any) -> bytes:
    """Return *value* as JSON.

    Raises:
        TypeError: something in it has no JSON form; the message names its type.
    """
    return _ENCODER.encode(value)


def _convert(value: Any) -> Any:
    # By what a value can do, not by its type: importing numpy and pandas to ask
    # would cost every deployment half a second.
    kind = type(value)
    if kind.__name__ in _MISSING and kind.__module__.startswith("pandas."):
        return None
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return value.to_dict(orient="records")
    raise TypeError(
        f"a value of type {kind.__module__}.{kind.__qualname__} cannot become JSON; "
        "return lists, dictionaries, strings, numbers or arrays"
    )


_ENCODER = msgspec.json.Encoder(enc_hook=_convert)
