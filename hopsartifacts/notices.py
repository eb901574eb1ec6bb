"""Warnings that point at the line of the user's code they are about."""

import sys
import warnings
from pathlib import Path

_PACKAGE = str(Path(__file__).parent)


def warn(message: str, category: type[Warning]) -> None:
    """Warn about the innermost line of code that lies outside this package.

    A fixed ``stacklevel`` would point into this package, or at another line after each
    change of the calls in between.

    Args:
        message: what the user should know, and what to do about it.
        category: by which users can filter the warning.
    """
    level, frame = 1, sys._getframe()  # noqa: SLF001 - documented, and all there is
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
