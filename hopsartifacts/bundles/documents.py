"""What a bundle says it holds: the document that is its first member."""

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
    """One artifact version."""

    version: int
    identity: str
    files: tuple[ArtifactRecord, ...]


class BundledModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model version: what was sealed of it, and what was said of it afterwards."""

    manifest: Manifest
    tags: dict[str, Any] = {}
    aliases: tuple[str, ...] = ()
    description: str | None = None
    """The description as it was edited; None: as in the manifest."""
    artifacts: tuple[BundledArtifact, ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        """Name and version."""
        return self.manifest.model, self.manifest.version

    def digests(self) -> Iterator[Digest]:
        """Yield the digest of each file; some may be the same."""
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


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """All that a bundle holds; ``members`` are its files in the order they come."""

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


def write_contents(contents: Contents) -> bytes:
    """Return *contents* as the bytes of the first member."""
    body = encode(contents)
    check = xxh3_of([body])[1]
    envelope = _Envelope(format=BUNDLE_FORMAT, check=check, bundle=msgspec.Raw(body))
    return encode(envelope) + b"\n"


def read_contents(data: bytes, where: str) -> Contents:
    """Return the contents in *data*.

    Raises:
        FormatError: a later release wrote it.
        InvalidBundleError: it is damaged.
    """
    envelope = _decoded(data, _Envelope, where)
    if not 1 <= envelope.format <= BUNDLE_FORMAT:
        raise FormatError(
            f"{where} has bundle format {envelope.format}, and this release reads 1 to "
            f"{BUNDLE_FORMAT}: upgrade hopsartifacts"
        )
    body = bytes(envelope.bundle)
    if xxh3_of([body])[1] != envelope.check:
        raise InvalidBundleError(
            f"{where} was changed since it was written: get the bundle again"
        )
    return _decoded(body, Contents, where)


def _decoded(data: bytes, kind: type[Document], where: str) -> Document:
    try:
        return decode(data, kind, where)
    except FormatError as error:
        raise InvalidBundleError(f"{error}: get the bundle again") from error
