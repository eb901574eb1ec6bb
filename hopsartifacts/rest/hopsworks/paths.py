"""Which place in the project a client means by a path."""

from hopsartifacts import layout
from hopsartifacts.errors import InvalidNameError
from hopsartifacts.names import is_unicode

_PROJECTS = "Projects"
_LIMIT_BYTES = 1024
"""What every storage can take: an object's key is no longer."""


def inside(project: str, path: str) -> str:
    """Return *path*, decoded once, as a path of this project; empty for its root.

    Clients write all forms that ``layout.relative`` knows; some cut off the first
    character of ``/Projects/<project>/Resources/a``.

    Raises:
        InvalidNameError: it leads out of the project, or breaks the file name rule.
    """
    if not is_unicode(path) or len(path.encode()) > _LIMIT_BYTES:
        raise InvalidNameError(
            f"path {path[:80]!r}: it has more than {_LIMIT_BYTES} bytes, or is no UTF-8"
        )
    is_cut = path.partition("/")[0] == _PROJECTS
    return layout.relative(project, f"/{path}" if is_cut else path)
