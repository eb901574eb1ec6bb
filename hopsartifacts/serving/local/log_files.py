"""Finding the log of the newest run, and reading its end."""

import glob
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

_BLOCK_BYTES = 64 * 1024


def log_name(stamp: str, deployment_id: str, revision: str) -> str:
    """Return the name of the log of a run that began at *stamp*."""
    return f"{stamp}_{deployment_id}_{revision}_predictor.log"


def newest_log(folders: Iterable[Path], deployment_id: str) -> Path | None:
    """Return the deployment's newest log in any of *folders*.

    Names begin with the time. Those of other deployments that had the same name lie in
    the same folder.
    """
    pattern = log_name("*", glob.escape(deployment_id), "*")
    found = (path for folder in folders for path in folder.glob(pattern))
    return max(found, key=lambda path: path.name, default=None)


def last_lines(path: Path, count: int) -> str:
    """Return the last *count* lines; "" when there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(tail_position(file, count))
            text = file.read()
    except FileNotFoundError:
        return ""
    lines = text.decode(errors="replace").splitlines()
    return "\n".join(lines[-count:] if count > 0 else [])


def tail_position(file: BinaryIO, count: int) -> int:
    """Return where the last *count* lines begin."""
    end = position = file.seek(0, 2)
    text = b""
    # One break more than lines: the last line usually ends with one.
    while position > 0 and text.count(b"\n") <= count:
        size = min(_BLOCK_BYTES, position)
        position = file.seek(position - size)
        text = file.read(size) + text
    if count <= 0:
        return end
    at = len(text) - int(text.endswith(b"\n"))
    for _ in range(count):
        at = text.rfind(b"\n", 0, at)
        if at < 0:
            break
    return position + at + 1
