"""Deleting model versions: refused while used; the number is never given again.

A reader that knows the number reads the version's manifest and asks nobody. So before a
version is deleted, its manifest is replaced by a gravestone, which stays.
"""

from collections.abc import Callable
from contextlib import suppress

import msgspec

from hopsartifacts import layout
from hopsartifacts.documents import encode
from hopsartifacts.errors import InUseError, PathNotFoundError, StorageError
from hopsartifacts.registry.documents import ModelState, VersionStatus
from hopsartifacts.registry.versions import (
    live_version,
    manifest_bytes,
    model_log,
    model_state,
    pick_live,
    retired,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.fence import Target, delete, withdraw


class Gravestone(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in the place of a deleted version's manifest."""

    deleted: bool
    model: str
    version: int


def gravestone(model: str, version: int) -> bytes:
    """Return what replaces the manifest of a deleted version."""
    return encode(Gravestone(deleted=True, model=model, version=version))


def is_buried(storage: Storage, model: str, version: int) -> bool:
    """Tell whether a gravestone lies in the place of a version's manifest."""
    try:
        data = storage.read(layout.version_manifest(model, version))
    except PathNotFoundError:
        return False
    return data == gravestone(model, version)


def delete_version(
    storage: Storage, model: str, version: int, users: Callable[[], list[str]]
) -> None:
    """Delete a version for good, unless *users* or an alias needs it.

    Raises:
        ModelNotFoundError: there is no such version.
        InUseError: somebody uses it, named in the message; nothing was deleted.
    """
    live_version(storage, model, version)

    def refuse_used() -> None:
        _refuse(users(), model, version)

    delete(
        _target(storage, model, version),
        refuse_used,
        bury=lambda: _bury(storage, model, version),
        unbury=lambda: _unbury(storage, model, version),
    )
    # It is deleted: files that stay behind are found by verify and gc.
    with suppress(StorageError):
        delete_files(storage, model, version)


def delete_files(storage: Storage, model: str, version: int) -> None:
    """Delete all that lies under a version that is deleted, but its gravestone."""
    keep = layout.version_manifest(model, version)
    for entry in storage.list(layout.version_dir(model, version)):
        if entry.path != keep:
            storage.delete_tree(entry.path)


def withdraw_deletion(storage: Storage, model: str, version: int) -> None:
    """Take the mark of a deletion off: somebody has begun to use the version.

    Raises:
        ModelNotFoundError: there is no such version (any more).
    """
    if withdraw(_target(storage, model, version)):
        _unbury(storage, model, version)


def _bury(storage: Storage, model: str, version: int) -> None:
    path = layout.version_manifest(model, version)
    storage.write(path, [gravestone(model, version)])
    storage.protect(path)


def _unbury(storage: Storage, model: str, version: int) -> None:
    """Put the manifest back, if a gravestone lies there and the version is live."""
    if not is_buried(storage, model, version):
        return
    path = layout.version_manifest(model, version)
    state = live_version(storage, model, version)
    storage.write(path, [manifest_bytes(storage, model, state)])
    storage.protect(path)
    if version not in model_state(storage, model).live():
        # Deleted in between: what we put there must not stay.
        _bury(storage, model, version)


def _target(storage: Storage, model: str, version: int) -> Target[ModelState]:
    def status(state: ModelState | None) -> VersionStatus:
        return pick_live(state or ModelState(), model, version).status

    def with_status(state: ModelState | None, status: VersionStatus) -> ModelState:
        known = state or ModelState()
        current = pick_live(known, model, version)
        after = msgspec.structs.replace(current, status=status)
        return known.replaced(version, after)

    def deleted(state: ModelState | None) -> ModelState:
        known = state or ModelState()
        current = pick_live(known, model, version)
        aliases = [f"alias {alias!r}" for alias in known.aliases_of(version)]
        _refuse(aliases, model, version)
        return known.replaced(version, retired(current, "deleted"))

    return Target(
        log=lambda: model_log(storage, model),
        op={"version": version},
        is_marked=lambda state: status(state) == "deleting",
        marked=lambda state: with_status(state, "deleting"),
        unmarked=lambda state: with_status(state, "sealed"),
        deleted=deleted,
    )


def _refuse(users: list[str], model: str, version: int) -> None:
    if users:
        raise InUseError(
            f"model {model!r} version {version} is used by {', '.join(users)}: delete "
            "the deployment or alias, or let it use another version, first"
        )
