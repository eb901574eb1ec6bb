"""Deleting model versions: refused while used; the number is never given again.

A reader that knows the number reads the copy of the manifest beside the files and
nothing else. So that copy is taken away first, while the version is only marked: from
then on such readers ask the log.
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
from hopsartifacts.store.fence import Target, delete, withdraw


def delete_version(
    storage: Storage, model: str, version: int, users: Callable[[], list[str]]
) -> None:
    """Delete a version for good, unless *users* or an alias needs it.

    Raises:
        ModelNotFoundError: there is no such version.
        InUseError: somebody uses it, named in the message; nothing was deleted.
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
    # It is deleted: what stays behind is found by verify and gc.
    with suppress(StorageError):
        storage.delete_tree(layout.version_dir(model, version))


def withdraw_deletion(log: ModelLog, model: str, version: int) -> None:
    """Take the mark of a deletion off: somebody has begun to use the version.

    Raises:
        ModelNotFoundError: there is no such version (any more).
    """
    log.refresh()
    if withdraw(_target(log.storage, model, version), log):
        project(log, version)


def _show(storage: Storage, model: str, version: int) -> None:
    """Put the copy of the manifest back, as the version stays."""
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
            f"model {model!r} version {version} is used by {', '.join(users)}: delete "
            "the deployment or alias, or let it use another version, first"
        )
