"""The arguments and reports of exports and imports of bundles."""

from collections.abc import Iterable

import msgspec

from hopsartifacts.registry.model import Model

Chosen = str | tuple[str, int] | Model
"""A model's name (all its versions), a name and a version, or a saved model."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The content that a caller chooses; see ``Project.export_bundle``."""

    models: Iterable[Chosen] | Chosen | None = None
    deployments: Iterable[str] | str | None = None
    artifacts: bool = True


class ExportReport(msgspec.Struct, frozen=True, kw_only=True):
    """The content of an exported bundle; ``str()`` lists it."""

    path: str
    models: tuple[tuple[str, int], ...]
    deployments: tuple[str, ...]
    members: int
    size_bytes: int
    """Total size of the files; equal files count once."""
    digest: str
    """SHA-256 of the table of contents, and so of everything: send it on another way
    than the bundle, and pass it to ``import_bundle``."""

    def __str__(self) -> str:
        files = "1 file" if self.members == 1 else f"{self.members} files"
        lines = [f"{self.path}: {files}, {self.size_bytes} bytes"]
        lines += [f"model {name!r} version {version}" for name, version in self.models]
        lines += [f"deployment {name!r}" for name in self.deployments]
        return "\n  ".join([*lines, self.digest])


class ImportedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model version of a bundle, and its number in this project."""

    name: str
    old: int
    version: int
    is_new: bool

    def __str__(self) -> str:
        return f"model {self.name!r} {_outcome(self.old, self.version, self.is_new)}"


class ImportedAlias(msgspec.Struct, frozen=True, kw_only=True):
    """An alias of a bundle, and the version it points at in this project."""

    model: str
    alias: str
    wanted: int
    """The version it points at in the bundle, by its number in this project."""
    version: int
    """The version it points at now. An alias that existed is not moved."""
    is_new: bool

    def __str__(self) -> str:
        points = f"alias {self.alias!r} of model {self.model!r}: "
        if self.version != self.wanted:
            return f"{points}left at version {self.version}, not set to {self.wanted}"
        word = "set" if self.is_new else "already there"
        return f"{points}version {self.version}: {word}"


class ImportedArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact version of a bundle, and its number in this project."""

    model: str
    model_version: int
    old: int
    version: int
    is_new: bool

    def __str__(self) -> str:
        outcome = _outcome(self.old, self.version, self.is_new)
        return (
            f"artifact of model {self.model!r} version {self.model_version}: {outcome}"
        )


class ImportedDeployment(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment of a bundle, and its active version in this project."""

    name: str
    version: int
    is_new: bool

    def __str__(self) -> str:
        word = "stored" if self.is_new else "already there"
        return f"deployment {self.name!r} version {self.version}: {word}"


Imported = ImportedModel | ImportedArtifact | ImportedDeployment | ImportedAlias


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """The results of an import; ``str()`` lists them."""

    path: str
    models: tuple[ImportedModel, ...]
    artifacts: tuple[ImportedArtifact, ...]
    deployments: tuple[ImportedDeployment, ...]
    aliases: tuple[ImportedAlias, ...] = ()

    @property
    def renumbered(self) -> dict[tuple[str, int], int]:
        """The model versions whose number differs in this project, with that number."""
        return {
            (model.name, model.old): model.version
            for model in self.models
            if model.old != model.version
        }

    @property
    def items(self) -> list[Imported]:
        """All models, artifacts, deployments and aliases."""
        return [*self.models, *self.artifacts, *self.deployments, *self.aliases]

    def __str__(self) -> str:
        items = self.items
        stored = sum(item.is_new for item in items)
        lines = [f"{self.path}: {stored} stored, {len(items) - stored} already there"]
        return "\n  ".join([*lines, *map(str, items)])


def _outcome(old: int, version: int, is_new: bool) -> str:
    word = "stored" if is_new else "already there"
    moved = "" if old == version else f" as version {version}"
    return f"version {old}: {word}{moved}"
