"""Comparing what lies in a folder with what was sealed, byte by byte."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from hopsartifacts.digests import Digest, xxh3_of
from hopsartifacts.errors import PathNotFoundError, StorageError
from hopsartifacts.storage.contract import Entry, Storage

FindingKind = Literal[
    "changed", "missing", "extra", "unprotected", "damaged", "leftover"
]


class Finding(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One difference between a managed path and its seal."""

    path: str
    kind: FindingKind
    """``changed``, ``missing`` and ``extra`` speak of files, ``unprotected`` of a file
    that can be written to, ``damaged`` of a log, ``leftover`` of a file that belongs to
    a version that was deleted or given up."""
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.path} ({self.detail})"


def check_folder(
    storage: Storage, folder: str, sealed: Mapping[str, Digest]
) -> Iterator[Finding]:
    """Yield every difference between *folder* and *sealed* (by relative path)."""
    found = {
        entry.path.removeprefix(f"{folder}/"): entry for entry in storage.find(folder)
    }
    for path, digest in sealed.items():
        entry = found.get(path)
        if entry is None:
            yield Finding(path=f"{folder}/{path}", kind="missing", detail="not there")
        else:
            yield from check_file(storage, entry, digest)
    for path in found.keys() - sealed.keys():
        yield Finding(
            path=f"{folder}/{path}", kind="extra", detail="not part of the version"
        )


def check_file(storage: Storage, entry: Entry, digest: Digest) -> Iterator[Finding]:
    """Yield what differs between one file and its digest."""
    flaw = _flaw(storage, entry, digest)
    if flaw:
        yield Finding(path=entry.path, kind="changed", detail=flaw)
    elif storage.capabilities.has_modes and not entry.is_read_only:
        yield Finding(
            path=entry.path, kind="unprotected", detail="its mode allows writing"
        )


def _flaw(storage: Storage, entry: Entry, digest: Digest) -> str | None:
    if entry.kind != "file":
        return f"it is a {entry.kind}, not a file"
    if entry.size_bytes != digest.size_bytes:
        return f"{entry.size_bytes} bytes instead of {digest.size_bytes}"
    try:
        found = xxh3_of(storage.chunks(entry.path))
    except PathNotFoundError:
        return "it vanished while it was checked"
    except StorageError as error:
        return str(error)
    if found != (digest.size_bytes, digest.xxh3):
        return f"{found[1]} instead of {digest.xxh3}"
    return None
