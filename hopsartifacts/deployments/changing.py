"""Which version of a deployment is active, and which are given up: log entries each."""

from contextlib import suppress

from msgspec.structs import replace

from hopsartifacts import layout
from hopsartifacts.deployments.documents import DeploymentState
from hopsartifacts.deployments.versions import (
    activate,
    activating,
    deployment_log,
    live_part,
    pick_version,
)
from hopsartifacts.errors import DeploymentNotFoundError, InUseError, StorageError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.identity import new_token


def activate_version(
    storage: Storage, name: str, number: int, *, known_id: str, why: str
) -> DeploymentState:
    """Make a sealed version the active one again; nothing is written if it is.

    Raises:
        DeploymentNotFoundError: there is no such version, or the deployment was
            deleted.
        ModelNotFoundError: the version had been sealed by a writer that was killed
            before it could tell that its model was deleted.
    """
    token = new_token()

    def decide(state: DeploymentState | None, _: int) -> Draft[DeploymentState] | None:
        live = _known(storage, name, state, known_id, number)
        if live.active == number:
            return None
        after = replace(live, active=number, before=live.active)
        op = activating("rollback", number, why)
        return Draft(op=op, state=after, token=token)

    return activate(storage, name, decide, token)


def delete_version(
    storage: Storage, name: str, number: int, *, known_id: str
) -> DeploymentState:
    """Give a version up for good: nothing it pins is kept for it any more.

    Raises:
        DeploymentNotFoundError: there is no such version, or the deployment was
            deleted.
        InUseError: it is the active one.
    """

    def decide(state: DeploymentState | None, _: int) -> Draft[DeploymentState]:
        live = _known(storage, name, state, known_id, number)
        if live.active == number:
            raise InUseError(
                f"version {number} of deployment {name!r} is the active one: roll "
                "back to another version, or save a new one, first"
            )
        rest = {n: kept for n, kept in live.versions.items() if n != number}
        op = {"kind": "delete version", "version": number}
        return Draft(op=op, state=replace(live, versions=rest))

    head = deployment_log(storage, name).append(decide)
    if head is None:
        raise DeploymentNotFoundError(f"deployment {name!r} has an empty log")
    # It is deleted: a document that stays behind is found by verify and gc.
    with suppress(StorageError):
        storage.delete_tree(layout.deployment_version_dir(name, number))
    return head.state


def _known(
    storage: Storage,
    name: str,
    state: DeploymentState | None,
    known_id: str,
    number: int,
) -> DeploymentState:
    live = live_part(storage, state) if state else None
    if live is None or live.id != known_id:
        raise DeploymentNotFoundError(
            f"deployment {name!r} was deleted: create it again"
        )
    pick_version(live, name, number)
    return live
