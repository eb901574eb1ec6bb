"""What callers of bundles give and get: choices and reports."""

from collections.abc import Iterable

import msgspec

from hopsartifacts.registry.model import Model

Chosen = str | tuple[str, int] | Model
"""A model's name for all its versions, a name and a version, or a saved model."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller wants in a bundle; see ``Project.export_bundle``."""

    models: Iterable[Chosen] | Chosen | None = None
    deployments: Iterable[str] | str | None = None
    artifacts: bool = True


class ExportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was put into a bundle; ``str()`` lists it."""

    path: str
    models: tuple[tuple[str, int], ...]
    deployments: tuple[str, ...]
    members: int
    size_bytes: int
    """Of the files, each counted once."""
    digest: str
    """SHA-256 of the table of contents, and so of everything: pass it on another way,
    and give it to ``import_bundle``."""

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.members} files, {self.size_bytes} bytes"]
        lines += [f"model {name!r} version {version}" for name, version in self.models]
        lines += [f"deployment {name!r}" for name in self.deployments]
        return "\n  ".join([*lines, self.digest])


class ImportedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model version of a bundle, and which it is here."""

    name: str
    old: int
    version: int
    is_new: bool

    def __str__(self) -> str:
        return f"model {self.name!r} {_became(self.old, self.version, self.is_new)}"


class ImportedAlias(msgspec.Struct, frozen=True, kw_only=True):
    """One alias of a bundle: which version it names, and which it points at here."""

    model: str
    alias: str
    named: int
    """The number here of the version that the bundle lets it point at."""
    version: int
    """Another one if the alias was there: it is left as it is."""
    is_new: bool

    def __str__(self) -> str:
        points = f"alias {self.alias!r} of model {self.model!r}: "
        if self.version != self.named:
            return f"{points}left at version {self.version}, not set to {self.named}"
        word = "set" if self.is_new else "was there"
        return f"{points}version {self.version}: {word}"


class ImportedArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """One artifact version of a bundle, and which it is here."""

    model: str
    model_version: int
    old: int
    version: int
    is_new: bool

    def __str__(self) -> str:
        became = _became(self.old, self.version, self.is_new)
        return (
            f"artifact of model {self.model!r} version {self.model_version}: {became}"
        )


class ImportedDeployment(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment of a bundle, and its active version here."""

    name: str
    version: int
    is_new: bool

    def __str__(self) -> str:
        word = "stored" if self.is_new else "was there"
        return f"deployment {self.name!r} version {self.version}: {word}"


Imported = ImportedModel | ImportedArtifact | ImportedDeployment | ImportedAlias


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did; ``str()`` lists it."""

    path: str
    models: tuple[ImportedModel, ...]
    artifacts: tuple[ImportedArtifact, ...]
    deployments: tuple[ImportedDeployment, ...]
    aliases: tuple[ImportedAlias, ...] = ()

    @property
    def renumbered(self) -> dict[tuple[str, int], int]:
        """The model versions that have another number here, and which."""
        return {
            (model.name, model.old): model.version
            for model in self.models
            if model.old != model.version
        }

    @property
    def items(self) -> list[Imported]:
        """All of them."""
        return [*self.models, *self.artifacts, *self.deployments, *self.aliases]

    def __str__(self) -> str:
        items = self.items
        stored = sum(item.is_new for item in items)
        lines = [f"{self.path}: {stored} stored, {len(items) - stored} were there"]
        return "\n  ".join([*lines, *map(str, items)])


def _became(old: int, version: int, is_new: bool) -> str:
    word = "stored" if is_new else "was there"
    moved = "" if old == version else f" as version {version}"
    return f"version {old}: {word}{moved}"
