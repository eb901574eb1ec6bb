"""Deleting model versions: refused while used; the number is never given again.

A reader that knows the number reads the version's seal and nothing else. So before a
version is deleted its seal is buried: replaced by one that sends readers to the log.
Where a back end cannot replace in one step, its readers ask the log anyway, and the
seal is deleted after the version was.
"""

from collections.abc import Callable
from contextlib import suppress

import msgspec

from hopsartifacts import layout
from hopsartifacts.errors import IntegrityError, InUseError, StorageError
from hopsartifacts.registry.documents import ModelState, VersionStatus
from hopsartifacts.registry.seals import Seal, bury, new_seal
from hopsartifacts.registry.versions import (
    live_version,
    logged_manifest,
    model_log,
    pick_live,
    retired,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.fence import Target, delete, withdraw
from hopsartifacts.store.identity import new_token


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

    replaces = storage.capabilities.replaces_in_one_step
    delete(
        _target(storage, model, version),
        refuse_used,
        bury=(lambda: _bury(storage, model, version)) if replaces else lambda: None,
    )
    # It is deleted: what stays behind is found by verify and gc.
    with suppress(StorageError):
        if not replaces:
            storage.delete_tree(layout.version_seal(model, version))
        storage.delete_tree(layout.version_dir(model, version))


def withdraw_deletion(storage: Storage, model: str, version: int) -> None:
    """Take the mark of a deletion off: somebody has begun to use the version.

    Raises:
        ModelNotFoundError: there is no such version (any more).
    """
    withdraw(_target(storage, model, version))


def _bury(storage: Storage, model: str, version: int) -> None:
    """Send who knows the number to the log, whatever becomes of the deletion."""
    log = model_log(storage, model)
    seal: Seal | None = None
    with suppress(IntegrityError):  # then the log has what it said
        seal = log.seal(version)
    if seal is None:  # as of every version of format 1
        head = log.head()
        if head is None:
            raise IntegrityError(f"the log {log.path} has lost its entries")
        state = pick_live(head.state, model, version)
        manifest = logged_manifest(log, version, state)
        seal = new_seal(head, model, version, state, new_token(), manifest)
    bury(storage, seal)


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
