"""The commands ``hopsartifacts artifacts``."""

import click

from hopsartifacts.artifacts.documents import ArtifactVersion
from hopsartifacts.artifacts.handle import Artifacts
from hopsartifacts.cli.output import size, table
from hopsartifacts.cli.session import YES, Session, confirm, project_options

MODEL = click.argument("model")
VERSION = click.argument("version", type=int)


@click.group("artifacts")
def command() -> None:
    """Show and delete the artifact versions of a model version."""


@command.command("list")
@MODEL
@VERSION
@project_options
def list_artifacts(session: Session, model: str, version: int) -> None:
    """List the artifact versions of a model version; 0 always exists and is empty."""
    found = _artifacts(session, model, version).list()
    rows = (
        (number, ", ".join(file.path for file in it.files), it.identity)
        for number, it in found.items()
    )
    document = [{"version": number, **_summary(it)} for number, it in found.items()]
    session.show(document, table(("VERSION", "FILES", "IDENTITY"), rows))


@command.command()
@MODEL
@VERSION
@click.argument("artifact", type=int)
@project_options
def show(session: Session, model: str, version: int, artifact: int) -> None:
    """Show the files of an artifact version."""
    found = _artifacts(session, model, version).get(artifact)
    rows = (
        (file.role, file.path, size(file.digest.size_bytes), file.digest.sha256)
        for file in found.files
    )
    header = ("ROLE", "PATH", "SIZE", "SHA-256")
    session.show({"version": artifact, **_summary(found)}, table(header, rows))


@command.command()
@MODEL
@VERSION
@click.argument("first", type=int)
@click.argument("second", type=int)
@project_options
def diff(session: Session, model: str, version: int, first: int, second: int) -> None:
    """Show the files and lines of artifact SECOND that differ from FIRST."""
    found = _artifacts(session, model, version).diff(first, second)
    session.show(found, found)


@command.command()
@MODEL
@VERSION
@click.argument("artifact", type=int)
@YES
@project_options
def delete(
    session: Session, model: str, version: int, artifact: int, *, yes: bool
) -> None:
    """Delete an artifact version that no deployment uses; its number is not reused."""
    artifacts = _artifacts(session, model, version)
    found = artifacts.get(artifact)
    name = f"artifact version {artifact} of {model} version {version}"
    confirm(f"Delete {name} permanently?", yes=yes)
    artifacts.delete(artifact)
    session.show({"version": artifact, **_summary(found)}, f"Deleted {name}")


def _artifacts(session: Session, model: str, version: int) -> Artifacts:
    project = session.project()
    found = project.get_model_registry().get_model(model, version)
    return project.get_model_serving().get_artifacts(found)


def _summary(artifact: ArtifactVersion) -> dict[str, object]:
    return {"identity": artifact.identity, "files": artifact.files}
