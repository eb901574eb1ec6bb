"""The context of an open project, which ``Project`` shares with all its handles."""

from collections.abc import Callable
from pathlib import PurePosixPath
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


class ProjectPlace(Protocol):
    """What a project is called and where it is."""

    @property
    def project(self) -> str:
        """The name of the project."""
        ...

    @property
    def url(self) -> str:
        """The URL of the project."""
        ...


def project_name(storage: Storage) -> str:
    """Return the name of the project: the last part of its URL."""
    # The local path is preferred: the URL has "my%20project" for "my project".
    root = storage.local_path("")
    path = root or PurePosixPath(storage.url.partition("://")[2])
    return path.name or "project"


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
