"""The history of a deployment: when each version was active, and how two differ.

The history is read from the entries of the log; it is not stored anywhere else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from hopsartifacts.artifacts.difference import Difference, difference
from hopsartifacts.artifacts.documents import ArtifactRecord
from hopsartifacts.artifacts.payloads import Readers, contents
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.deployed import Deployed, Logs
from hopsartifacts.deployments.documents import Specification, activated_by
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.names import version_number
from hopsartifacts.registry.difference import ChangedValue, changed_values
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import LogEntry

_DERIVED = frozenset({"artifact.identity", "model.id", "model.manifest"})
"""Settings that change together with the model version or artifact version."""

_SUMMARY_CHARACTERS = 80
"""The most characters of one change in a summary."""


class DeploymentDifference(msgspec.Struct, frozen=True, kw_only=True):
    """The differences between two versions; empty if there are none."""

    settings: tuple[ChangedValue, ...]
    files: Difference
    """The differences of their artifacts; text files line by line."""

    def __bool__(self) -> bool:
        return bool(self.settings or self.files)

    def __str__(self) -> str:
        shown = [*map(str, self.settings), *map(str, self.files.files)]
        return "\n".join(shown) or "no difference"


def compare_specifications(
    storage: Storage, first: Specification, second: Specification
) -> DeploymentDifference:
    """Return the settings and files in which *second* differs from *first*.

    Raises:
        IntegrityError: the bytes of an artifact are damaged.
    """
    return compare_with(storage, first, second, lambda: _files_of(storage, second))


def compare_with(
    storage: Storage,
    first: Specification,
    second: Specification,
    files: Callable[[], tuple[Sequence[ArtifactRecord], Readers]],
) -> DeploymentDifference:
    """Return how *second*, whose artifact may not be stored yet, differs from *first*.

    Args:
        storage: where the artifact of *first* is.
        first: the specification of a sealed version.
        second: another specification.
        files: returns the files of its artifact, and functions that read them; it is
            called only if the artifacts differ.

    Raises:
        IntegrityError: the bytes of an artifact are damaged.
    """
    found = Difference(files=())
    if first.artifact.identity != second.artifact.identity:
        (old, old_bytes), (new, new_bytes) = _files_of(storage, first), files()
        found = difference(old, new, contents(old_bytes), contents(new_bytes))
    return DeploymentDifference(settings=_changes(first, second), files=found)


def _files_of(
    storage: Storage, specification: Specification
) -> tuple[Sequence[ArtifactRecord], Readers]:
    model, number = specification.model, specification.artifact.version
    store = ArtifactStore(storage, model.name, model.version)
    return store.get(number).files, store.read(number)


def summary(first: Specification, second: Specification) -> str:
    """Return one line that names the settings that differ, without reading storage.

    Ids and digests are left out, as they follow from other settings. Long values are
    cut.
    """
    changes = (it for it in _changes(first, second) if it.name not in _DERIVED)
    return "; ".join(_short(str(change)) for change in changes)


def _changes(first: Specification, second: Specification) -> tuple[ChangedValue, ...]:
    return changed_values(dict(_settings(first)), dict(_settings(second)))


def _settings(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each setting with its value; a user's JSON is one value."""
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


Cause = Literal["save", "rollback", "take back"]


class DeploymentSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed version of a deployment, and whether it was active when it was read."""

    deployment: str
    version: int
    created: str
    """The time at which it was sealed (RFC 3339, UTC)."""
    creator: str
    is_active: bool
    specification: Specification

    def __repr__(self) -> str:
        active = ", active" if self.is_active else ""
        return f"DeploymentSnapshot({self.deployment!r} version {self.version}{active})"


class Activation(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the active version."""

    version: int
    when: str
    by: str
    cause: Cause
    """``take back``: the previous version was undone, as its model was deleted."""
    why: str
    """The reason that the user gave; empty if none."""


def snapshots_of(found: Deployed) -> list[DeploymentSnapshot]:
    """Return the versions of a deployment, newest first."""
    return [
        DeploymentSnapshot(
            deployment=found.name,
            version=number,
            created=version.created,
            creator=version.creator,
            is_active=number == found.active,
            specification=version.specification,
        )
        for number, version in sorted(found.versions.items(), reverse=True)
    ]


def number_of(name: str, version: int | DeploymentSnapshot) -> int:
    """Return the number of a version of the deployment *name*.

    Raises:
        InvalidInputError: it is a version of another deployment.
        InvalidNameError: it is not a version number.
    """
    if not isinstance(version, DeploymentSnapshot):
        return version_number(version)
    if version.deployment != name:
        raise InvalidInputError(
            f"{version!r} is not a version of deployment {name!r}: give one of its "
            "get_versions()"
        )
    return version.version


def activations(storage: Storage, name: str) -> list[Activation]:
    """Return the changes of the active version, newest first.

    Earlier deployments of the same name are not included.
    """
    found: list[Activation] = []
    for entry in Logs(storage).deployment(name).entries():
        op = entry.op
        if op["kind"] == "delete" or op.get("active") == 0:
            found.clear()
        elif activation := _activation(entry, found):
            found.append(activation)
    return found[::-1]


def _activation(entry: LogEntry, before: list[Activation]) -> Activation | None:
    op, version = entry.op, activated_by(entry.op)
    is_same = before and before[-1].version == version
    if version is None or (op["kind"] == "take back" and is_same):
        return None
    return Activation(
        version=version,
        when=entry.body.time,
        by=entry.body.writer,
        cause=op["kind"],
        why=op.get("why", ""),
    )
