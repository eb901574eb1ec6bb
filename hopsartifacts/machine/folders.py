"""Making folders of any depth.

``Path.mkdir`` and ``os.makedirs`` call themselves for each missing parent, so a tree
that is deeper than Python's stack makes them fail.
"""

from pathlib import Path


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
