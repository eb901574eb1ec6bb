"""Taking from a writer what it seems to have left: it is said first, bytes go later."""

from msgspec.structs import replace

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import ArtifactState
from hopsartifacts.registry.versions import give_up, model_log
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.log import Log


def abort_reservation(storage: Storage, model: str, version: int, token: str) -> bool:
    """Give up the number that *token* reserved and has not sealed.

    Returns:
        Whether nothing can come of it any more: True too if that was so before.
    """
    return give_up(model_log(storage, model), version, token) in {"aborted", "deleted"}


def condemn(storage: Storage, model: str, version: int, token: str) -> bool:
    """Refuse from now on what *token* would commit as an artifact version.

    Returns:
        Whether nothing uses its payload, now or ever; False if it is in use after all.
    """

    def decide(state: ArtifactState | None, _: int) -> Draft[ArtifactState] | None:
        known = state or ArtifactState()
        if _is_used(known, token) or token in known.condemned:
            return None
        after = replace(known, condemned=(*known.condemned, token))
        return Draft(op={"kind": "condemn", "token": token}, state=after)

    path = layout.artifact_log(model, version)
    head = Log(storage, path, ArtifactState).append(decide)
    return not _is_used(head.state if head else ArtifactState(), token)


def _is_used(state: ArtifactState, token: str) -> bool:
    return any(it.payload == token for it in state.versions.values())
