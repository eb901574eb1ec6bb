"""Upload of the files of a new version: concurrent, hashed on the way, deduplicated.

Bytes that are stored already are not uploaded again, whether in a committed file or in
a file left by an interrupted try. The user's file is always read to determine this.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import Digest, Hasher, OverlappedHasher, digest_of
from hopsartifacts.errors import ConflictError, NotFoundError, StorageError
from hopsartifacts.machine.progress import NO_CALLBACK, Callback, Progress
from hopsartifacts.machine.workers import Stop, each_result
from hopsartifacts.registry.documents import FileRecord
from hopsartifacts.registry.save_journal import SaveJournal
from hopsartifacts.registry.sources import SourceFile
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.dedup import Dedup, StoredFile

_LARGE_BYTES = 32 * 1024 * 1024
"""From this size, files are hashed in a separate thread and uploaded first."""
_WHOLE_BYTES = 4 * 1024 * 1024
"""Files up to this size are read in one piece."""
_COPIED_BYTES = 64 * 1024
"""Up to this size, creating a file is as cheap as copying one on the server."""


def fill(
    storage: Storage,
    folder: str,
    files: Sequence[SourceFile],
    *,
    known: Iterable[StoredFile] = (),
    journal: SaveJournal | None = None,
    callback: Callback = NO_CALLBACK,
    own: set[str] | None = None,
) -> tuple[FileRecord, ...]:
    """Write *files* below the model files of *folder*; return a record per file.

    A reserved number may have been used by a version that the log has lost. So nothing
    is written over in the final place of the files. Small files are created; for others
    the folder is listed first, and must contain nothing but files of an earlier try.

    Args:
        storage: the project's storage.
        folder: the folder of the version, or the staging folder that becomes it.
        files: the files to write; nothing else may write below *folder*.
        known: committed files that may be shared instead of uploading the same bytes.
        journal: the journal of this save, after ``begin``. Of the files that an earlier
            try has left below *folder*, those with the right bytes are kept.
        callback: receives the number of bytes done, uploaded or not.
        own: give a set if *folder* is the final place of the files. It receives the
            paths in *folder* that this save, or its earlier try, has stored.

    Raises:
        ConflictError: *folder* contains files of another save.
        SourceChangedError: a file changed since it was listed.
        InvalidModelError: a file cannot be read.
        StorageError: the storage failed; what was written before it stays.
    """
    progress = Progress(callback, sum(it.fingerprint.size_bytes for it in files))
    lender, place = Dedup(storage, known), f"{folder}/{layout.FILES}"
    filling = _Filling(storage, folder, place, lender, progress, own)
    filling.prepare(files, journal)
    # Large files first: one that starts last would leave the other workers idle.
    order = sorted(files, key=lambda it: -(it.fingerprint.size_bytes // _LARGE_BYTES))
    digests = each_result(filling.stored, order, storage.capabilities.workers)
    by_path = {file.path: digest for file, digest in zip(order, digests, strict=True)}
    return tuple(FileRecord(path=it.path, digest=by_path[it.path]) for it in files)


def taken(folder: str) -> ConflictError:
    """Return the error for a version whose *folder* contains files already."""
    return ConflictError(
        f"{folder!r} contains files that belong to no version, or to a version that "
        "the log has lost: see project.verify(); move them away with project.repair(), "
        "then save again (this number is used up)"
    )


class _Filling(msgspec.Struct):
    """The upload of single files; thread-safe after ``prepare``."""

    storage: Storage
    version: str
    folder: str
    lender: Dedup
    progress: Progress
    own: set[str] | None
    is_listed: bool = False
    earlier: dict[str, int] = {}

    def prepare(self, files: Sequence[SourceFile], journal: SaveJournal | None) -> None:
        """Find and plan the files of an earlier try and of this one; refuse others."""
        planned = set(journal.planned) if journal else set[str]()
        wanted = {file.path for file in files}
        is_unsure = self.own is not None and any(map(self._is_unsure, files))
        self.is_listed = bool(planned) or is_unsure
        for entry in self.storage.find(self.version) if self.is_listed else ():
            path = entry.path.removeprefix(f"{self.folder}/")
            self.earlier[path] = entry.size_bytes
        if self.own is not None and self.is_listed:
            embedded = (layout.INPUT_EXAMPLE, layout.MODEL_SCHEMA) if planned else ()
            others = self.earlier.keys() - planned
            if others - {f"{self.version}/{name}" for name in embedded}:
                raise taken(self.version)
            self.own.update(f"{layout.FILES}/{path}" for path in wanted)
        for path in self.earlier.keys() & (planned - wanted):
            self.storage.delete_tree(f"{self.folder}/{path}")
        if journal:
            journal.plan(wanted)

    def _is_unsure(self, file: SourceFile) -> bool:
        """Return whether *file* is stored without a condition on its name."""
        size = file.fingerprint.size_bytes
        is_copied = size > _COPIED_BYTES and self.lender.may_have(size)
        return size > _WHOLE_BYTES or is_copied

    def stored(self, file: SourceFile, stop: Stop) -> Digest:
        """Store one file, in the cheapest way, and return its digest."""
        target, size = f"{self.folder}/{file.path}", file.fingerprint.size_bytes
        is_copied = self.own is None or size > _COPIED_BYTES
        is_earlier = self.earlier.get(file.path) == size
        may_be_there = is_earlier or (is_copied and self.lender.may_have(size))
        if size > _WHOLE_BYTES:
            if may_be_there:
                digest = _hashed(_watched(file.chunks(), stop), size)
            if not may_be_there or not self._is_there(digest, file.path, stop):
                return self._carried(_watched(file.chunks(), stop), size, target)
        else:
            data = b"".join(_watched(file.chunks(), stop))
            digest = digest_of(data)
            if (
                self.own is not None
                and not may_be_there
                and file.path not in self.earlier
            ):
                self._create(file.path, data, self.own)
            elif not may_be_there or not self._is_there(digest, file.path, stop):
                self.storage.write(target, [data])
        self.progress.add(size)
        return digest

    def _create(self, path: str, data: bytes, own: set[str]) -> None:
        """Create the file *path*; add it to *own* unless another save has stored it."""
        name, target = f"{layout.FILES}/{path}", f"{self.folder}/{path}"
        # If the outcome is unknown, the file counts as created.
        own.add(name)
        if not self.storage.create(target, data):
            # A retry finds the file of an attempt whose answer was lost.
            is_same = self.storage.read(target) == data
            if not (is_same and self.is_listed):
                own.discard(name)
            if not is_same:
                raise taken(self.version)

    def _is_there(self, digest: Digest, path: str, stop: Stop) -> bool:
        """Copy the file from another version, or find it whole from an earlier try."""
        target = f"{self.folder}/{path}"
        # A copy on the server is faster than reading the earlier try's file.
        if self.lender.lend(digest, path, target):
            return True
        if self.earlier.get(path) != digest.size_bytes:
            return False
        try:
            there = _watched(self.storage.chunks(target), stop)
            return _hashed(there, digest.size_bytes) == digest
        except (NotFoundError, StorageError):
            return False

    def _carried(self, chunks: Iterator[bytes], size: int, target: str) -> Digest:
        hasher = _hasher(size)
        # Always close it, so that no thread or file stays open.
        with closing(hasher.through(self._counted(chunks))) as passing:
            self.storage.write(target, passing)
        return hasher.digest()

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self.progress.add(len(chunk))


def _watched(chunks: Iterator[bytes], stop: Stop) -> Iterator[bytes]:
    """Yield *chunks*; raise ``Stopped`` if other work fails."""
    for chunk in chunks:
        stop.check()
        yield chunk


def _hashed(chunks: Iterator[bytes], size: int) -> Digest:
    hasher = _hasher(size)
    for _ in hasher.through(chunks):
        pass
    return hasher.digest()


def _hasher(size_bytes: int) -> Hasher:
    return OverlappedHasher() if size_bytes >= _LARGE_BYTES else Hasher()
