"""What the registry stores: the state of a model's log, and version manifests."""

from typing import Any, Literal

import msgspec

from hopsartifacts.digests import Digest

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
    """All there is to one model version; pinned by the seal, never changed."""

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


class VersionState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the log's state knows of one version; the rest is in the manifest."""

    status: VersionStatus
    id: str
    """Token of the writer that reserved the number: unique for ever."""
    reserved: int | None = None
    """Number of the log entry that reserved the number."""
    seal: int | None = None
    """Number of the log entry that carries the manifest, where format 1 sealed it."""
    copied: int | None = None
    """Number of the log entry with a copy of the manifest, should the seal be lost."""
    sha256: str | None = None
    """Digest of the manifest's canonical bytes."""
    framework: Framework | None = None
    metrics: dict[str, float | int] = {}
    tags: dict[str, Any] = {}
    description: str | None = None
    """The description as it was edited; None: as in the manifest."""


class Newest(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest of the newest version, as it was sealed."""

    version: int
    manifest: msgspec.Raw


class ModelState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """State of one model's log: every version that ever was, and the aliases."""

    versions: dict[int, VersionState] = {}
    aliases: dict[str, AliasRecord] = {}
    newest: Newest | None = None
    """While that is small: who saves the next version looks for the same files."""

    @property
    def next_version(self) -> int:
        """The number after the highest ever given; gaps are not filled."""
        return max(self.versions, default=0) + 1

    def live(self) -> dict[int, VersionState]:
        """Return the versions readers see, in order."""
        return {
            number: version
            for number, version in sorted(self.versions.items())
            if version.status in LIVE
        }

    def replaced(self, number: int, version: VersionState) -> "ModelState":
        """Return this state with *number* being *version*."""
        versions = {**self.versions, number: version}
        return msgspec.structs.replace(self, versions=versions)

    def aliased(self, alias: str, record: AliasRecord) -> "ModelState":
        """Return this state with *alias* being what *record* says."""
        aliases = {**self.aliases, alias: record}
        return msgspec.structs.replace(self, aliases=aliases)

    def aliases_of(self, number: int) -> list[str]:
        """Return the aliases that point at a version, sorted."""
        return [
            alias
            for alias, record in sorted(self.aliases.items())
            if record.version == number
        ]
