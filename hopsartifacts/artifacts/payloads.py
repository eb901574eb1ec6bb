"""Storage of artifact files: in their log entry, or in a folder of their writer.

The folder ``Artifacts/<n>`` that users and deployments see is a copy of these files,
which any process may write again.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import msgspec

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import (
    ArtifactRecord,
    ArtifactSource,
    ArtifactState,
    ArtifactVersion,
    checked_sources,
    identity_of,
)
from hopsartifacts.digests import Digest, Hasher, digest_of
from hopsartifacts.errors import (
    HopsArtifactsError,
    IntegrityError,
    SourceChangedError,
    StorageError,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.checks import verified
from hopsartifacts.store.log import Log
from hopsartifacts.store.races import check_arrived, move_in

INLINE_LIMIT_BYTES = 256 * 1024
"""Artifacts up to this size are stored inside their log entry."""

Readers = dict[str, Callable[[], Iterator[bytes]]]


def contents(readers: Readers) -> dict[str, bytes]:
    """Return the bytes of files by path."""
    return {path: b"".join(chunks()) for path, chunks in readers.items()}


class PreparedArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """Files that were read and digested; ``inline`` has the bytes if they are few."""

    records: tuple[ArtifactRecord, ...]
    identity: str
    """The digest over role, name and bytes of every file."""
    inline: dict[str, bytes] | None
    sources: tuple[ArtifactSource, ...]


def prepare(sources: tuple[ArtifactSource, ...]) -> PreparedArtifact:
    """Read and digest *sources*; nothing is stored."""
    records: list[ArtifactRecord] = []
    kept: dict[str, bytes] = {}
    total = 0
    checked = checked_sources(sources)
    for source in checked:
        path, hasher, parts = source.path, Hasher(), []
        for chunk in hasher.through(source.chunks()):
            total += len(chunk)
            if total <= INLINE_LIMIT_BYTES:
                parts.append(chunk)
        kept[path] = b"".join(parts)
        digest = hasher.digest()
        records.append(ArtifactRecord(role=source.role, path=path, digest=digest))
    return PreparedArtifact(
        records=tuple(records),
        identity=identity_of(records),
        inline=kept if total <= INLINE_LIMIT_BYTES else None,
        sources=checked,
    )


class Payloads:
    """The artifact files of one model version."""

    def __init__(self, storage: Storage, model: str, version: int) -> None:
        self._storage = storage
        self._model = model
        self._version = version

    def store(
        self, prepared: PreparedArtifact, token: str, announce: Callable[[], None]
    ) -> None:
        """Store the files in the private folder of *token*, before the commit.

        *announce* is called just before the first file appears in that folder. If the
        storage can move folders, all files are staged elsewhere before that.

        Raises:
            SourceChangedError: a file has changed since it was first read.
        """
        target = self._folder(token)
        moves = self._storage.capabilities.moves_trees
        folder = layout.staging_dir(token) if moves else target
        if not moves:
            announce()
        try:
            for source, record in zip(prepared.sources, prepared.records, strict=True):
                hasher = Hasher()
                chunks = hasher.through(source.chunks())
                self._storage.write(f"{folder}/{record.path}", chunks)
                if hasher.digest() != record.digest:
                    raise SourceChangedError(
                        f"artifact file {source.name!r} was changed while it was "
                        "being saved; nothing was stored: save again"
                    )
            if moves:
                announce()
                move_in(self._storage, folder, target)
                check_arrived(self._storage, target, _sizes(prepared.records))
                self._storage.protect(target)
        finally:
            if moves:
                with suppress(StorageError):
                    self._storage.delete_tree(folder)

    def drop(self, token: str) -> None:
        """Delete the files in the folder of *token*, if there are any."""
        with suppress(StorageError):
            self._storage.delete_tree(self._folder(token))

    def read(self, log: Log[ArtifactState], sealed: ArtifactVersion) -> Readers:
        """Return functions that read the committed files of a version, by path.

        Raises:
            IntegrityError: the log entry does not contain the committed bytes.
        """
        if sealed.payload is None:
            inline = self._inline(log, sealed)
            return {
                path: lambda data=data: iter([data])  # type: ignore[misc]  # bound now
                for path, data in inline.items()
            }
        folder = self._folder(sealed.payload)
        return {
            file.path: partial(self._checked, f"{folder}/{file.path}", file.digest)
            for file in sealed.files
        }

    def project(
        self,
        log: Log[ArtifactState],
        number: int,
        sealed: ArtifactVersion,
        *,
        is_new: bool = False,
    ) -> None:
        """Write the files that are missing in the folder of a version; protect it.

        A folder that was made read-only was complete: if a file is missing now, it was
        deleted, and a repair restores it. Existing files are not written over: they may
        belong to a version that the log has lost. ``verify`` reports such a file, and a
        repair moves it to quarantine.

        Args:
            log: the log of the artifact versions.
            number: the number of the version.
            sealed: the version.
            is_new: whether the caller has just created the version.
        """
        folder = layout.artifact_dir(self._model, self._version, number)
        # Small files are created, so a new version of small files needs no listing.
        is_listed = not is_new or sealed.payload is not None
        listed = self._storage.find(folder) if is_listed else ()
        there = {entry.path for entry in listed}
        if there and self._storage.capabilities.has_modes:
            found = self._storage.stat(folder)
            if found and found.is_read_only:
                return
        missing = [it.path for it in sealed.files if f"{folder}/{it.path}" not in there]
        readers = self.read(log, sealed) if missing else {}
        for path in missing:
            target, chunks = f"{folder}/{path}", readers[path]
            if sealed.payload is None:
                self._storage.create(target, b"".join(chunks()))
            else:
                source = f"{self._folder(sealed.payload)}/{path}"
                self._write_large(folder, source, target, chunks)
        self._storage.protect(folder)

    def _write_large(
        self,
        folder: str,
        source: str,
        target: str,
        chunks: Callable[[], Iterator[bytes]],
    ) -> None:
        """Write a file that is too large for the log, unless another process just did.

        On a disk it is read, which shows damage.
        """
        moves_trees = self._storage.capabilities.moves_trees
        try:
            if moves_trees or not self._storage.copy(source, target):
                self._storage.write(target, chunks())
        except HopsArtifactsError:
            if next(self._storage.find(folder), None) is None:
                self._storage.delete_tree(folder)
            if self._storage.stat(target) is None:
                raise

    def _checked(self, path: str, digest: Digest) -> Iterator[bytes]:
        return verified(self._storage.chunks(path), digest, path)

    def _inline(
        self, log: Log[ArtifactState], sealed: ArtifactVersion
    ) -> dict[str, bytes]:
        if not sealed.files:
            return {}
        found = log.document(sealed.entry, dict[str, bytes])
        for file in sealed.files:
            if digest_of(found.get(file.path, b"")) != file.digest:
                raise IntegrityError(
                    f"log entry {layout.log_entry(log.path, sealed.entry)} does not "
                    f"contain {file.path!r} as it was saved: restore it from a backup"
                )
        return found

    def _folder(self, token: str) -> str:
        return layout.artifact_payload(self._model, self._version, token)


def _sizes(records: tuple[ArtifactRecord, ...]) -> dict[str, int]:
    return {record.path: record.digest.size_bytes for record in records}
