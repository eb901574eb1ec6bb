"""The commands ``verify``, ``repair``, ``gc`` and ``doctor``, which check a project."""

import click

from hopsartifacts.cli.output import progress
from hopsartifacts.cli.session import Session, project_argument
from hopsartifacts.cli.values import seconds
from hopsartifacts.guard.gc import GRACE_S


@click.command("verify")
@project_argument
def verify(session: Session) -> None:
    """Compare every managed file with its sealed digest.

    The exit code is 1 if anything differs.
    """
    project = session.project()
    with progress("Checking") as bar:
        report = project.verify(callback=bar)
    session.report(report)


@click.command("repair")
@click.option("--bundle", metavar="FILE", help="A bundle to restore missing data from.")
@project_argument
def repair(session: Session, bundle: str | None) -> None:
    """Undo every change of managed files that can be undone.

    Replaced and extra files are moved aside, never deleted. The exit code is 1 if
    anything still differs.
    """
    project = session.project()
    with progress("Checking") as bar:
        report = project.repair(bundle=bundle, callback=bar)
    session.report(report)


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
def gc(session: Session, *, dry_run: bool, grace_s: float) -> None:
    """Delete data that no version needs any more.

    This is data of deleted versions and of crashed writers. It is safe to run while
    other processes write.

    Data that cannot be deleted because it belongs to another user is listed, and
    everything else is deleted. The exit code is then 1.
    """
    report = session.project().gc(dry_run=dry_run, grace_s=grace_s)
    session.report(report, size_bytes=report.size_bytes)


@click.command("doctor")
@project_argument
def doctor(session: Session) -> None:
    """Test whether a back end gives the guarantees that a project needs.

    Lets real writers race at URL, prints the results and the consequences of each
    failure, and stores the verdict in the project. Small objects are created and
    deleted again. The exit code is 0 only if a project can be kept there.
    """
    session.report(session.project(may_be_new=True).doctor())
