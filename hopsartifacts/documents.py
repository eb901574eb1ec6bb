"""Encoding and decoding of JSON documents: msgspec, with this package's errors."""

from typing import Any, TypeVar

import msgspec

from hopsartifacts.digests import xxh3_of
from hopsartifacts.errors import FormatError, IntegrityError

FORMAT = 1
"""The on-disk format that this release writes; it reads formats 1 to this one."""

_CHECK_BYTES = len(',"check":"xxh3-128:"}') + 32

_BOM = b"\xef\xbb\xbf"

Document = TypeVar("Document")
Bytes = TypeVar("Bytes", bytes, bytearray, memoryview)


def encode(document: object) -> bytes:
    """Return *document* as compact JSON; decoding and re-encoding changes nothing."""
    return msgspec.json.encode(document)


def encode_sorted(document: object) -> bytes:
    """Return *document* as JSON that is the same for any order of its members."""
    return msgspec.json.encode(document, order="sorted")


def is_same_json(first: object, second: object) -> bool:
    """Return whether two documents are the same JSON, in any order of their members.

    Python's ``==`` is not used, as it treats ``1``, ``1.0`` and ``True`` as equal.
    """
    return encode_sorted(first) == encode_sorted(second)


def encode_pretty(document: object) -> bytes:
    """Return *document* as indented JSON, ending in a newline."""
    return msgspec.json.format(encode(document), indent=2) + b"\n"


def with_check(document: bytes) -> bytes:
    """Append a member ``check``, a checksum of its bytes, to a JSON object."""
    check = xxh3_of([document])[1]
    return b'%b,"check":"%b"}' % (document[:-1], check.encode())


def is_checked(data: bytes) -> bool:
    """Return whether *data* ends in a ``check`` that matches; see ``with_check``."""
    return len(data) > _CHECK_BYTES and with_check(without_check(data)) == data


def without_check(data: bytes) -> bytes:
    """Return *data* without the member that ``with_check`` appended."""
    return data[:-_CHECK_BYTES] + b"}"


def decode(data: bytes, kind: type[Document], where: str) -> Document:
    """Decode *data* as a document of type *kind*.

    Raises:
        FormatError: *data* is not such a document; the message names *where*.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(
            f"{where} is not a readable {kind.__name__} document ({error}): it is "
            "damaged, or was written by a later release"
        ) from error


def decode_part(data: bytes, kind: type[Document], where: str) -> Document:
    """Decode a part of a document whose format and checksum were right.

    Raises:
        IntegrityError: *data* is not such a document; the message names *where*.
    """
    try:
        return decode(data, kind, where)
    except FormatError as error:
        raise IntegrityError(str(error)) from error


def without_bom(data: Bytes) -> Bytes:
    """Return JSON text without the byte order mark that some programs prepend.

    RFC 8259, 8.1, allows a reader to skip it.
    """
    return data[len(_BOM) :] if data[: len(_BOM)] == _BOM else data


def check_format(number: Any, where: str) -> None:
    """Refuse a format number that this release does not support.

    Raises:
        FormatError: it is not a number from 1 to ``FORMAT``.
    """
    if isinstance(number, int) and 1 <= number <= FORMAT:
        return
    is_older = isinstance(number, int) and number < 1
    raise FormatError(
        f"{where} has format {number!r}, and this release reads format {FORMAT}: "
        + (
            "a pre-release made it, which no release reads: save its models again in a "
            "new project"
            if is_older
            else "upgrade hopsartifacts"
        )
    )
