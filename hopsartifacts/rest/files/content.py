"""File contents as responses: whole or a range, verified if they are sealed."""

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hopsartifacts.digests import CHUNK_BYTES, Digest
from hopsartifacts.errors import IntegrityError, PathNotFoundError
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.checks import verified

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_SPOOLED_BYTES = 8 * 1024 * 1024
DOWNLOAD_HEADERS = {
    "Content-Disposition": "attachment",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Accept-Ranges": "bytes",
}
_MEDIA = "application/octet-stream"


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of one file.

    Attributes:
        size_bytes: number of bytes.
        chunks: returns the bytes from an offset on.
        is_checked: whether *chunks* verifies the whole file and raises at its end if it
            differs from what was sealed; until then no bytes can be trusted.
        unchecked: returns the stored bytes from an offset on, without verification;
            None if *chunks* is as quick.
    """

    size_bytes: int
    chunks: Callable[[int], Iterator[bytes]]
    is_checked: bool = False
    unchecked: Callable[[int], Iterator[bytes]] | None = None

    def part(self, start: int, size: int) -> bytes:
        """Return *size* bytes from *start* on, not verified; fewer at the end."""
        chunks = (self.unchecked or self.chunks)(start)
        data = b""
        for chunk in _until(chunks, size):
            data += chunk
        return data


def stored(storage: Storage, path: str, size_bytes: int) -> Content:
    """Return the content of a file of the user's own."""
    return Content(
        size_bytes=size_bytes, chunks=lambda start: storage.chunks(path, start)
    )


def sealed(storage: Storage, path: str, digest: Digest) -> Content:
    """Return the content of a sealed file, verified while it is read.

    On local disk only its size is checked; ``project.verify`` checks the rest.

    Raises:
        PathNotFoundError: it is missing.
        IntegrityError: it is not a file of the sealed size.
    """
    if storage.local_path("") is None:
        whole = checked(
            digest.size_bytes, lambda: verified(storage.chunks(path), digest, path)
        )
        return replace(whole, unchecked=lambda start: storage.chunks(path, start))
    entry = storage.stat(path)
    if entry is None:
        raise PathNotFoundError(f"{path!r} is missing: see project.verify()")
    if (entry.kind, entry.size_bytes) != ("file", digest.size_bytes):
        raise IntegrityError(
            f"{path!r} differs from what was saved: see project.verify() and "
            "project.repair()"
        )
    return stored(storage, path, digest.size_bytes)


def checked(size_bytes: int, whole: Callable[[], Iterator[bytes]]) -> Content:
    """Return the content of a file from *whole*, which raises if it is damaged."""
    return Content(
        size_bytes=size_bytes,
        chunks=lambda start: _from(whole(), start),
        is_checked=True,
    )


def held(data: bytes) -> Content:
    """Return the content of a file whose bytes are in memory."""
    return Content(size_bytes=len(data), chunks=lambda start: iter([data[start:]]))


def local_file(location: Path) -> Content:
    """Return the content of a file of the server's own.

    Raises:
        PathNotFoundError: it was removed.
    """
    try:
        size = location.stat().st_size
    except FileNotFoundError as error:
        raise PathNotFoundError(
            f"{location.name!r} was removed: upload it again"
        ) from error
    return Content(size_bytes=size, chunks=lambda start: _read(location, start))


def answer(content: Content, request: Request) -> Response:
    """Return a response that streams *content*, or the requested range.

    Raises:
        RefusedError: the range starts after the end of the file (416).
    """
    size = content.size_bytes
    part = _asked(size, request)
    start, end = part or (0, size)
    headers = {**DOWNLOAD_HEADERS, "Content-Length": str(end - start)}
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 206 if part else 200
    if request.method == "HEAD":
        return Response(None, status, headers, _MEDIA)
    if not content.is_checked:
        chunks = _until(content.chunks(start), end - start)
    elif part:
        chunks = _spooled(content, start, end)
    else:
        chunks = _last_held_back(content.chunks(0))
    # Read a first chunk now, so that an error can still be answered as such.
    first = next(chunks, b"")
    return StreamingResponse(_after(first, chunks), status, headers, _MEDIA)


def _asked(size: int, request: Request) -> tuple[int, int] | None:
    """Return start and end of the range in *request*; None for the whole file.

    A ``Range`` header that is invalid or has several ranges is ignored.
    """
    found = _RANGE.fullmatch(request.headers.get("range", ""))
    if not found or "if-range" in request.headers:
        return None
    first, last = found.groups()
    if not (first or last) or (first and last and int(last) < int(first)):
        return None
    start = int(first) if first else max(0, size - int(last))
    if start >= size:
        raise RefusedError(
            f"range: it starts at byte {start}, but the file has {size} bytes",
            416,
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, min(size, int(last) + 1) if first and last else size


def _from(chunks: Iterator[bytes], start: int) -> Iterator[bytes]:
    for chunk in chunks:
        if start < len(chunk):
            yield chunk[start:] if start else chunk
        start = max(0, start - len(chunk))


def _until(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[:size]
        size -= len(chunk)
        if size <= 0:
            return


def _last_held_back(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield *chunks*, each one late: so the last is sent only after the final check."""
    kept = b""
    for chunk in chunks:
        if kept:
            yield kept
        kept = chunk
    if kept:
        yield kept


def _spooled(content: Content, start: int, end: int) -> Iterator[bytes]:
    """Yield the range only after the whole file was read and found intact."""
    left = end - start
    with tempfile.SpooledTemporaryFile(_SPOOLED_BYTES) as file:
        for chunk in content.chunks(start):
            file.write(chunk[:left])
            left -= min(left, len(chunk))
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _read(location: Path, start: int) -> Iterator[bytes]:
    with location.open("rb") as file:
        file.seek(start)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
