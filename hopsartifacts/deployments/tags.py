"""Tags of a deployment: any JSON, changed by a log entry each, of no version."""

from collections.abc import Callable

from hopsartifacts.deployments.deployed import deployed
from hopsartifacts.deployments.documents import DeploymentState
from hopsartifacts.deployments.logs import Logs
from hopsartifacts.errors import DeploymentNotFoundError
from hopsartifacts.registry.tagged import Tags
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Draft


def set_tags(
    storage: Storage, name: str, known_id: str, change: Callable[[Tags], Tags]
) -> None:
    """Replace the tags of the deployment *known_id* by what *change* makes of them.

    Raises:
        DeploymentNotFoundError: there is none, or another one of that name.
    """
    logs = Logs(storage)

    def decide(state: DeploymentState, _: int) -> Draft[DeploymentState] | None:
        live = deployed(logs, name, state)
        if live is None or live.id != known_id:
            raise DeploymentNotFoundError(
                f"deployment {name!r} was deleted: create it again"
            )
        tags = change(live.tags)
        if tags == live.tags:
            return None
        return Draft(op={"kind": "tag"}, state=state.changed(tags=tags))

    logs.deployment(name).append(decide)
