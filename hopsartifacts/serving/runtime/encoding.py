"""What predictions may consist of, and how each becomes JSON or plain values.

JSON has no word for numbers that are not finite: NaN and the infinities become
``null``, as do missing values of frames. Arrays, series and scalars of numerical
libraries become lists and numbers, frames a list of one object a row. Of what else
Python has, decimals become numbers; sets lists; data classes objects; dates and times
text in the form of ISO 8601; bytes text in Base64.
"""

from decimal import Decimal
from typing import Any

import msgspec

_MISSING = {"NaTType", "NAType"}
_CONVERSIONS = ("tolist", "to_dicts", "to_pylist", "to_list", "toarray", "isoformat")
"""Methods that lead a step nearer to JSON: of arrays and scalars; of frames, tables and
series of other libraries; of sparse matrices; of dates."""


def encode(value: Any) -> bytes:
    """Return *value* as JSON.

    Raises:
        TypeError: something in it has no JSON form; the message names its type.
    """
    return _ENCODER.encode(value)


def plain(value: Any) -> Any:
    """Return *value* made of lists, dictionaries, text, bytes and numbers.

    Unlike in JSON, bytes stay bytes and NaN stays NaN.

    Raises:
        TypeError: something in it has no such form; the message names its type.
    """
    return msgspec.to_builtins(value, builtin_types=(bytes, Decimal), enc_hook=_convert)


def _convert(value: Any) -> Any:
    # By what a value can do, not by its type: importing numpy and pandas to ask
    # would cost every deployment half a second.
    kind = type(value)
    if kind.__name__ in _MISSING and kind.__module__.startswith("pandas."):
        return None
    if hasattr(value, "tolist"):
        return _listed(value)
    if hasattr(value, "to_dict") and hasattr(value, "iloc"):
        return value.to_dict(orient="records")
    for name in _CONVERSIONS:
        if hasattr(value, name):
            return getattr(value, name)()
    if hasattr(value, "numpy"):
        return value.numpy()
    raise TypeError(
        f"a value of type {kind.__module__}.{kind.__qualname__} cannot become JSON; "
        "return lists, dictionaries, strings, numbers or arrays"
    )


def _listed(value: Any) -> Any:
    """Return an array's or a scalar's values, where its own ``tolist`` misleads."""
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if kind in {"M", "m"} and hasattr(value, "astype"):
        # In nanoseconds, numpy's usual unit for frames, they would become integers.
        value = value.astype(f"{value.dtype.kind}8[us]")
    elif kind == "S":
        # Text, as arrays of fixed width hold it.
        value = value.astype("U")
    return value.tolist()


_ENCODER = msgspec.json.Encoder(enc_hook=_convert, decimal_format="number")
