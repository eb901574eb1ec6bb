"""The root of a project: its format marker and the claims on names."""

from typing import Any
from weakref import WeakSet

import msgspec

from hopsartifacts import layout
from hopsartifacts.documents import FORMAT, check_format, decode, encode_pretty
from hopsartifacts.errors import (
    AlreadyExistsError,
    FormatError,
    IntegrityError,
    PathNotFoundError,
)
from hopsartifacts.machine.identity import now, writer
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.log import Log
from hopsartifacts.store.storage_probe import require_proof


class _Marker(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    created: str
    writer: str


class _Claim(msgspec.Struct, frozen=True, kw_only=True):
    name: str


_KNOWN: WeakSet[Storage] = WeakSet()
"""Remote storages whose marker was read already; reading it costs a request."""


def check_root(storage: Storage) -> None:
    """Refuse a project in a format that this release does not support.

    A root without a marker is not a project yet; the first write creates the marker.

    Raises:
        FormatError: the format is unknown, or the marker is damaged.
    """
    try:
        data = storage.read(layout.MARKER)
    except PathNotFoundError:
        if storage.stat(layout.PRE_RELEASE_MARKER):
            raise FormatError(
                f"{storage.url} was made by a pre-release of hopsartifacts, which "
                "this release does not read: save its models again in a new project"
            ) from None
        return
    where = f"{storage.url}/{layout.MARKER}"
    check_format(decode(data, _Marker, where).format, where)
    if storage.local_path("") is None:
        _KNOWN.add(storage)


def mark_root(storage: Storage) -> None:
    """Make the root a project of this format, if it is not a project yet.

    Raises:
        UnsafeStorageError: the back end's ``create`` is not exclusive.
        FormatError: it is a project in a format that this release does not support.
    """
    if storage in _KNOWN:
        return
    if storage.stat(layout.MARKER) is None:
        require_proof(storage)
        marker = _Marker(format=FORMAT, created=now(), writer=writer())
        storage.create(layout.MARKER, encode_pretty(marker))
        # It is read-only already. If modes are not supported, this warns at once.
        storage.protect(layout.MARKER)
    check_root(storage)


def claim_name(storage: Storage, path: str, name: str, kind: str) -> bool:
    """Claim *name* permanently by creating *path*, which names too close to it share.

    Return False if *name* itself had claimed it before.

    Raises:
        AlreadyExistsError: another name that is too close has claimed it.
    """
    mark_root(storage)
    return claim_in_project(storage, path, name, kind)


def claim_in_project(storage: Storage, path: str, name: str, kind: str) -> bool:
    """Claim *name* as ``claim_name`` does, where something was saved before."""
    if storage.create(path, encode_pretty(_Claim(name=name))):
        return True
    check_claim(storage, path, name, kind)
    return False


def owner_of(storage: Storage, path: str) -> str | None:
    """Return the name that claimed *path*; None if none did."""
    try:
        return decode(storage.read(path), _Claim, path).name
    except PathNotFoundError:
        return None


def check_log_is_there(storage: Storage, log: Log[Any], claim: str) -> None:
    """Refuse an empty log whose entries were lost; accept one that never had entries.

    Writers store files only after their first entry.

    Raises:
        IntegrityError: the name is claimed and there are files, but no log entry.
    """
    folder, _, _ = log.path.rpartition("/")
    is_claimed = owner_of(storage, claim) == folder.rpartition("/")[2]
    has_files = is_claimed and any(True for _ in storage.find(folder))
    if has_files and not log.refresh():
        raise IntegrityError(
            f"the log of {folder!r} is missing, so its versions are unknown: restore "
            "the log from a backup"
        )


def check_claim(storage: Storage, path: str, name: str, kind: str) -> None:
    """Raise the errors of ``claim_name`` without claiming anything."""
    owner = owner_of(storage, path)
    if owner not in {None, name}:
        raise AlreadyExistsError(
            f"{kind} name {name!r} is too close to the existing {owner!r}: some "
            f"systems cannot tell them apart; use {owner!r}, or a name that differs "
            "in more than case"
        )
