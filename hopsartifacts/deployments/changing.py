"""Which version of a deployment is active, and which are given up: log entries each."""

from contextlib import suppress

from hopsartifacts import layout
from hopsartifacts.deployments.deployed import Deployed, deployed
from hopsartifacts.deployments.documents import DeploymentState
from hopsartifacts.deployments.logs import Logs
from hopsartifacts.deployments.versions import activate, activating, pick_version
from hopsartifacts.errors import DeploymentNotFoundError, InUseError, StorageError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.identity import new_token


def activate_version(
    storage: Storage, name: str, number: int, *, known_id: str, why: str
) -> Deployed:
    """Make a sealed version the active one again; nothing is written if it is.

    Raises:
        DeploymentNotFoundError: there is no such version, or the deployment was
            deleted.
        ModelNotFoundError: the version had been sealed by a writer that was killed
            before it could tell that its model was deleted.
    """
    logs, token = Logs(storage), new_token()

    def decide(state: DeploymentState, _: int) -> Draft[DeploymentState] | None:
        live = _known(logs, name, state, known_id, number)
        if live.active == number:
            return None
        after = state.changed(active=live.active).activated(number)
        op = activating("rollback", number, why)
        return Draft(op=op, state=after, token=token)

    return activate(logs, name, decide, token)


def delete_version(
    storage: Storage, name: str, number: int, *, known_id: str
) -> Deployed:
    """Give a version up for good: nothing it pins is kept for it any more.

    Raises:
        DeploymentNotFoundError: there is no such version, or the deployment was
            deleted.
        InUseError: it is the active one.
    """
    logs = Logs(storage)

    def decide(state: DeploymentState, _: int) -> Draft[DeploymentState]:
        live = _known(logs, name, state, known_id, number)
        if live.active == number:
            raise InUseError(
                f"version {number} of deployment {name!r} is the active one: roll "
                "back to another version, or save a new one, first"
            )
        op = {"kind": "delete version", "version": number}
        # What was active of a version that is gone is settled here, too.
        after = state.changed(active=live.active, entry=live.record.entry)
        return Draft(op=op, state=after.without(number))

    after = logs.deployment(name).append(decide)
    if after is None:
        raise DeploymentNotFoundError(f"deployment {name!r} has an empty log")
    # It is deleted: a document that stays behind is found by verify and gc.
    with suppress(StorageError):
        storage.delete_tree(layout.deployment_version_dir(name, number))
    return Deployed(logs, name, after.state, after.state.head.active)


def _known(
    logs: Logs, name: str, state: DeploymentState, known_id: str, number: int
) -> Deployed:
    live = deployed(logs, name, state)
    if live is None or live.id != known_id:
        raise DeploymentNotFoundError(
            f"deployment {name!r} was deleted: create it again"
        )
    pick_version(live, number)
    return live
