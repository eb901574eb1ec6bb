"""Child processes to race and to kill, forked from a server without connections.

Clients of object stores run threads, so a process with an open client cannot be forked
safely, and starting a new interpreter takes seconds. So one process is started that
imports the required modules and opens no connection; the others are forked from it.
"""

import importlib
import multiprocessing
import os
import pickle
import pickletools
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

Work = Callable[[Callable[[], None]], Any]
"""The work of a child. Its argument is a function that waits until all children have
called it. It must be picklable, such as a ``functools.partial`` of a module's
function."""

_BACK_ENDS = "hopsartifacts.storage."
_LONGEST_S = 300
"""After this time, a child is assumed to hang and is killed."""


class Ended(NamedTuple):
    """How a child ended."""

    answer: Any
    """The return value of its work; None if it was killed."""
    signal: int | None
    """The signal that killed it; None if it ended by itself."""


class ChildError(AssertionError):
    """The work of a child raised; the message is its traceback."""


class Children:
    """A server that runs work in forked processes, any number of them concurrently."""

    def __init__(self, modules: Sequence[str]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, modules), daemon=True)
        process.start()
        theirs.close()

    def run(self, works: Sequence[Work]) -> list[Ended]:
        """Run each of *works* in a separate process, and wait for all.

        They get the current environment variables.

        Raises:
            ChildError: one of them raised.
        """
        self._pipe.send((dict(os.environ), [pickle.dumps(work) for work in works]))
        return [_ended(*told) for told in self._pipe.recv()]


def children_for(work: Any) -> Children:
    """Return the children for *work*, shared by all work that needs the same modules.

    Each child has imported the modules that *work* names, and all back ends that this
    process has imported: their clients take up to a second.

    Raises:
        TypeError: *work* cannot be pickled.
    """
    strings = {it for _, it, _ in pickletools.genops(pickle.dumps(work))}
    needed = [it for it in sys.modules if it in strings or it.startswith(_BACK_ENDS)]
    return _children(tuple(sorted(needed)))


@cache
def _children(modules: tuple[str, ...]) -> Children:
    return Children(("hopsartifacts.testing.jobs", *modules))


def _ended(status: int, told: bytes) -> Ended:
    if status < 0:
        return Ended(None, -status)
    is_done, answer = pickle.loads(told)  # noqa: S301 - our own child's
    if not is_done:
        raise ChildError(answer)
    return Ended(answer, None)


def _serve(pipe: Connection, modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)
    while True:
        try:
            environment, works = pipe.recv()
        except EOFError:
            return
        os.environ.clear()
        os.environ.update(environment)
        pipe.send(_run_all(works))


def _run_all(works: list[bytes]) -> list[tuple[int, bytes]]:
    # Each child writes a byte when it is ready; closing *key* opens the gate.
    ready, say_ready = os.pipe()
    gate, key = os.pipe()
    children = []
    for work in works:
        answers, answer_to = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(key)
            _work(work, say_ready, gate, answer_to)
        os.close(answer_to)
        children.append((child, answers))
    os.close(say_ready)
    for _ in works:
        os.read(ready, 1)
    for descriptor in (key, gate, ready):
        os.close(descriptor)
    return [_reap(child, answers) for child, answers in children]


def _reap(child: int, answers: int) -> tuple[int, bytes]:
    with os.fdopen(answers, "rb") as file:
        told = file.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), told


def _work(work: bytes, say_ready: int, gate: int, answer_to: int) -> None:
    signal.alarm(_LONGEST_S)
    is_ready = False

    def say_once() -> None:
        nonlocal is_ready
        if not is_ready:
            os.write(say_ready, b"1")
        is_ready = True

    def wait() -> None:
        say_once()
        os.read(gate, 1)

    try:
        told = (True, pickle.loads(work)(wait))  # noqa: S301 - our own parent's
    except BaseException:  # noqa: BLE001 - the parent raises it
        told = (False, traceback.format_exc())
    say_once()
    with os.fdopen(answer_to, "wb") as file:
        pickle.dump(told, file)
    os._exit(0)
