"""The documents of artifact versions, and the state of an artifact log."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import msgspec

from hopsartifacts.digests import Digest, sha256_of
from hopsartifacts.documents import encode
from hopsartifacts.errors import InvalidDeploymentError, InvalidNameError
from hopsartifacts.layout import Role, artifact_file
from hopsartifacts.names import distinct_paths, file_path, version_number
from hopsartifacts.store.entries import Head, State

RequestedVersion = int | Literal["CREATE", "MODEL-ONLY"] | None
"""A requested artifact version: a number, a keyword, or None for the default."""

CREATE: Literal["CREATE"] = "CREATE"
MODEL_ONLY: Literal["MODEL-ONLY"] = "MODEL-ONLY"


REQUESTS: tuple[tuple[Literal["CREATE", "MODEL-ONLY"] | None, str], ...] = (
    (
        None,
        "The lowest version with the same files, or a new one. Without files it is 0.",
    ),
    (CREATE, "Always a new version. Without files it is 0."),
    (MODEL_ONLY, "Version 0, which has no files. Files are refused."),
)
"""The requests besides a number, with their meanings."""

NUMBER_REQUEST = (
    "The version with this number, which must exist. If files are given, it must have "
    "the same ones."
)
"""The meaning of a request by number."""


class ArtifactSource(msgspec.Struct, frozen=True, kw_only=True):
    """A file to add to an artifact; ``chunks`` may be called more than once."""

    role: Role
    name: str
    chunks: Callable[[], Iterator[bytes]]

    @property
    def path(self) -> str:
        """The file's name in the artifact folder."""
        return artifact_file(self.role, self.name)


class ArtifactRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a committed artifact version."""

    role: Role
    path: str
    digest: Digest


class ArtifactVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record of one artifact version."""

    status: Literal["made", "deleting", "deleted"] = "made"
    """``deleting`` is ``made`` with a deletion mark: readers still see the version."""
    mark: int = 0
    """Number of the log entry that marked it for deletion; 0 if it is not marked."""
    identity: str
    """Digest over role, name and bytes of every file; the same for equal artifacts."""
    files: tuple[ArtifactRecord, ...] = ()
    entry: int = 0
    """Number of the log entry that created it; small files are stored in that entry."""
    payload: str | None = None
    """Token of the folder with the files, if they are too large for the entry."""

    @property
    def is_live(self) -> bool:
        """Whether the version exists."""
        return self.status != "deleted"

    def file(self, role: Role) -> str | None:
        """Return the name of the file with *role*; None if there is none."""
        return next((file.path for file in self.files if file.role == role), None)


EMPTY = ArtifactVersion(identity=sha256_of(encode([])))
"""Artifact version 0 of every model version, which has no files."""


class ArtifactHead(Head, frozen=True, kw_only=True, omit_defaults=True):
    """The part of an artifact log's state that is not per version."""

    staged: dict[str, int] = {}  # noqa: RUF012 - a struct copies it
    """Writers that may be storing files too large for an entry: their tokens, and the
    entry that registered each. A writer that is not listed cannot commit such files."""


class ArtifactState(State[ArtifactHead, ArtifactVersion]):
    """The state of a model version's artifact log."""

    head_type = ArtifactHead
    record_type = ArtifactVersion

    @staticmethod
    def identity_of(record: ArtifactVersion) -> str | None:
        """Return the identity that indexes a version; None if it was deleted."""
        return record.identity if record.is_live else None

    @property
    def next_version(self) -> int:
        """The number of the next new version; numbers are never reused."""
        return self.head.last + 1

    def live(self) -> dict[int, ArtifactVersion]:
        """Return the versions that exist, in order; this reads every page."""
        return {number: it for number, it in self.records.items() if it.is_live}

    def with_version(self, number: int, version: ArtifactVersion) -> "ArtifactState":
        """Return a copy of this state with one more version."""
        index = self.index
        if self.same_as(version.identity) is None:
            index = index.changed(version.identity, number)
        staged = {it: n for it, n in self.head.staged.items() if it != version.payload}
        return self.changed(number, version, index=index, staged=staged)

    def without_version(self, number: int) -> "ArtifactState":
        """Return a copy of this state with version *number* deleted."""
        version = self.records[number]
        gone = ArtifactVersion(status="deleted", identity=version.identity)
        index = self.index
        if self.same_as(version.identity) == number:
            rest = (
                n
                for n, it in self.live().items()
                if n != number and it.identity == version.identity
            )
            index = index.changed(version.identity, next(rest, None))
        return self.changed(number, gone, index=index)

    def same_as(self, identity: str) -> int | None:
        """Return the lowest version with this identity; None if there is none."""
        return self.index.find(identity)


def identity_of(files: Sequence[ArtifactRecord]) -> str:
    """Return the digest over role, name and bytes of every file of an artifact."""
    listed = [
        (file.role, file.path, file.digest.size_bytes, file.digest.sha256)
        for file in files
    ]
    return sha256_of(encode(listed))


def checked_sources(sources: tuple[ArtifactSource, ...]) -> tuple[ArtifactSource, ...]:
    """Return *sources* sorted by path.

    Raises:
        InvalidNameError: a name breaks the rules, or two files have the same path.
    """
    paths = [file_path(source.path) for source in sources]
    distinct_paths(paths)
    if twice := {path for path in paths if paths.count(path) > 1}:
        raise InvalidNameError(
            f"two artifact files would be called {min(twice)!r}: rename one"
        )
    return tuple(sorted(sources, key=lambda source: source.path))


def checked_requested_version(asked: object) -> RequestedVersion:
    """Return the value of the argument ``artifact_version`` in canonical form.

    Raises:
        InvalidDeploymentError: it is neither a number nor one of the two keywords.
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
