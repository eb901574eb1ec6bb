"""What a log says, at this moment, of the version that a stored path belongs to.

Callers that listed files earlier check here before they act, because the version may
have been deleted since. A deletion is in the log before any byte is deleted.
"""

from typing import Literal

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import EMPTY
from hopsartifacts.artifacts.versions import artifact_log
from hopsartifacts.deployments.logs import Logs
from hopsartifacts.names import is_version
from hopsartifacts.registry.versions import model_state
from hopsartifacts.storage.contract import Storage

Fate = Literal["live", "reserved", "gone", "unknown"]
"""Of a version: readers see it; a writer is at it; it was deleted or given up; no log
knows it."""

_NONE = ("",) * 5


def fate_of(storage: Storage, path: str) -> Fate:
    """Return the fate of the version that *path* belongs to.

    What belongs to no version, like the log itself, is ``live``.

    Raises:
        IntegrityError: the log is damaged.
        StorageError: the storage does not answer.
    """
    # Of a model: Models/<name>/<version>/Artifacts/<artifact version>/...
    top, name, version, part, artifact = [*path.split("/"), *_NONE][: len(_NONE)]
    if not is_version(version):
        return "live"
    if top == layout.DEPLOYMENTS:
        return _of_deployment(storage, name, int(version))
    fate = _of_model(storage, name, int(version))
    if fate == "live" and part == layout.ARTIFACTS and is_version(artifact):
        state = artifact_log(storage, name, int(version)).state()
        known = state.records.get(int(artifact)) if int(artifact) else EMPTY
        return "live" if known and known.is_live else "gone"
    return fate


def _of_deployment(storage: Storage, name: str, number: int) -> Fate:
    state = Logs(storage).deployment(name).seen_state()
    if number > state.head.last:
        return "unknown"
    return "live" if state.is_kept(number) else "gone"


def _of_model(storage: Storage, name: str, number: int) -> Fate:
    state = model_state(storage, name)
    known = state.records.get(number)
    if known is None:
        return "unknown"
    if known.status == "reserved":
        return "reserved"
    return "live" if known.is_live else "gone"
