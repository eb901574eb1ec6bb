"""The file in a pod's volume that says what the containers of the pod run.

The init container writes it last. So if the file is there, all other files are complete
and were checked.
"""

from pathlib import Path

import msgspec

from hopsartifacts.documents import decode
from hopsartifacts.errors import PathNotFoundError
from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.serving.contract import Launch

LAUNCH_FILE = "launch.json"


def write_launch(path: Path, launch: Launch) -> None:
    """Write *launch* to *path* in one step; every user of the pod can read it.

    Raises:
        StorageError: it cannot be written.
    """
    data = msgspec.json.format(msgspec.json.encode(launch, order="deterministic"))
    with written_aside(path, is_durable=False, mode=0o644) as file:
        file.write(data + b"\n")


def read_launch(path: Path) -> Launch:
    """Return what the init container wrote to *path*.

    Raises:
        PathNotFoundError: the file is not there, so the init container did not succeed.
        FormatError: it is not such a file.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise PathNotFoundError(
            f"there is no {str(path)!r}: the init container writes it when all files "
            "were fetched; see its message"
        ) from error
    return decode(data, Launch, str(path))
