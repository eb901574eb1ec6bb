"""The command that starts a keeper: ``python -m … <order file>``."""

import os
import select
import socket
import sys
from pathlib import Path
from typing import NoReturn

import msgspec

from hopsartifacts.serving.local.control import LENGTH_BYTES, Helper, read_order
from hopsartifacts.serving.local.keeper.supervision import Keeper

_GO_TIMEOUT_S = 60.0


def main(path: Path) -> NoReturn:
    """Run the keeper that the order file describes, once the back end confirms it."""
    order = read_order(path)
    listener = socket.socket(fileno=order.listen_fd)
    ready, _, _ = select.select([order.go_fd], [], [], _GO_TIMEOUT_S)
    with os.fdopen(order.go_fd, "rb") as go:
        # The back end died before it confirmed the start.
        if not ready or go.read(1) != b"1":
            sys.exit(1)
        length = int.from_bytes(go.read(LENGTH_BYTES), "big")
        helper = msgspec.json.decode(go.read(length), type=Helper | None)
    os.set_inheritable(order.listen_fd, False)  # noqa: FBT003 - the function's
    sys.exit(Keeper(order, helper, listener).run())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
