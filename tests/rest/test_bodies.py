"""JSON bodies of the server's own operations: compressed, marked, bounded."""

import gzip
import zlib

import pytest
from starlette.testclient import TestClient

BOM = b"\xef\xbb\xbf"
BODY = b'{"name": 1}'
PATHS = [
    "/api/v1/deployments",
    "/api/v1/deployments/echo/predictions",
]


def gzipped(data: bytes) -> bytes:
    """Return the same bytes at any time, since they name a case."""
    return gzip.compress(data, 1, mtime=0)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzipped(BODY)),
        ("X-GZIP", gzipped(BODY)),
        ("deflate", zlib.compress(BODY)),
        ("identity", BODY),
        ("", BODY),
        ("gzip", gzipped(BOM + BODY)),
        ("identity", BOM + BODY),
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_a_body_is_read_however_it_comes(
    client: TestClient, path: str, coding: str, body: bytes
) -> None:
    as_it_is = client.post(path, content=BODY)
    answer = client.post(path, content=body, headers={"content-encoding": coding})
    # What is in it was read, and is not what is wanted.
    assert (answer.status_code, answer.json()) == (
        as_it_is.status_code,
        as_it_is.json(),
    )
    assert "malformed" not in answer.text


@pytest.mark.parametrize(
    ("coding", "body", "status", "words"),
    [
        ("zstd", BODY, 415, "'zstd'; send it as gzip or deflate"),
        ("gzip, gzip", BODY, 415, "send it as gzip or deflate"),
        ("gzip", BODY, 400, "is not gzip"),
        ("gzip", gzipped(bytes(100_000_000)), 413, "bytes, the most allowed"),
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_what_cannot_be_read_is_told(
    client: TestClient, path: str, coding: str, body: bytes, status: int, words: str
) -> None:
    answer = client.post(path, content=body, headers={"content-encoding": coding})
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert (answer.headers.get("accept-encoding") == "gzip, deflate") is (status == 415)
