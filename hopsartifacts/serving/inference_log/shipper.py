"""Shipping from the spool to the sink, each record once, by a process or by a reader.

A file is named after the segment and the offset of its first record, is written with
create-if-absent, and stores the offset at which its records end. So if a shipper was
killed or did not receive the answer, the next one finds what is done and continues from
there. Kafka has no such names: a record is sent again if the shipper was killed between
sending it and noting that.

The shipper process (``python -m …``) ships waiting records periodically until it is
stopped. ``orders`` describes its input. SIGTERM ends it in the same way as the end of
its input.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import IO

import msgspec
from filelock import FileLock

from hopsartifacts import layout
from hopsartifacts.errors import HopsArtifactsError, IntegrityError
from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.serving.inference_log.data_set import date_of, end_of, file_of
from hopsartifacts.serving.inference_log.orders import ShipperOrder, read_order
from hopsartifacts.serving.inference_log.spool import (
    DROPS_SUFFIX,
    SEGMENT_SUFFIX,
    SHIPPED_SUFFIX,
    KeptRecord,
    NotDeliveredError,
    Origin,
    Segment,
    is_locked,
    is_torn,
    read_drops,
    read_origin,
    read_records,
    segments,
)
from hopsartifacts.storage.contract import Storage

Produce = Callable[[Origin, Sequence[KeptRecord]], None]
"""Sends records to the topic of their origin; returns when they are delivered."""

_LOCK = "ship.lock"
_DAMAGED_SUFFIX = ".damaged"
_LEFTOVER_S = 3600.0
_LOOK_S = 1.0
_ENDING_S = 5.0
_LAST_TRIES = 3
_LOG = logging.getLogger("hopsartifacts.serving")


class Shipped(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one round of shipping."""

    records: int = 0
    failures: tuple[str, ...] = ()
    """The reasons why some segments still wait."""


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


def has_writers(folder: Path) -> bool:
    """Return whether a process still writes to the spool in *folder*."""
    for path in (*folder.glob(f"*{DROPS_SUFFIX}"), *folder.glob(f"*{SEGMENT_SUFFIX}")):
        with suppress(FileNotFoundError):
            if is_locked(path):
                return True
    return False


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


def serve(stdin: IO[bytes]) -> None:
    """Run the order in *stdin* until *stdin* ends."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    # Ctrl-C in the terminal is for the owner, which then stops this process in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    order, storage = read_order(stdin)
    threading.Thread(
        target=_await_end, args=(stdin.fileno(), stop), daemon=True
    ).start()
    run(order, storage, stop, LateKafka().produce)


def run(
    order: ShipperOrder,
    storage: Storage,
    stop: threading.Event,
    produce: Produce | None = None,
    ending: threading.Event | None = None,
) -> None:
    """Ship when enough waits or the interval is over, and once more after *stop*.

    Between *ending* and *stop* the interval is short, as this process may be killed.
    """
    folder = Path(order.spool)
    shipped_s = time.monotonic()
    while not stop.wait(min(_LOOK_S, order.interval_s)):
        is_ending = ending is not None and ending.is_set()
        limit_s = min(order.interval_s, _ENDING_S) if is_ending else order.interval_s
        is_time = time.monotonic() - shipped_s >= limit_s
        if is_time or waiting_bytes(folder) >= order.ship_bytes:
            shipped_s = time.monotonic()
            if not _ship_round(folder, order, storage, produce):
                stop.wait(min(order.interval_s, _LOOK_S * 5))
    for _ in range(_LAST_TRIES):
        if _ship_round(folder, order, storage, produce):
            return
        time.sleep(min(order.interval_s, _LOOK_S))
    _LOG.error("the rest stays in %s for the next shipper or reader", folder)


def _ship_round(
    folder: Path, order: ShipperOrder, storage: Storage, produce: Produce | None
) -> bool:
    """Ship once; return whether all of it succeeded. Failures are retried later."""
    try:
        failures = ship(folder, order.deployment, storage, produce).failures
    except (HopsArtifactsError, OSError) as error:
        failures = (str(error),)
    for failure in failures:
        _LOG.error("the inference log is not shipped yet: %s", failure)
    return not failures


def _await_end(stdin: int, stop: threading.Event) -> None:
    # Not through the file object: its lock would block the exit.
    while os.read(stdin, 4096):
        pass
    stop.set()


class LateKafka:
    """The Kafka sink, imported (it is an extra) when the first record needs it.

    The version that runs now does not decide that: records of an earlier one may wait.
    """

    def __init__(self) -> None:
        self._produce: Produce | None = None

    def produce(self, origin: Origin, records: Sequence[KeptRecord]) -> None:
        """Send *records*; see ``Produce``."""
        if self._produce is None:
            try:
                from hopsartifacts.serving.inference_log.kafka import (  # noqa: PLC0415 - see above
                    Kafka,
                )
            except ModuleNotFoundError as error:
                raise NotDeliveredError(
                    f"records for Kafka topic {origin.kafka_topic!r} wait, and "
                    f"{error.name} is not installed; run: "
                    'pip install "hopsartifacts[kafka]"'
                ) from error
            self._produce = Kafka().produce
        self._produce(origin, records)


def log_to_stderr() -> None:
    """Write the records of all loggers to standard error."""
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    log_to_stderr()
    serve(sys.stdin.buffer)
