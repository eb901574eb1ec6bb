"""Artifact versions as users hold them: list, read, explain, compare."""

from hopsartifacts.artifacts.difference import Difference, difference
from hopsartifacts.artifacts.documents import ArtifactVersion
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.names import version_number


class Artifacts:
    """The artifact versions of one model version; 0 is always there and empty."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    def list(self) -> dict[int, ArtifactVersion]:
        """Return all versions by number, in order."""
        return self._store.versions()

    def get(self, version: int) -> ArtifactVersion:
        """Return one version: its identity and files with digests.

        Raises:
            ArtifactNotFoundError: there is no such version.
        """
        return self._store.get(version_number(version))

    def read(self, version: int) -> dict[str, bytes]:
        """Return the sealed bytes of a version's files by name; raises as ``get``."""
        readers = self._store.read(version_number(version))
        return {path: b"".join(chunks()) for path, chunks in readers.items()}

    def diff(self, first: int, second: int) -> Difference:
        """Return which files and lines of *second* differ from *first*.

        Raises:
            ArtifactNotFoundError: one of them does not exist.
        """
        old, new = self.get(first), self.get(second)
        return difference(old.files, new.files, self.read(first), self.read(second))
