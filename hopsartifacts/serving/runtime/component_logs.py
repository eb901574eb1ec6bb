"""Which component speaks: what a transformer prints or logs goes to its own log.

Predictor and transformer share a process. While a method of the transformer runs, and
in tasks that it starts, standard output and error lead to the transformer's log; in
threads and processes that it starts, to the log of the process.
"""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TextIO

from hopsartifacts.serving.contract import Component

_speaker: ContextVar[Component] = ContextVar("speaker", default="predictor")
_transformer_log: TextIO | None = None
_UNCHANGED: AbstractContextManager[None] = nullcontext()


def install(transformer_log: Path) -> None:
    """Lead what transformers say to the end of *transformer_log* from now on.

    Handlers of logging that write to a standard stream follow.
    """
    global _transformer_log  # noqa: PLW0603 - as there is one standard output
    # By lines, since several processes write one log. Open until the process ends.
    _transformer_log = transformer_log.open(
        "a", encoding="utf-8", errors="backslashreplace", buffering=1
    )
    for name in ("stdout", "stderr"):
        usual = getattr(sys, name)
        if not isinstance(usual, _Routed):
            routed = _Routed(usual)
            setattr(sys, name, routed)
            _redirect_handlers(usual, routed)


def speaking(component: Component) -> AbstractContextManager[None]:
    """Return a block in which what is written comes from *component*."""
    if component == "predictor" or _transformer_log is None:
        # Of every request: it must cost nothing.
        return _UNCHANGED
    return _speaking(component)


@contextmanager
def _speaking(component: Component) -> Iterator[None]:
    token = _speaker.set(component)
    try:
        yield
    finally:
        _speaker.reset(token)


@contextmanager
def noting_failure(component: Component) -> Iterator[None]:
    """Write an error that leaves the block to the log that *component* has for itself.

    To the log of the process it is written by whoever handles it.
    """
    try:
        yield
    except BaseException as error:
        log = _own_log(component)
        if log is not None:
            with suppress(Exception):  # the script's failure counts, not this one
                traceback.print_exception(error.__cause__ or error, file=log)
        raise


def _own_log(component: Component) -> TextIO | None:
    return _transformer_log if component == "transformer" else None


class _Routed:
    """A standard stream that is, at each moment, the stream of who speaks."""

    def __init__(self, usual: TextIO) -> None:
        self._usual = usual

    def __getattr__(self, name: str) -> Any:
        return getattr(_own_log(_speaker.get()) or self._usual, name)

    def write(self, text: str) -> int:
        """Write to the log of who speaks."""
        return (_own_log(_speaker.get()) or self._usual).write(text)


def _redirect_handlers(usual: TextIO, routed: _Routed) -> None:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler) and handler.stream is usual:
                handler.setStream(routed)
