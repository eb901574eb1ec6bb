"""The process that races for the doctor: it opens the storage anew and takes orders.

Run as ``python -m hopsartifacts.guard.rival``. A pickled storage comes first on its
standard input, then one order a line; each is answered by one line.
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


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a rival has to do: create an object at a moment, or look for it."""

    kind: Literal["create", "look"]
    path: str
    data: str = ""
    at: float = 0.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an order."""

    is_yes: bool = False
    """It was told that it created the object; or it sees it in its folder's listing."""
    data: str = ""
    error: str | None = None


def main() -> None:
    """Serve until the input ends."""
    # Whatever prints must not speak in between.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    storage = _opened(sys.stdin.buffer)
    _say(answers, Answer())
    for line in sys.stdin.buffer:
        _say(answers, _answered(storage, msgspec.json.decode(line, type=Order)))


def _opened(orders: BinaryIO) -> Storage:
    length = int.from_bytes(orders.read(LENGTH_BYTES), "big")
    storage: Storage = pickle.loads(orders.read(length))  # noqa: S301 - of the doctor that started this process
    return storage


def _say(answers: BinaryIO, answer: Answer) -> None:
    answers.write(msgspec.json.encode(answer) + b"\n")
    answers.flush()


def _answered(storage: Storage, order: Order) -> Answer:
    try:
        if order.kind == "create":
            time.sleep(max(0.0, order.at - time.time()))
            return Answer(is_yes=storage.create(order.path, order.data.encode()))
        folder = order.path.rpartition("/")[0]
        return Answer(
            is_yes=order.path in {entry.path for entry in storage.list(folder)},
            data=storage.read(order.path).decode(errors="replace"),
        )
    except HopsArtifactsError as error:
        return Answer(error=str(error))


if __name__ == "__main__":
    main()
