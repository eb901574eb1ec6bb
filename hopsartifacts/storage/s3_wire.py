"""The quick way for large ranges and parts: blocking sockets in threads.

It takes half the work. It knows nothing of failures: whatever is out of the ordinary,
the range is asked for, or the part sent, again by the ordinary way, which repeats and
explains.
"""

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from threading import Event, Lock
from typing import Any, TypeVar

from hopsartifacts.storage.s3_client import SOCKETS
from hopsartifacts.storage.s3_requests import Body, Requests, body_of

Result = TypeVar("Result")

_MISSES_LIMIT = 8
"""So many failures in a row, and this way is not tried any more: the server does not
take signed URLs, or one client's ranges at the same moment."""
_PIECE_BYTES = 1 << 20
_CHECKSUM = "x-amz-checksum-crc32"
_SIGNED = "X-Amz-Signature="
"""In the URLs of the newer way of signing, which covers the headers, too."""


class Wire:
    """Requests for the objects of one bucket, beside those of the client."""

    def __init__(self, requests: Requests) -> None:
        self.requests = requests
        self._client = requests.client
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._misses = {"get_object": 0, "upload_part": 0}

    def get(self, key: str, headers: Mapping[str, str]) -> "Future[Body]":
        """Begin one request for a range of *key*."""
        named = {name.replace("-", ""): value for name, value in headers.items()}
        return self._submit(
            "get_object",
            lambda: self._got({"Key": key}, headers),
            lambda: self.requests.get(Key=key, **named),
        )

    def put(
        self, place: Mapping[str, Any], data: bytes, stopped: Event
    ) -> "Future[str]":
        """Begin to send one part to its *place*; the future's result is its ETag.

        Once *stopped* is set no more is sent.
        """

        def ordinarily() -> str:
            if stopped.is_set():
                raise CancelledError
            return str(self.requests.send("upload_part", Body=data, **place)["ETag"])

        return self._submit(
            "upload_part", lambda: self._sent(place, data, stopped), ordinarily
        )

    def _submit(
        self,
        method: str,
        quickly: Callable[[], Result | None],
        ordinarily: Callable[[], Result],
    ) -> "Future[Result]":
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(SOCKETS, "hopsartifacts-s3")
        return self._pool.submit(self._tried, method, quickly, ordinarily)

    def _tried(
        self,
        method: str,
        quickly: Callable[[], Result | None],
        ordinarily: Callable[[], Result],
    ) -> Result:
        if self._misses[method] < _MISSES_LIMIT:
            try:
                result = quickly()
            except Exception:  # noqa: BLE001 - the other way finds out, and says, why
                result = None
            if result is not None:
                self._misses[method] = 0
                return result
            self._misses[method] += 1
        return ordinarily()

    def _got(self, place: Mapping[str, Any], headers: Mapping[str, str]) -> Body | None:
        url = self._client.signed_url("get_object", place)
        if url is None:
            return None
        answer = self._client.send("GET", url, headers)
        try:
            if answer.status_code != 206:  # noqa: PLR2004 - Partial Content
                return None
            found = {
                "ContentLength": int(answer.headers["content-length"]),
                "ContentRange": answer.headers["content-range"],
                "ETag": answer.headers.get("etag", ""),
            }
            return body_of(found, answer.raw.read(decode_content=False))
        finally:
            # Read to its end, its connection has gone back to the pool before.
            answer.raw.close()

    def _sent(
        self, place: Mapping[str, Any], data: bytes, stopped: Event
    ) -> str | None:
        # The URL says nothing of the bytes, so a checksum has to. Some servers know
        # none, as the user then says; their ETag has to be that of the bytes.
        crc32 = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
        signed = {"ChecksumCRC32": crc32} if self._client.sends_checksums else {}
        url = self._client.signed_url("upload_part", {**place, **signed})
        if url is None or _SIGNED not in url:
            return None
        headers = {"Content-Length": str(len(data))}
        if signed:
            headers[_CHECKSUM] = crc32
        answer = self._client.send("PUT", url, headers, _pieces(data, stopped))
        etag = str(answer.headers.get("etag", ""))
        if answer.status_code != 200:  # noqa: PLR2004 - OK
            return None
        is_same = answer.headers.get(_CHECKSUM) == crc32 or (
            etag.strip('"') == hashlib.md5(data, usedforsecurity=False).hexdigest()
        )
        return etag if is_same and etag else None


def _pieces(data: bytes, stopped: Event) -> Iterator[memoryview]:
    view = memoryview(data)
    for first in range(0, len(data), _PIECE_BYTES):
        if stopped.is_set():
            raise CancelledError
        yield view[first : first + _PIECE_BYTES]
