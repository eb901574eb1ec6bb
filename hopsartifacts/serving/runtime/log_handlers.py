"""Where the log records of a worker go: ours, and those of scripts until they choose.

Everything goes to standard error, with its time. A script that calls
``logging.basicConfig`` gets what it asks for, as it would in a process of its own:
our handler makes room for the script's.
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
        # A print of what has no form in the encoding must not fail a request.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    for name in _OURS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        # So that what a script does with the root logger does not change it.
        logger.propagate = False
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    _give_way(root, handler)


def _give_way(root: logging.Logger, handler: logging.Handler) -> None:
    """Have ``basicConfig``, which does nothing beside a handler, replace *handler*."""
    usual = logging.basicConfig

    @functools.wraps(usual)
    def configure(**options: Any) -> None:
        root.removeHandler(handler)
        usual(**options)

    logging.basicConfig = configure
