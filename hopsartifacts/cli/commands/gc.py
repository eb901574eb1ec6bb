"""The command ``hopsartifacts gc``."""

import click

from hopsartifacts.cli.session import Session, project_argument
from hopsartifacts.cli.values import seconds
from hopsartifacts.guard.gc import GRACE_S


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Only print what would be freed.")
@click.option(
    "--grace",
    "grace_s",
    type=seconds,
    default=f"{GRACE_S / 3600:g}h",
    show_default=True,
    metavar="TIME",
    help="Keep unfinished data that is younger, as its writer may still be working: "
    "seconds, or like 30m, 24h, 7d.",
)
@project_argument
def command(session: Session, *, dry_run: bool, grace_s: float) -> None:
    """Delete data that no version needs any more.

    This is data of deleted versions and of crashed writers, and the states in old log
    entries. It is safe to run while other processes write.

    Data that cannot be deleted because it belongs to another user is listed, and
    everything else is deleted. The exit code is then 1.
    """
    report = session.project().gc(dry_run=dry_run, grace_s=grace_s)
    session.report(report, size_bytes=report.size_bytes)
