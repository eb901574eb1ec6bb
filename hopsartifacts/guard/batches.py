"""Comparison of many files with their seals, in batches for any executor.

A batch sends the storage itself and at most a few hundred entries; the result contains
only the differences. A batch that cannot be checked raises instead of reporting
findings.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed

from hopsartifacts import layout
from hopsartifacts.digests import Digest
from hopsartifacts.errors import StorageError
from hopsartifacts.machine.progress import Callback, Progress
from hopsartifacts.machine.workers import Stop
from hopsartifacts.storage.contract import FileInfo, Storage
from hopsartifacts.store.checks import (
    VANISHED,
    Finding,
    Moved,
    check_file,
    ignored,
    workers_for,
)

BATCH_FILES = 200
BATCH_BYTES = 64 * 1024 * 1024
"""A batch ends at this size; a larger file is a batch of its own."""

File = tuple[FileInfo, Digest]


def compared(
    storage: Storage,
    files: Sequence[File],
    callback: Callback,
    executor: Executor | None,
) -> list[Finding]:
    """Return the differences between *files* and their digests.

    Args:
        storage: the storage of the files.
        files: the entries found, with the sealed digests.
        callback: called as bytes are read; with an *executor*, after each batch.
        executor: runs the batches; by default threads of this process.

    Raises:
        StorageError: the storage does not answer, here or in the executor.
    """
    progress = Progress(callback, sum(map(_size, files)))
    if executor is not None:
        return _gathered(executor, storage, files, progress, moved=None)
    stop = Stop()

    def moved(size_bytes: int) -> None:
        stop.check()
        progress.add(size_bytes)

    workers = workers_for(storage)
    with ThreadPoolExecutor(workers, thread_name_prefix="hopsartifacts") as own:
        try:
            return _gathered(own, storage, files, progress, moved=moved)
        except BaseException:
            stop.set()
            raise


def check_batch(
    storage: Storage, files: Sequence[File], moved: Moved | None = None
) -> list[Finding]:
    """Return the differences in one batch; this runs in the executor."""
    moved = moved or ignored
    findings = [
        finding for file in files for finding in check_file(storage, *file, moved)
    ]
    vanished = any(finding.detail == VANISHED for finding in findings)
    if vanished and storage.stat(layout.MARKER) is None:
        raise StorageError(
            f"process {os.getpid()} does not see the project {storage.url!r}: use an "
            "executor whose workers can reach it; a project in memory is visible "
            "only to the process that created it"
        )
    return findings


def _gathered(
    executor: Executor,
    storage: Storage,
    files: Sequence[File],
    progress: Progress,
    *,
    moved: Moved | None,
) -> list[Finding]:
    findings: list[Finding] = []
    sizes: dict[Future[list[Finding]], int] = {}
    try:
        for batch in _batches(files):
            future = executor.submit(check_batch, storage, batch, moved)
            sizes[future] = sum(map(_size, batch))
        for done in as_completed(sizes):
            findings += done.result()
            if moved is None:
                progress.add(sizes[done])
    except BaseException:
        for future in sizes:
            future.cancel()
        raise
    return findings


def _batches(files: Sequence[File]) -> Iterator[list[File]]:
    """Yield batches, largest files first, so that none runs alone at the end."""
    batch: list[File] = []
    size = 0
    for file in sorted(files, key=_size, reverse=True):
        if batch and (len(batch) == BATCH_FILES or size + _size(file) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += _size(file)
    if batch:
        yield batch


def _size(file: File) -> int:
    return file[0].size_bytes
