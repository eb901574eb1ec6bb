"""What a back end hands to the process it starts, and what that reports back."""

import os
from pathlib import Path

import msgspec

from hopsartifacts.serving.contract import Condition, Launch, Status


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a server process is told, in the file named on its command line.

    The two descriptors are inherited. The process serves nothing before it has
    read a byte from ``go_fd``: by then the back end has recorded it, so that no
    process can be alive that nobody knows of.
    """

    launch: Launch
    report_path: str
    listen_fd: int
    go_fd: int
    parent_pid: int | None = None
    """The process whose end also ends the deployment; None when detached."""
    spool_path: str | None = None
    """The folder in which logged exchanges wait; None where nothing is logged."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How far the process has come, in its own words."""

    status: Status
    condition: Condition


def read_handover(path: Path) -> Handover:
    """Read what the back end wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Handover)


def read_report(path: Path) -> Report | None:
    """Read the newest report; None before the first one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except (FileNotFoundError, msgspec.MsgspecError):
        # Only a crash of the machine damages the file.
        return None


def write_whole(path: Path, value: msgspec.Struct) -> None:
    """Replace the file at once, so that a reader never sees half of it."""
    half = path.with_name(f"{path.name}.{os.getpid()}.half")
    half.write_bytes(msgspec.json.encode(value))
    half.replace(path)
