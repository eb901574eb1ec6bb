"""The spool: files on this machine in which exchanges wait until they are shipped.

A folder holds one deployment's. Each writer (a worker process) has an id of its own,
and in the folder

- ``<id>-<n>.spool``: segments, numbered from 1, which only grow. A segment that nobody
  locks is closed for good; the last record of a writer that was killed may be torn, and
  was then not answered.
- ``<id>.drops``: how many exchanges the writer could not keep; locked as long as it
  lives.
- ``<id>-<n>.shipped``: up to where a segment was shipped, written by the shipper.

A record is its length and its checksum, each in little-endian order, and itself. The
first one of a segment says whose it is.
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
    """What is the same for all records of a segment."""

    deployment: str
    deployment_id: str
    deployment_version: int
    model: str
    model_version: int
    kafka_topic: str | None = None
    kafka_servers: str | None = None
    """Both None: they go to the project."""


class Record(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One exchange; of the two messages those that are logged."""

    id: str
    received_ms: int
    """Milliseconds since 1970."""
    status: int
    request: bytes | None
    answer: bytes | None


class Kept(NamedTuple):
    """A record, and the part of its segment that it takes up."""

    start: int
    end: int
    record: Record


class Segment(NamedTuple):
    """A file of records; its writer may be at it still."""

    path: Path
    writer: str
    number: int

    @property
    def shipped_path(self) -> Path:
        """Where the shipper notes how far it is."""
        return self.path.with_suffix(SHIPPED_SUFFIX)


_encoder = msgspec.msgpack.Encoder()
_records = msgspec.msgpack.Decoder(Record)
_origins = msgspec.msgpack.Decoder(Origin)


def frame(value: msgspec.Struct) -> bytes:
    """Return *value* as it is appended to a segment."""
    body = _encoder.encode(value)
    return _HEAD.pack(len(body), xxhash.xxh3_64_intdigest(body)) + body


def create_locked(path: Path) -> int:
    """Make a file for appending that is locked before it has its name.

    Else somebody might take it for one that was left behind. The lock ends with the
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
    """Tell whether the writer of this file lives and is not done with it."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def segments(folder: Path) -> list[Segment]:
    """Return the segments of all writers, each writer's in order."""
    found = []
    for path in folder.glob(f"*{SEGMENT_SUFFIX}"):
        writer, _, number = path.stem.rpartition("-")
        if writer and number.isdigit():
            found.append(Segment(path, writer, int(number)))
    return sorted(found, key=lambda segment: (segment.writer, segment.number))


def segment_name(writer: str, number: int) -> str:
    """Return the name of a writer's segment."""
    return f"{writer}-{number:06d}{SEGMENT_SUFFIX}"


def read_origin(data: bytes) -> tuple[Origin, int] | None:
    """Return whose a segment is, and where its records begin; None if not whole."""
    found = _whole(data, 0)
    return None if found is None else (_origins.decode(data[_HEAD.size : found]), found)


def read_records(data: bytes, start: int) -> Iterator[Kept]:
    """Yield the whole records of a segment from *start* on."""
    while (end := _whole(data, start)) is not None:
        yield Kept(start, end, _records.decode(data[start + _HEAD.size : end]))
        start = end


def is_torn(data: bytes, end: int) -> bool:
    """Tell whether what follows the last whole record is the beginning of another.

    If not, somebody else than a writer has changed the file.
    """
    rest = len(data) - end
    if rest < _HEAD.size:
        return True
    length, _ = _HEAD.unpack_from(data, end)
    return rest < _HEAD.size + int(length)


def pack_count(drops: int) -> bytes:
    """Return a count as it is stored."""
    return _COUNT.pack(drops)


def read_drops(path: Path) -> int:
    """Return how many exchanges a writer could not keep."""
    data = path.read_bytes()
    return int(_COUNT.unpack(data)[0]) if len(data) == _COUNT.size else 0


def used_bytes(folder: Path) -> int:
    """Return how much all segments take up."""
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(SEGMENT_SUFFIX):
                with suppress(FileNotFoundError):
                    total += entry.stat().st_size
    return total


def _whole(data: bytes, start: int) -> int | None:
    """Return where the record at *start* ends; None if it is not whole."""
    if len(data) - start < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack_from(data, start)
    end = start + _HEAD.size + int(length)
    body = memoryview(data)[start + _HEAD.size : end]
    if len(body) < length or xxhash.xxh3_64_intdigest(body) != checksum:
        return None
    return end
