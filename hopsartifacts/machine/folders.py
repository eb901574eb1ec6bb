"""Folders on this machine: made at any depth, and synced.

``Path.mkdir`` and ``os.makedirs`` call themselves for each missing parent, so a tree
that is deeper than Python's stack makes them fail.
"""

import errno
import os
from pathlib import Path

UNSUPPORTED = frozenset(
    {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF}
)
"""The errors by which a file system reports an unsupported operation."""


def make_folders(folder: Path) -> None:
    """Create *folder* and its missing parents; do nothing if it exists.

    Raises:
        OSError: one of them cannot be created, for example because a file is there.
    """
    missing = [folder]
    while missing:
        try:
            missing[-1].mkdir(exist_ok=True)
        except FileNotFoundError:
            if missing[-1].parent == missing[-1]:
                raise
            missing.append(missing[-1].parent)
        else:
            missing.pop()


def sync_folder(folder: Path) -> None:
    """Make the names in *folder* durable, as far as its file system supports it.

    Raises:
        OSError: it cannot be opened, or syncing failed.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)
