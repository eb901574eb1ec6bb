"""How two versions of a deployment differ: setting by setting, and file by file."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from hopsartifacts.artifacts.difference import Difference, difference
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.documents import encode
from hopsartifacts.storage.contract import Storage

_DERIVED = frozenset({"artifact.identity", "model.id", "model.manifest"})
"""Settings that change whenever the model or artifact version does."""

_SUMMARY_CHARACTERS = 80
"""How much of one change a summary shows."""


class ChangedSetting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting that differs; None where there is none."""

    name: str
    """With a dot for each level: ``predictor.resources.limits.cores``."""
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.name}: {_words(self.before)} -> {_words(self.after)}"


class DeploymentDifference(msgspec.Struct, frozen=True, kw_only=True):
    """How the second version differs from the first; empty if it does not."""

    settings: tuple[ChangedSetting, ...]
    files: Difference
    """Of their artifacts, text line by line."""

    def __bool__(self) -> bool:
        return bool(self.settings or self.files)

    def __str__(self) -> str:
        shown = [*map(str, self.settings), *map(str, self.files.files)]
        return "\n".join(shown) or "no difference"


def compare_specifications(
    storage: Storage, first: Specification, second: Specification
) -> DeploymentDifference:
    """Return what of *second* is not as in *first*.

    Raises:
        IntegrityError: the bytes of an artifact are damaged.
    """
    return DeploymentDifference(
        settings=_changes(first, second), files=_files(storage, first, second)
    )


def summary(first: Specification, second: Specification) -> str:
    """Return one line that names the settings that differ; reads nothing from storage.

    Ids and digests, which follow from other settings, are left out, and long values
    are cut.
    """
    changes = (it for it in _changes(first, second) if it.name not in _DERIVED)
    return "; ".join(_short(str(change)) for change in changes)


def _changes(first: Specification, second: Specification) -> tuple[ChangedSetting, ...]:
    old, new = dict(_settings(first)), dict(_settings(second))
    return tuple(
        ChangedSetting(name=name, before=old.get(name), after=new.get(name))
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    )


def _files(storage: Storage, first: Specification, second: Specification) -> Difference:
    if first.artifact.identity == second.artifact.identity:
        return Difference(files=())
    stores = [
        (ArtifactStore(storage, it.model.name, it.model.version), it.artifact.version)
        for it in (first, second)
    ]
    old, new = [store.get(number).files for store, number in stores]
    before, after = [
        {path: b"".join(chunks()) for path, chunks in store.read(number).items()}
        for store, number in stores
    ]
    return difference(old, new, before, after)


def _settings(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each setting with its value; what a user wrote as JSON is one value."""
    fields = value if isinstance(value, Mapping) else msgspec.structs.asdict(value)
    for name, inner in fields.items():
        is_group = isinstance(inner, Mapping) and not prefix
        if is_group or isinstance(inner, msgspec.Struct):
            yield from _settings(inner, f"{prefix}{name}.")
        elif inner is not None:
            yield f"{prefix}{name}", inner


def _short(text: str) -> str:
    return (
        text if len(text) <= _SUMMARY_CHARACTERS else text[:_SUMMARY_CHARACTERS] + "…"
    )


def _words(value: Any) -> str:
    return "nothing" if value is None else encode(value).decode()
