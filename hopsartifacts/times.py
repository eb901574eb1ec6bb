"""Points in time that users give; dates, times and durations as ISO 8601 text.

Python's types resolve microseconds, and most libraries drop the finer digits when they
convert to them. So the text is made from nanoseconds here.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hopsartifacts.errors import InvalidInputError

_CALENDAR_SPANS = frozenset({"<m8[M]", "<m8[Y]"})
_NO_UNIT = "<m8"
_SECOND = 10**9
_DAY = 24 * 60 * 60 * _SECOND
_ARROW_TIME = "time64[ns]"


class NoPlainFormError(Exception):
    """The value at ``path`` cannot be converted to plain JSON values.

    Internal: ``values`` turns it into a ``TypeError`` with the path in its message.
    """

    def __init__(self, words: str, path: Sequence[str] = ()) -> None:
        super().__init__(words)
        self.path = list(path)


def moment(given: Any, what: str) -> datetime:
    """Convert *given* to a datetime in UTC.

    Args:
        given: a datetime, including those of pandas and numpy; a date, which means the
            start of that day; or either as ISO 8601 text. Without a time zone it is
            local time, as everywhere in Python. Digits below a microsecond are
            dropped, since no time is recorded more precisely.
        what: the argument's name, for messages.

    Raises:
        InvalidInputError: it is none of these.
    """
    found = given
    with suppress(ValueError, TypeError, OverflowError):
        if isinstance(given, str):
            found = datetime.fromisoformat(given)
        elif hasattr(given, "to_pydatetime"):
            found = given.to_pydatetime(warn=False)
        elif getattr(getattr(given, "dtype", None), "kind", None) == "M":
            found = given.astype("M8[us]").item()
        if isinstance(found, date) and not isinstance(found, datetime):
            found = datetime(found.year, found.month, found.day)  # noqa: DTZ001 - local
        # pandas' missing time, NaT, is a datetime that does not equal itself.
        if isinstance(found, datetime) and found == found:  # noqa: PLR0124 - see above
            return found.astimezone(UTC)
    raise InvalidInputError(
        f"{what} is {given!r}: give a datetime, a date, or a string like "
        "'2026-01-31T12:00', or leave it out"
    )


def iso(value: date | time) -> str:
    """Return a date, a time or a timestamp as text, with ``Z`` for UTC."""
    # A pandas Timestamp includes its nanoseconds.
    return _short_utc(value.isoformat())


def span(value: timedelta) -> str:
    """Return a duration as text; a pandas ``Timedelta`` keeps its nanoseconds."""
    seconds = value.days * 86_400 + value.seconds
    finer = value.microseconds * 1000 + getattr(value, "nanoseconds", 0)
    return _span_text(seconds * _SECOND + finer)


def of_numpy(value: Any) -> Any:
    """Convert numpy dates or durations of any unit to plain values.

    Raises:
        NoPlainFormError: they are durations in months or years, without a unit, or not
            whole nanoseconds that 64 bits can hold.
    """
    kind = value.dtype.kind
    if value.dtype.str in _CALENDAR_SPANS:
        raise NoPlainFormError(
            "contains durations in months or years, which differ in length"
        )
    is_missing = value != value  # noqa: PLR0124 - NaT
    if value.dtype.str == _NO_UNIT and not is_missing.all():
        raise NoPlainFormError(
            "contains a duration without a unit: use one, as in np.timedelta64(5, 's')"
        )
    coarse = _cast(value, f"{kind}8[us]")
    if coarse is not None and int not in set(map(type, coarse.ravel().tolist())):
        return coarse.tolist()
    if kind == "M":
        return _without_nat(value.astype("U").tolist())
    fine = _cast(value, "m8[ns]")
    if fine is not None:
        return _spans(fine.tolist())
    raise NoPlainFormError(
        f"contains durations of the type {value.dtype} that are not whole nanoseconds "
        "of 64 bits: give numbers in a unit of your choice instead"
    )


def _cast(value: Any, unit: str) -> Any:
    """Return numpy dates or durations in another unit; None if that changes a value."""
    try:
        cast = value.astype(unit)
        is_missing = value != value  # noqa: PLR0124 - NaT
        is_same = (cast.astype(value.dtype) == value) | is_missing
    except OverflowError:  # from NumPy 2.5 on: it does not fit into 64 bits
        return None
    return cast if is_same.all() else None


def may_hold_nanoseconds(value: Any) -> bool:
    """Return whether *value* is a polars or Arrow value that may hold nanoseconds.

    The library itself drops these nanoseconds when it converts to Python's types.
    """
    library = type(value).__module__.partition(".")[0]
    if library == "polars":
        kind = str(getattr(value, "dtype", ""))
        return "Time" in kind or "'ns'" in kind
    if library == "pyarrow":
        return _ARROW_TIME in str(getattr(value, "type", ""))
    if library == "pandas":
        dtype = getattr(value, "dtype", None)
        return _ARROW_TIME in str(getattr(dtype, "pyarrow_dtype", ""))
    return False


def one_step_to_plain(value: Any) -> Any:
    """Convert a value that may hold nanoseconds by one step towards plain values.

    Raises:
        NoPlainFormError: it holds nanoseconds in a type that cannot be converted.
    """
    if hasattr(value, "__arrow_array__"):
        return value.__arrow_array__()
    if hasattr(value, "array"):
        return value.array
    if hasattr(value, "dtype"):
        return _of_polars(value) if _has_nanoseconds(value) else value.to_list()
    return [*value] if hasattr(value, "to_pylist") else _of_arrow(value)


def _short_utc(text: str) -> str:
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


def _span_text(nanoseconds: int) -> str:
    days, rest = divmod(abs(nanoseconds), _DAY)
    seconds, fraction = divmod(rest, _SECOND)
    text = "-P" if nanoseconds < 0 else "P"
    if days or not rest:
        text += f"{days}D"
    if rest:
        digits = f".{fraction:09}".rstrip("0") if fraction else ""
        text += f"T{seconds}{digits}S"
    return text


def _spans(numbers: Any) -> Any:
    if isinstance(numbers, list):
        return [_spans(number) for number in numbers]
    return None if numbers is None else _span_text(numbers)


def _without_nat(texts: Any) -> Any:
    if isinstance(texts, list):
        return [_without_nat(text) for text in texts]
    return None if texts == "NaT" else texts


def _has_nanoseconds(series: Any) -> bool:
    """Return whether a polars series holds a value finer than a microsecond."""
    kind = series.dtype
    if not may_hold_nanoseconds(series):
        return False
    if hasattr(kind, "fields"):
        return any(
            _has_nanoseconds(series.struct.field(field.name)) for field in kind.fields
        )
    if hasattr(kind, "inner"):
        return any(_has_nanoseconds(item) for item in series if item is not None)
    return bool((series.cast(int) % 1000 != 0).any())


def _of_polars(series: Any) -> Any:
    """Convert a polars series with nanoseconds to lists, a frame or text."""
    kind = series.dtype
    if hasattr(kind, "inner"):
        return [*series]
    if hasattr(kind, "fields"):
        if series.null_count():
            raise NoPlainFormError(
                "contains nanoseconds in a struct, some of which are missing: give its "
                "fields as columns, with struct.unnest()"
            )
        return series.struct.unnest()
    if str(kind).startswith("Duration"):
        return _spans(series.cast(int).to_list())
    texts = series.dt.to_string("iso:strict").to_list()
    return [text if text is None else _short_utc(text) for text in texts]


def _of_arrow(scalar: Any) -> Any:
    """Convert an Arrow scalar that is, or contains, a time with nanoseconds."""
    if not scalar.is_valid:
        return None
    if str(scalar.type) == _ARROW_TIME:
        has_finer = scalar.value % 1000
        return scalar.cast("string").as_py() if has_finer else scalar.as_py()
    if hasattr(scalar, "values") and not callable(scalar.values):
        items = scalar.values
        is_map = isinstance(scalar, Mapping)
        return [[*item.values()] for item in items] if is_map else items
    if isinstance(scalar, Mapping):
        return {name: scalar[name] for name in scalar}
    raise NoPlainFormError(
        f"is of the type {scalar.type}, whose nanoseconds would be lost: cast it to "
        f"{_ARROW_TIME}"
    )
