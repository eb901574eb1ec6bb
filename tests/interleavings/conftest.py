"""What every exploration shares: one schedule, one result; and how much was seen."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.interleavings.explorer import (
    Explored,
    Scenario,
    explore,
    make_deterministic,
)


@pytest.fixture(autouse=True)
def _deterministic(monkeypatch: pytest.MonkeyPatch) -> None:
    make_deterministic(monkeypatch)


@contextmanager
def untraced() -> Iterator[None]:
    """Run the block without the measuring of coverage, which takes a third of it."""
    here, in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        sys.settrace(here)
        threading.settrace(in_threads)


@pytest.fixture
def explored(record_property: Callable[[str, object], None]) -> Callable[..., Explored]:
    def run(scenario: Scenario, *, at_least: int) -> Explored:
        with untraced():
            found = explore(scenario)
        record_property("explored", str(found))
        print(found)  # noqa: T201 - shown with -s
        assert found.states >= at_least, found
        return found

    return run
