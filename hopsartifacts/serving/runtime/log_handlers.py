"""Logging in a worker process: our records, and those of scripts by default.

All records go to standard error, with a timestamp. A script that calls
``logging.basicConfig`` gets the configuration it asks for, as in a process of its own:
our root handler is removed first.
"""

import functools
import logging
import sys
import time
from typing import Any

_OURS = ("hopsartifacts", "uvicorn")


def install() -> None:
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
