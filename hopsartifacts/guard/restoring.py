"""Where the bytes of a sealed file may still be, and how they get back to its name.

Nothing is believed: bytes are compared with the SHA-256 of the seal while they move,
and only then get the name.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

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
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.checking import OtherBytesError, verified
from hopsartifacts.store.identity import new_token

IN_MEMORY_BYTES = 1024 * 1024
"""Files up to this size are put down in one step, larger ones prepared aside."""

Source = Callable[[Digest], Iterable[bytes] | None]
"""Gives the bytes that a digest names; None if it does not have them."""

_Candidate = tuple[str, Callable[[], Iterable[bytes]]]


class Prepared:
    """The sound bytes of one file, whole, and where they came from."""

    def __init__(self, origin: str, data: bytes | None, staged: str) -> None:
        self.origin = origin
        self._data = data
        self._staged = staged

    def put_down(self, storage: Storage, path: str) -> bool:
        """Give them the name *path*; False if something else has it."""
        if self._data is not None:
            return storage.create(path, self._data)
        try:
            storage.move(self._staged, path)
        except AlreadyExistsError:
            return False
        return True


class Restoring:
    """Everything that may hold a second copy.

    Args:
        storage: the project.
        inventory: what should be there, and what the logs themselves hold.
        unsound: paths whose bytes are known to be wrong or gone.
        sources: further places, asked last.
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

    def prepare(self, path: str) -> Prepared | None:
        """Return the bytes of *path* from the first place that has them.

        Raises:
            StorageError: no place has them, but one did not answer.
            IntegrityError: no place has them, but one should have.
        """
        failure: HopsArtifactsError | None = None
        for origin, read in self._candidates(path):
            try:
                return self._taken(path, origin, read())
            except (StorageError, IntegrityError) as error:
                if failure is None or isinstance(failure, OtherBytesError):
                    failure = error
            except PathNotFoundError:
                pass  # a copy that went meanwhile
        if isinstance(failure, OtherBytesError):
            return None
        if failure:
            raise failure
        return None

    def _taken(self, path: str, origin: str, chunks: Iterable[bytes]) -> Prepared:
        digest = self._inventory.sealed[path]
        if digest.size_bytes <= IN_MEMORY_BYTES:
            return Prepared(origin, b"".join(verified(chunks, digest, path)), "")
        staged = f"{layout.staging_dir(self._token)}/{path}"
        self._storage.write(staged, verified(chunks, digest, path))
        return Prepared(origin, None, staged)

    def restored(self, path: str) -> None:
        """Note that *path* is sound again, and may serve as a copy itself."""
        self._unsound.discard(path)

    def clear(self) -> None:
        """Delete what was prepared and not put down."""
        with suppress(StorageError):
            self._storage.delete_tree(layout.staging_dir(self._token))

    def _candidates(self, path: str) -> Iterator[_Candidate]:
        digest = self._inventory.sealed[path]
        if path in self._inventory.restorers:
            yield "the log", self._inventory.restorers[path]
        for twin in self._twins[digest.sha256]:
            # One file may have both names; then both are unsound.
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
