"""Shipping from the spool to the sink, each record once.

A file is named after the segment and the offset of its first record, is written with
create-if-absent, and stores the offset at which its records end. So if a shipper was
killed or did not receive the answer, the next one finds what is done and continues from
there. Kafka has no such names: a record is sent again if the shipper was killed between
sending it and noting that.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import takewhile
from pathlib import Path

import msgspec
from filelock import FileLock

from hopsartifacts import layout
from hopsartifacts.errors import IntegrityError
from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.serving.inference_log.spool import (
    DROPS_SUFFIX,
    SEGMENT_SUFFIX,
    SHIPPED_SUFFIX,
    KeptRecord,
    Origin,
    Segment,
    is_locked,
    is_torn,
    read_drops,
    read_origin,
    read_records,
    segments,
)
from hopsartifacts.serving.inference_log.tables import date_of, end_of, file_of
from hopsartifacts.storage.contract import Storage

Produce = Callable[[Origin, Sequence[KeptRecord]], None]
"""Sends records to the topic of their origin; returns when they are delivered."""

_LOCK = "ship.lock"
_DAMAGED_SUFFIX = ".damaged"
_LEFTOVER_S = 3600.0


class Shipped(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one round of shipping."""

    records: int = 0
    failures: tuple[str, ...] = ()
    """The reasons why some segments still wait."""


class NotDeliveredError(Exception):
    """A sink other than the project refused the records; the message says why."""


class _Progress(msgspec.Struct, frozen=True, kw_only=True):
    end: int


def ship(
    folder: Path, deployment: str, storage: Storage, produce: Produce | None = None
) -> Shipped:
    """Ship the records in *folder*, and delete the segments that are done.

    A file lock allows one process at a time. Without *produce*, records for Kafka wait.
    A segment that cannot be shipped stays where it is; the others are shipped.

    Raises:
        StorageError: the project does not answer.
    """
    if not folder.is_dir():
        return Shipped()
    records, failures = 0, []
    with FileLock(folder / _LOCK):
        for segment in segments(folder):
            try:
                records += _ship_segment(segment, storage, produce)
            except (NotDeliveredError, IntegrityError) as error:
                failures.append(str(error))
        for path in sorted(folder.glob(f"*{DROPS_SUFFIX}")):
            _ship_drops(path, deployment, storage)
        _tidy(folder)
    return Shipped(records=records, failures=tuple(failures))


def waiting_bytes(folder: Path) -> int:
    """Return roughly how many bytes wait to be shipped: headers are included."""
    total = 0
    for segment in segments(folder):
        with suppress(FileNotFoundError):
            total += segment.path.stat().st_size - _progress(segment.shipped_path)
    return total


def _ship_segment(segment: Segment, storage: Storage, produce: Produce | None) -> int:
    # Check this before reading: a segment that is closed now does not grow any more.
    is_open = is_locked(segment.path)
    data = segment.path.read_bytes()
    found = read_origin(data)
    if found is None:
        end, kept = 0, []
    else:
        origin, first = found
        end = max(first, _progress(segment.shipped_path))
        kept = list(read_records(data, end))
    if found and kept:
        if origin.kafka_topic is None:
            for end in _to_project(segment, origin, kept, storage):
                _note(segment.shipped_path, end)
        elif produce is None:
            return 0
        else:
            produce(origin, kept)
            end = kept[-1].end
            _note(segment.shipped_path, end)
    if not is_open:
        _retire(segment, data, end)
    return len(kept)


def _to_project(
    segment: Segment, origin: Origin, kept: Sequence[KeptRecord], storage: Storage
) -> Iterator[int]:
    """Create a file for each day; yield the offset up to which the segment is done."""
    rest = list(kept)
    while rest:
        day = date_of(rest[0].record)
        run = list(takewhile(partial(_is_of, day), rest))
        start, end = run[0].start, run[-1].end
        path = layout.inference_log_file(
            origin.deployment,
            day,
            origin.deployment_version,
            segment.path.stem,
            start,
        )
        records = [it.record for it in run]
        if not storage.create(path, file_of(origin, records, end)):
            # Another shipper created it, and was killed before noting the progress.
            end = end_of(storage.read(path), path)
            if end <= start:
                raise IntegrityError(
                    f"{path!r} ends at {end}, before its records begin: move it away"
                )
        yield end
        rest = [it for it in rest if it.start >= end]


def _is_of(day: str, kept: KeptRecord) -> bool:
    return date_of(kept.record) == day


def _retire(segment: Segment, data: bytes, end: int) -> None:
    """Delete a segment that is shipped; move a damaged one aside."""
    if is_torn(data, end):
        segment.path.unlink()
        segment.shipped_path.unlink(missing_ok=True)
        return
    aside = segment.path.with_suffix(_DAMAGED_SUFFIX)
    segment.path.rename(aside)
    raise IntegrityError(
        f"the inference log's {segment.path.name} is damaged from byte {end} on; the "
        f"rest is not shipped, and is kept in {str(aside)!r}"
    )


def _ship_drops(path: Path, deployment: str, storage: Storage) -> None:
    """Store in the project how many exchanges one writer could not log."""
    is_final = not is_locked(path)
    count = read_drops(path)
    noted_path = path.with_suffix(f"{path.suffix}{SHIPPED_SUFFIX}")
    noted = _progress(noted_path)
    if count > noted:
        told = layout.inference_log_drops(deployment, path.stem, count)
        storage.create(told, msgspec.json.encode({"dropped": count}))
        _note(noted_path, count)
        if noted:
            # The larger count replaces the smaller one.
            storage.delete_tree(
                layout.inference_log_drops(deployment, path.stem, noted)
            )
    if is_final:
        path.unlink()
        noted_path.unlink(missing_ok=True)


def _tidy(folder: Path) -> None:
    """Delete files left by a process that was killed between two steps."""
    before = time.time() - _LEFTOVER_S
    for path in folder.glob(f"*{SHIPPED_SUFFIX}"):
        stem = path.name.removesuffix(SHIPPED_SUFFIX)
        of_segment = folder / f"{stem}{SEGMENT_SUFFIX}"
        if not of_segment.exists() and not (folder / stem).exists():
            path.unlink()
    for path in (*folder.glob("*.new"), *folder.glob(".*.part")):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()


def _progress(path: Path) -> int:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Progress).end
    except (FileNotFoundError, msgspec.MsgspecError):
        # Only a crash of the machine can damage this file.
        return 0


def _note(path: Path, end: int) -> None:
    with written_aside(path, overwrite=True) as file:
        file.write(msgspec.json.encode(_Progress(end=end)))
