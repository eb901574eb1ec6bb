"""The commands ``hopsartifacts models``, ``aliases`` and ``artifacts``."""

from typing import Any

import click
import msgspec

from hopsartifacts.artifacts.documents import ArtifactVersion
from hopsartifacts.artifacts.handle import Artifacts
from hopsartifacts.cli.output import listing, progress, size, table
from hopsartifacts.cli.session import (
    YES,
    Session,
    confirm,
    limit_option,
    project_options,
)
from hopsartifacts.cli.values import json_file, pairs
from hopsartifacts.errors import ModelNotFoundError
from hopsartifacts.registry.documents import FRAMEWORKS
from hopsartifacts.registry.handle import ModelRegistry
from hopsartifacts.registry.history import ModelChange
from hopsartifacts.registry.model import Model

NAME = click.argument("name")
VERSION = click.argument("version", type=int)
LATEST = click.argument("version", type=int, required=False)
MODEL = click.argument("model")
ALIAS = click.argument("alias")
WHY = click.option("--why", default="", help="A reason, for the history.")


@click.group("models")
def models() -> None:
    """Save, find, download and delete models."""


@models.command("list")
@click.argument("name", required=False)
@project_options
def list_models(session: Session, name: str | None) -> None:
    """List the models with their latest versions, or all versions of NAME."""
    project = session.project()
    registry = project.get_model_registry()
    if name is None:
        found = registry.latest_models()
    else:
        found = registry.get_models(name) or [registry.get_model(name)]
    header = ("NAME", "VERSION", "FRAMEWORK", "CREATED", "FILES", "SIZE", "METRICS")
    text = table(header, map(_row, found), f"no models in {project.url}")
    session.show([_summary(model) for model in found], text)


@models.command()
@NAME
@LATEST
@project_options
def show(session: Session, name: str, version: int | None) -> None:
    """Show all details of a version, by default the latest."""
    model = session.model(name, version)
    tags = model.get_tags()
    files = [
        (file.path, size(file.digest.size_bytes), file.digest.sha256)
        for file in model.manifest.files
    ]
    text = listing(
        [
            *(("name", model.name), ("version", model.version), ("id", model.id)),
            *(("framework", model.framework), ("description", model.description)),
            *(("created", model.created), ("creator", model.creator)),
            ("aliases", ", ".join(model.aliases) or "none"),
            *((f"metric {key}", it) for key, it in model.training_metrics.items()),
            *((f"tag {key}", _json(it)) for key, it in tags.items()),
            ("input example", _json(model.input_example) or "none"),
            ("schema", _json(model.model_schema) or "none"),
            ("files", f"{len(files)}, {size(model.manifest.size_bytes)}"),
        ]
    )
    document = {
        **_summary(model),
        "tags": tags,
        "aliases": model.aliases,
        "input_example": model.input_example,
        "model_schema": model.model_schema,
        "file_list": model.manifest.files,
    }
    session.show(document, f"{text}\n\n{table(('PATH', 'SIZE', 'SHA-256'), files)}")


@models.command()
@NAME
@click.argument("path")
@click.option(
    "--framework",
    type=click.Choice([it.lower() for it in FRAMEWORKS], case_sensitive=False),
    help="By default the framework of the latest version; python for a new model.",
)
@click.option("--version", type=int, help="Version number; by default the next one.")
@click.option("--description")
@click.option("--metric", "metrics", multiple=True, metavar="NAME=NUMBER")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE")
@click.option("--input-example", type=json_file, metavar="FILE", help="JSON file.")
@click.option(
    "--schema", "model_schema", type=json_file, metavar="FILE", help="JSON file."
)
@project_options
def save(session: Session, name: str, path: str, **settings: Any) -> None:
    """Save the file or folder PATH as the next version of NAME."""
    registry = session.project(may_be_new=True).get_model_registry()
    framework = settings.pop("framework") or _framework(registry, name)
    creator = getattr(registry, framework.lower())
    settings["metrics"] = pairs(settings["metrics"])
    settings["tags"] = pairs(settings["tags"])
    model = creator.create_model(name, **settings)
    with progress("Saving") as bar:
        model.save(path, callback=bar)
    session.show(_summary(model), f"Saved {model.name} version {model.version}")


def _framework(registry: ModelRegistry, name: str) -> str:
    """Return the framework of the latest version; PYTHON for a new model."""
    try:
        return registry.get_model(name).framework
    except ModelNotFoundError:
        return "PYTHON"


@models.command()
@NAME
@LATEST
@click.option("--to", help="Target folder; by default ./NAME-VERSION.")
@project_options
def download(session: Session, name: str, version: int | None, to: str | None) -> None:
    """Copy the files of a version, by default the latest, to this machine."""
    model = session.model(name, version)
    with progress("Downloading") as bar:
        folder = model.download(to or f"{model.name}-{model.version}", callback=bar)
    session.show({**_summary(model), "folder": folder}, folder)


@models.command()
@NAME
@click.argument("first", type=click.IntRange(min=1))
@click.argument("second", type=click.IntRange(min=1), required=False)
@project_options
def diff(session: Session, name: str, first: int, second: int | None) -> None:
    """Show the differences from version FIRST to SECOND, by default the latest."""
    found = session.model(name, second).diff(first)
    session.show(found, str(found))


@models.command()
@NAME
@limit_option("changes")
@project_options
def history(session: Session, name: str, limit: int) -> None:
    """Show each change of a model, newest first, with user and reason."""
    registry = session.project().get_model_registry()
    found = registry.get_history(name, limit)
    rows = (
        (it.when[:19], it.kind, it.version or "none", _values(it), it.by, it.why)
        for it in found
    )
    header = ("WHEN", "CHANGE", "VERSION", "VALUES", "BY", "WHY")
    session.show(found, table(header, rows))


@models.command()
@NAME
@VERSION
@YES
@project_options
def delete(session: Session, name: str, version: int, *, yes: bool) -> None:
    """Delete a version; its number is not reused."""
    model = session.model(name, version)
    confirm(f"Delete {name} version {version} permanently?", yes=yes)
    document = _summary(model)
    model.delete()
    session.show(document, f"Deleted {name} version {version}")


@models.command()
@NAME
@VERSION
@click.argument("description")
@project_options
def describe(session: Session, name: str, version: int, description: str) -> None:
    """Replace the description of a version; the log keeps the old one."""
    model = session.model(name, version)
    model.set_description(description)
    session.show(_summary(model), f"Described {name} version {version}")


@models.command()
@NAME
@VERSION
@click.argument("tags", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--remove", multiple=True, metavar="NAME", help="Remove a tag.")
@project_options
def tag(
    session: Session,
    name: str,
    version: int,
    tags: tuple[str, ...],
    remove: tuple[str, ...],
) -> None:
    """Set, remove and show the tags of a version. A value may be JSON."""
    model = session.model(name, version)
    for key, value in pairs(tags).items():
        model.add_tag(key, value)
    for key in remove:
        model.delete_tag(key)
    found = model.get_tags()
    session.show(found, listing((key, _json(it)) for key, it in found.items()))


def _values(change: ModelChange) -> str:
    """Return what a change replaced, and by what, in short."""
    pair = (change.before, change.after)
    if pair == (None, None):
        return ""
    before, after = [_shortened(_json(it) or "none") for it in pair]
    alias = f"{change.alias}: " if change.alias else ""
    return f"{alias}{before} -> {after}"


def _shortened(text: str, most: int = 40) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _summary(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "version": model.version,
        "id": model.id,
        "framework": model.framework,
        "description": model.description,
        "created": model.created,
        "creator": model.creator,
        "metrics": model.training_metrics,
        "files": model.file_count,
        "size_bytes": model.size_bytes,
    }


def _row(model: Model) -> tuple[object, ...]:
    metrics = ", ".join(f"{key}={it:g}" for key, it in model.training_metrics.items())
    created, total = (model.created or "")[:19], size(model.size_bytes)
    counted = model.file_count
    return model.name, model.version, model.framework, created, counted, total, metrics


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


@click.group("aliases")
def aliases() -> None:
    """Manage aliases: names that point at a version of a model, with a history."""


@aliases.command("list")
@MODEL
@project_options
def list_aliases(session: Session, model: str) -> None:
    """List the aliases of a model and the version that each points at."""
    found = session.project().get_model_registry().get_aliases(model)
    empty = f"model {model!r} has no aliases"
    session.show(found, table(("ALIAS", "VERSION"), found.items(), empty))


@aliases.command("set")
@MODEL
@ALIAS
@click.argument("version", type=int)
@WHY
@project_options
def set_alias(session: Session, model: str, alias: str, version: int, why: str) -> None:
    """Point an alias at a version."""
    session.project().get_model_registry().set_alias(model, alias, version, why)
    _show_alias(session, model, alias, version)


@aliases.command("delete")
@MODEL
@ALIAS
@WHY
@project_options
def delete_alias(session: Session, model: str, alias: str, why: str) -> None:
    """Delete an alias; its history stays."""
    session.project().get_model_registry().delete_alias(model, alias, why)
    _show_alias(session, model, alias, None)


@aliases.command("rollback")
@MODEL
@ALIAS
@WHY
@project_options
def rollback_alias(session: Session, model: str, alias: str, why: str) -> None:
    """Point an alias at its previous version."""
    found = session.project().get_model_registry().rollback_alias(model, alias, why)
    _show_alias(session, model, alias, found.version)


@aliases.command("history")
@MODEL
@ALIAS
@project_options
def alias_history(session: Session, model: str, alias: str) -> None:
    """Show each change of an alias, newest first: version, time, user and reason."""
    found = session.project().get_model_registry().get_alias_history(model, alias)
    rows = ((it.when[:19], it.version or "none", it.by, it.why) for it in found)
    empty = f"alias {alias!r} of model {model!r} was never set"
    session.show(found, table(("WHEN", "VERSION", "BY", "WHY"), rows, empty))


def _show_alias(session: Session, model: str, alias: str, version: int | None) -> None:
    document = {"model": model, "alias": alias, "version": version}
    where = f"version {version}" if version else "no version"
    session.show(document, f"Alias {alias} of {model} points at {where}")


@click.group("artifacts")
def artifacts() -> None:
    """Show and delete the artifact versions of a model version."""


@artifacts.command("list")
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
    document = [{"version": number, **_contents(it)} for number, it in found.items()]
    session.show(document, table(("VERSION", "FILES", "IDENTITY"), rows))


@artifacts.command("show")
@MODEL
@VERSION
@click.argument("artifact", type=int)
@project_options
def show_artifact(session: Session, model: str, version: int, artifact: int) -> None:
    """Show the files of an artifact version."""
    found = _artifacts(session, model, version).get(artifact)
    rows = (
        (file.role, file.path, size(file.digest.size_bytes), file.digest.sha256)
        for file in found.files
    )
    header = ("ROLE", "PATH", "SIZE", "SHA-256")
    session.show({"version": artifact, **_contents(found)}, table(header, rows))


@artifacts.command("diff")
@MODEL
@VERSION
@click.argument("first", type=int)
@click.argument("second", type=int)
@project_options
def diff_artifacts(
    session: Session, model: str, version: int, first: int, second: int
) -> None:
    """Show the files and lines of artifact SECOND that differ from FIRST."""
    found = _artifacts(session, model, version).diff(first, second)
    session.show(found, found)


@artifacts.command("delete")
@MODEL
@VERSION
@click.argument("artifact", type=int)
@YES
@project_options
def delete_artifact(
    session: Session, model: str, version: int, artifact: int, *, yes: bool
) -> None:
    """Delete an artifact version that no deployment uses; its number is not reused."""
    versions = _artifacts(session, model, version)
    found = versions.get(artifact)
    name = f"artifact version {artifact} of {model} version {version}"
    confirm(f"Delete {name} permanently?", yes=yes)
    versions.delete(artifact)
    session.show({"version": artifact, **_contents(found)}, f"Deleted {name}")


def _artifacts(session: Session, model: str, version: int) -> Artifacts:
    project = session.project()
    found = project.get_model_registry().get_model(model, version)
    return project.get_model_serving().get_artifacts(found)


def _contents(artifact: ArtifactVersion) -> dict[str, object]:
    return {"identity": artifact.identity, "files": artifact.files}
