"""The child process for races of the doctor: it opens the storage and runs orders.

Run as ``python -m hopsartifacts.guard.rival``. Standard input provides a pickled
storage, then one order per line; each is answered by one line.
"""

import os
import pickle
import sys
import time
from typing import BinaryIO, Literal

import msgspec

from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.storage.contract import Storage

LENGTH_BYTES = 8


class RivalOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order for the child: create an object at a given time, or look for it."""

    kind: Literal["create", "look"]
    path: str
    data: str = ""
    at: float = 0.0


class RivalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an order."""

    is_yes: bool = False
    """Whether it created the object, or found it in the listing of its folder."""
    data: str = ""
    error: str | None = None


def main() -> None:
    """Answer orders until the input ends."""
    # Redirect other output, so that it does not mix with the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    storage = _opened(sys.stdin.buffer)
    _say(answers, RivalAnswer())
    for line in sys.stdin.buffer:
        _say(answers, _answered(storage, msgspec.json.decode(line, type=RivalOrder)))


def _opened(orders: BinaryIO) -> Storage:
    length = int.from_bytes(orders.read(LENGTH_BYTES), "big")
    storage: Storage = pickle.loads(orders.read(length))  # noqa: S301 - from the doctor, our parent
    return storage


def _say(answers: BinaryIO, answer: RivalAnswer) -> None:
    answers.write(msgspec.json.encode(answer) + b"\n")
    answers.flush()


def _answered(storage: Storage, order: RivalOrder) -> RivalAnswer:
    try:
        if order.kind == "create":
            time.sleep(max(0.0, order.at - time.time()))
            return RivalAnswer(is_yes=storage.create(order.path, order.data.encode()))
        folder = order.path.rpartition("/")[0]
        return RivalAnswer(
            is_yes=order.path in {entry.path for entry in storage.list(folder)},
            data=storage.read(order.path).decode(errors="replace"),
        )
    except HopsArtifactsError as error:
        return RivalAnswer(error=str(error))


if __name__ == "__main__":
    main()
