"""Second copies of sealed files, and how they are restored to their paths.

No copy is trusted: its content is compared with the SHA-256 of the seal while it is
transferred, and gets its name only if they match.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

from hopsartifacts import layout
from hopsartifacts.digests import Digest
from hopsartifacts.errors import (
    AlreadyExistsError,
    HopsArtifactsError,
    IntegrityError,
    PathNotFoundError,
    StorageError,
)
from hopsartifacts.guard.inventory import Inventory
from hopsartifacts.machine.identity import new_token
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.checks import OtherBytesError, verified

IN_MEMORY_BYTES = 1024 * 1024
"""Files up to this size are created in one step; larger ones are staged first."""

Source = Callable[[Digest], Iterable[bytes] | None]
"""A function that returns the content with a given digest; None if not available."""

Taken = TypeVar("Taken")
_Candidate = tuple[str, Callable[[], Iterable[bytes]]]


class PreparedFile:
    """The verified content of one file, and its origin."""

    def __init__(self, origin: str, data: bytes | None, staged: str) -> None:
        self.origin = origin
        self._data = data
        self._staged = staged

    def put_down(self, storage: Storage, path: str) -> bool:
        """Write the content to *path*; return False if the path exists."""
        if self._data is not None:
            return storage.create(path, self._data)
        try:
            storage.move(self._staged, path)
        except AlreadyExistsError:
            return False
        return True


class Restoring:
    """The search for second copies of damaged files.

    Args:
        storage: the storage of the project.
        inventory: the expected files, and the content stored in the logs.
        unsound: paths whose content is known to be wrong or missing.
        sources: further sources, tried last.
    """

    def __init__(
        self,
        storage: Storage,
        inventory: Inventory,
        unsound: Iterable[str],
        sources: Sequence[Source],
    ) -> None:
        self._storage = storage
        self._inventory = inventory
        self._sources = sources
        self._unsound = set(unsound)
        self._token = new_token()
        self._twins: defaultdict[str, list[str]] = defaultdict(list)
        for path, digest in inventory.sealed.items():
            self._twins[digest.sha256].append(path)

    def prepare(self, path: str) -> PreparedFile | None:
        """Return the content of *path* from the first place that has it.

        Raises:
            StorageError: no place has it, and one did not answer.
            IntegrityError: no place has it, and one that should is damaged.
        """
        return self._first(path, self._taken)

    def origin(self, path: str) -> str | None:
        """Return where ``prepare`` would find the content; it is read. Raises alike."""
        return self._first(path, self._checked)

    def _first(
        self, path: str, take: Callable[[str, str, Iterable[bytes]], Taken]
    ) -> Taken | None:
        failure: HopsArtifactsError | None = None
        for origin, read in self._candidates(path):
            try:
                return take(path, origin, read())
            except (StorageError, IntegrityError) as error:
                if failure is None or isinstance(failure, OtherBytesError):
                    failure = error
            except PathNotFoundError:
                pass  # the copy was deleted meanwhile
        if isinstance(failure, OtherBytesError):
            return None
        if failure:
            raise failure
        return None

    def _taken(self, path: str, origin: str, chunks: Iterable[bytes]) -> PreparedFile:
        digest = self._inventory.sealed[path]
        if digest.size_bytes <= IN_MEMORY_BYTES:
            return PreparedFile(origin, b"".join(verified(chunks, digest, path)), "")
        staged = f"{layout.staging_dir(self._token)}/{path}"
        self._storage.write(staged, verified(chunks, digest, path))
        return PreparedFile(origin, None, staged)

    def _checked(self, path: str, origin: str, chunks: Iterable[bytes]) -> str:
        deque(verified(chunks, self._inventory.sealed[path], path), maxlen=0)
        return origin

    def restored(self, path: str) -> None:
        """Mark *path* as intact, so that it can serve as a copy."""
        self._unsound.discard(path)

    def clear(self) -> None:
        """Delete staged content that was not used."""
        with suppress(StorageError):
            self._storage.delete_tree(layout.staging_dir(self._token))

    def _candidates(self, path: str) -> Iterator[_Candidate]:
        digest = self._inventory.sealed[path]
        if path in self._inventory.restorers:
            yield "the log", self._inventory.restorers[path]
        for twin in self._twins[digest.sha256]:
            # Two names may share one file; then both are damaged.
            if twin != path and twin not in self._unsound:
                yield twin, lambda twin=twin: self._storage.chunks(twin)  # type: ignore[misc]  # bound now
        yield from self._earlier(path)
        for number, source in enumerate(self._sources, 1):
            chunks = source(digest)
            if chunks is not None:
                yield f"source {number}", lambda chunks=chunks: chunks  # type: ignore[misc]  # bound now

    def _earlier(self, path: str) -> Iterator[_Candidate]:
        for chunks in self._storage.previous(path):
            yield "an earlier object version", lambda chunks=chunks: chunks  # type: ignore[misc]  # bound now
