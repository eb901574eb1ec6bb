"""The context of an open project, which ``Project`` shares with all its handles."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from hopsartifacts.serving.contract import ServingBackend
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.cache import Cache


class Models(Protocol):
    """The part of the model registry that deployments use."""

    def get_model(self, name: str, version: int | None = None) -> Any:
        """Return a saved model version."""
        ...


class Deployments(Protocol):
    """The part of model serving that models and predictors use."""

    def deploy(self, predictor: Any) -> Any:
        """Save a deployment of *predictor* and return it."""
        ...

    def deploy_model(self, model: Any, **settings: Any) -> Any:
        """Save a deployment of *model* and return it."""
        ...

    def check(self, predictor: Any, settings: Any) -> Any:
        """Return what a save of *predictor*, which has *settings*, would do."""
        ...

    def users_of(self, model: str, version: int) -> list[str]:
        """Return the names of the deployments that pin a model version."""
        ...


class ProjectContext(msgspec.Struct, frozen=True, kw_only=True):
    """A project's storage, and functions by which its handles reach one another.

    A function creates its result when it is called for the first time.

    Attributes:
        storage: the project's storage.
        project: the project's name.
        registry: returns the model registry.
        serving: returns model serving.
        backend: returns the back end that runs deployments.
        cache: returns the cache for files of deployments on this machine. It is used if
            the storage is not on a local disk.
        catalog: reads the project's catalog; see ``Project.catalog``.
        export: writes bundles; see ``Project.export_bundle``.
    """

    storage: Storage
    project: str
    registry: Callable[[], Models]
    serving: Callable[[], Deployments]
    backend: Callable[[], ServingBackend]
    cache: Callable[[], Cache]
    catalog: Callable[..., Any]
    export: Callable[..., Any]

    @property
    def url(self) -> str:
        """The URL of the project."""
        return self.storage.url
