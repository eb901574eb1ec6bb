"""Progress bars while a deployment starts and stops, as Hopsworks draws them.

A bar has one step for each condition on the way and one for each instance.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from hopsartifacts.serving.contract import ConditionType, RunState
from hopsartifacts.store.progress import is_terminal

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
    """Draw how far the start of *instances* has come; nothing if there are none."""
    with _drawn(f"Starting {name}", instances, read, started, wanted=wanted):
        yield


@contextmanager
def while_stopping(
    name: str, instances: int, read: Read, *, wanted: bool | None
) -> Iterator[None]:
    """Draw how far the end of *instances* has come; nothing if there are none."""

    def stopped(state: RunState) -> int:
        if state.status == "Stopped":
            return _steps(instances)
        return max(instances - _available(state), 0)

    with _drawn(f"Stopping {name}", instances, read, stopped, wanted=wanted):
        yield


def started(state: RunState) -> int:
    """Return how many steps of its start a deployment has done."""
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
            # Never back: the state before a start is the end of another run.
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
        # Imported late: most never see it, and it is optional.
        from tqdm.auto import tqdm  # noqa: PLC0415 - see above
    except ModuleNotFoundError:
        return None
    form = "{desc} |{bar}| {n_fmt}/{total_fmt}"
    return tqdm(total=total, desc=words, bar_format=form, file=sys.stderr)


def _steps(instances: int) -> int:
    return len(_WAY) - 1 + instances


def _available(state: RunState) -> int:
    return state.available_predictor_instances + state.available_transformer_instances
