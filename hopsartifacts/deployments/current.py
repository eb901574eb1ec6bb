"""Which deployment has a name now, for callers that ask more often than it changes."""

import time

from hopsartifacts.deployments.deployed import no_key
from hopsartifacts.deployments.versions import find_deployment
from hopsartifacts.errors import StorageError
from hopsartifacts.serving.contract import DeploymentKey
from hopsartifacts.storage.contract import Storage

_NEAR_S, _FAR_S = 2.0, 10.0
"""For how long what was read is used again: on a disk, and elsewhere."""


class Current:
    """The keys of deployments by their names; usable from any thread."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._known: dict[str, tuple[float, DeploymentKey]] = {}
        self._trust_s = _FAR_S if storage.local_path("") is None else _NEAR_S

    def key(self, name: str) -> tuple[DeploymentKey, bool]:
        """Return the key, and whether it was read just now; raises as ``read``."""
        known = self._known.get(name)
        if known is not None and time.monotonic() - known[0] < self._trust_s:
            return known[1], False
        return self.read(name), True

    def read(self, name: str) -> DeploymentKey:
        """Read the key from the project; an empty one for a name that is not there.

        If the project does not answer, the key that was read last is returned, so that
        a running deployment keeps answering.

        Raises:
            StorageError: the project does not answer, and the name was never read.
        """
        began = time.monotonic()
        try:
            sealed = find_deployment(self._storage, name)
        except StorageError:
            known = self._known.get(name)
            if known is None:
                raise
            return known[1]
        if sealed is None:
            self._known.pop(name, None)
            return no_key(name)
        key = sealed.key
        self._known[name] = began, key
        return key
