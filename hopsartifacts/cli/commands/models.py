"""The commands ``hopsartifacts models``."""

from typing import Any

import click
import msgspec

from hopsartifacts.cli.output import listing, progress, size, table
from hopsartifacts.cli.session import YES, Session, confirm, project_options
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
def command() -> None:
    """Save, find, download and delete models."""


@command.command("list")
@click.argument("name", required=False)
@project_options
def list_models(session: Session, name: str | None) -> None:
    """List the models with their latest versions, or all versions of NAME."""
    project = session.project()
    registry = project.get_model_registry()
    if name is None:
        models = [registry.get_model(it) for it in registry.list_models()]
    else:
        models = registry.get_models(name) or [registry.get_model(name)]
    header = ("NAME", "VERSION", "FRAMEWORK", "CREATED", "FILES", "SIZE", "METRICS")
    text = table(header, map(_row, models), f"no models in {project.url}")
    session.show([_summary(model) for model in models], text)


@command.command()
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


@command.command()
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


@command.command()
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


@command.command()
@NAME
@click.argument("first", type=click.IntRange(min=1))
@click.argument("second", type=click.IntRange(min=1), required=False)
@project_options
def diff(session: Session, name: str, first: int, second: int | None) -> None:
    """Show the differences from version FIRST to SECOND, by default the latest."""
    found = session.model(name, second).diff(first)
    session.show(found, str(found))


@command.command()
@NAME
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Number of changes.",
)
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


@command.command()
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


@command.command()
@NAME
@VERSION
@click.argument("description")
@project_options
def describe(session: Session, name: str, version: int, description: str) -> None:
    """Replace the description of a version; the log keeps the old one."""
    model = session.model(name, version)
    model.set_description(description)
    session.show(_summary(model), f"Described {name} version {version}")


@command.command()
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
        "files": len(model.manifest.files),
        "size_bytes": model.manifest.size_bytes,
    }


def _row(model: Model) -> tuple[object, ...]:
    metrics = ", ".join(f"{key}={it:g}" for key, it in model.training_metrics.items())
    manifest = model.manifest
    files, total = len(manifest.files), size(manifest.size_bytes)
    created = (model.created or "")[:19]
    return model.name, model.version, model.framework, created, files, total, metrics


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
