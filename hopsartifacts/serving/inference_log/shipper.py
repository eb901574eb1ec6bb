"""The shipper process, which ships waiting records periodically until it is stopped.

``orders`` describes its input. SIGTERM ends it in the same way as the end of its input.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.serving.inference_log.delivery import (
    NotDeliveredError,
    Produce,
    ship,
    waiting_bytes,
)
from hopsartifacts.serving.inference_log.orders import ShipperOrder, read_order
from hopsartifacts.serving.inference_log.spool import KeptRecord, Origin
from hopsartifacts.storage.contract import Storage

_LOOK_S = 1.0
_LAST_TRIES = 3
_LOG = logging.getLogger("hopsartifacts.serving")


def serve(stdin: IO[bytes]) -> None:
    """Run the order in *stdin* until *stdin* ends."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    # Ctrl-C in the terminal is for the owner, which then stops this process in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    order, storage = read_order(stdin)
    threading.Thread(
        target=_await_end, args=(stdin.fileno(), stop), daemon=True
    ).start()
    run(order, storage, stop, _Kafka().produce)


def run(
    order: ShipperOrder,
    storage: Storage,
    stop: threading.Event,
    produce: Produce | None = None,
) -> None:
    """Ship when enough waits or the interval is over, and once more after *stop*."""
    folder = Path(order.spool)
    shipped_s = time.monotonic()
    while not stop.wait(min(_LOOK_S, order.interval_s)):
        is_time = time.monotonic() - shipped_s >= order.interval_s
        if is_time or waiting_bytes(folder) >= order.ship_bytes:
            shipped_s = time.monotonic()
            if not _ship(folder, order, storage, produce):
                stop.wait(min(order.interval_s, _LOOK_S * 5))
    for _ in range(_LAST_TRIES):
        if _ship(folder, order, storage, produce):
            return
        time.sleep(min(order.interval_s, _LOOK_S))
    _LOG.error("the rest stays in %s for the next shipper or reader", folder)


def _ship(
    folder: Path, order: ShipperOrder, storage: Storage, produce: Produce | None
) -> bool:
    """Ship once and tell whether everything succeeded; failures are retried later."""
    try:
        failures = ship(folder, order.deployment, storage, produce).failures
    except (HopsArtifactsError, OSError) as error:
        failures = (str(error),)
    for failure in failures:
        _LOG.error("the inference log is not shipped yet: %s", failure)
    return not failures


def _await_end(stdin: int, stop: threading.Event) -> None:
    # Not through the file object: its lock would block the exit.
    while os.read(stdin, 4096):
        pass
    stop.set()


class _Kafka:
    """The Kafka sink, imported (it is an extra) when the first record needs it.

    The version that runs now does not decide that: records of an earlier one may wait.
    """

    def __init__(self) -> None:
        self._produce: Produce | None = None

    def produce(self, origin: Origin, records: Sequence[KeptRecord]) -> None:
        if self._produce is None:
            try:
                from hopsartifacts.serving.inference_log.kafka import (  # noqa: PLC0415 - see above
                    Kafka,
                )
            except ModuleNotFoundError as error:
                raise NotDeliveredError(
                    f"records for Kafka topic {origin.kafka_topic!r} wait, and "
                    f"{error.name} is not installed; run: "
                    'pip install "hopsartifacts[kafka]"'
                ) from error
            self._produce = Kafka().produce
        self._produce(origin, records)
