"""Where a predictor lives: its project, and who saves deployments of it."""

from typing import Any, Protocol

import msgspec

from hopsartifacts.storage.contract import Storage


class Saver(Protocol):
    """What a predictor needs of the deployments above it."""

    def deploy(self, predictor: Any) -> Any:
        """Save a deployment of *predictor* and return it."""
        ...


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """Where a predictor lives: its project."""

    storage: Storage
    project: str
    saver: Saver
