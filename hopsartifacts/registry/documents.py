"""The documents that the registry stores: manifests and the state of a model's log."""

from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import Digest
from hopsartifacts.store.entries import Head, State

Framework = Literal["TENSORFLOW", "TORCH", "PYTHON", "SKLEARN", "LLM"]
FRAMEWORKS: tuple[Framework, ...] = get_args(Framework)

Tags = dict[str, Any]
"""JSON values by name."""

VersionStatus = Literal["reserved", "sealed", "deleting", "deleted", "aborted"]
"""``deleting`` is ``sealed`` with a deletion mark: readers still see the version."""


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One stored file: its path, relative to the folder, and its digest."""

    path: str
    digest: Digest


class EmbeddedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A small file whose text is part of the manifest, so it can be restored."""

    text: str
    digest: Digest


def embedded_by_name(
    example: EmbeddedFile | None, schema: EmbeddedFile | None
) -> dict[str, EmbeddedFile]:
    """Return the files that are not None, by their names in a version's folder."""
    named = {layout.INPUT_EXAMPLE: example, layout.MODEL_SCHEMA: schema}
    return {name: file for name, file in named.items() if file}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The complete, immutable description of one model version.

    It is the content of the log entry that commits the version.
    """

    model: str
    version: int
    id: str
    framework: Framework
    description: str
    created: str
    creator: str
    files: tuple[FileRecord, ...]
    metrics: dict[str, float | int] = {}
    input_example: EmbeddedFile | None = None
    model_schema: EmbeddedFile | None = None

    def __post_init__(self) -> None:
        """Refuse a creation time that is not a valid time."""
        datetime.fromisoformat(self.created)

    @property
    def size_bytes(self) -> int:
        """The size of all model files."""
        return sum(record.digest.size_bytes for record in self.files)

    @property
    def embedded(self) -> dict[str, EmbeddedFile]:
        """The small files that are part of the manifest, by name."""
        return embedded_by_name(self.input_example, self.model_schema)


class AliasRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of an alias: the version, the user, the time and the reason."""

    version: int | None
    """None if the alias was deleted."""
    by: str
    when: str
    entry: int
    """Number of the log entry that contains this record."""
    why: str = ""
    before: int | None = None
    """Number of the log entry with the alias's previous record."""
    under: int | None = None
    """Number of the log entry with the record that a rollback returns to."""


class VersionRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The log's record of one version: all that a listing shows."""

    status: VersionStatus
    id: str
    """Token of the writer that reserved the number; never reused."""
    reserved: int = 0
    """Number of the log entry that reserved it."""
    seal: int = 0
    """Number of the log entry that contains the manifest; 0 if it is not sealed."""
    mark: int = 0
    """Number of the log entry that marked it for deletion; 0 if it is not marked."""
    sha256: str | None = None
    """Digest of the manifest as it is stored in the log."""
    framework: Framework | None = None
    """This member and the next five are copied from the manifest."""
    created: str = ""
    creator: str = ""
    files: int = 0
    """Number of model files."""
    size_bytes: int = 0
    """Size of all model files."""
    metrics: dict[str, float | int] = {}
    tags: Tags = {}
    description: str = ""
    """The edited description, or the saved one if it was never edited."""

    def __post_init__(self) -> None:
        """Refuse a record of a live version without the fields that a listing shows."""
        if self.is_live and not self.seal:
            raise ValueError(f"a {self.status} version has no seal")
        if self.is_live:
            datetime.fromisoformat(self.created)

    @property
    def is_live(self) -> bool:
        """Whether readers see the version."""
        return self.status in {"sealed", "deleting"}


class ModelHead(Head, frozen=True, kw_only=True, omit_defaults=True):
    """The part of a model's state that is not per version."""

    latest: int = 0
    """The newest version that readers see; 0 if there is none."""
    sealed: int = 0
    """Number of the log entry that contains the manifest of ``latest``."""
    aliases: dict[str, AliasRecord] = {}  # noqa: RUF012 - a struct copies it

    @property
    def wanted(self) -> int:
        """The entry that contains the manifest of the latest version."""
        return self.sealed


class ModelState(State[ModelHead, VersionRecord]):
    """The state of a model's log: a record for every number that was ever assigned."""

    head_type = ModelHead
    record_type = VersionRecord

    def contradiction(self) -> str | None:
        """Return what the records contradict in the head; None if nothing."""
        latest, sealed = self.head.latest, self.head.sealed
        live = ((n, it.seal) for n, it in self.records.descending() if it.is_live)
        if (latest, sealed) != next(live, (0, 0)):
            return f"that version {latest}, of entry {sealed}, is the latest"
        for alias, version in self.live_aliases.items():
            if not self.is_live(version):
                return f"that alias {alias!r} points at version {version}"
        return None

    @property
    def next_version(self) -> int:
        """The highest number ever assigned plus 1; gaps are not filled."""
        return self.head.last + 1

    @property
    def aliases(self) -> dict[str, AliasRecord]:
        """The current record of each alias, including deleted aliases."""
        return self.head.aliases

    @property
    def live_aliases(self) -> dict[str, int]:
        """The version of each alias that points at one, sorted by alias."""
        found = sorted(self.aliases.items())
        return {alias: it.version for alias, it in found if it.version is not None}

    def live(self) -> dict[int, VersionRecord]:
        """Return the versions that readers see, in order; this reads every page."""
        return {number: it for number, it in self.records.items() if it.is_live}

    def is_live(self, number: int) -> bool:
        """Return whether readers see version *number*."""
        record = self.records.get(number)
        return record is not None and record.is_live

    def replaced(self, number: int, record: VersionRecord) -> "ModelState":
        """Return a copy in which the record of version *number* is *record*."""
        after = self.changed(number, record)
        if record.is_live and number >= self.head.latest:
            return after.changed(latest=number, sealed=record.seal)
        if number == self.head.latest and not record.is_live:
            rest = ((n, it) for n, it in after.records.descending() if it.is_live)
            latest, found = next(rest, (0, None))
            return after.changed(latest=latest, sealed=found.seal if found else 0)
        return after

    def aliased(self, alias: str, record: AliasRecord) -> "ModelState":
        """Return a copy in which the record of *alias* is *record*."""
        return self.changed(aliases={**self.aliases, alias: record})

    def aliases_of(self, number: int) -> list[str]:
        """Return the aliases that point at version *number*, sorted."""
        return [alias for alias, it in self.live_aliases.items() if it == number]

    def aliases_by_version(self) -> dict[int, list[str]]:
        """Return the sorted aliases of each version that has some."""
        found: dict[int, list[str]] = {}
        for alias, version in self.live_aliases.items():
            found.setdefault(version, []).append(alias)
        return found
