"""The order of a shipper, which gets all its settings through standard input.

So credentials are on no command line, in no environment and in no file. The input is
one line of JSON, then the pickled storage, preceded by its length. It stays open as
long as the shipper is needed. When it ends, because the owner closed it or died, the
shipper ships the rest and ends.

To stop a deployment, end its workers first and close the input then, so that the last
flush includes everything.
"""

import os
import pickle
import sys
from typing import IO

import msgspec

from hopsartifacts.errors import UnsupportedHereError
from hopsartifacts.serving.process_environment import interpreter
from hopsartifacts.storage.contract import Storage

INTERVAL_S = 60.0
"""The longest time that a record waits if nothing fails."""
SHIP_BYTES = 8 * 1024 * 1024
"""From this size on, records do not wait for the interval."""
LENGTH_BYTES = 8


class ShipperOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a shipper."""

    spool: str
    deployment: str
    interval_s: float = INTERVAL_S
    ship_bytes: int = SHIP_BYTES
    environ: dict[str, str] = {}
    """The environment in which the storage was opened, for its client."""
    search: tuple[str, ...] = ()
    """The search path on which the classes of the storage were found."""


def shipper_input(order: ShipperOrder, storage: Storage) -> bytes:
    """Return the bytes to write to the input of a new shipper, which then stays open.

    They contain credentials: keep them in memory, and pass them only through a pipe or
    a socket of this user. The environment and search path of this process are included.

    Raises:
        UnsupportedHereError: another process cannot open the storage.
    """
    if not storage.capabilities.is_shared:
        raise UnsupportedHereError(
            "no other process sees a project in memory: its inference log is shipped "
            "when it is read"
        )
    try:
        opened = pickle.dumps(storage)
    except Exception as error:
        # Pickling may fail with any exception.
        raise UnsupportedHereError(
            "the inference logger needs a storage that another process can open: make "
            f"{type(storage).__name__} picklable ({error})"
        ) from error
    told = msgspec.structs.replace(
        # Absolute paths: the shipper has another working folder.
        order,
        environ=dict(os.environ),
        search=tuple(map(os.path.abspath, sys.path)),
    )
    length = len(opened).to_bytes(LENGTH_BYTES, "big")
    return msgspec.json.encode(told) + b"\n" + length + opened


def shipper_command() -> list[str]:
    """Return the command of a shipper; it needs no package but this one."""
    return [interpreter(), "-P", "-m", "hopsartifacts.serving.inference_log.shipper"]


def read_order(stdin: IO[bytes]) -> tuple[ShipperOrder, Storage]:
    """Return the order and the storage from *stdin*, and set the environment."""
    order = msgspec.json.decode(stdin.readline(), type=ShipperOrder)
    os.environ.update(order.environ)
    sys.path.extend(path for path in order.search if path not in sys.path)
    length = int.from_bytes(stdin.read(LENGTH_BYTES), "big")
    # Written by the process that started this one; no other has the pipe.
    storage: Storage = pickle.loads(stdin.read(length))  # noqa: S301 - see above
    return order, storage
