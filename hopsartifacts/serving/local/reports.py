"""Reports of a keeper on the progress of its run; the first final one is kept."""

import signal
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec.structs import replace

from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.serving.contract import (
    Condition,
    ConditionType,
    DeploymentKey,
    Status,
)
from hopsartifacts.serving.runtime.failures import MOST_CHARACTERS, sayable

REASON_CHARS = MOST_CHARACTERS + 1000
"""The longest reason in a state: an error of a script, and the step that failed."""

_FINAL = frozenset({"Failed", "Stopped"})


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The progress of a run, as its keeper reports it."""

    status: Status
    condition: Condition
    deployment: DeploymentKey | None = None
    """The key with the version that serves, or is about to."""
    available: int = 0
    """How many workers accept requests."""
    has_transformer: bool = False
    grpc_port: int | None = None


class RunReporter:
    """Writes reports that differ from the last one; silent after a final report."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: Report | None = None

    def say(self, report: Report) -> None:
        """Write *report* as the newest."""
        is_final = self._last is not None and self._last.status in _FINAL
        if not is_final and report != self._last:
            # If this fails, as on a full disk, the next call tries again.
            with suppress(OSError):
                write_whole(self._path, bounded(report))
                self._last = report


def bounded(report: Report) -> Report:
    """Return *report* with its reason cut to ``REASON_CHARS``."""
    reason = report.condition.reason
    if reason is None or len(reason) <= REASON_CHARS:
        return report
    short = replace(report.condition, reason=sayable(reason, REASON_CHARS))
    return replace(report, condition=short)


def final(
    status: Status, step: ConditionType, reason: str, *, is_well: bool = False
) -> Report:
    """Return the last report of a run."""
    condition = Condition(type=step, status=is_well, reason=reason)
    return Report(status=status, condition=condition)


def stopped(reason: str) -> Report:
    """Return the report of a run that was stopped on request."""
    return final("Stopped", "STOPPED", reason, is_well=True)


def read_report(path: Path) -> Report | None:
    """Return the newest report; None before the first one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except (FileNotFoundError, msgspec.MsgspecError):
        # Only a crash of the machine can damage the file.
        return None


def write_whole(path: Path, value: msgspec.Struct) -> None:
    """Replace the file atomically, so that readers never see a part of it."""
    with written_aside(path, is_durable=False) as file:
        file.write(msgspec.json.encode(value))


def end_in_words(exit_code: int | None) -> str:
    """Return how a process ended, by its exit code (negative: the signal) if known."""
    if exit_code is None:
        return "the server process is gone: it was killed, or the machine restarted"
    if exit_code >= 0:
        return f"the server process ended with exit code {exit_code}"
    try:
        name = f" ({signal.Signals(-exit_code).name})"
    except ValueError:
        name = ""
    return f"the server process ended with signal {-exit_code}{name}"
