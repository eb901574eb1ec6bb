"""What an artifact version is, and how it is stored in the log."""

from collections.abc import Callable, Iterator
from typing import Literal

import msgspec
from msgspec.structs import replace

from hopsartifacts.digests import Digest, sha256_of
from hopsartifacts.documents import encode
from hopsartifacts.errors import InvalidDeploymentError, InvalidNameError
from hopsartifacts.layout import Role, artifact_file
from hopsartifacts.names import distinct_paths, file_path, version_number

Asked = int | Literal["CREATE", "MODEL-ONLY"] | None
"""What a caller may ask for: a number, a word, or None for the default."""

CREATE: Literal["CREATE"] = "CREATE"
MODEL_ONLY: Literal["MODEL-ONLY"] = "MODEL-ONLY"


class ArtifactSource(msgspec.Struct, frozen=True, kw_only=True):
    """A file to be put into an artifact; ``chunks`` may be called more than once."""

    role: Role
    name: str
    chunks: Callable[[], Iterator[bytes]]

    @property
    def path(self) -> str:
        """Name inside the artifact folder."""
        return artifact_file(self.role, self.name)


class ArtifactRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a sealed artifact version."""

    role: Role
    path: str
    digest: Digest


class ArtifactVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed artifact version."""

    identity: str
    """Digest over role, name and bytes of every file; equal means the same artifact."""
    files: tuple[ArtifactRecord, ...]
    entry: int
    """Number of the log entry that made it."""
    payload: str | None = None
    """Token of the folder that holds the bytes, if they are too big for the entry."""

    def file(self, role: Role) -> str | None:
        """Return the name of the file with *role*, None if there is none."""
        return next((file.path for file in self.files if file.role == role), None)


EMPTY = ArtifactVersion(identity=sha256_of(encode([])), files=(), entry=0)
"""Version 0 of every model version: no script, no file."""


class ArtifactState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """State of one model version's artifact log."""

    versions: dict[int, ArtifactVersion] = {}
    deleting: tuple[int, ...] = ()
    """Versions that somebody is about to delete; they still read as the others."""
    deleted: tuple[int, ...] = ()
    condemned: tuple[str, ...] = ()
    """Tokens of writers that seemed to be gone: what they commit now is refused."""

    @property
    def next_version(self) -> int:
        """The number a new version gets: none is given twice."""
        return max([*self.versions, *self.deleted], default=0) + 1

    def with_version(self, number: int, version: ArtifactVersion) -> "ArtifactState":
        """Return this state with one version more."""
        return replace(self, versions={**self.versions, number: version})

    def without_version(self, number: int) -> "ArtifactState":
        """Return this state with *number* deleted."""
        versions = {n: kept for n, kept in self.versions.items() if n != number}
        return replace(
            self,
            versions=versions,
            deleting=tuple(n for n in self.deleting if n != number),
            deleted=(*self.deleted, number),
        )

    def same_as(self, identity: str) -> int | None:
        """Return the lowest version with this identity, None if there is none."""
        same = (n for n, known in self.versions.items() if known.identity == identity)
        return min(same, default=None)


def identity_of(files: tuple[ArtifactRecord, ...]) -> str:
    """Return the digest that tells artifacts apart."""
    listed = [
        (file.role, file.path, file.digest.size_bytes, file.digest.sha256)
        for file in files
    ]
    return sha256_of(encode(listed))


def checked_sources(sources: tuple[ArtifactSource, ...]) -> tuple[ArtifactSource, ...]:
    """Return *sources* sorted by path.

    Raises:
        InvalidNameError: a name breaks the rules, or two files would be one.
    """
    paths = [file_path(source.path) for source in sources]
    distinct_paths(paths)
    if twice := {path for path in paths if paths.count(path) > 1}:
        raise InvalidNameError(
            f"two artifact files would be called {min(twice)!r}: rename one"
        )
    return tuple(sorted(sources, key=lambda source: source.path))


def checked_asked(asked: object) -> Asked:
    """Return what a caller passed as ``artifact_version``.

    Raises:
        InvalidDeploymentError: neither a number nor one of the two words.
    """
    if asked is None:
        return None
    if asked == CREATE:
        return CREATE
    if asked == MODEL_ONLY:
        return MODEL_ONLY
    try:
        return version_number(asked)
    except InvalidNameError as error:
        raise InvalidDeploymentError(
            f"artifact_version {asked!r}: use a number, 'CREATE', 'MODEL-ONLY', or "
            "leave it out"
        ) from error
