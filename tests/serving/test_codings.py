"""Content codings: which are known, and what is refused in words."""

import gzip
import zlib

import pytest

from hopsartifacts.documents import without_bom
from hopsartifacts.serving.runtime.http_requests import coding_of, decompressed
from hopsartifacts.serving.runtime.protocol import RequestError

TEXT = b'{"instances": [1]}'
LIMIT = 1000


def gzipped(data: bytes) -> bytes:
    """Return the same bytes at any time, since they name a case."""
    return gzip.compress(data, 1, mtime=0)


@pytest.mark.parametrize(
    ("values", "coding"),
    [
        ([], None),
        ([b""], None),
        ([b"identity"], None),
        ([b"Identity"], None),
        ([b"identity, identity"], None),
        ([b"gzip"], b"gzip"),
        ([b"GZIP"], b"gzip"),
        ([b" gzip "], b"gzip"),
        ([b"x-gzip"], b"x-gzip"),
        ([b"X-GZip"], b"x-gzip"),
        ([b"deflate"], b"deflate"),
        ([b"gzip, identity"], b"gzip"),
        ([b"identity,gzip"], b"gzip"),
        ([b"identity", b"gzip"], b"gzip"),
        ([b", gzip,"], b"gzip"),
    ],
)
def test_the_coding_of_a_body(values: list[bytes], coding: bytes | None) -> None:
    headers = [(b"content-encoding", value) for value in values]
    assert coding_of([(b"host", b"a"), *headers]) == coding


@pytest.mark.parametrize(
    "value", [b"br", b"zstd", b"compress", b"gzip, gzip", b"gzip;q=1", b"\xff"]
)
def test_a_coding_that_is_not_known_is_refused(value: bytes) -> None:
    with pytest.raises(RequestError, match="send it as gzip or deflate") as raised:
        coding_of([(b"content-encoding", value)])
    assert raised.value.status == 415


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"gzip", gzipped(TEXT)),
        (b"x-gzip", gzipped(TEXT)),
        (b"deflate", zlib.compress(TEXT)),
        # Some say one and send the other.
        (b"deflate", gzipped(TEXT)),
    ],
)
def test_a_body_is_decompressed(coding: bytes, body: bytes) -> None:
    assert decompressed(body, coding, LIMIT) == TEXT


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (gzipped(b"x" * LIMIT + b"x"), 413, "larger than 1000 bytes"),
        (gzipped(b"x" * LIMIT * 1000), 413, "larger than 1000 bytes"),
        (b"", 400, "ends too early"),
        (b"{}", 400, "is not gzip"),
        (gzipped(TEXT)[:-1], 400, "ends too early"),
        (gzipped(TEXT) + gzipped(TEXT), 400, "extra bytes follow the gzip"),
        (gzipped(TEXT) + b"\n", 400, "extra bytes follow the gzip"),
    ],
)
def test_what_cannot_be_decompressed_is_refused(
    body: bytes, status: int, words: str
) -> None:
    with pytest.raises(RequestError, match=words) as raised:
        decompressed(body, b"gzip", LIMIT)
    assert raised.value.status == status


def test_a_body_may_be_as_long_as_the_limit() -> None:
    assert decompressed(gzipped(b"x" * LIMIT), b"gzip", LIMIT) == b"x" * LIMIT


def test_a_byte_order_mark_is_skipped_once() -> None:
    bom = b"\xef\xbb\xbf"
    assert without_bom(bom + b"{}") == b"{}"
    assert without_bom(b"{}") == b"{}"
    assert without_bom(bom + bom) == bom
    assert bytes(without_bom(memoryview(bom + b"{}"))) == b"{}"
