"""Warnings that point at a line of the user's code."""

import sys
import warnings
from pathlib import Path

_PACKAGE = str(Path(__file__).parent)


def warn(message: str, category: type[Warning]) -> None:
    """Issue a warning that points at the innermost caller outside this package.

    A fixed ``stacklevel`` could point into this package, and would have to change with
    every change to the calls in between.

    Args:
        message: what happened, and what the user can do about it.
        category: the warning's class, by which users can filter it.
    """
    level, frame = 1, sys._getframe()  # noqa: SLF001 - documented, and all there is
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
