"""Large objects on S3: multipart uploads, and reads by concurrent ranges.

An upload that was started but not completed is invisible, and its parts are kept. The
next writer of the same key resumes it and sends only the parts whose size or MD5
differ. The completing request names the ETag of each part, so the parts of two writers
never mix.

Parts and ranges use a fast path, blocking sockets in threads, which takes half the
work, and for small objects a third. It does not handle failures: on anything
unexpected, the part or range is transferred again through the ordinary client, which
retries and explains.
"""

import base64
import hashlib
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import suppress
from functools import partial
from itertools import count
from threading import Event, Lock
from typing import Any, Generic, TypeVar

from hopsartifacts.errors import StorageError
from hopsartifacts.storage.s3_client import (
    SOCKETS,
    Answer,
    RequestBody,
    S3Client,
    body_of,
    error_code,
    refusal,
)

Result = TypeVar("Result")

PART_BYTES = 16 * 1024 * 1024
RANGE_BYTES = 8 * 1024 * 1024
_GROWTH = 1.75
"""The factor by which parts grow every thousand parts, so that 5 TiB fit into
the limit of 10,000 parts."""
_PARTS_AT_ONCE = 4
_RANGES_AT_ONCE = 6
_READ_BUDGET_BYTES = 64 * 1024 * 1024
_WRITE_BUDGET_BYTES = 128 * 1024 * 1024
_FEW_READS = 32
"""So many reads come through the ordinary client first: connections of the fast path
and the certificates for them take as much work as these reads."""
_MISSES_LIMIT = 8
"""After so many consecutive failures, the fast path is no longer tried: the server does
not accept these requests, or concurrent ranges for one client."""
_CERTAIN = frozenset({"InvalidRange", "NoSuchKey"})
"""Error codes of a GET that are no failures: another request would say the same."""
_PIECE_BYTES = 1 << 20
_CHECKSUM = "x-amz-checksum-crc32"


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
    block each other, even if a caller takes their pieces in turns.
    """

    def __init__(self, budget: Budget, most: int) -> None:
        self._budget = budget
        self._most = most
        self._pieces: dict[Future[Result], tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._pieces)

    def start(
        self, number: int, size: int, begin: Callable[[], "Future[Result]"]
    ) -> bool:
        """Start a piece of *size* bytes if there is room, and return whether it was."""
        is_counted = len(self._pieces) < self._most and self._budget.take(size)
        if self._pieces and not is_counted:
            return False
        self._pieces[begin()] = (number, size if is_counted else 0)
        return True

    def take(self, *, in_order: bool) -> tuple[int, Result]:
        """Wait for the oldest piece, or any; return its number and result, or raise."""
        pieces = [*self._pieces]
        # If the wait is interrupted, all pieces remain, to be cancelled together.
        done, _ = wait(pieces[:1] if in_order else pieces, return_when=FIRST_COMPLETED)
        piece = done.pop()
        number, size = self._pieces.pop(piece)
        self._budget.take(-size)
        return number, piece.result()

    def settle(self) -> None:
        """Wait until all pieces are finished, whether they succeed or fail."""
        wait(self._pieces)

    def cancel(self) -> None:
        """Cancel the pieces that have not started yet."""
        while self._pieces:
            piece, (_, size) = self._pieces.popitem()
            piece.cancel()
            self._budget.take(-size)


class Wire:
    """Fast transfers for one bucket, with the ordinary client as a fallback."""

    def __init__(self, client: S3Client) -> None:
        self.client = client
        self.writing = Budget(_WRITE_BUDGET_BYTES)
        self._reading = Budget(_READ_BUDGET_BYTES)
        self._pool = ThreadPoolExecutor(SOCKETS, "hopsartifacts-s3")
        self._misses = {"get_object": 0, "upload_part": 0}
        self._reads = count()

    def ranges(self, place: Mapping[str, str], start: int = 0) -> Iterator[bytes]:
        """Yield the content of the object at *place* from offset *start*.

        The first range provides the size and ETag. The others are prefetched and must
        have the same ETag, so two versions of an object never mix.

        Raises:
            StorageError: the object was replaced during the read.
        """
        try:
            if next(self._reads) < _FEW_READS:
                first = self.client.get(**place, Range=_range(start))
            else:
                first = self._get(place, _range(start))
        except Exception as error:
            # The object exists and ends here; an empty object has no ranges at all.
            if error_code(error) == "InvalidRange":
                return
            raise
        yield first.data
        behind = start + len(first.data)
        untried = deque(range(behind, first.total_bytes, RANGE_BYTES))
        under_way = InFlight[RequestBody](self._reading, _RANGES_AT_ONCE)
        try:
            while untried or under_way:
                while untried and under_way.start(
                    0,
                    RANGE_BYTES,
                    lambda: self._pool.submit(
                        self._get, place, _range(untried.popleft())
                    ),
                ):
                    pass
                _, body = under_way.take(in_order=True)
                if body.etag != first.etag:
                    raise StorageError(
                        f"object {place['Key']!r} was replaced while it was being "
                        "read: read it again"
                    )
                yield body.data
        finally:
            under_way.cancel()

    def put(
        self, place: Mapping[str, Any], data: bytes, stopped: Event
    ) -> "Future[Answer]":
        """Start to upload one part, unless *stopped* is set; return its ``ETag``."""
        return self._pool.submit(self._put, place, data, stopped)

    def _put(self, place: Mapping[str, Any], data: bytes, stopped: Event) -> Answer:
        quick = self._tried("upload_part", partial(self._sent, place, data, stopped))
        if quick is None and stopped.is_set():
            raise CancelledError
        return quick or self.client.send("upload_part", Body=data, **place)

    def _get(self, place: Mapping[str, str], asked: str) -> RequestBody:
        quick = self._tried("get_object", partial(self._got, place, asked))
        return quick or self.client.get(**place, Range=asked)

    def _tried(self, method: str, act: Callable[[], Result | None]) -> Result | None:
        """Return the result of the fast path; None if it fails."""
        result = None
        if self._misses[method] < _MISSES_LIMIT:
            try:
                result = act()
            except Exception as error:
                if error_code(error) in _CERTAIN:
                    raise
                # The ordinary way reports the cause.
            self._misses[method] = 0 if result else self._misses[method] + 1
        return result

    def _got(self, place: Mapping[str, str], asked: str) -> RequestBody | None:
        answer = self.client.send_plain("get_object", place, {"Range": asked})
        if answer is None:
            return None
        try:
            if answer.status != 206:  # noqa: PLR2004 - Partial Content
                raise refusal(answer.data)
            found = {
                "ContentLength": int(answer.headers["content-length"]),
                "ContentRange": answer.headers["content-range"],
                "ETag": answer.headers.get("etag", ""),
            }
            return body_of(found, answer.read(decode_content=False))
        finally:
            # After a complete read, the connection is already back in the pool.
            answer.close()

    def _sent(
        self, place: Mapping[str, Any], data: bytes, stopped: Event
    ) -> Answer | None:
        # The signature does not cover the content, so a checksum must. Some servers
        # support none, as configured by the user; then the ETag must be the MD5.
        crc32 = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
        headers = {_CHECKSUM: crc32} if self.client.sends_checksums else {}
        answer = self.client.send_plain(
            "upload_part", place, headers, _pieces(data, stopped), len(data)
        )
        if answer is None or answer.status != 200:  # noqa: PLR2004 - OK
            return None
        etag = str(answer.headers.get("etag", ""))
        is_same = answer.headers.get(_CHECKSUM) == crc32 or etag.strip('"') == md5(data)
        return {"ETag": etag} if is_same and etag else None


class Upload:
    """One multipart upload; always call ``close`` when done, even after errors.

    With *may_continue*, it resumes the newest unfinished upload of *key*.
    """

    def __init__(self, wire: Wire, key: str, *, may_continue: bool) -> None:
        self._wire = wire
        self._client = wire.client
        self._stopped = Event()
        self._etags: dict[int, str] = {}
        self._under_way = InFlight[Answer](wire.writing, _PARTS_AT_ONCE)
        self._count = 0
        known = _unfinished_id(self._client, key) if may_continue else None
        new = {} if known else self._client.send("create_multipart_upload", Key=key)
        self._place = {"Key": key, "UploadId": known or new["UploadId"]}
        parts = known and self._client.listed("list_parts", "Parts", **self._place)
        self._there = {
            it["PartNumber"]: (it["Size"], it["ETag"].strip('"')) for it in parts or ()
        }

    def add(self, data: bytes) -> None:
        """Send the next part, unless the server already has an identical one."""
        place = self._next()
        number = self._count
        there = self._there.get(number)
        if there and there == (len(data), md5(data)):
            self._etags[number] = f'"{there[1]}"'
            return
        self._start(len(data), lambda: self._wire.put(place, data, self._stopped))

    def copy(self, **source: Any) -> None:
        """Let the server copy the next part from another object."""
        given = {**self._next(), **source}
        self._start(0, lambda: self._client.submit("upload_part_copy", **given))

    def complete(self) -> None:
        """Combine the parts into the object."""
        while self._under_way:
            self._take_one()
        numbers = range(1, self._count + 1)
        parts = [{"PartNumber": it, "ETag": self._etags[it]} for it in numbers]
        try:
            self._client.send(
                "complete_multipart_upload",
                MultipartUpload={"Parts": parts},
                **self._place,
            )
        except Exception as error:
            # An earlier attempt may have succeeded, with its response lost.
            if error_code(error) != "NoSuchUpload" or not self._is_complete():
                raise

    def abort(self) -> None:
        """Abort the upload, so that the server deletes its parts; ignore failures."""
        self._under_way.settle()
        with suppress(Exception):
            abort(self._client, **self._place)

    def close(self) -> None:
        """Stop all transfers; an incomplete upload can be resumed."""
        self._stopped.set()
        self._under_way.cancel()

    def _next(self) -> dict[str, Any]:
        self._count += 1
        return {**self._place, "PartNumber": self._count}

    def _start(self, size: int, begin: Callable[[], "Future[Answer]"]) -> None:
        while not self._under_way.start(self._count, size, begin):
            self._take_one()

    def _take_one(self) -> None:
        try:
            number, answer = self._under_way.take(in_order=False)
        except Exception:
            # The other transfers may succeed and need not be repeated.
            self._under_way.settle()
            raise
        self._etags[number] = answer.get("CopyPartResult", answer)["ETag"]

    def _is_complete(self) -> bool:
        etags = (self._etags[number].strip('"') for number in sorted(self._etags))
        wanted = f'"{md5(b"".join(map(bytes.fromhex, etags)))}-{self._count}"'
        found = self._client.send("head_object", Key=self._place["Key"])
        return bool(found["ETag"] == wanted)


def abort(client: S3Client, **place: str) -> None:
    """Abort an upload; do nothing if it no longer exists."""
    try:
        client.send("abort_multipart_upload", **place)
    except Exception as error:
        if error_code(error) != "NoSuchUpload":
            raise


def in_parts(chunks: Iterable[bytes], *, is_growing: bool = True) -> Iterator[bytes]:
    """Combine *chunks* into parts, whose boundaries do not depend on the chunks.

    Without any bytes, there is one empty part.
    """
    number, held = 1, list[bytes]()
    left = part_bytes(number, is_growing=is_growing)
    for chunk in chunks:
        for first in range(0, len(chunk), PART_BYTES):
            # No longer than the smallest part, so it ends at most one.
            piece = bytes(chunk[first : first + PART_BYTES])
            if rest := piece[left:]:
                yield b"".join([*held, piece[:left]])
                number, held = number + 1, [rest]
                left = part_bytes(number, is_growing=is_growing) - len(rest)
            else:
                held.append(piece)
                left -= len(piece)
    yield b"".join(held)


def part_bytes(number: int, *, is_growing: bool = True) -> int:
    """Return the size of part *number*, counted from 1."""
    grown = _GROWTH ** ((number - 1) // 1000) if is_growing else 1
    return int(PART_BYTES // _PIECE_BYTES * grown) * _PIECE_BYTES


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


def _unfinished_id(client: S3Client, key: str) -> str | None:
    """Return the newest unfinished upload of *key*; None if there is none."""
    try:
        found = client.listed("list_multipart_uploads", "Uploads", Prefix=key)
    except Exception as error:
        # Some users may not list uploads, and some servers cannot.
        if isinstance(error, PermissionError) or error_code(error) == "NotImplemented":
            return None
        raise
    known = [(it["Initiated"], it["UploadId"]) for it in found if it["Key"] == key]
    return str(max(known)[1]) if known else None
