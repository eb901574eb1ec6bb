"""The inference logger of a worker, which records each exchange before its answer.

A record is one ``write`` to a local file, which survives a SIGKILL. The logger never
waits for the sink or fails a request: exchanges that it cannot store are counted.
"""

import fcntl
import logging
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.inference_log.spool import (
    DROPS_SUFFIX,
    Origin,
    Record,
    create_locked,
    frame,
    pack_count,
    segment_name,
    used_bytes,
)
from hopsartifacts.serving.runtime.service import Exchange

SPOOL_BYTES = 256 * 1024 * 1024
"""The most bytes that may wait on this machine for the sink of one deployment."""
SEGMENT_BYTES = 4 * 1024 * 1024

_LOOKS = 16
_LOOK_AGAIN_S = 0.05
_LOG = logging.getLogger("hopsartifacts.serving")


class Recorder:
    """An ``Observer`` that appends every exchange to the spool in *folder*.

    Attributes:
        drops: how many exchanges it could not store.
    """

    def __init__(
        self,
        folder: Path,
        launch: Launch,
        *,
        spool_bytes: int = SPOOL_BYTES,
        segment_bytes: int = SEGMENT_BYTES,
        on_drop: Callable[[], object] = int,
    ) -> None:
        self.drops = 0
        self._on_drop = on_drop
        self._folder = folder
        # The id separates this deployment's drops from those of another of its name.
        self._writer = f"{launch.deployment_id}-{secrets.token_hex(8)}"
        self._limit = spool_bytes
        self._segment_bytes = segment_bytes
        self._begin_with = frame(_origin(launch))
        mode = launch.logging.mode if launch.logging else "ALL"
        self._has_requests = mode != "PREDICTIONS"
        self._has_answers = mode != "MODEL_INPUTS"
        self._number = 0
        self._fd: int | None = None
        self._size = 0
        self._room = 0
        self._looked_s = float("-inf")
        self._drops_fd: int | None = None
        with suppress(OSError):
            self._count()

    def see(self, exchange: Exchange) -> None:
        """Store *exchange*, or count that it could not be stored."""
        data = frame(
            Record(
                id=exchange.id,
                received_ms=round(exchange.received_s * 1000),
                status=exchange.status,
                request=exchange.request if self._has_requests else None,
                answer=exchange.answer if self._has_answers else None,
            )
        )
        try:
            is_kept = self._has_room(len(data)) and self._append(data)
        except OSError:
            is_kept = False
        if not is_kept:
            self._drop()

    def close(self) -> None:
        """Close the segment; later exchanges go to a new one."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _append(self, data: bytes) -> bool:
        if self._fd is None or self._size >= self._segment_bytes:
            self._begin()
        if self._fd is None or not _write_whole(self._fd, data, self._size):
            self.close()
            return False
        self._size += len(data)
        self._room -= len(data)
        return True

    def _begin(self) -> None:
        self.close()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / segment_name(self._writer, self._number + 1)
        fd = create_locked(path)
        self._number += 1
        if not _write_whole(fd, self._begin_with, 0):
            os.close(fd)
            path.unlink()
            return
        self._fd = fd
        self._size = len(self._begin_with)
        self._room -= self._size

    def _has_room(self, size: int) -> bool:
        """Return whether there is room for *size* more bytes.

        The folder, which other workers use too, is measured only occasionally.
        """
        if size <= self._room:
            return True
        now = time.monotonic()
        if now - self._looked_s < _LOOK_AGAIN_S and self._room <= 0:
            return False
        self._looked_s = now
        try:
            free = self._limit - used_bytes(self._folder)
        except FileNotFoundError:
            free = self._limit
        self._room = min(free, max(self._limit // _LOOKS, size))
        if size <= self._room:
            return True
        # Only closed segments can be deleted after shipping.
        self._room = 0
        self.close()
        return False

    def _drop(self) -> None:
        self.drops += 1
        self._on_drop()
        if self.drops == 1:
            _LOG.warning(
                "an exchange could not be stored for the inference log in %s (no "
                "room, or a disk error); it is answered, and counted as dropped",
                self._folder,
            )
        with suppress(OSError):
            self._count()

    def _count(self) -> None:
        """Store the count; if that fails, the next drop stores it."""
        if self._drops_fd is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / f"{self._writer}{DROPS_SUFFIX}"
            fd = create_locked(path)
            # On Linux, pwrite to a file opened with O_APPEND writes at its end.
            flags = fcntl.fcntl(fd, fcntl.F_GETFL)
            fcntl.fcntl(fd, fcntl.F_SETFL, flags & ~os.O_APPEND)
            self._drops_fd = fd
        os.pwrite(self._drops_fd, pack_count(self.drops), 0)


def make_recorder(
    launch: Launch, folder: str | None, on_drop: Callable[[], object] = int
) -> Recorder | None:
    """Return the logger that *launch* asks for, if any, with its spool in *folder*."""
    if launch.logging is None or folder is None:
        return None
    return Recorder(Path(folder), launch, on_drop=on_drop)


def _origin(launch: Launch) -> Origin:
    chosen = launch.logging
    return Origin(
        deployment=launch.deployment,
        deployment_id=launch.deployment_id,
        deployment_version=launch.deployment_version,
        model=launch.model,
        model_version=launch.model_version,
        kafka_topic=chosen.kafka_topic if chosen else None,
        kafka_servers=chosen.kafka_servers if chosen else None,
    )


def _write_whole(fd: int, data: bytes, size: int) -> bool:
    """Append *data* with one write; undo a partial one, as on a full disk."""
    try:
        if os.write(fd, data) == len(data):
            return True
    except OSError:
        pass
    with suppress(OSError):
        os.ftruncate(fd, size)
    return False
