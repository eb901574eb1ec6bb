"""The commands ``hopsartifacts deployments``."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from hopsartifacts.cli.output import listing, table
from hopsartifacts.cli.phrases import in_commands
from hopsartifacts.cli.session import YES, Session, confirm, project_options
from hopsartifacts.cli.settings import settings_given, settings_options
from hopsartifacts.cli.values import json_file
from hopsartifacts.deployments.checks import WantedDeployment
from hopsartifacts.deployments.cluster import cluster_settings, write_base
from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.environment import freeze as freeze_environment
from hopsartifacts.deployments.history import summary
from hopsartifacts.deployments.parts import default_limits
from hopsartifacts.deployments.requests import DEFAULT_TOLERANCE
from hopsartifacts.deployments.settings import PLAIN
from hopsartifacts.documents import encode_pretty
from hopsartifacts.serving.contract import COMPONENTS
from hopsartifacts.serving.kserve.settings import SETTINGS_VARIABLE, Mode

NAME = click.argument("name")
VERSION = click.argument("version", type=int)
WHY = click.option("--why", default="", help="A reason, for the history.")
WAIT = click.option("--wait", type=int, default=120, show_default=True, help="Seconds.")
IGNORE_ENVIRONMENT = click.option(
    "--ignore-environment",
    is_flag=True,
    help="Do not check that the packages of its lock and of its scripts' imports are "
    "installed.",
)


@click.group("deployments")
def command() -> None:
    """Create, find, start and stop deployments."""


@command.command("list")
@click.option("--model", help="Only deployments of this model.")
@click.option("--status", help="Only deployments in this state.")
@project_options
def list_deployments(session: Session, model: str | None, status: str | None) -> None:
    """List the deployments."""
    project = session.project()
    found = project.get_model_serving().get_deployments(model, status)
    states = [deployment.get_state().status for deployment in found]
    document = [
        {**_summary(deployment), "status": state}
        for deployment, state in zip(found, states, strict=True)
    ]
    header = ("NAME", "VERSION", "MODEL", "ARTIFACT", "TOOL", "STATUS")
    rows = (
        (
            *(it.name, it.version, f"{it.model_name} {it.model_version}"),
            *(it.artifact_version, it.serving_tool, state),
        )
        for it, state in zip(found, states, strict=True)
    )
    session.show(document, table(header, rows, f"no deployments in {project.url}"))


@command.command()
@NAME
@project_options
def show(session: Session, name: str) -> None:
    """Show the specification and the state of a deployment."""
    deployment = session.deployment(name)
    state = deployment.get_state().to_dict()
    document = {
        **_summary(deployment),
        "state": state,
        "specification": deployment.specification,
    }
    shown = {
        **_summary(deployment),
        "script": deployment.script_file,
        "configuration": deployment.config_file,
        **_settings(deployment),
        "status": state["status"],
        "inference URL": state["inference_url"],
    }
    session.show(
        document, listing((k, it) for k, it in shown.items() if it is not None)
    )


@command.command()
@click.argument("model")
@click.argument("version", type=int, required=False)
@click.option("--name", help="By default derived from the model's name.")
@settings_options
@WHY
@IGNORE_ENVIRONMENT
@click.option("--dry-run", is_flag=True, help="Only show what would happen.")
@project_options
def create(
    session: Session,
    model: str,
    version: int | None,
    name: str | None,
    *,
    why: str,
    ignore_environment: bool,
    dry_run: bool,
    **options: Any,
) -> None:
    """Save a deployment of a version, by default the latest, without starting it.

    If the name belongs to a deployment of the same model, that deployment gets a new
    version, and moves to it if it is running.
    """
    project = session.project()
    serving = project.get_model_serving()
    found = project.get_model_registry().get_model(model, version)
    settings = settings_given(options)
    if dry_run:
        wanted = WantedDeployment(
            settings={"name": name, **settings},
            model=found.name,
            model_version=found.version,
            adopt=True,
        )
        checked = serving.check_deployment(wanted)
        session.show(checked, in_commands(str(checked)))
        if not checked.is_valid:
            click.get_current_context().exit(1)
        return
    # The library prints text, but standard output may have to be JSON.
    with redirect_stdout(sys.stderr):
        deployment = serving.deploy_model(
            found,
            name=name,
            why=why,
            ignore_environment=ignore_environment,
            **settings,
        )
    text = f"Saved {deployment.name} version {deployment.version}"
    session.show(_summary(deployment), f"{text}\n{deployment.explain()}")


@command.command()
@NAME
@click.option(
    "--model-version", type=int, help="Another version of the model to deploy."
)
@settings_options
@WHY
@WAIT
@IGNORE_ENVIRONMENT
@project_options
def update(
    session: Session,
    name: str,
    model_version: int | None,
    *,
    why: str,
    wait: int,
    ignore_environment: bool,
    **options: Any,
) -> None:
    """Change the given settings of a deployment, and keep all others.

    The deployment gets a new version, and moves to it if it is running. An empty text
    removes a setting: --transformer "", --batch-size "".
    """
    deployment = session.deployment(name)
    before, old = deployment.version, deployment.specification
    if model_version is not None:
        deployment.model_version = model_version
    deployment.change(**settings_given(options, deployment))
    deployment.save(wait, why=why, ignore_environment=ignore_environment)
    if deployment.version == before:
        text = f"Nothing changed: {name} stays at version {before}"
    else:
        changes = summary(old, deployment.specification)
        text = f"Saved {name} version {deployment.version} ({changes})"
    session.show(_summary(deployment), text)


@command.command()
@NAME
@click.option("--port", type=int, help="By default a free one.")
@WAIT
@IGNORE_ENVIRONMENT
@project_options
def start(
    session: Session,
    name: str,
    port: int | None,
    wait: int,
    *,
    ignore_environment: bool,
) -> None:
    """Run a deployment on this machine until it is stopped."""
    deployment = session.deployment(name)
    # Detached, because this process ends now.
    if not deployment.is_running():
        deployment.start(
            wait, port=port, detach=True, ignore_environment=ignore_environment
        )
    state = deployment.get_state().to_dict()
    session.show(state, state["inference_url"] or state["status"])


@command.command()
@NAME
@project_options
def stop(session: Session, name: str) -> None:
    """Stop the processes of a deployment on this machine."""
    deployment = session.deployment(name)
    deployment.stop()
    session.show(deployment.get_state().to_dict(), f"Stopped {name}")


@command.command()
@NAME
@click.option(
    "--data",
    type=json_file,
    metavar="FILE",
    required=True,
    help="Rows, or a whole request, as JSON; - for stdin.",
)
@project_options
def predict(session: Session, name: str, data: Any) -> None:
    """Send a request to a running deployment and print its predictions."""
    deployment = session.deployment(name)
    request = {"data": data} if isinstance(data, dict) else {"inputs": data}
    answer = deployment.predict(**request)
    session.show(answer, encode_pretty(answer).decode().rstrip())


@command.command()
@NAME
@click.option("--component", type=click.Choice(COMPONENTS), default="predictor")
@click.option("--tail", type=int, default=10, show_default=True, help="Lines.")
@click.option("--follow", is_flag=True, help="Also print new lines until it ends.")
@project_options
def logs(
    session: Session, name: str, component: str, tail: int, *, follow: bool
) -> None:
    """Show the last lines of the log of the newest run."""
    deployment = session.deployment(name)
    if follow:
        for line in deployment.follow_logs(component, tail):
            session.show({"line": line}, line)
        return
    text = deployment.read_logs(component, tail)
    session.show({"log": text}, text)


@command.command()
@NAME
@click.option("--force", is_flag=True, help="Stop it first if it is running.")
@YES
@project_options
def delete(session: Session, name: str, *, force: bool, yes: bool) -> None:
    """Delete a deployment; its model and artifact stay."""
    deployment = session.deployment(name)
    confirm(f"Delete deployment {name}?", yes=yes)
    document = _summary(deployment)
    deployment.delete(force)
    session.show(document, f"Deleted {name}")


@command.command()
@NAME
@project_options
def versions(session: Session, name: str) -> None:
    """List the versions of a deployment, newest first."""
    deployment = session.deployment(name)
    found = deployment.get_versions()
    rows = (
        (
            *(it.version, "*" if it.is_active else "", it.created[:19], it.creator),
            f"{it.specification.model.name} {it.specification.model.version}",
            *(it.specification.artifact.version, it.specification.description),
        )
        for it in found
    )
    header = (
        "VERSION",
        "ACTIVE",
        "CREATED",
        "CREATOR",
        "MODEL",
        "ARTIFACT",
        "DESCRIPTION",
    )
    session.show(found, table(header, rows))


@command.command()
@NAME
@click.argument("first", type=int)
@click.argument("second", type=int, required=False)
@project_options
def diff(session: Session, name: str, first: int, second: int | None) -> None:
    """Show the differences from version FIRST to SECOND, by default the active one."""
    deployment = session.deployment(name)
    found = deployment.diff(first, second)
    session.show(found, found)


@command.command()
@NAME
@project_options
def history(session: Session, name: str) -> None:
    """Show each change of the active version, newest first, with user and reason."""
    deployment = session.deployment(name)
    found = deployment.get_history()
    rows = ((it.when[:19], it.version, it.cause, it.by, it.why) for it in found)
    session.show(found, table(("WHEN", "VERSION", "CAUSE", "BY", "WHY"), rows))


@command.command()
@NAME
@VERSION
@WHY
@WAIT
@IGNORE_ENVIRONMENT
@project_options
def rollback(
    session: Session,
    name: str,
    version: int,
    *,
    why: str,
    wait: int,
    ignore_environment: bool,
) -> None:
    """Make a version active again; a running deployment moves to it."""
    deployment = session.deployment(name)
    deployment.rollback(version, wait, why=why, ignore_environment=ignore_environment)
    active = deployment.version
    session.show(_summary(deployment), f"Version {active} of {name} is active")


@command.command("delete-version")
@NAME
@VERSION
@YES
@project_options
def delete_version(session: Session, name: str, version: int, *, yes: bool) -> None:
    """Delete a version that is not active, so that its model can be deleted too."""
    deployment = session.deployment(name)
    confirm(f"Delete version {version} of deployment {name}?", yes=yes)
    deployment.delete_version(version)
    document = {"name": name, "version": version}
    session.show(document, f"Deleted version {version} of {name}")


@command.command("record-golden")
@NAME
@click.option(
    "--data",
    type=json_file,
    metavar="FILE",
    help="The request as JSON; by default the recorded one, or the model's example.",
)
@click.option("--tolerance", type=float, default=DEFAULT_TOLERANCE, show_default=True)
@WAIT
@project_options
def record_golden(
    session: Session, name: str, data: Any, tolerance: float, wait: int
) -> None:
    """Record a request and the answer that a version must give to become ready."""
    deployment = session.deployment(name)
    found = deployment.record_golden(data, tolerance=tolerance, await_update=wait)
    text = f"Version {deployment.version} of {name} must answer as recorded"
    session.show(found, text)


@command.command()
@NAME
@click.option(
    "--settings",
    type=click.Path(path_type=Path),
    envvar=SETTINGS_VARIABLE,
    show_envvar=True,
    metavar="FILE",
    help="The settings of the cluster, as TOML.",
)
@click.option("--namespace", help="A namespace instead of that in the settings.")
@click.option("--mode", type=click.Choice(get_args(Mode)), help="Likewise the mode.")
@click.option("--image", help="Likewise our image, by its digest.")
@click.option("--claim", help="Likewise the volume claim of a file:// project.")
@click.option("--version", type=int, help="By default the active version.")
@click.option(
    "--kustomize",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write it into a Kustomize base instead of printing it.",
)
@project_options
def manifest(
    session: Session,
    name: str,
    settings: Path | None,
    *,
    version: int | None,
    kustomize: Path | None,
    **changes: Any,
) -> None:
    """Print the object by which KServe runs a deployment on a Kubernetes cluster.

    It pins every file by its digest.
    """
    chosen = cluster_settings(settings, **changes)
    found = session.deployment(name).manifest(chosen, version=version)
    if kustomize is None:
        session.show(found.objects, str(found).rstrip())
        return
    written = [*map(str, write_base(found, kustomize))]
    session.show({"files": written}, "\n".join(f"Wrote {it}" for it in written))


@command.command()
@click.argument("path", required=False)
@project_options
def freeze(session: Session, path: str | None) -> None:
    """Write the installed packages as an environment lock to PATH or stdout."""
    text = freeze_environment(path)
    shown = f"Wrote {path}" if path else text.rstrip()
    session.show({"lock": text, "path": path}, shown)


def _settings(deployment: Deployment) -> dict[str, Any]:
    """Return the settings that tell how it answers; None for those that are not set."""
    logger, limits = deployment.inference_logger, deployment.resources.limits
    amounts = msgspec.structs.asdict(limits)
    most = [f"{unit}={amount:g}" for unit, amount in amounts.items()]
    is_default = limits == default_limits(deployment.resources.requests)
    summary = {*_summary(deployment), "api_protocol"}
    others = {
        name.replace("_", " "): getattr(deployment.specification, name)
        for name in PLAIN
        if name not in summary
    }
    return {
        "protocol": deployment.api_protocol,
        "instances": deployment.requested_instances,
        "limits": None if is_default else ", ".join(most),
        "logger": logger and logger.mode,
        **others,
        # Values may be long, and are in --json.
        "environment variables": ", ".join(deployment.env_vars) or None,
    }


def _summary(deployment: Deployment) -> dict[str, Any]:
    return {
        "name": deployment.name,
        "version": deployment.version,
        "id": deployment.id,
        "model": deployment.model_name,
        "model_version": deployment.model_version,
        "artifact_version": deployment.artifact_version,
        "model_server": deployment.model_server,
        "serving_tool": deployment.serving_tool,
        "created": deployment.created_at,
        "creator": deployment.creator,
        "description": deployment.description,
    }
