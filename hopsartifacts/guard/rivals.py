"""Processes that create and look for objects at the same moment, for the doctor.

They are started as plain subprocesses, not by ``multiprocessing``: the caller's script
is not run again, and forked asynchronous clients do not work. Each runs
``python -m hopsartifacts.guard.rivals``. Its standard input provides a pickled storage,
then one order per line; each is answered by one line.
"""

import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from threading import Timer
from typing import BinaryIO, Literal

import msgspec

from hopsartifacts.errors import HopsArtifactsError, StorageError
from hopsartifacts.storage.contract import Storage

_LENGTH_BYTES = 8
_START_S = 120
_ANSWER_S = 60


class RivalOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order for the child: create an object at a given time, or look for it."""

    kind: Literal["create", "look"]
    path: str
    data: str = ""
    at: float = 0.0


class RivalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an order."""

    is_yes: bool = False
    """Whether it created the object, or found it in the listing of its folder."""
    data: str = ""
    error: str | None = None


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
                _send(process, len(opened).to_bytes(_LENGTH_BYTES, "big") + opened)
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
            [sys.executable, "-P", "-m", "hopsartifacts.guard.rivals"],
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


def main() -> None:
    """Answer orders until the input ends."""
    # Redirect other output, so that it does not mix with the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    storage = _opened(sys.stdin.buffer)
    _say(answers, RivalAnswer())
    for line in sys.stdin.buffer:
        _say(answers, _answered(storage, msgspec.json.decode(line, type=RivalOrder)))


def _opened(orders: BinaryIO) -> Storage:
    length = int.from_bytes(orders.read(_LENGTH_BYTES), "big")
    storage: Storage = pickle.loads(orders.read(length))  # noqa: S301 - from the doctor, our parent
    return storage


def _say(answers: BinaryIO, answer: RivalAnswer) -> None:
    answers.write(msgspec.json.encode(answer) + b"\n")
    answers.flush()


def _answered(storage: Storage, order: RivalOrder) -> RivalAnswer:
    try:
        if order.kind == "create":
            time.sleep(max(0.0, order.at - time.time()))
            return RivalAnswer(is_yes=storage.create(order.path, order.data.encode()))
        folder = order.path.rpartition("/")[0]
        return RivalAnswer(
            is_yes=order.path in {entry.path for entry in storage.list(folder)},
            data=storage.read(order.path).decode(errors="replace"),
        )
    except HopsArtifactsError as error:
        return RivalAnswer(error=str(error))


if __name__ == "__main__":
    main()
