"""The header of safetensors files."""

import math
from typing import Annotated

import msgspec

from hopsartifacts.rest.previews.csv_tables import cut
from hopsartifacts.rest.previews.documents import READ_BYTES, TensorHeader, Tensors
from hopsartifacts.rest.previews.file_bytes import FileBytes, UnreadableError

_LENGTH_BYTES = 8
_MOST = 1000
_MOST_DIMENSIONS = 16
_METADATA = "__metadata__"
_MOST_PARAMETERS = 2**53
"""No valid file has more values: other languages cannot represent the number."""

_Length = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class _Tensor(msgspec.Struct):
    dtype: str
    shape: list[_Length]
    data_offsets: tuple[_Length, _Length]


def tensors(file: FileBytes, notes: list[str]) -> Tensors:
    """Return names, types and shapes; adds to *notes* what was left out.

    Raises:
        UnreadableError: it is not a safetensors file, or its header is too long.
    """
    length = int.from_bytes(file.head(_LENGTH_BYTES), "little")
    if length > min(file.size_bytes - _LENGTH_BYTES, READ_BYTES // 2):
        raise UnreadableError(
            f"its header should have {length} bytes, more than the file has or than is "
            "read for a preview"
        )
    try:
        header = msgspec.json.decode(
            file.at(_LENGTH_BYTES, length), type=dict[str, msgspec.Raw]
        )
        metadata = _metadata(header.pop(_METADATA, None))
        found = [_tensor(name, raw) for name, raw in header.items()]
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UnreadableError(f"its header is damaged: {error}") from error
    parameters = sum(math.prod(it.shape) for it in found)
    if parameters > _MOST_PARAMETERS:
        raise UnreadableError(f"its header names {parameters} values: it is damaged")
    if len(found) > _MOST:
        notes.append(f"the first {_MOST} of {len(found)} tensors are shown")
    return Tensors(
        metadata=metadata,
        tensors=found[:_MOST],
        tensors_in_file=len(found),
        parameters=parameters,
    )


def _metadata(raw: msgspec.Raw | None) -> dict[str, str]:
    if raw is None:
        return {}
    found = msgspec.json.decode(raw, type=dict[str, str])
    return {cut(name): cut(text) for name, text in list(found.items())[:100]}


def _tensor(name: str, raw: msgspec.Raw) -> TensorHeader:
    found = msgspec.json.decode(raw, type=_Tensor)
    if len(found.shape) > _MOST_DIMENSIONS:
        raise UnreadableError(f"tensor {cut(name)!r} has too many dimensions")
    start, end = found.data_offsets
    return TensorHeader(
        name=cut(name),
        type=cut(found.dtype),
        shape=found.shape,
        size_bytes=max(0, end - start),
    )
