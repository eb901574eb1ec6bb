"""A short trial of the promise everything rests on, before the first write."""

from hopsartifacts import layout
from hopsartifacts.errors import UnsafeStorageError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.identity import new_token


def prove_create(storage: Storage) -> None:
    """Create one object twice and see that the first one stands.

    This finds servers that ignore the condition. It cannot show that concurrent
    writers are told apart; ``project.doctor()`` races them.

    Raises:
        UnsafeStorageError: the second creation was not refused.
    """
    path = layout.probe(new_token())
    try:
        # What the first one is told does not matter: its answer may have been lost.
        storage.create(path, b"first")
        is_overwritten = storage.create(path, b"second")
        is_overwritten |= storage.read(path) != b"first"
    finally:
        storage.delete_tree(path)
    if is_overwritten:
        raise UnsafeStorageError(
            f"{storage.url} cannot keep a project: it overwrites an object that was "
            "to be created only if absent, so two writers could get one version "
            "number; use a server that honours If-None-Match on PUT (S3 itself and "
            "many compatible servers do), or a local directory"
        )
