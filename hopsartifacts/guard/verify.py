"""Verification of every managed file against its seal: size, digest, kind and mode.

Bytes are compared in batches, on any executor. A batch sends the storage itself and at
most a few hundred entries; the result contains only the differences. A batch that
cannot be checked raises instead of reporting findings.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import Digest
from hopsartifacts.errors import PathNotFoundError, StorageError
from hopsartifacts.guard.inventory import Inventory
from hopsartifacts.guard.scope import Scope
from hopsartifacts.machine.progress import NO_CALLBACK, Callback, Progress
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

_SECOND_LOOK_S = 0.25
BATCH_FILES = 200
BATCH_BYTES = 64 * 1024 * 1024
"""A batch ends at this size; a larger file is a batch of its own."""

File = tuple[FileInfo, Digest]


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a verification; ``str()`` lists it."""

    findings: tuple[Finding, ...]
    files: int
    """How many files were compared with a seal."""
    size_bytes: int
    """How many bytes were read."""

    @property
    def ok(self) -> bool:
        """Whether everything matches its seal."""
        return not self.findings

    def __str__(self) -> str:
        noun = "file" if self.files == 1 else "files"
        checked = f"{self.files} {noun} ({self.size_bytes} bytes) checked"
        if self.ok:
            return f"{checked}: all as sealed"
        verb = "differs" if len(self.findings) == 1 else "differ"
        lines = [f"{checked}: {len(self.findings)} {verb}", *map(str, self.findings)]
        return "\n  ".join(lines)


def verify(
    storage: Storage,
    callback: Callback = NO_CALLBACK,
    executor: Executor | None = None,
    path: str = "",
) -> VerifyReport:
    """Compare everything below the managed folders, or below *path*, with the logs.

    Raises:
        InvalidInputError: *path* is not in a managed folder.
        PathNotFoundError: there is nothing at *path*, and nothing should be.
        StorageError: the storage does not answer; this is not a finding.
    """
    return inspect(storage, callback, executor, path)[0]


def inspect(
    storage: Storage,
    callback: Callback = NO_CALLBACK,
    executor: Executor | None = None,
    path: str = "",
) -> tuple[VerifyReport, Inventory]:
    """Return the result of ``verify`` and the inventory of *path* behind it.

    Files are listed before the logs are read, because a writer records each file in a
    log before it writes it. A finding is reported only if it persists: see
    ``_lasting``.
    """
    scope = Scope.of(storage, path)
    listed = {entry.path: entry for entry in scope.listed(storage)}
    inventory = scope.inventory(storage)
    if "/" in path and not (listed or inventory.sealed or inventory.damaged):
        raise PathNotFoundError(f"{path!r} does not exist: nothing was sealed there")
    there = {path: listed.get(path) or storage.stat(path) for path in inventory.sealed}
    files = [(it, inventory.sealed[path]) for path, it in there.items() if it]
    findings = [
        *inventory.damaged,
        *_missing(there, inventory),
        *compared(storage, files, callback, executor),
        *_unexpected(storage, inventory, listed),
        *_open_folders(storage, inventory),
    ]
    report = VerifyReport(
        findings=tuple(sorted(_lasting(storage, findings, scope))),
        files=len(inventory.sealed),
        size_bytes=sum(digest.size_bytes for digest in inventory.sealed.values()),
    )
    return report, inventory


def _missing(
    there: dict[str, FileInfo | None], inventory: Inventory
) -> Iterator[Finding]:
    for path, entry in there.items():
        if entry is None:
            is_logged = path in inventory.restorers
            hint = ", but in the log: a repair restores it" if is_logged else ""
            yield Finding(path=path, kind="missing", detail=f"not there{hint}")


def _unexpected(
    storage: Storage, inventory: Inventory, listed: dict[str, FileInfo]
) -> Iterator[Finding]:
    for path in listed.keys() - inventory.sealed.keys():
        finding = _intruder(inventory, path)
        if finding and storage.stat(path):
            yield finding


def _intruder(inventory: Inventory, path: str) -> Finding | None:
    """Describe a file that no seal names; None if the file is allowed."""
    if _lies_in(path, inventory.busy):
        return None
    if _is_log_entry(inventory, path) or not layout.is_managed(path):
        return None
    if _lies_in(path, inventory.retired):
        detail = "its version was deleted or abandoned"
        return Finding(path=path, kind="leftover", detail=detail)
    return Finding(path=path, kind="extra", detail="it belongs to no version")


def _lies_in(path: str, folders: Iterable[str]) -> bool:
    return path.startswith(tuple(f"{folder}/" for folder in folders))


def _open_folders(storage: Storage, inventory: Inventory) -> Iterator[Finding]:
    if not storage.capabilities.has_modes:
        return
    for folder in inventory.read_only_folders:
        entry = storage.stat(folder)
        if entry and entry.kind == "directory" and not entry.is_read_only:
            detail = "its mode allows adding files"
            yield Finding(path=folder, kind="unprotected", detail=detail)


def _lasting(storage: Storage, findings: list[Finding], scope: Scope) -> list[Finding]:
    """Return the findings that persist after a moment.

    Concurrent changes look like damage: a version being deleted loses its files, and a
    folder may be written after its log entry. So the files are checked again, and then
    the logs of their owners, which record a deletion before any file is deleted. As
    long as the number of findings shrinks, an operation is in progress, and the check
    repeats.
    """
    while findings:
        time.sleep(_SECOND_LOOK_S)
        before = len(findings)
        looks = {it.path: storage.stat(it.path) for it in findings}
        owners = {tuple(path.split("/")[:2]) for path in looks}
        fresh = scope.among(owners).inventory(storage)
        again = (_again(storage, it, looks[it.path], fresh) for it in findings)
        findings = [it for it in again if it]
        if len(findings) == before:
            break
    return findings


def _again(
    storage: Storage, finding: Finding, entry: FileInfo | None, fresh: Inventory
) -> Finding | None:
    """Return the finding as it is now, by its file and its log; None if resolved."""
    path, kind = finding.path, finding.kind
    if kind == "damaged":
        return finding if path in {it.path for it in fresh.damaged} else None
    if kind in {"extra", "leftover"}:
        is_there = entry is not None and path not in fresh.sealed
        return _intruder(fresh, path) if is_there else None
    if kind == "unprotected" and path in fresh.read_only_folders:
        return finding if entry and not entry.is_read_only else None
    # Otherwise its version was deleted.
    return _of_sealed(storage, finding, entry, fresh) if path in fresh.sealed else None


def _of_sealed(
    storage: Storage, finding: Finding, entry: FileInfo | None, fresh: Inventory
) -> Finding | None:
    if entry is None:
        return finding if finding.kind != "unprotected" else None
    if finding.kind in {"missing", "unprotected"} or finding.detail == VANISHED:
        return next(check_file(storage, entry, fresh.sealed[finding.path]), None)
    return finding


def _is_log_entry(inventory: Inventory, path: str) -> bool:
    log = layout.log_of(path)
    # Entries added since the audit are as good as the earlier ones.
    return log in inventory.logs and layout.log_entry_seq(log, path) is not None


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
