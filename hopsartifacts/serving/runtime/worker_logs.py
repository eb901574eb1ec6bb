"""The logs of a worker: our records, and the output of its scripts.

All records go to standard error, with a timestamp. A script that calls
``logging.basicConfig`` gets the configuration it asks for, as in a process of its own:
our root handler is removed first.

Predictor and transformer share a process. While a method of the transformer runs, and
in tasks that it starts, standard output and error go to the transformer's log. Threads
and processes that it starts write to the log of the process.
"""

import functools
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TextIO

from hopsartifacts.serving.contract import Component
from hopsartifacts.serving.runtime.failures import traceback_text

_speaker: ContextVar[Component] = ContextVar("speaker", default="predictor")
_transformer_log: TextIO | None = None
_UNCHANGED: AbstractContextManager[None] = nullcontext()
_OURS = ("hopsartifacts", "uvicorn")


def route_transformer(transformer_log: Path) -> None:
    """Append the output of transformers to *transformer_log* from now on.

    Logging handlers that write to a standard stream are redirected too.
    """
    global _transformer_log  # noqa: PLW0603 - one for the process, like sys.stdout
    # Line-buffered, since several processes write to it. Never closed.
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
    """Return a context in which output is attributed to *component*."""
    if component == "predictor" or _transformer_log is None:
        # Runs for every request, so it must be cheap.
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
    """Write an error that leaves the block to the separate log of *component*, if any.

    The code that handles the error writes it to the log of the process.
    """
    try:
        yield
    except BaseException as error:
        log = _own_log(component)
        if log is not None:
            with suppress(Exception):  # the script's failure matters, not this one
                print(traceback_text(error.__cause__ or error), file=log)
        raise


def _own_log(component: Component) -> TextIO | None:
    return _transformer_log if component == "transformer" else None


class _Routed:
    """A standard stream that writes to the log of the current component."""

    def __init__(self, usual: TextIO) -> None:
        self._usual = usual

    def __getattr__(self, name: str) -> Any:
        return getattr(_own_log(_speaker.get()) or self._usual, name)

    def write(self, text: str) -> int:
        """Write *text* to the log of the current component."""
        return (_own_log(_speaker.get()) or self._usual).write(text)


def _redirect_handlers(usual: TextIO, routed: _Routed) -> None:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler) and handler.stream is usual:
                handler.setStream(routed)


def set_up_logging() -> None:
    """Set up logging for this process, and make any text printable."""
    for stream in (sys.stdout, sys.stderr):
        # Printing text that the encoding cannot represent must not fail a request.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    for name in _OURS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        # Otherwise a script's changes to the root logger would affect these loggers.
        logger.propagate = False
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    _give_way(root, handler)


def _give_way(root: logging.Logger, handler: logging.Handler) -> None:
    """Make ``basicConfig`` replace *handler*; it does nothing if there is a handler."""
    usual = logging.basicConfig

    @functools.wraps(usual)
    def configure(**options: Any) -> None:
        root.removeHandler(handler)
        usual(**options)

    logging.basicConfig = configure
