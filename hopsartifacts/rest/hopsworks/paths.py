"""Conversion of paths that clients send to paths in the project."""

from hopsartifacts import layout
from hopsartifacts.errors import InvalidNameError
from hopsartifacts.names import is_unicode

_PROJECTS = "Projects"
_LIMIT_BYTES = 1024
"""The longest path that every storage accepts, as the key of an object."""


def inside(project: str, path: str) -> str:
    """Return *path*, decoded once, as a path in this project; empty for its root.

    Accepts all forms that ``layout.relative`` does, and those of clients that cut off
    the first character of ``/Projects/<project>/Resources/a``.

    Raises:
        InvalidNameError: it leads out of the project, or breaks the file name rule.
    """
    if not is_unicode(path) or len(path.encode()) > _LIMIT_BYTES:
        raise InvalidNameError(
            f"path {path[:80]!r}: it is longer than {_LIMIT_BYTES} bytes, or not UTF-8"
        )
    is_cut = path.partition("/")[0] == _PROJECTS
    return layout.relative(project, f"/{path}" if is_cut else path)
