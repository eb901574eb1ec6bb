"""The user's view of a deployment's state, and progress bars for starts and stops.

A bar has one step for each condition of the start, and one for each instance.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

import msgspec

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.machine.progress import is_terminal
from hopsartifacts.serving.contract import (
    COMPONENTS,
    UP,
    Component,
    ConditionType,
    LastError,
    RunState,
)

VARIABLE = "HOPSARTIFACTS_PROGRESS"

_WAY: tuple[ConditionType, ...] = (
    "STOPPED",
    "SCHEDULED",
    "INITIALIZED",
    "STARTED",
    "READY",
)
_PAUSE_S = 0.1

Read = Callable[[], RunState]


@contextmanager
def while_starting(
    name: str, instances: int, read: Read, *, wanted: bool | None
) -> Iterator[None]:
    """Draw the progress of a start within the block; nothing without *instances*."""
    with _drawn(f"Starting {name}", instances, read, started, wanted=wanted):
        yield


@contextmanager
def while_stopping(
    name: str, instances: int, read: Read, *, wanted: bool | None
) -> Iterator[None]:
    """Draw the progress of a stop within the block; nothing without *instances*."""

    def stopped(state: RunState) -> int:
        if state.status == "Stopped":
            return _steps(instances)
        return max(instances - _available(state), 0)

    with _drawn(f"Stopping {name}", instances, read, stopped, wanted=wanted):
        yield


def started(state: RunState) -> int:
    """Return how many steps of the start are complete."""
    if state.condition is None or state.status in {"Created", "Stopped", "Failed"}:
        return 0
    return _WAY.index(state.condition.type) + _available(state)


@contextmanager
def _drawn(
    words: str,
    instances: int,
    read: Read,
    done: Callable[[RunState], int],
    *,
    wanted: bool | None,
) -> Iterator[None]:
    total = _steps(instances)
    is_shown = instances and sys.stderr is not None and _is_shown(wanted)
    bar = _bar(words, total) if is_shown else None
    if bar is None:
        yield
        return
    is_over = Event()

    def draw() -> None:
        while not is_over.wait(_PAUSE_S):
            state = read()
            reason = state.condition.reason if state.condition else None
            bar.set_description_str(f"{words}: {reason or state.status}", refresh=False)
            # Never move back: the state before a start belongs to an earlier run.
            bar.n = max(bar.n, min(done(state), total))
            bar.refresh()

    thread = Thread(target=draw, name="hopsartifacts-progress", daemon=True)
    thread.start()
    is_whole = False
    try:
        yield
        is_whole = True
    finally:
        is_over.set()
        thread.join()
        if is_whole:
            bar.n = total
            bar.set_description_str(f"{words}: done")
        bar.close()


def _is_shown(wanted: bool | None) -> bool:
    if wanted is not None:
        return wanted
    if os.environ.get(VARIABLE) == "0":
        return False
    return "ipykernel" in sys.modules or is_terminal(sys.stderr)


def _bar(words: str, total: int) -> Any:
    try:
        # Imported late: it is optional, and rarely needed.
        from tqdm.auto import tqdm  # noqa: PLC0415 - see above
    except ModuleNotFoundError:
        return None
    form = "{desc} |{bar}| {n_fmt}/{total_fmt}"
    return tqdm(total=total, desc=words, bar_format=form, file=sys.stderr)


def _steps(instances: int) -> int:
    return len(_WAY) - 1 + instances


def _available(state: RunState) -> int:
    return state.available_predictor_instances + state.available_transformer_instances


class PredictorState:
    """The state of a deployment's processes at the time of the call."""

    def __init__(self, name: str, run: RunState) -> None:
        self._name = name
        self._run = run

    @property
    def status(self) -> str:
        """``Created``, ``Starting``, ``Running``, ``Failed``, ``Stopped`` …."""
        return self._run.status

    @property
    def condition(self) -> Any:
        """The step that was reached: ``type``, ``status`` and ``reason``; or None."""
        return self._run.condition

    @property
    def last_error(self) -> LastError | None:
        """The last error of the newest run: ``message``, ``file``, ``line`` …; or None.

        The run may have ended.
        """
        return self._run.last_error

    @property
    def available_predictor_instances(self) -> int:
        """The number of predictors that answer."""
        return self._run.available_predictor_instances

    @property
    def available_transformer_instances(self) -> int:
        """The number of transformers that answer."""
        return self._run.available_transformer_instances

    @property
    def deployed(self) -> bool:
        """Whether anything runs."""
        return self.status in UP

    @property
    def started(self) -> datetime | None:
        """The time at which the run was started; None if nothing runs."""
        seconds = self._run.started_s
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

    @property
    def deployment_version(self) -> int | None:
        """The version that runs; None if nothing runs."""
        return self._run.deployment_version

    @property
    def revision(self) -> str | None:
        """The id of the run."""
        return self._run.revision

    @property
    def internal_port(self) -> int | None:
        """The port of the model server."""
        return self._run.port

    @property
    def grpc_port(self) -> int | None:
        """The port for requests over gRPC; None if there is none."""
        return self._run.grpc_port

    @property
    def hopsworks_inference_path(self) -> str | None:
        """The URL for prediction requests; None if nothing runs."""
        return self._inference_url()

    @property
    def model_server_inference_path(self) -> str | None:
        """The URL for prediction requests; None if nothing runs."""
        return self._inference_url()

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "status": self.status,
            "condition": msgspec.to_builtins(self.condition),
            "deployed": self.deployed,
            "deployment_version": self.deployment_version,
            "revision": self.revision,
            "available_predictor_instances": self.available_predictor_instances,
            "available_transformer_instances": self.available_transformer_instances,
            "internal_port": self.internal_port,
            "grpc_port": self.grpc_port,
            "inference_url": self._inference_url(),
            "last_error": msgspec.to_builtins(self.last_error),
        }

    def describe(self) -> None:
        """Print the state."""
        text = msgspec.json.format(msgspec.json.encode(self.to_dict()), indent=2)
        print(text.decode())  # noqa: T201 - that is what it is for

    def __repr__(self) -> str:
        return f"PredictorState(status: {self.status!r})"

    def _inference_url(self) -> str | None:
        url = self._run.url
        return f"{url}/v1/models/{self._name}:predict" if url else None


def component_name(given: str) -> Component:
    """Return *given* if it is the name of a component.

    Raises:
        InvalidInputError: it is not.
    """
    for known in COMPONENTS:
        if given == known:
            return known
    raise InvalidInputError(f"component {given!r}: use one of {', '.join(COMPONENTS)}")
