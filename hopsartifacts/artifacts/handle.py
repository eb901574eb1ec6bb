"""The user's API of artifact versions: list, read, compare and delete."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from hopsartifacts.artifacts.difference import Difference, difference
from hopsartifacts.artifacts.documents import ArtifactVersion
from hopsartifacts.artifacts.payloads import contents
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.errors import PathNotFoundError
from hopsartifacts.fixed_attributes import FixedAttributes
from hopsartifacts.names import version_number


class Artifacts(FixedAttributes):
    """The artifact versions of one model version; 0 always exists and is empty.

    Every method raises ``ModelNotFoundError`` if the model version is deleted while it
    runs.
    """

    def __init__(
        self,
        store: ArtifactStore,
        users_of: Callable[[int], list[str]],
        while_live: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Create the API of *store*.

        Args:
            store: the artifact versions.
            users_of: returns the names of the deployments that use a version.
            while_live: returns a context that replaces an ``IntegrityError`` by a
                ``ModelNotFoundError`` if the model version was deleted.
        """
        self._store = store
        self._users_of = users_of
        self._while_live = while_live

    def list(self) -> dict[int, ArtifactVersion]:
        """Return all versions by number, in order."""
        with self._while_live():
            return self._store.versions()

    def get(self, version: int) -> ArtifactVersion:
        """Return one version, with its identity and the digests of its files.

        Raises:
            ArtifactNotFoundError: the version does not exist.
        """
        with self._while_live():
            return self._store.get(version_number(version))

    def read(self, version: int) -> dict[str, bytes]:
        """Return the bytes of a version's files by name; raises as ``get``."""
        number = version_number(version)
        with self._while_live():
            try:
                return contents(self._store.read(number))
            except PathNotFoundError:
                # If the version was deleted meanwhile, raise that error instead.
                self._store.get(number)
                raise

    def delete(self, version: int) -> None:
        """Delete a version with its files; its number is never reused.

        Raises:
            ArtifactNotFoundError: the version does not exist.
            InvalidDeploymentError: it is 0, which always exists.
            InUseError: a deployment uses it; nothing was deleted.
        """
        number = version_number(version)
        with self._while_live():
            self._store.delete(number, lambda: self._users_of(number))

    def diff(self, first: int, second: int) -> Difference:
        """Return the files and lines of *second* that differ from *first*.

        Raises:
            ArtifactNotFoundError: one of them does not exist.
        """
        old, new = self.get(first), self.get(second)
        return difference(old.files, new.files, self.read(first), self.read(second))
