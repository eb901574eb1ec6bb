"""What the registry stores: what a model's log says, and version manifests."""

from typing import Any, Literal

import msgspec

from hopsartifacts.digests import Digest
from hopsartifacts.store.entries import Head, State

Framework = Literal["TENSORFLOW", "TORCH", "PYTHON", "SKLEARN", "LLM"]
FRAMEWORKS: tuple[Framework, ...] = ("TENSORFLOW", "TORCH", "PYTHON", "SKLEARN", "LLM")

VersionStatus = Literal["reserved", "sealed", "deleting", "deleted", "aborted"]
"""``deleting`` still reads as sealed; it only keeps new deployments off."""

LIVE: tuple[VersionStatus, ...] = ("sealed", "deleting")


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One stored file: where, relative to its folder, and what."""

    path: str
    digest: Digest


class EmbeddedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A small file whose text travels in the manifest, so it can be restored."""

    text: str
    digest: Digest


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to one model version: what its seal brings; it never changes."""

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

    @property
    def size_bytes(self) -> int:
        """Size of all model files."""
        return sum(record.digest.size_bytes for record in self.files)


class AliasRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an alias points from one moment on, and who wanted that, when and why."""

    version: int | None
    """None: nowhere; it was deleted."""
    by: str
    when: str
    entry: int
    """Number of the log entry that holds this record."""
    why: str = ""
    before: int | None = None
    """The entry with the alias's record before this one."""
    under: int | None = None
    """The entry with the record that a rollback returns to."""


class VersionRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the log says of one version: all that a list shows of it."""

    status: VersionStatus
    id: str
    """Token of the writer that reserved the number: unique for ever."""
    reserved: int = 0
    """Number of the log entry that reserved it."""
    seal: int = 0
    """Number of the log entry that brought the manifest; 0: it is not sealed."""
    mark: int = 0
    """Number of the log entry that marked it for deletion; 0: none did."""
    sha256: str | None = None
    """Digest of the manifest as the seal has it."""
    framework: Framework | None = None
    """This and the next five are as in the manifest."""
    created: str = ""
    creator: str = ""
    files: int = 0
    """How many files the version has."""
    size_bytes: int = 0
    """Size of all of them."""
    metrics: dict[str, float | int] = {}
    tags: dict[str, Any] = {}
    description: str = ""
    """As it was edited last, or as it was saved."""

    @property
    def is_live(self) -> bool:
        """Whether readers see the version."""
        return self.status in LIVE


class ModelHead(Head, frozen=True, kw_only=True, omit_defaults=True):
    """What the log of a model says as a whole."""

    latest: int = 0
    """The newest version that readers see; 0: there is none."""
    sealed: int = 0
    """Number of the log entry that brought its manifest."""
    aliases: dict[str, AliasRecord] = {}  # noqa: RUF012 - a struct copies it

    @property
    def wanted(self) -> int:
        """The entry with the manifest of the latest version."""
        return self.sealed


class ModelState(State[ModelHead, VersionRecord]):
    """What the log of a model says: a record for every version that ever was."""

    head_type = ModelHead
    record_type = VersionRecord

    def contradiction(self) -> str | None:
        """Return what the head says and the records do not; None if nothing."""
        latest, sealed = self.head.latest, self.head.sealed
        live = ((n, it.seal) for n, it in self.records.descending() if it.is_live)
        if (latest, sealed) != next(live, (0, 0)):
            return f"that version {latest}, of entry {sealed}, is the latest"
        for alias, to in sorted(self.aliases.items()):
            if to.version is not None and not self.is_live(to.version):
                return f"that alias {alias!r} points at version {to.version}"
        return None

    @property
    def next_version(self) -> int:
        """The number after the highest ever given; gaps are not filled."""
        return self.head.last + 1

    @property
    def aliases(self) -> dict[str, AliasRecord]:
        """Where each alias points; also of those that point nowhere any more."""
        return self.head.aliases

    def live(self) -> dict[int, VersionRecord]:
        """Return the versions readers see, in order; every page is read."""
        return {number: it for number, it in self.records.items() if it.is_live}

    def is_live(self, number: int) -> bool:
        """Tell whether readers see a version."""
        record = self.records.get(number)
        return record is not None and record.is_live

    def replaced(self, number: int, record: VersionRecord) -> "ModelState":
        """Return this state with version *number* being *record*."""
        after = self.changed(number, record)
        if record.is_live and number >= self.head.latest:
            return after.changed(latest=number, sealed=record.seal)
        if number == self.head.latest and not record.is_live:
            rest = ((n, it) for n, it in after.records.descending() if it.is_live)
            latest, found = next(rest, (0, None))
            return after.changed(latest=latest, sealed=found.seal if found else 0)
        return after

    def aliased(self, alias: str, record: AliasRecord) -> "ModelState":
        """Return this state with *alias* being what *record* says."""
        return self.changed(aliases={**self.aliases, alias: record})

    def aliases_of(self, number: int) -> list[str]:
        """Return the aliases that point at a version, sorted."""
        return self.aliases_by_version().get(number, [])

    def aliases_by_version(self) -> dict[int, list[str]]:
        """Return the aliases that point at each version, sorted."""
        found: dict[int, list[str]] = {}
        for alias, record in sorted(self.aliases.items()):
            if record.version is not None:
                found.setdefault(record.version, []).append(alias)
        return found
