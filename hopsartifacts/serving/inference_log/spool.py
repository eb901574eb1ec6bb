"""The spool: local files in which exchanges wait until they are shipped.

There is one folder per deployment. Each writer (a worker process) has its own id and
these files in the folder:

- ``<id>-<n>.spool``: append-only segments, numbered from 1. A segment without a lock is
  complete. The last record of a killed writer may be torn; its request was not
  answered.
- ``<id>.drops``: how many exchanges the writer could not store; locked while it lives.
- ``<id>-<n>.shipped``: the shipper's progress: the offset up to which it is done.

A record consists of its length and its checksum, both little-endian, and its data. The
first record of a segment is its origin.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
import xxhash

SEGMENT_SUFFIX = ".spool"
DROPS_SUFFIX = ".drops"
SHIPPED_SUFFIX = ".shipped"

_HEAD = struct.Struct("<IQ")
_COUNT = struct.Struct("<Q")


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that all records of a segment share."""

    deployment: str
    deployment_id: str
    deployment_version: int
    model: str
    model_version: int
    kafka_topic: str | None = None
    kafka_servers: str | None = None
    """If both are None, the records go to the project."""


class Record(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One exchange; a message that is not logged is None."""

    id: str
    received_ms: int
    """Milliseconds since 1970."""
    status: int
    request: bytes | None
    answer: bytes | None


class KeptRecord(NamedTuple):
    """A record and the byte range that it takes up in its segment."""

    start: int
    end: int
    record: Record


class Segment(NamedTuple):
    """A file of records, which a writer may still append to."""

    path: Path
    writer: str
    number: int

    @property
    def shipped_path(self) -> Path:
        """The file in which the shipper notes its progress."""
        return self.path.with_suffix(SHIPPED_SUFFIX)


class NotDeliveredError(Exception):
    """A sink other than the project refused the records; the message says why."""


_encoder = msgspec.msgpack.Encoder()
_records = msgspec.msgpack.Decoder(Record)
_origins = msgspec.msgpack.Decoder(Origin)


def frame(value: msgspec.Struct) -> bytes:
    """Return *value* in the form in which it is appended to a segment."""
    body = _encoder.encode(value)
    return _HEAD.pack(len(body), xxhash.xxh3_64_intdigest(body)) + body


def create_locked(path: Path) -> int:
    """Create a file for appending that is already locked when it gets its name.

    Otherwise another process could take it for a leftover. The lock ends with the
    process, however that ends.
    """
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    fd = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        aside.rename(path)
    except BaseException:
        os.close(fd)
        with suppress(OSError):
            aside.unlink()
        raise
    return fd


def is_locked(path: Path) -> bool:
    """Return whether the writer of this file is alive and still uses it."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def segments(folder: Path) -> list[Segment]:
    """Return the segments of all writers, those of each writer in order."""
    found = []
    for path in folder.glob(f"*{SEGMENT_SUFFIX}"):
        writer, _, number = path.stem.rpartition("-")
        if writer and number.isdigit():
            found.append(Segment(path, writer, int(number)))
    return sorted(found, key=lambda segment: (segment.writer, segment.number))


def segment_name(writer: str, number: int) -> str:
    """Return the file name of a segment."""
    return f"{writer}-{number:06d}{SEGMENT_SUFFIX}"


def read_origin(data: bytes) -> tuple[Origin, int] | None:
    """Return the origin of a segment and the offset of its records; None if torn."""
    found = _whole(data, 0)
    return None if found is None else (_origins.decode(data[_HEAD.size : found]), found)


def read_records(data: bytes, start: int) -> Iterator[KeptRecord]:
    """Yield the complete records of a segment from offset *start* on."""
    while (end := _whole(data, start)) is not None:
        yield KeptRecord(start, end, _records.decode(data[start + _HEAD.size : end]))
        start = end


def is_torn(data: bytes, end: int) -> bool:
    """Return whether the bytes after the last complete record are the start of another.

    If they are not, a program other than a writer has changed the file.
    """
    rest = len(data) - end
    if rest < _HEAD.size:
        return True
    length, _ = _HEAD.unpack_from(data, end)
    return rest < _HEAD.size + int(length)


def pack_count(drops: int) -> bytes:
    """Return a count in the form in which it is stored."""
    return _COUNT.pack(drops)


def read_drops(path: Path) -> int:
    """Return how many exchanges a writer could not store."""
    data = path.read_bytes()
    return int(_COUNT.unpack(data)[0]) if len(data) == _COUNT.size else 0


def used_bytes(folder: Path) -> int:
    """Return the size of all segments."""
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(SEGMENT_SUFFIX):
                with suppress(FileNotFoundError):
                    total += entry.stat().st_size
    return total


def _whole(data: bytes, start: int) -> int | None:
    """Return the offset at which the record at *start* ends; None if it is torn."""
    if len(data) - start < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack_from(data, start)
    end = start + _HEAD.size + int(length)
    body = memoryview(data)[start + _HEAD.size : end]
    if len(body) < length or xxhash.xxh3_64_intdigest(body) != checksum:
        return None
    return end
