"""``hopsartifacts gc``."""

import click

from hopsartifacts.cli.session import Session, project_argument
from hopsartifacts.cli.values import seconds
from hopsartifacts.guard.gc import GRACE_S


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Only say what would be freed.")
@click.option(
    "--grace",
    "grace_s",
    type=seconds,
    default=f"{GRACE_S / 3600:g}h",
    show_default=True,
    metavar="TIME",
    help="Leave alone what a writer may be at work on, if it is younger: seconds, or "
    "like 30m, 24h, 7d.",
)
@project_argument
def command(session: Session, *, dry_run: bool, grace_s: float) -> None:
    """Free what no version needs any more.

    That is what deleted versions and writers that are gone left behind, and the states
    of old log entries. It is safe beside writers.

    What cannot be freed, as it is another user's, is named, and the rest is freed. The
    exit code is then 1.
    """
    report = session.project().gc(dry_run=dry_run, grace_s=grace_s)
    session.report(report, size_bytes=report.size_bytes)
