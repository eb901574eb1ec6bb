"""The user's API of artifact versions: list, read, compare and delete."""

from collections.abc import Callable

from hopsartifacts.artifacts.difference import Difference, difference
from hopsartifacts.artifacts.documents import ArtifactVersion
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.names import version_number


class Artifacts:
    """The artifact versions of one model version; 0 always exists and is empty."""

    def __init__(
        self, store: ArtifactStore, users_of: Callable[[int], list[str]]
    ) -> None:
        self._store = store
        self._users_of = users_of

    def list(self) -> dict[int, ArtifactVersion]:
        """Return all versions by number, in order."""
        return self._store.versions()

    def get(self, version: int) -> ArtifactVersion:
        """Return one version, with its identity and the digests of its files.

        Raises:
            ArtifactNotFoundError: the version does not exist.
        """
        return self._store.get(version_number(version))

    def read(self, version: int) -> dict[str, bytes]:
        """Return the bytes of a version's files by name; raises as ``get``."""
        readers = self._store.read(version_number(version))
        return {path: b"".join(chunks()) for path, chunks in readers.items()}

    def delete(self, version: int) -> None:
        """Delete a version with its files; its number is never reused.

        Raises:
            ArtifactNotFoundError: the version does not exist.
            InvalidDeploymentError: it is 0, which always exists.
            InUseError: a deployment uses it; nothing was deleted.
        """
        number = version_number(version)
        self._store.delete(number, lambda: self._users_of(number))

    def diff(self, first: int, second: int) -> Difference:
        """Return the files and lines of *second* that differ from *first*.

        Raises:
            ArtifactNotFoundError: one of them does not exist.
        """
        old, new = self.get(first), self.get(second)
        return difference(old.files, new.files, self.read(first), self.read(second))
