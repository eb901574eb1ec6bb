"""The part of a project that a verification or a repair is about."""

from collections.abc import Collection, Iterator

import msgspec
from msgspec.structs import replace

from hopsartifacts import layout
from hopsartifacts.deployments.versions import deployment_names
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.guard.inventory import Inventory
from hopsartifacts.names import is_version
from hopsartifacts.registry.versions import model_names
from hopsartifacts.storage.contract import FileInfo, Storage


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """All managed files, or those at and below one path.

    Attributes:
        path: the path; empty for all.
        models: the models that it may concern.
        deployments: the deployments that it may concern.
        version: the only version of the model; None for all.
    """

    path: str
    models: frozenset[str]
    deployments: frozenset[str]
    version: int | None = None

    @classmethod
    def of(cls, storage: Storage, path: str) -> "Scope":
        """Return the scope of *path*.

        Raises:
            InvalidInputError: *path* is not in a managed folder.
        """
        top, _, rest = path.partition("/")
        name, _, below = rest.partition("/")
        check_sealed(path)
        models = deployments = frozenset[str]()
        if top in {"", layout.MODELS}:
            models = frozenset([name] if name else model_names(storage))
        if top in {"", layout.DEPLOYMENTS}:
            deployments = frozenset([name] if name else deployment_names(storage))
        number = below.partition("/")[0]
        is_one = top == layout.MODELS and is_version(number)
        return cls(
            path=path,
            models=models,
            deployments=deployments,
            version=int(number) if is_one else None,
        )

    def among(self, owners: Collection[tuple[str, ...]]) -> "Scope":
        """Return this scope with only the models and deployments in *owners*."""
        models = {it for it in self.models if (layout.MODELS, it) in owners}
        names = {it for it in self.deployments if (layout.DEPLOYMENTS, it) in owners}
        return replace(self, models=frozenset(models), deployments=frozenset(names))

    def has(self, path: str) -> bool:
        """Return whether *path* is in this scope."""
        return self.path in {"", path} or path.startswith(f"{self.path}/")

    def listed(self, storage: Storage) -> Iterator[FileInfo]:
        """Yield the stored files of this scope."""
        folders = [self.path] if self.path else [layout.MODELS, layout.DEPLOYMENTS]
        for folder in folders:
            yield from storage.find(folder)
        if (
            self.path
            and (entry := storage.stat(self.path))
            and entry.kind != "directory"
        ):
            yield entry

    def inventory(self, storage: Storage) -> Inventory:
        """Return what should be in this scope, by the logs."""
        found = Inventory(storage)
        for model in sorted(self.models):
            found.add_model(model, self.version)
        for deployment in sorted(self.deployments):
            found.add_deployment(deployment)
        if self.path:
            found.sealed = {
                path: digest for path, digest in found.sealed.items() if self.has(path)
            }
            found.read_only_folders = [
                path for path in found.read_only_folders if self.has(path)
            ]
            found.damaged = [
                it
                for it in found.damaged
                if self.has(it.path) or f"{self.path}/".startswith(f"{it.path}/")
            ]
        return found


def check_sealed(path: str) -> None:
    """Check that *path* is one of managed files, or empty for all of them.

    Raises:
        InvalidInputError: it is not.
    """
    is_there = path.partition("/")[0] in {layout.MODELS, layout.DEPLOYMENTS}
    if path and not (is_there and layout.is_managed(path)):
        raise InvalidInputError(
            f"{path!r} has no seal: give a path in {layout.MODELS!r} or "
            f"{layout.DEPLOYMENTS!r}, or none for all"
        )
