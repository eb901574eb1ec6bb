"""An open project as its handles see it: made once by ``Project``, handed to all."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from hopsartifacts.serving.contract import ServingBackend
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.cache import Cache


class Models(Protocol):
    """What deployments need of the model registry."""

    def get_model(self, name: str, version: int | None = None) -> Any:
        """Return a saved model version."""
        ...


class Deployments(Protocol):
    """What models and predictors need of model serving."""

    def deploy(self, predictor: Any) -> Any:
        """Save a deployment of *predictor* and return it."""
        ...

    def deploy_model(self, model: Any, **settings: Any) -> Any:
        """Save a deployment of *model* and return it."""
        ...

    def users_of(self, model: str, version: int) -> list[str]:
        """Name the deployments that pin a model version."""
        ...


class ProjectContext(msgspec.Struct, frozen=True, kw_only=True):
    """A project, and how its handles reach one another.

    What is a function here is made when it is called first.

    Attributes:
        storage: where the project is.
        project: its name.
        registry: returns the model registry.
        serving: returns model serving.
        backend: returns what runs deployments.
        cache: returns where files are kept that deployments of this machine use, if
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
