"""Multipart uploads to S3, which are resumed after an interruption.

An upload that was started but not completed is invisible, and its parts are kept. The
next writer of the same key resumes it and sends only the parts whose size or MD5
differ. The completing request names the ETag of each part, so the parts of two writers
never mix.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from datetime import datetime
from threading import Event
from typing import Any

import msgspec

from hopsartifacts.storage.s3_requests import Requests, error_code
from hopsartifacts.storage.s3_wire import InFlight, Wire, md5

PART_BYTES = 16 * 1024 * 1024
_PARTS_LIMIT = 10_000
_GROWTH = 1.75
"""The factor by which parts grow every thousand parts, so that 5 TiB fit in the
limit."""
_MOST_AT_ONCE = 4
_MIB = 1 << 20


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that was started and neither completed nor aborted."""

    key: str
    id: str
    began: datetime


class Upload:
    """One multipart upload; always call ``close`` when done, even after errors."""

    def __init__(self, wire: Wire, key: str, id_: str) -> None:
        self._wire = wire
        self._requests = wire.requests
        self._place = {"Key": key, "UploadId": id_}
        self._stopped = Event()
        self._there: dict[int, tuple[int, str]] = {}
        self._etags: dict[int, str] = {}
        self._under_way = InFlight[dict[str, Any]](wire.writing, _MOST_AT_ONCE)
        self._count = 0

    @classmethod
    def open(cls, wire: Wire, key: str, *, may_continue: bool) -> "Upload":
        """Start an upload of *key*, or resume the newest unfinished one."""
        known = _unfinished_of(wire.requests, key) if may_continue else []
        if not known:
            begun = wire.requests.send("create_multipart_upload", Key=key)
            return cls(wire, key, str(begun["UploadId"]))
        upload = cls(wire, key, known[-1].id)
        for page in wire.requests.pages("list_parts", **upload._place):
            for it in page.get("Parts") or ():
                upload._there[it["PartNumber"]] = (it["Size"], it["ETag"].strip('"'))
        return upload

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
        self._start(0, lambda: self._requests.submit("upload_part_copy", **given))

    def complete(self) -> None:
        """Combine the parts into the object."""
        while self._under_way:
            self._take_one()
        parts = [
            {"PartNumber": number, "ETag": self._etags[number]}
            for number in range(1, self._count + 1)
        ]
        try:
            self._requests.send(
                "complete_multipart_upload",
                MultipartUpload={"Parts": parts},
                **self._place,
            )
        except Exception as error:
            # An earlier attempt may have succeeded, with its response lost.
            if error_code(error) != "NoSuchUpload" or not self._is_complete():
                raise

    def abort(self) -> None:
        """Abort the upload, so that the server deletes its parts."""
        self._under_way.settle()
        abort(self._requests, **self._place)

    def close(self) -> None:
        """Stop all transfers; an incomplete upload can be resumed."""
        self._stopped.set()
        self._under_way.cancel()

    def _next(self) -> dict[str, Any]:
        self._count += 1
        if self._count > _PARTS_LIMIT:
            raise ValueError(f"an object has at most {_PARTS_LIMIT} parts")
        return {**self._place, "PartNumber": self._count}

    def _start(self, size: int, begin: Callable[[], "Future[dict[str, Any]]"]) -> None:
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
        digests = [
            bytes.fromhex(self._etags[number].strip('"'))
            for number in range(1, self._count + 1)
        ]
        wanted = f'"{md5(b"".join(digests))}-{self._count}"'
        return bool(
            self._requests.send("head_object", Key=self._place["Key"])["ETag"] == wanted
        )


def abort(requests: Requests, **place: str) -> None:
    """Abort an upload; do nothing if it no longer exists."""
    try:
        requests.send("abort_multipart_upload", **place)
    except Exception as error:
        if error_code(error) != "NoSuchUpload":
            raise


def unfinished_uploads(requests: Requests, prefix: str) -> Iterator[Unfinished]:
    """Yield the uploads of keys that begin with *prefix*, in no particular order."""
    for page in requests.pages("list_multipart_uploads", Prefix=prefix):
        for it in page.get("Uploads") or ():
            yield Unfinished(key=it["Key"], id=it["UploadId"], began=it["Initiated"])


def in_parts(
    chunks: Iterable[bytes], *, is_growing: bool = True
) -> Iterator[tuple[bytes, bool]]:
    """Combine *chunks* into parts, whose boundaries do not depend on the chunks.

    Yields:
        Each part, and whether it is the last; there is always a last one.
    """
    number, held, size = 1, list[bytes](), 0
    wanted = part_bytes(number, is_growing=is_growing)
    for piece in _slices(chunks):
        if size >= wanted:
            data = b"".join(held)
            yield data[:wanted], False
            held = [data[wanted:]]
            size = len(held[0])
            number += 1
            wanted = part_bytes(number, is_growing=is_growing)
        held.append(piece)
        size += len(piece)
    data = b"".join(held)
    del held
    if size > wanted:
        yield data[:wanted], False
        data = data[wanted:]
    yield data, True


def part_bytes(number: int, *, is_growing: bool = True) -> int:
    """Return the size of part *number*, counted from 1."""
    grown = _GROWTH ** ((number - 1) // 1000) if is_growing else 1
    return int(PART_BYTES // _MIB * grown) * _MIB


def _slices(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield *chunks* without empty ones, none longer than the smallest part."""
    for chunk in chunks:
        for first in range(0, len(chunk), PART_BYTES):
            yield bytes(chunk[first : first + PART_BYTES])


def _unfinished_of(requests: Requests, key: str) -> list[Unfinished]:
    try:
        found = [one for one in unfinished_uploads(requests, key) if one.key == key]
    except Exception as error:
        # Some users may not list uploads, and some servers cannot.
        if isinstance(error, PermissionError) or error_code(error) == "NotImplemented":
            return []
        raise
    return sorted(found, key=lambda one: one.began)
