"""Concurrent, bounded transfers of parts and ranges to and from S3.

They use a fast path, blocking sockets in threads, which takes half the work. It does
not handle failures: on anything unexpected, the part or range is transferred again
through the ordinary client, which retries and explains.
"""

import base64
import hashlib
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    ThreadPoolExecutor,
    wait,
)
from functools import partial
from threading import Event, Lock
from typing import Any, Generic, TypeVar

from hopsartifacts.errors import StorageError
from hopsartifacts.storage.s3_client import SOCKETS
from hopsartifacts.storage.s3_requests import RequestBody, Requests, body_of, error_code

Result = TypeVar("Result")

RANGE_BYTES = 8 * 1024 * 1024
_RANGES_AT_ONCE = 6
_READ_BUDGET_BYTES = 64 * 1024 * 1024
_WRITE_BUDGET_BYTES = 128 * 1024 * 1024
_MISSES_LIMIT = 8
"""After so many consecutive failures, the fast path is no longer tried: the server does
not accept signed URLs, or concurrent ranges for one client."""
_PIECE_BYTES = 1 << 20
_CHECKSUM = "x-amz-checksum-crc32"
_SIGNED = "X-Amz-Signature="
"""Present in URLs with the newer signature, which also covers the headers."""


class Budget:
    """The bytes that all transfers of one storage may hold beyond one piece each."""

    def __init__(self, limit_bytes: int) -> None:
        self._left = limit_bytes
        self._lock = Lock()

    def take(self, size: int) -> bool:
        """Try to reserve *size* bytes and return whether; -size releases them."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True


class InFlight(Generic[Result]):
    """The numbered pieces of one transfer that are in flight.

    One piece is always allowed; further ones only within the budget. So transfers never
    block each other, in whatever order a caller takes their pieces.
    """

    def __init__(self, budget: Budget, most: int) -> None:
        self._budget = budget
        self._most = most
        self._pieces: deque[tuple[Future[Result], int, int]] = deque()

    def __len__(self) -> int:
        return len(self._pieces)

    def start(
        self, number: int, size: int, begin: Callable[[], "Future[Result]"]
    ) -> bool:
        """Start a piece of *size* bytes if there is room, and return whether it was."""
        is_counted = len(self._pieces) < self._most and self._budget.take(size)
        if self._pieces and not is_counted:
            return False
        self._pieces.append((begin(), size if is_counted else 0, number))
        return True

    def take(self, *, in_order: bool) -> tuple[int, Result]:
        """Wait for the oldest piece, or any; return its number and result, or raise."""
        pieces = [piece for piece, *_ in self._pieces]
        # If the wait is interrupted, all pieces remain, to be cancelled together.
        wait(pieces[:1] if in_order else pieces, return_when=FIRST_COMPLETED)
        place = next(at for at, piece in enumerate(pieces) if piece.done())
        piece, size, number = self._pieces[place]
        del self._pieces[place]
        self._budget.take(-size)
        return number, piece.result()

    def settle(self) -> None:
        """Wait until all pieces are finished, whether they succeed or fail."""
        wait([piece for piece, *_ in self._pieces])

    def cancel(self) -> None:
        """Cancel the pieces that have not started yet."""
        while self._pieces:
            piece, size, _ = self._pieces.popleft()
            piece.cancel()
            self._budget.take(-size)


class Wire:
    """Fast transfers for one bucket, with the ordinary client as a fallback."""

    def __init__(self, requests: Requests) -> None:
        self.requests = requests
        self.writing = Budget(_WRITE_BUDGET_BYTES)
        self._reading = Budget(_READ_BUDGET_BYTES)
        self._client = requests.client
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._misses = {"get_object": 0, "upload_part": 0}

    def ranges(
        self, place: Mapping[str, str], start: int = 0
    ) -> Generator[bytes, None, None]:
        """Yield the content of the object at *place* from offset *start*.

        The first range provides the size and ETag. The others are prefetched on the
        condition that the ETag is the same, so two versions of an object never mix.

        Raises:
            StorageError: the object was replaced during the read.
        """
        try:
            first = self.requests.get(**place, Range=_range(start))
        except Exception as error:
            # The object exists and ends here; an empty object has no ranges at all.
            if error_code(error) == "InvalidRange":
                return
            raise
        yield first.data
        asks = self._client.takes_conditions and first.etag
        condition = {"If-Match": first.etag} if asks else {}
        behind = start + len(first.data)
        untried = deque(range(behind, first.total_bytes, RANGE_BYTES))
        under_way = InFlight[RequestBody](self._reading, _RANGES_AT_ONCE)

        def begin() -> "Future[RequestBody]":
            return self._get(place, {"Range": _range(untried.popleft()), **condition})

        try:
            while untried or under_way:
                while untried and under_way.start(0, RANGE_BYTES, begin):
                    pass
                yield self._next(under_way, first.etag, place)
        finally:
            under_way.cancel()

    def put(
        self, place: Mapping[str, Any], data: bytes, stopped: Event
    ) -> "Future[dict[str, Any]]":
        """Start to upload one part to its *place*; the result contains its ``ETag``.

        Nothing more is sent once *stopped* is set.
        """

        def ordinarily() -> dict[str, Any]:
            if stopped.is_set():
                raise CancelledError
            return self.requests.send("upload_part", Body=data, **place)

        quickly = partial(self._sent, place, data, stopped)
        return self._submit("upload_part", quickly, ordinarily)

    @staticmethod
    def _next(
        under_way: InFlight[RequestBody], etag: str, place: Mapping[str, str]
    ) -> bytes:
        try:
            _, body = under_way.take(in_order=True)
        except Exception as error:
            if error_code(error) != "PreconditionFailed":
                raise
            body = None
        if body is None or body.etag != etag:
            raise StorageError(
                f"object {place['Key']!r} was replaced while it was being read: read "
                "it again"
            )
        return body.data

    def _get(
        self, place: Mapping[str, str], headers: Mapping[str, str]
    ) -> "Future[RequestBody]":
        named = {name.replace("-", ""): value for name, value in headers.items()}
        return self._submit(
            "get_object",
            partial(self._got, place, headers),
            partial(self.requests.get, **place, **named),
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
            except Exception:  # noqa: BLE001 - the ordinary way reports the cause
                result = None
            if result is not None:
                self._misses[method] = 0
                return result
            self._misses[method] += 1
        return ordinarily()

    def _got(
        self, place: Mapping[str, Any], headers: Mapping[str, str]
    ) -> RequestBody | None:
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
            # After a complete read, the connection is already back in the pool.
            answer.raw.close()

    def _sent(
        self, place: Mapping[str, Any], data: bytes, stopped: Event
    ) -> dict[str, Any] | None:
        # The URL does not cover the content, so a checksum must. Some servers support
        # none, as configured by the user; then the ETag must be the MD5 of the content.
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
        is_same = answer.headers.get(_CHECKSUM) == crc32 or etag.strip('"') == md5(data)
        return {"ETag": etag} if is_same and etag else None


def md5(data: bytes) -> str:
    """Return the MD5 of *data*, from which S3 makes ETags, in hex."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _pieces(data: bytes, stopped: Event) -> Iterator[memoryview]:
    view = memoryview(data)
    for first in range(0, len(data), _PIECE_BYTES):
        if stopped.is_set():
            raise CancelledError
        yield view[first : first + _PIECE_BYTES]


def _range(start: int) -> str:
    return f"bytes={start}-{start + RANGE_BYTES - 1}"
