"""What predictions may consist of, and how each becomes JSON or plain values.

JSON has no word for numbers that are not finite: NaN and the infinities become
``null``, as do missing values of frames. Arrays, series and scalars of numerical
libraries become lists and numbers, frames a list of one object a row. Of what else
Python has, sets and iterators become lists; data classes objects; dates and times text
in the form of ISO 8601; decimals text with every digit; bytes text in Base64.
"""

from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from contextlib import suppress
from typing import Any

import msgspec

_MISSING = {"NaTType", "NAType"}
_LISTS = (Sequence, Iterator, KeysView, ValuesView, ItemsView)
_CONVERSIONS = (
    "to_dicts",
    "to_pylist",
    "to_list",
    "as_py",
    "toarray",
    "isoformat",
    "numpy",
)
"""Methods that lead a step nearer to JSON: of frames, tables, series and scalars of
other libraries than numpy and pandas; of sparse matrices; of dates; of tensors."""


def encode(value: Any) -> bytes:
    """Return *value* as JSON.

    Raises:
        TypeError: something in it has no JSON form; the message names its type.
    """
    return _ENCODER.encode(value)


def plain(value: Any) -> Any:
    """Return *value* made of lists, tuples, dictionaries, text, bytes and numbers.

    Unlike in JSON, bytes stay bytes and NaN stays NaN.

    Raises:
        TypeError: something in it has no such form; the message names its type.
    """
    return msgspec.to_builtins(value, builtin_types=(bytes,), enc_hook=_convert)


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
    if isinstance(value, Mapping):
        return dict(value)
    # A list or a tuple only gets here as the key of a dictionary.
    if isinstance(value, _LISTS) and not isinstance(value, list | tuple):
        return list(value)
    raise TypeError(
        f"a value of type {kind.__module__}.{kind.__qualname__} cannot become JSON; "
        "return lists, dictionaries, strings, numbers or arrays"
    )


def _listed(value: Any) -> Any:
    """Return an array's or a scalar's values, where its own ``tolist`` misleads."""
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if kind in {"M", "m"} and hasattr(value, "astype"):
        # In nanoseconds, numpy's usual unit for frames, they would become integers.
        value = value.astype(f"{kind}8[us]")
    elif kind == "S":
        # Text, as arrays of fixed width hold it.
        with suppress(UnicodeDecodeError):
            value = value.astype("U")
    listed = value.tolist()
    # Numbers of more than 64 bits are their own list.
    return float(listed) if type(listed) is type(value) else listed


_ENCODER = msgspec.json.Encoder(enc_hook=_convert)
