"""What every exploration shares: one schedule, one result; and how much was seen."""

from collections.abc import Callable

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


@pytest.fixture
def explored(record_property: Callable[[str, object], None]) -> Callable[..., Explored]:
    def run(scenario: Scenario, *, at_least: int) -> Explored:
        found = explore(scenario)
        record_property("explored", str(found))
        print(found)  # noqa: T201 - shown with -s
        assert found.states >= at_least, found
        return found

    return run
