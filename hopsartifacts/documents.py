"""How documents become bytes and back: msgspec, with our errors."""

from typing import Any, TypeVar

import msgspec

from hopsartifacts.digests import xxh3_of
from hopsartifacts.errors import FormatError

FORMAT = 1
"""Number of the on-disk format this release writes; it reads 1 to this one."""

_CHECK_BYTES = len(',"check":"xxh3-128:"}') + 32

_BOM = b"\xef\xbb\xbf"

Document = TypeVar("Document")
Bytes = TypeVar("Bytes", bytes, bytearray, memoryview)


def encode(document: object) -> bytes:
    """Return *document* as compact JSON; decoded and encoded again it is the same."""
    return msgspec.json.encode(document)


def encode_pretty(document: object) -> bytes:
    """Return *document* as JSON for people, ending in a newline."""
    return msgspec.json.format(encode(document), indent=2) + b"\n"


def with_check(document: bytes) -> bytes:
    """Return the JSON object *document* with a last member ``check`` over its bytes."""
    check = xxh3_of([document])[1]
    return b'%b,"check":"%b"}' % (document[:-1], check.encode())


def is_checked(data: bytes) -> bool:
    """Tell whether *data* is a document as ``with_check`` made it."""
    return len(data) > _CHECK_BYTES and with_check(without_check(data)) == data


def without_check(data: bytes) -> bytes:
    """Return the document that ``with_check`` made *data* of."""
    return data[:-_CHECK_BYTES] + b"}"


def decode(data: bytes, kind: type[Document], where: str) -> Document:
    """Return the *kind* in *data*.

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


def without_bom(data: Bytes) -> Bytes:
    """Return JSON without the byte order mark that some programs write before it.

    RFC 8259, 8.1, allows a reader to skip it.
    """
    return data[len(_BOM) :] if data[: len(_BOM)] == _BOM else data


def check_format(number: Any, where: str) -> None:
    """Refuse a format number this release does not know."""
    if not isinstance(number, int) or not 1 <= number <= FORMAT:
        raise FormatError(
            f"{where} has format {number!r}, and this release reads format {FORMAT}: "
            "upgrade hopsartifacts"
        )
