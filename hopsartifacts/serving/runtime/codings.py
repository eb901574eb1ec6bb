"""Content codings: decompression of request bodies."""

import zlib
from collections.abc import Iterable

from hopsartifacts.serving.runtime.protocol import RequestError

CONTENT_ENCODING = b"content-encoding"
TAKEN = "gzip, deflate"
"""The accepted codings of a body, in the form of ``Accept-Encoding``."""

_NONE = b"identity"
_UNDONE = frozenset({b"gzip", b"x-gzip", b"deflate"})
_EITHER = zlib.MAX_WBITS | 32
"""Tells zlib to recognise gzip or deflate by the first bytes."""


def coding_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """Return the content coding that *headers* give for the body; None if none.

    Raises:
        RequestError: the coding is unknown, or there is more than one (415).
    """
    given = [value for name, value in headers if name == CONTENT_ENCODING]
    if not given:
        return None
    words = [word.strip().lower() for word in b",".join(given).split(b",")]
    codings = [word for word in words if word not in {b"", _NONE}]
    if not codings:
        return None
    if len(codings) > 1 or codings[0] not in _UNDONE:
        text = b", ".join(codings)[:100].decode("latin-1")
        raise RequestError(
            415,
            f"the body has the content coding {text!r}; send it as gzip or deflate, "
            "or uncompressed",
        )
    return codings[0]


def decompressed(body: bytes | bytearray, coding: bytes, max_bytes: int) -> bytes:
    """Return *body* decompressed from *coding*.

    Raises:
        RequestError: the body is not in that coding or is truncated (400), or is larger
            than *max_bytes* (413); no more than that is decompressed.
    """
    name = coding.decode("latin-1")
    reader = zlib.decompressobj(wbits=_EITHER)
    try:
        whole = reader.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise RequestError(400, f"the body is not {name}: {error}") from error
    if len(whole) > max_bytes:
        raise too_large(max_bytes)
    if not reader.eof:
        raise RequestError(400, f"the {name} data of the body ends too early")
    if reader.unused_data:
        raise RequestError(400, f"extra bytes follow the {name} data of the body")
    return whole


def too_large(max_bytes: int) -> RequestError:
    """Return the error for a body of more than *max_bytes*."""
    return RequestError(
        413, f"the body is larger than {max_bytes} bytes; send fewer rows at a time"
    )
