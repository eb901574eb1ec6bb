"""Filling a new version: every file once, several at a time, hashed while they move.

What the store holds already is not carried again, and what an earlier try carried
before it was cut off is kept. None of this makes anything count: the seal does.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from hopsartifacts import layout
from hopsartifacts.digests import Digest, Hasher, OverlappedHasher, digest_of
from hopsartifacts.registry.documents import FileRecord
from hopsartifacts.registry.resuming import Journal
from hopsartifacts.registry.sources import SourceFile
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.progress import NO_CALLBACK, Callback, Progress
from hopsartifacts.store.recall import Recall
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
    recall: Recall | None = None,
    callback: Callback = NO_CALLBACK,
) -> tuple[FileRecord, ...]:
    """Write *files* below the model files of *folder*, which nobody else writes to.

    Args:
        storage: where to.
        folder: of the version, or the staging folder that becomes one.
        files: what to write.
        known: sealed files, whose bytes are shared rather than carried again.
        journal: of this save, begun; what it says is finished is not done again.
        recall: what need not be read again to know its digest; takes what is read.
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
    recall = recall or Recall()
    lender = Lender(storage, known, recall)
    filling = _Filling(storage, there, lender, journal, recall, progress)
    # A large file that begins last would be waited for by idle workers.
    order = sorted(files, key=lambda it: -(it.fingerprint.size_bytes // _LARGE_BYTES))
    workers = storage.capabilities.workers
    # Links of one disk wait for each other: there more threads are no help.
    is_local = storage.local_path("") is not None
    recalled = each_result(filling.recalled, order, 1 if is_local else workers)
    by_path = {record.path: record for record in recalled if record}
    rest = [file for file in order if file.path not in by_path]
    for record in each_result(filling.file, rest, workers):
        by_path[record.path] = record
    return tuple(by_path[file.path] for file in files)


class _Earlier:
    """What an earlier try, which was cut off, left below the same folder."""

    def __init__(self, storage: Storage, folder: str, journal: Journal | None) -> None:
        self._storage = storage
        self._is_local = storage.local_path("") is not None
        self._planned = set(journal.planned) if journal else set()
        self._done = journal.resume()[1] if journal else {}
        self.folder = folder
        found = storage.find(folder) if self._planned else ()
        self._there = {
            entry.path.removeprefix(f"{folder}/"): entry.size_bytes for entry in found
        }

    def keep_only(self, wanted: set[str]) -> None:
        """Delete what the earlier try wrote and this one does not want."""
        for path in self._there.keys() & (self._planned - wanted):
            self._storage.delete_tree(f"{self.folder}/{path}")

    def make_room(self, path: str) -> None:
        # Only a disk needs it: elsewhere a copy replaces what is there. And a server
        # that tidies up empty folders may take what comes next along.
        if path in self._there and self._is_local:
            self._storage.delete_tree(f"{self.folder}/{path}")
            del self._there[path]

    def finished(self, file: SourceFile) -> Digest | None:
        done = self._done.get(file.path)
        if done is None or done.fingerprint != file.fingerprint:
            return None
        is_whole = self._there.get(file.path) == done.digest.size_bytes
        return done.digest if is_whole else None


class _Filling:
    """One file after another, from any thread."""

    def __init__(
        self,
        storage: Storage,
        earlier: _Earlier,
        lender: Lender,
        journal: Journal | None,
        recall: Recall,
        progress: Progress,
    ) -> None:
        self._storage = storage
        self._earlier = earlier
        self._lender = lender
        self._journal = journal
        self._recall = recall
        self._progress = progress

    def file(self, file: SourceFile, stop: Stop) -> FileRecord:
        """Have one file in the store, the cheapest way."""
        digest = self._earlier.finished(file)
        if digest is None:
            digest = self._new(file, stop)
            self._recall.add(_name(file), file.fingerprint, digest)
            if self._journal:
                self._journal.add(file, digest)
        else:
            self._progress.add(digest.size_bytes)
        return FileRecord(path=file.path, digest=digest)

    def recalled(self, file: SourceFile, stop: Stop) -> FileRecord | None:
        """Share the bytes of a file that need not be read to know them.

        That is done again as soon as it is looked up in a journal.
        """
        stop.check()
        if self._earlier.finished(file):
            return None
        digest = self._recall.digest(_name(file), file.fingerprint)
        target = f"{self._earlier.folder}/{file.path}"
        if digest is None or not self._is_lent(digest, file.path, target):
            return None
        self._progress.add(digest.size_bytes)
        return FileRecord(path=file.path, digest=digest)

    def _new(self, file: SourceFile, stop: Stop) -> Digest:
        target = f"{self._earlier.folder}/{file.path}"
        size = file.fingerprint.size_bytes
        if not self._lender.may_have(size):
            return self._carried(_watched(file, stop), size, target)
        if size > WHOLE_BYTES:
            digest = _hashed(_watched(file, stop), size)
            if not self._is_lent(digest, file.path, target):
                return self._carried(_watched(file, stop), size, target)
        else:
            data = b"".join(_watched(file, stop))
            digest = digest_of(data)
            if not self._is_lent(digest, file.path, target):
                self._storage.write(target, [data])
        self._progress.add(size)
        return digest

    def _is_lent(self, digest: Digest, path: str, target: str) -> bool:
        self._earlier.make_room(path)
        return self._lender.lend(digest, path, target)

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


def _name(file: SourceFile) -> str:
    # The files of a bundle have one location.
    return f"{file.location}\0{file.path}"


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
