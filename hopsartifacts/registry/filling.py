"""Filling a new version: every file once, several at a time, hashed while they move.

Bytes that are stored already are not carried again, be it in a sealed file or in one
that an earlier try left when it was cut off. The user's file is always read to know
that. None of this makes anything count: the seal does.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from hopsartifacts import layout
from hopsartifacts.digests import Digest, Hasher, OverlappedHasher, digest_of
from hopsartifacts.errors import NotFoundError, StorageError
from hopsartifacts.registry.documents import FileRecord
from hopsartifacts.registry.resuming import Journal
from hopsartifacts.registry.sources import SourceFile
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.progress import NO_CALLBACK, Callback, Progress
from hopsartifacts.store.sharing import WHOLE_BYTES, Known, Lender
from hopsartifacts.store.workers import Stop, each_result

_LARGE_BYTES = 32 * 1024 * 1024
"""From here on it pays to hash in a thread of its own, and to begin early."""


def fill(
    storage: Storage,
    folder: str,
    files: Sequence[SourceFile],
    *,
    known: Iterable[Known] = (),
    journal: Journal | None = None,
    callback: Callback = NO_CALLBACK,
) -> tuple[FileRecord, ...]:
    """Write *files* below the model files of *folder*, which nobody else writes to.

    Args:
        storage: where to.
        folder: of the version, or the staging folder that becomes one.
        files: what to write.
        known: sealed files, whose bytes are shared rather than carried again.
        journal: of this save, begun; it names what an earlier try may have left below
            *folder*, which is kept where it holds the right bytes.
        callback: told about the bytes that are done, carried or not.

    Returns:
        A record of each file, in the order of *files*.

    Raises:
        SourceChangedError: a file changed since it was listed.
        InvalidModelError: a file cannot be read.
        StorageError: the storage failed; what was written before it stays.
    """
    progress = Progress(callback, sum(it.fingerprint.size_bytes for it in files))
    there = _Earlier(storage, f"{folder}/{layout.FILES}", journal)
    there.keep_only({file.path for file in files})
    if journal:
        journal.plan(file.path for file in files)
    filling = _Filling(storage, there, Lender(storage, known), progress)
    # A large file that begins last would be waited for by idle workers.
    order = sorted(files, key=lambda it: -(it.fingerprint.size_bytes // _LARGE_BYTES))
    records = each_result(filling.file, order, storage.capabilities.workers)
    by_path = {record.path: record for record in records}
    return tuple(by_path[file.path] for file in files)


class _Earlier:
    """What an earlier try, which was cut off, left below the same folder."""

    def __init__(self, storage: Storage, folder: str, journal: Journal | None) -> None:
        self._storage = storage
        self._planned = set(journal.planned) if journal else set()
        self.folder = folder
        found = storage.find(folder) if self._planned else ()
        self._there = {
            entry.path.removeprefix(f"{folder}/"): entry.size_bytes for entry in found
        }

    def keep_only(self, wanted: set[str]) -> None:
        """Delete what the earlier try wrote and this one does not want."""
        for path in self._there.keys() & (self._planned - wanted):
            self._storage.delete_tree(f"{self.folder}/{path}")

    def may_hold(self, path: str, size_bytes: int) -> bool:
        """Tell whether a file of this size lies there."""
        return self._there.get(path) == size_bytes

    def holds(self, path: str, digest: Digest, stop: Stop) -> bool:
        """Read what lies there, and tell whether it is what *digest* names."""
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
    """One file after another, from any thread."""

    def __init__(
        self, storage: Storage, earlier: _Earlier, lender: Lender, progress: Progress
    ) -> None:
        self._storage = storage
        self._earlier = earlier
        self._lender = lender
        self._progress = progress

    def file(self, file: SourceFile, stop: Stop) -> FileRecord:
        """Have one file in the store, the cheapest way."""
        return FileRecord(path=file.path, digest=self._stored(file, stop))

    def _stored(self, file: SourceFile, stop: Stop) -> Digest:
        target = f"{self._earlier.folder}/{file.path}"
        size = file.fingerprint.size_bytes
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
        # A copy on the server is done sooner than reading what lies there.
        target = f"{self._earlier.folder}/{path}"
        is_lent = self._lender.lend(digest, path, target)
        return is_lent or self._earlier.holds(path, digest, stop)

    def _carried(self, chunks: Iterator[bytes], size: int, target: str) -> Digest:
        hasher = _hasher(size)
        # Closed whatever becomes of it, so that no thread or file stays open.
        with closing(hasher.through(self._counted(chunks))) as passing:
            self._storage.write(target, passing)
        return hasher.digest()

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self._progress.add(len(chunk))


def _watched(file: SourceFile, stop: Stop) -> Iterator[bytes]:
    """Yield the bytes until other work fails."""
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
