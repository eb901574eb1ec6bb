"""The tensors of the V2 protocol: datatypes, and conversion of bytes and of values.

This needs no numerical library: the standard library reads and writes every datatype,
so a script without numpy does not load numpy.
"""

import struct
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from math import nan, prod
from typing import Any, NamedTuple

from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.values import by_name, frame_columns, plain

_OF_ARRAYS: Mapping[str, str] = {
    "bool": "BOOL",
    **{f"int{bits}": f"INT{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"UINT{bits}" for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"FP{bits}" for bits in (16, 32, 64)},
}
_UNNAMED = "output-0"
_MOST_EXACT = 2**53
"""A 64-bit float represents every integer up to this one exactly."""
_PLAIN = {bool, bytes, float, int, list, str, tuple, type(None)}


class Datatype(NamedTuple):
    """The memory layout of a tensor's elements, in little-endian order."""

    code: str
    size: int
    kinds: frozenset[Any]
    """Python types that may represent an element in JSON. If the type of None is among
    them, an element may be missing; in memory only NaN can express that."""
    lowest: int = 0
    highest: int = 0


def _integer(code: str, size: int, *, signed: bool) -> Datatype:
    bits = size * 8
    lowest = -(1 << bits - 1) if signed else 0
    return Datatype(code, size, frozenset({int}), lowest, lowest + (1 << bits) - 1)


_NUMBERS = frozenset({float, int, type(None)})
DATATYPES: Mapping[str, Datatype] = {
    "BOOL": Datatype("?", 1, frozenset({bool, type(None)})),
    "INT8": _integer("b", 1, signed=True),
    "INT16": _integer("h", 2, signed=True),
    "INT32": _integer("i", 4, signed=True),
    "INT64": _integer("q", 8, signed=True),
    "UINT8": _integer("B", 1, signed=False),
    "UINT16": _integer("H", 2, signed=False),
    "UINT32": _integer("I", 4, signed=False),
    "UINT64": _integer("Q", 8, signed=False),
    "FP16": Datatype("e", 2, _NUMBERS),
    "BF16": Datatype("", 2, _NUMBERS),
    "FP32": Datatype("f", 4, _NUMBERS),
    "FP64": Datatype("d", 8, _NUMBERS),
    "BYTES": Datatype("", 0, frozenset({str, bytes, type(None)})),
}
_LENGTH = struct.Struct("<I")
_MOST_DIMENSIONS = 32
_LISTS = frozenset({list, tuple})


class Tensor(NamedTuple):
    """Elements in row-major order; for BYTES each is a str or bytes."""

    name: str
    datatype: str
    shape: Sequence[int]
    values: Sequence[Any]


def read_values(
    name: str, datatype: str, shape: Sequence[int], values: Any
) -> list[Any]:
    """Return the nested rows of a tensor whose elements were sent as JSON values.

    Args:
        name: the name of the tensor, for messages.
        datatype: the datatype that the client gave.
        shape: the shape that the client gave.
        values: a flat list of all elements, or nested lists.

    Raises:
        RequestError: the values do not match the datatype or the shape (400).
    """
    kind = _check(name, datatype, shape)
    if not isinstance(values, list):
        raise RequestError(400, f"the data of input {name!r} is not a list")
    try:
        found, flat = flatten(values)
    except ValueError as error:
        raise RequestError(400, f"the data of input {name!r}: {error}") from error
    if len(flat) != prod(shape) or (len(found) > 1 and found != list(shape)):
        raise RequestError(
            400,
            f"input {name!r} has shape {list(shape)}, but its data has shape {found}",
        )
    types = set(map(type, flat))
    strangers = sorted(_word(type_) for type_ in types - kind.kinds)
    if strangers:
        raise RequestError(
            400, f"input {name!r} is {datatype}, but its data contains {strangers[0]}"
        )
    if kind.highest and not kind.lowest <= min(flat) <= max(flat) <= kind.highest:
        raise RequestError(400, f"input {name!r} has values beyond {datatype}")
    if type(None) in types and kind.kinds == _NUMBERS:
        # In JSON, null stands for NaN, in answers as well.
        flat = [nan if value is None else value for value in flat]
    elif found == list(shape):
        return values
    return nest(flat, shape)


def read_bytes(
    name: str, datatype: str, shape: Sequence[int], data: bytes | memoryview
) -> list[Any]:
    """Return the nested rows of a tensor whose elements were sent as raw bytes.

    Elements of BYTES become str, as in JSON, unless one is not UTF-8.

    Raises:
        RequestError: the data does not match the datatype or the shape (400).
    """
    kind = _check(name, datatype, shape)
    if datatype == "BYTES":
        return nest(as_text(_split(name, data, prod(shape))), shape)
    if len(data) != prod(shape) * kind.size:
        raise RequestError(
            400,
            f"input {name!r} is {datatype} of shape {list(shape)}, which takes "
            f"{prod(shape) * kind.size} bytes; {len(data)} came",
        )
    if datatype == "FP16":
        return nest([*struct.unpack(f"<{len(data) // 2}e", data)], shape)
    code = kind.code
    if datatype == "BF16":
        # The upper half of an FP32.
        widened, code = bytearray(len(data) * 2), "f"
        widened[2::4], widened[3::4] = data[::2], data[1::2]
        data = memoryview(widened)
    return memoryview(data).cast("B").cast(code, tuple(shape)).tolist()  # type: ignore[call-overload, no-any-return]


def write_bytes(tensor: Tensor) -> bytes:
    """Return the elements as raw bytes.

    Raises:
        OverflowError: a number is out of range for the datatype.
        TypeError: an element is missing and the datatype has no NaN.
    """
    refuse_missing(tensor)
    if isinstance(tensor.values, Elements):
        return tensor.values.tobytes()
    if tensor.datatype == "BYTES":
        parts = (
            value.encode() if isinstance(value, str) else value
            for value in tensor.values
        )
        return b"".join(_LENGTH.pack(len(part)) + part for part in parts)
    if tensor.datatype == "BOOL":
        return bytes(tensor.values)
    code = DATATYPES[tensor.datatype].code
    if code == "e":
        return struct.pack(f"<{len(tensor.values)}e", *tensor.values)
    return array(code, tensor.values).tobytes()


def refuse_missing(tensor: Tensor) -> None:
    """Refuse a missing element that only JSON can express.

    Raises:
        TypeError: names the element.
    """
    kinds = DATATYPES[tensor.datatype].kinds
    may_miss = type(None) in kinds and kinds != _NUMBERS
    if not may_miss or isinstance(tensor.values, Elements):
        return
    if None in tensor.values:
        raise TypeError(
            f"element {[*tensor.values].index(None)} of {tensor.name!r} is missing, "
            f"which {tensor.datatype} can express in JSON only: fill it in, or use JSON"
        )


def rows_of(
    inputs: Sequence[tuple[str, list[Any]]], *, as_objects: bool = False
) -> list[Any]:
    """Return the rows for a script, which are the same for every protocol.

    Args:
        inputs: the name and the nested rows of each tensor.
        as_objects: whether rows are objects even if there is only one tensor.

    Raises:
        RequestError: tensors differ in length or share a name, or there are none.
    """
    names = [name for name, _ in inputs]
    if not names:
        raise RequestError(400, "the request has no inputs")
    if len(set(names)) < len(names):
        raise RequestError(
            400, f"two inputs have the same name: {', '.join(sorted(names))}"
        )
    if len(inputs) == 1 and not as_objects:
        return inputs[0][1]
    lengths = {len(rows) for _, rows in inputs}
    if len(lengths) > 1:
        words = ", ".join(f"{name} {len(rows)}" for name, rows in inputs)
        raise RequestError(400, f"the inputs differ in their number of rows: {words}")
    return [
        dict(zip(names, row, strict=True))
        for row in zip(*(rows for _, rows in inputs), strict=True)
    ]


def as_text(values: list[Any]) -> list[Any]:
    """Return *values* decoded if all are UTF-8, otherwise unchanged; None is kept."""
    try:
        return [None if value is None else value.decode() for value in values]
    except UnicodeDecodeError:
        return values


class Elements(Sequence[Any]):
    """The elements of an array, converted to a list only on access."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._list: list[Any] | None = None

    def tobytes(self) -> bytes:
        """Return the elements as raw bytes in little-endian order."""
        source = self._source
        dtype = source.dtype.newbyteorder("<")
        return bytes(source.astype(dtype, copy=False).tobytes())

    def tolist(self) -> list[Any]:
        """Return the elements as Python values."""
        if self._list is None:
            # ravel() of a numpy matrix is a matrix again; that of an array is flat.
            self._list = self._source.__array__().ravel().tolist()
        return self._list

    def __len__(self) -> int:
        return int(self._source.size)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __getitem__(self, at: Any) -> Any:
        return self.tolist()[at]


def _check(name: str, datatype: str, shape: Sequence[int]) -> Datatype:
    kind = DATATYPES.get(datatype)
    if kind is None:
        raise RequestError(
            400,
            f"input {name!r} has the unknown datatype {datatype!r}; known are "
            + ", ".join(DATATYPES),
        )
    if not 0 < len(shape) <= _MOST_DIMENSIONS or min(shape) < 1:
        raise RequestError(
            400,
            f"input {name!r} has shape {list(shape)}; it needs a first dimension, its "
            "rows, and none may be below 1",
        )
    return kind


def _word(kind: type) -> str:
    return "null" if kind is type(None) else kind.__name__


def _split(name: str, data: bytes | memoryview, count: int) -> list[bytes]:
    """Return the elements of BYTES, each of which is preceded by its length."""
    values: list[bytes] = []
    position = 0
    view = memoryview(data)
    while position < len(view) and len(values) <= count:
        start = position + _LENGTH.size
        if start <= len(view):
            (length,) = _LENGTH.unpack_from(view, position)
            position = start + length
        if start > len(view) or position > len(view):
            raise RequestError(400, f"the bytes of input {name!r} end too early")
        values.append(bytes(view[start:position]))
    if len(values) != count:
        raise RequestError(
            400,
            f"the data of input {name!r} does not have as many elements as its "
            f"shape: {count}",
        )
    return values


def nest(flat: list[Any], shape: Sequence[int]) -> list[Any]:
    """Return the elements (there is at least one) as nested lists of *shape*."""
    for size in reversed(shape[1:]):
        flat = [flat[at : at + size] for at in range(0, len(flat), size)]
    return flat


def flatten(values: Sequence[Any]) -> tuple[list[int], list[Any]]:
    """Return the shape of nested lists or tuples, and their elements.

    Raises:
        ValueError: the lists differ in length, so there is no shape.
    """
    shape, flat = [len(values)], values
    while (kinds := set(map(type, flat))) & _LISTS:
        lengths = set(map(len, flat)) if kinds <= _LISTS else set()
        if len(lengths) != 1:
            words = " and ".join(map(str, sorted(lengths))) or "lists and single values"
            raise ValueError(f"rows of differing length: {words}")
        shape.append(lengths.pop())
        flat = [*chain.from_iterable(flat)]
    return shape, flat if isinstance(flat, list) else [*flat]


def tensors_of(values: Any, what: str = "output", name: str = _UNNAMED) -> list[Tensor]:
    """Return *values*, such as the result of a script, as tensors.

    A list or an array becomes one tensor. A dictionary, a frame, or rows that are
    objects with the same keys become one tensor per key. A single value has one row.

    Args:
        values: the values to send.
        what: what a tensor is called in messages.
        name: the name of a tensor that has none.

    Raises:
        TypeError: they are not tensors; the message gives the reason.
    """
    values = _named(values, what)
    if not isinstance(values, Mapping):
        return [_tensor(what, name, values)]
    named = by_name(values, f"the {what}")
    return [_tensor(what, key, value) for key, value in named.items()]


def _named(values: Any, what: str) -> Any:
    """Return a dictionary of values by name if *values* can be read as one."""
    if isinstance(values, list | tuple):
        # Look at the types, which are few, not at every row.
        kinds = set(map(type, values))
        if kinds <= _PLAIN or any(hasattr(kind, "dtype") for kind in kinds):
            return values
    elif hasattr(values, "tobytes") or isinstance(values, Mapping):
        return values
    else:
        columns = frame_columns(values, f"the {what}")
        if columns is not None:
            return {column.label: column.values for column in columns}
        # This may be an object with fields.
        values, kinds = plain(values, f"the {what}"), {dict}
    if dict not in kinds:
        # Rows may be objects of a script's own classes.
        values = plain(values, f"the {what}")
    if isinstance(values, list) and dict in set(map(type, values)):
        return _by_key(values, what)
    return values


def _datatype_of_array(value: Any) -> str | None:
    """Return the datatype of an array that has one; None for any other value."""
    if not (hasattr(value, "tobytes") and hasattr(value, "ravel")):
        return None
    if getattr(value, "mask", None) is not None:
        # Masked elements are missing, even if a value is stored for them.
        return None
    return _OF_ARRAYS.get(str(value.dtype))


def _tensor(what: str, name: str, value: Any) -> Tensor:
    if hasattr(value, "iloc") and str(value.dtype) in _OF_ARRAYS:
        value = value.to_numpy()
    datatype = _datatype_of_array(value)
    if datatype is not None:
        return Tensor(name, datatype, [*value.shape] or [1], Elements(value))
    datatype = _datatype_of_items(value)
    value = plain(value, f"{what} {name!r}")
    try:
        shape, flat = flatten(value if isinstance(value, list) else [value])
    except ValueError as error:
        raise TypeError(f"{what} {name!r} is not a tensor: {error}") from error
    if datatype is None:
        datatype, flat = _infer(f"{what} {name!r}", flat)
    return Tensor(name, datatype, shape, flat)


def _datatype_of_items(value: Any) -> str | None:
    """Return the common datatype of a list of arrays or of their scalars, if any."""
    first = value[0] if isinstance(value, list | tuple) and value else None
    if not hasattr(first, "dtype"):
        return None
    found = {_datatype_of_array(item) for item in value}
    return found.pop() if len(found) == 1 else None


def _infer(what: str, flat: list[Any]) -> tuple[str, list[Any]]:
    """Return the datatype that holds all values, and the values converted to it."""
    kinds = set(map(type, flat))
    if float in kinds and kinds & {str, bytes, bool}:
        # In such a column pandas uses NaN for missing values.
        flat = [None if value != value else value for value in flat]  # noqa: PLR0124
        kinds = set(map(type, flat))
    if kinds == {int}:
        return _integers(what, flat)
    if kinds <= {int, float, type(None)}:
        return "FP64", _fractions(what, flat)
    some = kinds - {type(None)}
    if some == {bool}:
        return "BOOL", flat
    if some <= {str, bytes}:
        return "BYTES", flat
    words = ", ".join(sorted(kind.__name__ for kind in some))
    raise TypeError(
        f"{what} is not a tensor: its elements are of {words}; a tensor has numbers, "
        "booleans or texts"
    )


def _integers(what: str, flat: list[int]) -> tuple[str, list[int]]:
    is_signed = max(flat) <= DATATYPES["INT64"].highest
    datatype = "INT64" if is_signed else "UINT64"
    limits = DATATYPES[datatype]
    if limits.lowest <= min(flat) <= max(flat) <= limits.highest:
        return datatype, flat
    raise TypeError(f"{what} has integers of more than 64 bits")


def _fractions(what: str, flat: Iterable[int | float | None]) -> list[float]:
    """Return floats for numbers of which some are floats or missing."""
    found = []
    for value in flat:
        if type(value) is int and abs(value) > _MOST_EXACT:
            raise TypeError(
                f"{what} is not a tensor: beside fractions or missing values, the "
                f"integer {value} would lose digits; give texts, or integers alone"
            )
        found.append(nan if value is None else float(value))
    return found


def _by_key(rows: Sequence[Any], what: str) -> dict[str, list[Any]]:
    """Return the values of each key, in the order of the rows."""
    keys = rows[0].keys() if isinstance(rows[0], dict) else None
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or row.keys() != keys:
            raise TypeError(
                f"row {number} of the {what}s has other keys than row 0: as tensors, "
                "all rows need the same"
            )
    columns = {key: [row[key] for row in rows] for key in keys or ()}
    return by_name(columns, f"row 0 of the {what}s")
