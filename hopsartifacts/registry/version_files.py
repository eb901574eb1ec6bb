"""Upload of the files of a new version: concurrent, hashed on the way, deduplicated.

Bytes that are stored already are not uploaded again, whether in a committed file or in
a file left by an interrupted try. The user's file is always read to determine this. The
files become a version only when its log entry is committed.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from hopsartifacts import layout
from hopsartifacts.digests import Digest, Hasher, OverlappedHasher, digest_of
from hopsartifacts.errors import ConflictError, NotFoundError, StorageError
from hopsartifacts.machine.progress import NO_CALLBACK, Callback, Progress
from hopsartifacts.registry.documents import FileRecord
from hopsartifacts.registry.save_journal import SaveJournal
from hopsartifacts.registry.sources import SourceFile
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.dedup import WHOLE_BYTES, Dedup, StoredFile
from hopsartifacts.store.workers import Stop, each_result

_LARGE_BYTES = 32 * 1024 * 1024
"""From this size, files are hashed in a separate thread and uploaded first."""
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
    """Write *files* below the model files of *folder*; no one else may write there.

    A reserved number may have been used by a version that the log has lost. So if
    *folder* is the final place of the files, which *own* tells, nothing that is there
    is written over. Small files are created; for others the folder is listed first.

    Args:
        storage: the project's storage.
        folder: the folder of the version, or the staging folder that becomes it.
        files: the files to write.
        known: committed files that may be shared instead of uploading the same bytes.
        journal: the journal of this save, after ``begin``. It lists files that an
            earlier try may have left below *folder*; those with the right bytes are
            kept.
        callback: receives the number of bytes done, uploaded or not.
        own: give a set if *folder* is the final place of the files. It receives the
            paths in *folder* that this save, or its earlier try, has stored.

    Returns:
        A record per file, in the order of *files*.

    Raises:
        ConflictError: *folder* contains files of another save.
        SourceChangedError: a file changed since it was listed.
        InvalidModelError: a file cannot be read.
        StorageError: the storage failed; what was written before it stays.
    """
    progress = Progress(callback, sum(it.fingerprint.size_bytes for it in files))
    lender = Dedup(storage, known)
    there = _Earlier(storage, folder, journal)
    if own is not None and any(_is_checked_first(file, lender) for file in files):
        there.look()
    if own is not None and there.is_known:
        there.refuse_others()
        own.update(f"{layout.FILES}/{file.path}" for file in files)
    there.keep_only({file.path for file in files})
    if journal:
        journal.plan(file.path for file in files)
    unsure = None if there.is_known else own
    filling = _Filling(storage, there, lender, progress, unsure)
    # Large files first: one that starts last would leave the other workers idle.
    order = sorted(files, key=lambda it: -(it.fingerprint.size_bytes // _LARGE_BYTES))
    records = each_result(filling.file, order, storage.capabilities.workers)
    by_path = {record.path: record for record in records}
    return tuple(by_path[file.path] for file in files)


def create(
    storage: Storage, folder: str, path: str, data: bytes, own: set[str]
) -> None:
    """Create a file of a version in *folder*, and add its relative path to *own*.

    A file with the same bytes is accepted, as a retry finds it.

    Raises:
        ConflictError: another file is there.
    """
    name = path.removeprefix(f"{folder}/")
    # If the outcome is unknown, the file counts as created.
    own.add(name)
    if not storage.create(path, data):
        own.discard(name)
        if storage.read(path) != data:
            raise taken(folder)


def taken(folder: str) -> ConflictError:
    """Return the error for a version whose *folder* contains files already."""
    return ConflictError(
        f"{folder!r} holds files that no version owns, or those of a version that the "
        "log has lost: see project.verify(); move them away with project.repair(), "
        "then save again (this number is used up)"
    )


def _is_checked_first(file: SourceFile, lender: Dedup) -> bool:
    """Tell whether a file is uploaded or copied without a condition on its name."""
    size = file.fingerprint.size_bytes
    return size > WHOLE_BYTES or (size > _COPIED_BYTES and lender.may_have(size))


class _Earlier:
    """The files that an interrupted earlier try left below the same folder.

    Attributes:
        version: the folder of the version.
        folder: the folder of the model files.
        is_known: whether the folder was listed; it is if there was an earlier try.
    """

    def __init__(
        self, storage: Storage, version: str, journal: SaveJournal | None
    ) -> None:
        self._storage = storage
        self.version = version
        self._planned = set(journal.planned) if journal else set()
        self.folder = f"{version}/{layout.FILES}"
        self._others: list[str] = []
        self._there: dict[str, int] = {}
        self.is_known = False
        if self._planned:
            self.look()

    def look(self) -> None:
        """List the folder of the version, unless that was done."""
        if self.is_known:
            return
        self.is_known = True
        embedded = {
            f"{self.version}/{name}"
            for name in (layout.INPUT_EXAMPLE, layout.MODEL_SCHEMA)
            if self._planned
        }
        for entry in self._storage.find(self.version):
            path = entry.path.removeprefix(f"{self.folder}/")
            self._there[path] = entry.size_bytes
            if path not in self._planned | embedded:
                self._others.append(path)

    def refuse_others(self) -> None:
        """Refuse files that the earlier try has not written.

        Raises:
            ConflictError: there is such a file.
        """
        if self._others:
            raise taken(self.version)

    def keep_only(self, wanted: set[str]) -> None:
        """Delete files of the earlier try that are not in *wanted*."""
        for path in self._there.keys() & (self._planned - wanted):
            self._storage.delete_tree(f"{self.folder}/{path}")

    def may_hold(self, path: str, size_bytes: int) -> bool:
        """Tell whether a file of this size is at *path*."""
        return self._there.get(path) == size_bytes

    def holds(self, path: str, digest: Digest, stop: Stop) -> bool:
        """Read the file at *path*, and tell whether it matches *digest*."""
        if not self.may_hold(path, digest.size_bytes):
            return False
        hasher = Hasher()
        try:
            for chunk in self._storage.chunks(f"{self.folder}/{path}"):
                stop.check()
                hasher.update(chunk)
        except (NotFoundError, StorageError):
            return False
        return hasher.digest() == digest


class _Filling:
    """The upload of single files; thread-safe."""

    def __init__(
        self,
        storage: Storage,
        earlier: _Earlier,
        lender: Dedup,
        progress: Progress,
        own: set[str] | None,
    ) -> None:
        self._storage = storage
        self._earlier = earlier
        self._lender = lender
        self._progress = progress
        self._own = own

    def file(self, file: SourceFile, stop: Stop) -> FileRecord:
        """Store one file, in the cheapest way, and return its record."""
        return FileRecord(path=file.path, digest=self._stored(file, stop))

    def _stored(self, file: SourceFile, stop: Stop) -> Digest:
        target = f"{self._earlier.folder}/{file.path}"
        size = file.fingerprint.size_bytes
        if self._own is not None:
            data = b"".join(_watched(file, stop))
            create(self._storage, self._earlier.version, target, data, self._own)
            self._progress.add(size)
            return digest_of(data)
        may_be_there = self._earlier.may_hold(file.path, size)
        if not may_be_there and not self._lender.may_have(size):
            return self._carried(_watched(file, stop), size, target)
        if size > WHOLE_BYTES:
            digest = _hashed(_watched(file, stop), size)
            if not self._is_there(digest, file.path, stop):
                return self._carried(_watched(file, stop), size, target)
        else:
            data = b"".join(_watched(file, stop))
            digest = digest_of(data)
            if not self._is_there(digest, file.path, stop):
                self._storage.write(target, [data])
        self._progress.add(size)
        return digest

    def _is_there(self, digest: Digest, path: str, stop: Stop) -> bool:
        # A copy on the server is faster than reading the earlier try's file.
        target = f"{self._earlier.folder}/{path}"
        is_lent = self._lender.lend(digest, path, target)
        return is_lent or self._earlier.holds(path, digest, stop)

    def _carried(self, chunks: Iterator[bytes], size: int, target: str) -> Digest:
        hasher = _hasher(size)
        # Always close it, so that no thread or file stays open.
        with closing(hasher.through(self._counted(chunks))) as passing:
            self._storage.write(target, passing)
        return hasher.digest()

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self._progress.add(len(chunk))


def _watched(file: SourceFile, stop: Stop) -> Iterator[bytes]:
    """Yield the file's bytes; raise ``Stopped`` if other work fails."""
    for chunk in file.chunks():
        stop.check()
        yield chunk


def _hashed(chunks: Iterator[bytes], size: int) -> Digest:
    hasher = _hasher(size)
    for _ in hasher.through(chunks):
        pass
    return hasher.digest()


def _hasher(size_bytes: int) -> Hasher:
    return OverlappedHasher() if size_bytes >= _LARGE_BYTES else Hasher()
