"""What a run has reported so far, each with its time: a file beside its newest report.

The newest report alone says how far a run is. The history also says when it got there.
"""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.serving.contract import Reported

MOST_KEPT = 100
"""The newest reports; a run that changes its state again and again has more."""


def history_path(report: Path) -> Path:
    """Return the path of the history beside the newest report at *report*."""
    return report.with_name(report.name.replace("state", "history", 1))


def read_history(report: Path) -> list[Reported]:
    """Return what the run with its newest report at *report* reported, oldest first."""
    try:
        data = history_path(report).read_bytes()
        return msgspec.json.decode(data, type=list[Reported])
    except (OSError, msgspec.MsgspecError):
        # Only a crash of the machine can damage the file.
        return []


def add_to_history(report: Path, reported: Reported) -> None:
    """Add *reported*, unless it says the same as what was reported before."""
    known = read_history(report)
    at = datetime.now(UTC)
    if known and msgspec.structs.replace(known[-1], at=at) == (
        msgspec.structs.replace(reported, at=at)
    ):
        return
    kept = [*known, reported][-MOST_KEPT:]
    # A full disk must not end the keeper.
    with suppress(OSError), written_aside(history_path(report), is_durable=False) as it:
        it.write(msgspec.json.encode(kept))
