"""Comparison of stored files with the digests that were recorded for them."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, TypeVar

import msgspec

from hopsartifacts.digests import CHUNK_BYTES, Digest, Hasher, xxh3_of
from hopsartifacts.errors import IntegrityError, PathNotFoundError, StorageError
from hopsartifacts.machine.workers import Stop, each, pause_s
from hopsartifacts.storage.contract import FileInfo, Storage

Found = TypeVar("Found")

FindingKind = Literal[
    "changed", "missing", "unreadable", "extra", "unprotected", "damaged", "leftover"
]

VANISHED = "it was deleted while it was checked"

_TRIES = 3


class Finding(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One difference between a managed path and what was committed."""

    path: str
    kind: FindingKind
    """``changed``, ``missing`` and ``extra`` describe files; ``unreadable``, a file the
    storage fails to return; ``unprotected``, a writable file; ``damaged``, a log;
    ``leftover``, a file of a version that was deleted or given up."""
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.path} ({self.detail})"


Moved = Callable[[int], None]
"""Receives how many more bytes were read; negative when a file is read again."""


class OtherBytesError(IntegrityError):
    """The bytes read do not match their digest."""


def verified(chunks: Iterable[bytes], digest: Digest, path: str) -> Iterator[bytes]:
    """Yield *chunks* unchanged and compare them with *digest*; messages name *path*.

    Raises:
        OtherBytesError: they differ; raised at the end, or as soon as there are more
            bytes than expected.
    """
    hasher = Hasher()
    left = digest.size_bytes
    for chunk in hasher.through(chunks):
        left -= len(chunk)
        if left < 0:
            break
        yield chunk
    if hasher.digest() != digest:
        raise OtherBytesError(
            f"{path!r} differs from what was saved, {digest.sha256}: see "
            "project.verify() and project.repair()"
        )


def ignored(_: int) -> None:
    """Ignore the progress."""


def check_folder(
    storage: Storage,
    folder: str,
    sealed: Mapping[str, Digest],
    *,
    is_strict: bool = False,
) -> list[Finding]:
    """Return every difference between *folder* and *sealed* (by relative path).

    XXH3 finds every accident. If *is_strict*, SHA-256 is compared too, which also finds
    bytes that were made to have the same XXH3.
    """
    found = {
        entry.path.removeprefix(f"{folder}/"): entry for entry in storage.find(folder)
    }
    findings = [
        Finding(path=f"{folder}/{path}", kind="missing", detail="not there")
        for path in sealed.keys() - found.keys()
    ]
    findings += [
        Finding(path=f"{folder}/{path}", kind="extra", detail="not part of the version")
        for path in found.keys() - sealed.keys()
    ]
    files = [(found[path], sealed[path]) for path in found.keys() & sealed.keys()]

    def one(file: tuple[FileInfo, Digest], stop: Stop) -> None:
        moved: Moved = lambda _: stop.check()  # noqa: E731 - as an argument
        findings.extend(check_file(storage, *file, moved, is_strict=is_strict))

    files.sort(key=lambda file: -file[0].size_bytes)
    each(one, files, min(workers_for(storage), len(files)))
    return sorted(findings)


def workers_for(storage: Storage) -> int:
    """Return how many files to check at once in this process."""
    if storage.local_path("") is None:
        return storage.capabilities.workers
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4


def check_file(
    storage: Storage,
    entry: FileInfo,
    digest: Digest,
    moved: Moved = ignored,
    *,
    is_strict: bool = False,
) -> Iterator[Finding]:
    """Yield the difference between one file and its digest, if there is one.

    See ``check_folder`` for *is_strict*.

    Raises:
        StorageError: the storage does not respond at all.
    """
    try:
        flaw = _flaw(storage, entry, digest, moved, is_strict=is_strict)
    except StorageError as error:
        # This raises if the whole storage fails, which says nothing about this file.
        storage.stat(entry.path)
        yield Finding(path=entry.path, kind="unreadable", detail=str(error))
        return
    if flaw:
        yield Finding(path=entry.path, kind="changed", detail=flaw)
    elif storage.capabilities.has_modes and not entry.is_read_only:
        yield Finding(
            path=entry.path, kind="unprotected", detail="its mode allows writing"
        )


def _flaw(
    storage: Storage, entry: FileInfo, digest: Digest, moved: Moved, *, is_strict: bool
) -> str | None:
    if entry.kind != "file":
        return f"it is a {entry.kind}, not a file"
    if entry.size_bytes != digest.size_bytes:
        return f"{entry.size_bytes} bytes instead of {digest.size_bytes}"
    path, size_bytes = entry.path, entry.size_bytes
    try:
        if is_strict:
            whole = _stored(storage, path, size_bytes, moved, _digest_of_all)
            is_same = whole == digest
            return None if is_same else f"{whole.sha256} instead of {digest.sha256}"
        found = stored_xxh3(storage, path, size_bytes, moved)
    except PathNotFoundError:
        return VANISHED
    if found != (digest.size_bytes, digest.xxh3):
        return f"{found[1]} instead of {digest.xxh3}"
    return None


def stored_xxh3(
    storage: Storage, path: str, size_bytes: int, moved: Moved = ignored
) -> tuple[int, str]:
    """Return the size and the XXH3 of a stored file of about *size_bytes*.

    Raises as ``Storage.read``, after a few tries.
    """
    return _stored(storage, path, size_bytes, moved, xxh3_of)


def _digest_of_all(chunks: Iterable[bytes]) -> Digest:
    hasher = Hasher()
    for chunk in chunks:
        hasher.update(chunk)
    return hasher.digest()


def _stored(
    storage: Storage,
    path: str,
    size_bytes: int,
    moved: Moved,
    digested: Callable[[Iterable[bytes]], Found],
) -> Found:
    """Return what *digested* makes of a stored file; see ``stored_xxh3``."""
    failures = size = 0

    def counted() -> Iterator[bytes]:
        nonlocal size
        # Most files are small, and reading one in a single call is fastest.
        is_small = size_bytes <= CHUNK_BYTES
        for chunk in [storage.read(path)] if is_small else storage.chunks(path):
            size += len(chunk)
            moved(len(chunk))
            yield chunk

    while True:
        try:
            return digested(counted())
        except StorageError:
            moved(-size)
            size, failures = 0, failures + 1
            if failures == _TRIES:
                raise
            time.sleep(pause_s(failures))
