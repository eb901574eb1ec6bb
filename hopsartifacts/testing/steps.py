"""The steps within a storage call: its effects on a disk or a server.

A writer may crash between two steps, so that a call is half done. On a disk, the steps
are system calls; elsewhere, they are method calls of the client objects that the
storage keeps in its attributes.
"""

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.folders import StorageFolder

Tell = Callable[[], object]

_SYSTEM = frozenset(
    {"os.mkdir", "os.rename", "os.link", "os.remove", "os.chmod", "os.rmdir"}
)
"""Audit events of changes to a disk, besides those of opened files."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CALLS = frozenset(
    {
        # file systems of fsspec
        *("open", "pipe_file", "put_file", "cp_file", "mv", "rm", "rm_file"),
        *("mkdir", "makedirs", "rmdir"),
        # servers with an exclusive rename
        *("put", "rename", "replace", "make_folder", "set_mode"),
        *("remove_file", "remove_folder"),
        # S3
        "submit",
    }
)
"""Client methods by which a storage changes data on a server."""
_READS = ("get_", "head_", "list_")
"""Prefixes of the names of requests that change nothing."""


def is_on_disk(storage: Storage) -> bool:
    """Return whether the steps of *storage* take place on a local disk."""
    return storage.local_path("") is not None


@contextmanager
def watching(storage: Storage, tell: Tell) -> Iterator[None]:
    """Call *tell* before each step that changes something below *storage*.

    On a disk this lasts until the process ends, so use it in child processes only.
    Elsewhere it ends with the context, because other storages of this process may share
    the client objects.
    """
    while isinstance(storage, StorageFolder):
        # Temporary files may be stored above the folder.
        storage = storage.inner
    root = storage.local_path("")
    with ExitStack() as patches:
        if root is not None:
            watch_disk(str(root), tell)
        else:
            for client in vars(storage).values():
                for name in _CALLS:
                    _watch_method(client, name, tell, patches)
        yield


def watch_disk(root: str, tell: Tell) -> None:
    """Call *tell* before each change below *root*, until this process ends."""

    def watch(event: str, given: tuple[Any, ...]) -> None:
        if _changes(event, given, root):
            tell()

    sys.addaudithook(watch)


def on_step(number: int, act: Tell) -> Callable[[], int]:
    """Return a function that counts its calls, and calls *act* from the *number*-th on.

    It returns how often it was called before.
    """
    count = itertools.count()

    def tell() -> int:
        seen = next(count)
        if number and seen + 1 >= number:
            act()
        return seen

    return tell


def _watch_method(client: Any, name: str, tell: Tell, patches: ExitStack) -> None:
    method = getattr(client, name, None)
    # An object that does not accept attributes is not a client.
    if not callable(method) or not hasattr(client, "__dict__"):
        return

    def call(*given: Any, **named: Any) -> Any:
        if not (given and str(given[0]).startswith(_READS)):
            tell()
        return method(*given, **named)

    patches.enter_context(patch.object(client, name, call))


def _changes(event: str, given: tuple[Any, ...], root: str) -> bool:
    if event == "open":
        is_writing = bool(given[2] & _WRITING)
        return is_writing and str(given[0]).startswith(root)
    if event not in _SYSTEM:
        return False
    # An integer is a file descriptor; a relative name is used with a folder's.
    name = str(given[0])
    return not name.startswith("/") or name.startswith(root)
