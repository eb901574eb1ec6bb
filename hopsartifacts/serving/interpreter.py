"""The Python interpreter that runs the processes of this package."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from hopsartifacts.errors import UnsupportedHereError

_IS_PYTHON = re.compile(r"(python|pypy|graalpy)[\d.]*t?(-dbg)?", re.IGNORECASE)


def interpreter() -> str:
    """Return the path of this process's Python interpreter.

    If Python is embedded in another program, ``sys.executable`` is empty or is that
    program. The interpreter of the same installation is then used.

    Raises:
        UnsupportedHereError: there is none; the message says what to do.
    """
    for path in _candidates():
        if _IS_PYTHON.fullmatch(Path(path).name) and shutil.which(path):
            return path
    raise UnsupportedHereError(
        f"no Python was found to start processes with: sys.executable is "
        f"{sys.executable!r}, and there is none in {sys.exec_prefix!r}; set "
        "sys.executable to the path of a Python that has hopsartifacts installed"
    )


def _candidates() -> Iterator[str]:
    # Only absolute paths: another Python on PATH has other packages.
    if sys.executable and os.path.isabs(sys.executable):  # noqa: PTH117 - may be None
        yield sys.executable
    version = sys.version_info
    for name in (f"python{version.major}.{version.minor}", "python3", "python"):
        yield str(Path(sys.exec_prefix) / "bin" / name)
