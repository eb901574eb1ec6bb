"""The sidecar from its start to its end, which comes after that of the main container.

A pod's spool is deleted with the pod, so the sidecar has to be the last to end. When it
is asked to end, it goes on until no process writes to the spool, ships the rest, and
then ends. If the sink does not take the rest, it tries again until it is killed.
"""

import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from hopsartifacts.errors import HopsArtifactsError, InvalidInputError
from hopsartifacts.pods.launch_file import read_launch
from hopsartifacts.pods.serving.options import SPOOL, SPOOL_PATH
from hopsartifacts.pods.termination import say, say_last
from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.inference_log.orders import INTERVAL_S, ShipperOrder
from hopsartifacts.serving.inference_log.shipper import (
    LateKafka,
    has_writers,
    log_to_stderr,
    run,
    waiting_bytes,
)
from hopsartifacts.serving.process_environment import seconds_in
from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage

SHIP_SECONDS = "HOPSARTIFACTS_SHIP_SECONDS"
"""The longest time that a record waits if nothing fails."""

_LOOK_S = 0.2
_AGAIN_S = 2.0


def main(arguments: Sequence[str]) -> int:
    """Ship until asked to end; return the exit code of the container."""
    log_to_stderr()
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    try:
        launch, order = _orders(arguments)
        if launch.logging is None:
            say(f"deployment {launch.deployment!r} has no inference logger: idle")
            ending.wait()
        else:
            _ship(order, connect(launch.project_url), ending)
    except HopsArtifactsError as error:
        say_last(str(error))
        return 1
    return 0


def _orders(arguments: Sequence[str]) -> tuple[Launch, ShipperOrder]:
    if len(arguments) != 1:
        raise InvalidInputError(
            f"the command has the arguments {list(arguments)}; give one: the launch "
            "file"
        )
    launch = read_launch(Path(arguments[0]))
    text = os.environ.get(SHIP_SECONDS, str(INTERVAL_S))
    interval_s = seconds_in(text)
    if not 0 < interval_s < threading.TIMEOUT_MAX:
        raise InvalidInputError(
            f"{SHIP_SECONDS} is {text!r}: give a number of seconds above 0; the "
            f"default is {INTERVAL_S:g}"
        )
    spool = os.environ.get(SPOOL, SPOOL_PATH)
    order = ShipperOrder(
        spool=spool, deployment=launch.deployment, interval_s=interval_s
    )
    return launch, order


def _ship(order: ShipperOrder, storage: Storage, ending: threading.Event) -> None:
    folder, produce = Path(order.spool), LateKafka().produce
    stop = threading.Event()

    def await_writers() -> None:
        ending.wait()
        say("asked to end: waits for the main container, then ships the rest")
        while has_writers(folder):
            time.sleep(_LOOK_S)
        stop.set()

    threading.Thread(target=await_writers, daemon=True).start()
    say(f"ships what is recorded in {folder}")
    run(order, storage, stop, produce, ending)
    while left := waiting_bytes(folder):
        say_last(
            f"{left} bytes of the inference log could not be shipped yet; the log of "
            "this container says why; it tries again until it is killed"
        )
        time.sleep(_AGAIN_S)
        run(order, storage, stop, produce, ending)
    say("everything is shipped")
