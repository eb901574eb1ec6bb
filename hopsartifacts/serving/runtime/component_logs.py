"""Which component speaks: what a transformer prints or logs goes to its own log.

Predictor and transformer share a process. While a method of the transformer runs, and
in tasks that it starts, standard output and error lead to the transformer's log; in
threads and processes that it starts, to the log of the process.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TextIO

from hopsartifacts.serving.contract import Component

_speaker: ContextVar[Component] = ContextVar("speaker", default="predictor")
_transformer_log: TextIO | None = None


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


@contextmanager
def speaking(component: Component) -> Iterator[None]:
    """Say that what is written now comes from *component*."""
    token = _speaker.set(component)
    try:
        yield
    finally:
        _speaker.reset(token)


def own_log(component: Component) -> TextIO | None:
    """Return the log that *component* has for itself; None when it has none."""
    return _transformer_log if component == "transformer" else None


class _Routed:
    """A standard stream that is, at each moment, the stream of who speaks."""

    def __init__(self, usual: TextIO) -> None:
        self._usual = usual

    def __getattr__(self, name: str) -> Any:
        return getattr(own_log(_speaker.get()) or self._usual, name)

    def write(self, text: str) -> int:
        """Write to the log of who speaks."""
        return (own_log(_speaker.get()) or self._usual).write(text)


def _redirect_handlers(usual: TextIO, routed: _Routed) -> None:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler) and handler.stream is usual:
                handler.setStream(routed)
