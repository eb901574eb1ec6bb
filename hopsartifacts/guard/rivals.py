"""Child processes that get orders concurrently, for races of the doctor.

They are started as plain subprocesses, not by ``multiprocessing``: the caller's script
is not run again, and forked asynchronous clients do not work.
"""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from threading import Timer

import msgspec

from hopsartifacts.errors import StorageError
from hopsartifacts.guard.rival import LENGTH_BYTES, RivalAnswer, RivalOrder
from hopsartifacts.storage.contract import Storage

_START_S = 120
_ANSWER_S = 60


class NoRivalsError(Exception):
    """The storage cannot be opened in another process; the message says why."""


class Rivals:
    """Child processes that wait for orders."""

    def __init__(self, processes: Sequence["subprocess.Popen[bytes]"]) -> None:
        self._processes = processes

    def ask(self, orders: Sequence[RivalOrder]) -> list[RivalAnswer]:
        """Send each child its order and return their answers.

        Raises:
            StorageError: a child ended, or did not answer in time.
        """
        for process, order in zip(self._processes, orders, strict=True):
            _send(process, msgspec.json.encode(order) + b"\n")
        return self.answers(_ANSWER_S)

    def answers(self, patience_s: float) -> list[RivalAnswer]:
        """Return one answer of each child within *patience_s*; raise as ``ask``."""
        watchdog = Timer(patience_s, _kill, [self._processes])
        watchdog.start()
        try:
            found = [_answer(process) for process in self._processes]
        finally:
            watchdog.cancel()
        if None in found:
            raise StorageError(
                f"a racing process ended, or took more than {patience_s} seconds"
            )
        return [answer for answer in found if answer]


@contextmanager
def rivals(storage: Storage, count: int) -> Iterator[Rivals]:
    """Open *storage* in *count* child processes, which end with the context.

    Raises:
        NoRivalsError: the storage cannot be opened in another process.
        StorageError: a child stopped answering.
    """
    try:
        opened = pickle.dumps(storage)
    except Exception as error:
        # Pickling may raise any exception.
        raise NoRivalsError(f"it cannot be pickled ({error})") from error
    with ExitStack() as stack:
        words = stack.enter_context(tempfile.TemporaryFile())
        processes = [_started(stack, words.fileno()) for _ in range(count)]
        ready = Rivals(processes)
        try:
            for process in processes:
                _send(process, len(opened).to_bytes(LENGTH_BYTES, "big") + opened)
            ready.answers(_START_S)
        except StorageError as error:
            words.seek(0)
            said = words.read().decode(errors="replace").strip().splitlines()
            raise NoRivalsError(said[-1] if said else str(error)) from error
        yield ready


def _started(stack: ExitStack, stderr: int) -> "subprocess.Popen[bytes]":
    # Use this process's import path, to find this package and the back end's class.
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "hopsartifacts.guard.rival"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environ,
        )
    except OSError as error:
        raise NoRivalsError(f"no process can be started here ({error})") from error
    stack.callback(_end, process)
    return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    with suppress(OSError):  # unsent data is discarded
        process.communicate()


def _kill(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        process.kill()


def _send(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    if process.stdin is None:
        return
    try:
        process.stdin.write(data)
        process.stdin.flush()
    except OSError as error:
        raise StorageError(f"a racing process has ended ({error})") from error


def _answer(process: "subprocess.Popen[bytes]") -> RivalAnswer | None:
    line = process.stdout.readline() if process.stdout else b""
    return msgspec.json.decode(line, type=RivalAnswer) if line else None
