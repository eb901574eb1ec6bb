"""Deletion of model versions: refused while in use; a number is never reused.

A reader with a version number reads only the copy of the manifest next to the files.
So the deletion removes that copy first, while the version is only marked. From then on
such readers read the log.
"""

from collections.abc import Callable
from contextlib import suppress

import msgspec

from hopsartifacts import layout
from hopsartifacts.errors import InUseError, StorageError
from hopsartifacts.registry.documents import ModelState
from hopsartifacts.registry.versions import (
    ModelLog,
    live_version,
    model_log,
    pick_live,
    project,
    retired,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.two_phase_delete import Target, delete, withdraw


def delete_version(
    storage: Storage, model: str, version: int, users: Callable[[], list[str]]
) -> None:
    """Delete a version permanently, unless a deployment or an alias needs it.

    *users* returns the names of the deployments that use the version.

    Raises:
        ModelNotFoundError: the version does not exist.
        InUseError: it is in use; the message names the users. Nothing was deleted.
    """
    live_version(storage, model, version)
    try:
        delete(
            _target(storage, model, version),
            lambda: _refuse(users(), model, version),
            hide=lambda: storage.delete_tree(layout.version_manifest(model, version)),
        )
    except InUseError:
        _show(storage, model, version)
        raise
    # The version is deleted. verify() and gc() find files that are left.
    with suppress(StorageError):
        storage.delete_tree(layout.version_dir(model, version))


def withdraw_deletion(log: ModelLog, model: str, version: int) -> None:
    """Remove a deletion mark, because the caller has begun to use the version.

    Raises:
        ModelNotFoundError: the version does not exist, or was deleted.
    """
    log.refresh()
    if withdraw(_target(log.storage, model, version), log):
        project(log, version)


def _show(storage: Storage, model: str, version: int) -> None:
    """Restore the copy of the manifest, since the version was not deleted."""
    log = model_log(storage, model)
    if log.state().is_live(version):
        project(log, version)


def _target(storage: Storage, model: str, version: int) -> Target[ModelState]:
    def marked(state: ModelState, mark: int) -> ModelState:
        current = pick_live(state, model, version)
        status = "deleting" if mark else "sealed"
        after = msgspec.structs.replace(current, status=status, mark=mark)
        return state.replaced(version, after)

    def deleted(state: ModelState) -> ModelState:
        current = pick_live(state, model, version)
        aliases = [f"alias {alias!r}" for alias in state.aliases_of(version)]
        _refuse(aliases, model, version)
        return state.replaced(version, retired(current, "deleted"))

    return Target(
        log=lambda: model_log(storage, model),
        op={"version": version},
        mark=lambda state: pick_live(state, model, version).mark,
        marked=marked,
        deleted=deleted,
    )


def _refuse(users: list[str], model: str, version: int) -> None:
    if users:
        raise InUseError(
            f"model {model!r} version {version} is used by {', '.join(users)}: first "
            "delete each of them, or let it use another version"
        )
