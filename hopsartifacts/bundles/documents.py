"""The table of contents of a bundle: the JSON document that is its first member."""

from collections.abc import Iterator
from typing import Any

import msgspec

from hopsartifacts.artifacts.documents import ArtifactRecord
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.digests import Digest, xxh3_of
from hopsartifacts.documents import Document, decode, encode
from hopsartifacts.errors import FormatError, InvalidBundleError
from hopsartifacts.registry.documents import Manifest

BUNDLE_FORMAT = 1
"""Number of the bundle format this release writes; it reads 1 to this one."""

CONTENTS = "bundle.json"
CONTENTS_LIMIT_BYTES = 512 * 1024 * 1024

_BLOBS = "blobs/sha256/"


class BundledArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact version."""

    version: int
    identity: str
    files: tuple[ArtifactRecord, ...]


class BundledModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model version: its sealed manifest, and what can be edited after the seal."""

    manifest: Manifest
    tags: dict[str, Any] = {}
    aliases: tuple[str, ...] = ()
    description: str | None = None
    """The edited description; None if it is the one in the manifest."""
    artifacts: tuple[BundledArtifact, ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        """Name and version."""
        return self.manifest.model, self.manifest.version

    def digests(self) -> Iterator[Digest]:
        """Yield the digest of each file; equal files repeat theirs."""
        for record in self.manifest.files:
            yield record.digest
        for artifact in self.artifacts:
            for file in artifact.files:
                yield file.digest


class BundledDeployment(msgspec.Struct, frozen=True, kw_only=True):
    """The active version of a deployment, and its tags."""

    version: int
    specification: Specification
    tags: dict[str, Any] = {}

    def tags_beside(self, here: dict[str, Any]) -> dict[str, Any]:
        """Return the tags after the import; *here* are those that stay as they are."""
        return {**self.tags, **here}


class BundleContents(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of a bundle; ``members`` are its files in their order."""

    created: str
    writer: str
    project: str
    models: tuple[BundledModel, ...]
    deployments: tuple[BundledDeployment, ...]
    members: tuple[Digest, ...]


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    check: str
    bundle: msgspec.Raw


def member_name(digest: Digest) -> str:
    """Return the name of the member that holds the bytes with *digest*."""
    return _BLOBS + digest.sha256.partition(":")[2]


def write_contents(contents: BundleContents) -> bytes:
    """Return *contents* encoded as the bytes of the first member."""
    body = encode(contents)
    check = xxh3_of([body])[1]
    envelope = _Envelope(format=BUNDLE_FORMAT, check=check, bundle=msgspec.Raw(body))
    return encode(envelope) + b"\n"


def read_contents(data: bytes, where: str) -> BundleContents:
    """Decode the bytes of the first member; *where* names it in messages.

    Raises:
        FormatError: a later release wrote the bundle.
        InvalidBundleError: *data* is damaged.
    """
    envelope = _decoded(data, _Envelope, where)
    if not 1 <= envelope.format <= BUNDLE_FORMAT:
        raise FormatError(
            f"{where} has bundle format {envelope.format}, but this release reads 1 to "
            f"{BUNDLE_FORMAT}: upgrade hopsartifacts"
        )
    body = bytes(envelope.bundle)
    if xxh3_of([body])[1] != envelope.check:
        raise InvalidBundleError(
            f"{where} has been changed since it was written: get the bundle again"
        )
    return _decoded(body, BundleContents, where)


def _decoded(data: bytes, kind: type[Document], where: str) -> Document:
    try:
        return decode(data, kind, where)
    except FormatError as error:
        raise InvalidBundleError(f"{error}: get the bundle again") from error
