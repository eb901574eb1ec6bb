"""What a shipper is told, which is everything, through its standard input.

So credentials are on no command line, in no environment and in no file. The input is
one line of JSON, then the pickled storage behind its length. It stays open as long as
the shipper is wanted: when it ends (closed by the owner, or because the owner died) the
shipper ships what is left and ends.

Whoever stops a deployment ends its workers first and closes the input then, so that the
last flush has everything.
"""

import os
import pickle
import sys
from typing import IO

import msgspec

from hopsartifacts.errors import UnsupportedHereError
from hopsartifacts.serving.interpreter import interpreter
from hopsartifacts.storage.contract import Storage

INTERVAL_S = 60.0
"""How long a record waits at most, if nothing fails."""
SHIP_BYTES = 8 * 1024 * 1024
"""What does not wait for the interval."""
LENGTH_BYTES = 8


class ShipperOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a shipper is to do."""

    spool: str
    deployment: str
    interval_s: float = INTERVAL_S
    ship_bytes: int = SHIP_BYTES
    environ: dict[str, str] = {}
    """The environment of whoever opened the storage: what a client looks up there."""
    search: tuple[str, ...] = ()
    """Where the classes of the storage were found."""


def shipper_input(order: ShipperOrder, storage: Storage) -> bytes:
    """Return what is written to a new shipper's input, which then stays open.

    It holds credentials: keep it in memory, hand it on only through a pipe or a socket
    of this user. The environment and search path of this process go with it.

    Raises:
        UnsupportedHereError: no other process can open the storage.
    """
    if not storage.capabilities.is_shared:
        raise UnsupportedHereError(
            "no other process sees a project in memory: its inference log is shipped "
            "when it is read"
        )
    try:
        opened = pickle.dumps(storage)
    except Exception as error:
        # What cannot be pickled says so by any error there is.
        raise UnsupportedHereError(
            "the inference logger needs a storage that another process can open: make "
            f"{type(storage).__name__} one that can be pickled ({error})"
        ) from error
    told = msgspec.structs.replace(
        # Absolute: the shipper has another working folder.
        order,
        environ=dict(os.environ),
        search=tuple(map(os.path.abspath, sys.path)),
    )
    length = len(opened).to_bytes(LENGTH_BYTES, "big")
    return msgspec.json.encode(told) + b"\n" + length + opened


def shipper_command() -> list[str]:
    """Return the command of a shipper, which needs this package and nothing else."""
    return [interpreter(), "-P", "-m", "hopsartifacts.serving.inference_log"]


def read_order(stdin: IO[bytes]) -> tuple[ShipperOrder, Storage]:
    """Return what a shipper was told, with the environment in place."""
    order = msgspec.json.decode(stdin.readline(), type=ShipperOrder)
    os.environ.update(order.environ)
    sys.path.extend(path for path in order.search if path not in sys.path)
    length = int.from_bytes(stdin.read(LENGTH_BYTES), "big")
    # Written by the process that started this one; nobody else has the pipe.
    storage: Storage = pickle.loads(stdin.read(length))  # noqa: S301 - see above
    return order, storage
