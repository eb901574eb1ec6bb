"""The steps of a start, an update or a stop, from what a run has reported."""

from datetime import UTC, datetime, timedelta

import pytest

from hopsartifacts.deployments.progress import RunProgress, newest_progress
from hopsartifacts.serving.contract import Condition, ConditionType, Reported, Status

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MOVED = ["Updating SCHEDULED 1>2", "Updating INITIALIZED 1>2", "Updating STARTED 1>2"]
UP = ["Starting SCHEDULED 1", "Starting INITIALIZED 1", "Starting STARTED 1"]


def progress(*reports: str) -> RunProgress | None:
    """Return the progress after reports, a second each: ``status type version>next``.

    ``!`` at the end is a step that failed, ``?`` one that is in progress.
    """
    made = []
    for second, text in enumerate(reports):
        status, kind, *versions = text.rstrip("!?").split()
        before, _, following = versions[0].partition(">") if versions else ("", "", "")
        is_done = {"!": False, "?": None}.get(text[-1], True)
        made.append(reported(second, status, kind, is_done, before, following))  # type: ignore[arg-type]
    return newest_progress(made)


def reported(
    second: int,
    status: Status,
    kind: ConditionType,
    is_done: bool | None,
    version: str,
    following: str,
) -> Reported:
    """Return one report; its reason is its number."""
    return Reported(
        at=BEGIN + timedelta(seconds=second),
        status=status,
        condition=Condition(type=kind, status=is_done, reason=f"report {second}"),
        version=int(version) if version else None,
        next_version=int(following) if following else None,
    )


def words(found: RunProgress | None) -> str:
    """Return a progress as text: the status and second of each step, if any."""
    assert found is not None
    steps = [
        step.status + (f" {(step.at - BEGIN).seconds}" if step.at else "")
        for step in found.steps
    ]
    return f"{found.kind} {found.version}: {', '.join(steps)}"


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        (
            UP[:1],
            "start 1: done 0, running, waiting, waiting",
        ),
        (
            UP,
            "start 1: done 0, done 1, done 2, running",
        ),
        (
            [*UP, "Running READY 1"],
            "start 1: done 0, done 1, done 2, done 3",
        ),
        (
            [*UP[:2], "Failed STARTED!"],
            "start 1: done 0, done 1, failed 2, not reached",
        ),
        (
            [*UP[:2], "Failed INITIALIZED!"],
            "start 1: done 0, failed 2, not reached, not reached",
        ),
        (
            [*UP, "Running READY 1", "Running READY 1?", "Failed READY!"],
            "start 1: done 0, done 1, done 2, failed 5",
        ),
        (
            [*UP, "Running READY 1", "Running READY 1?"],
            "start 1: done 0, done 1, done 2, running",
        ),
        (
            [*UP, "Running READY 1", *MOVED[:2]],
            "update 2: done 4, done 5, running, waiting",
        ),
        (
            [*MOVED, "Updating READY 1>2?"],
            "update 2: done 0, done 1, done 2, running",
        ),
        (
            [*MOVED, "Updating READY 1>2?", "Running READY 2", "Idle READY 2"],
            "update 2: done 0, done 1, done 2, done 4",
        ),
        (
            [*MOVED[:2], "Running READY 1"],
            "update 2: done 0, done 1, failed 2, not reached",
        ),
        (
            [*MOVED[:2], "Running READY 1", "Updating SCHEDULED 1>3?"],
            "update 3: done 3, running, waiting, waiting",
        ),
        # A run does not report each step of several that follow each other quickly.
        ([UP[0], UP[2]], "start 1: done 0, done, done 1, running"),
        (
            [UP[0], UP[2], "Running READY 1"],
            "start 1: done 0, done, done 1, done 2",
        ),
        ([UP[0], "Running READY 1"], "start 1: done 0, done, done, done 1"),
        ([UP[2]], "start 1: done, done, done 0, running"),
        (
            [UP[0], "Failed STARTED!"],
            "start 1: done 0, done, failed 1, not reached",
        ),
        (
            [MOVED[0], MOVED[2], "Running READY 1"],
            "update 2: done 0, done, done 1, failed 2",
        ),
        ([*UP, "Stopping STOPPED?"], "stop None: running"),
        (
            [*UP, "Running READY 1", "Stopping STOPPED?", "Stopped STOPPED"],
            "stop None: done 5",
        ),
    ],
)
def test_the_newest_steps(reports: list[str], expected: str) -> None:
    assert words(progress(*reports)) == expected


def test_nothing_was_begun() -> None:
    assert progress() is None
    assert progress("Running READY 1") is None


def test_reasons_are_those_of_the_reports() -> None:
    found = progress(*UP[:2], "Failed STARTED!")
    assert found is not None
    assert [it.reason for it in found.steps] == [
        "report 0",
        "report 1",
        "report 2",
        None,
    ]
    names = [it.name for it in found.steps]
    assert names == ["SCHEDULED", "INITIALIZED", "STARTED", "READY"]
    assert found.began == BEGIN
