"""The steps inside a back end: what one of its calls does to a disk or to a server.

A writer may end between two of them, so that half of a call is done. On a disk they
are what is asked of the operating system; elsewhere they are calls of the objects by
which a storage talks to its server, which it keeps in its attributes.
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
"""Audit events of changes to a disk, beside those of files that are opened."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CALLS = frozenset(
    {
        # of file systems of fsspec
        *("open", "pipe_file", "put_file", "cp_file", "mv", "rm", "rm_file"),
        *("mkdir", "makedirs", "rmdir"),
        # of servers whose rename is exclusive
        *("put", "rename", "replace", "make_folder", "set_mode"),
        *("remove_file", "remove_folder"),
        # of S3
        "submit",
    }
)
"""Methods by which a storage changes what is on a server."""
_READS = ("get_", "head_", "list_")
"""What the names of requests that change nothing begin with."""


def is_on_disk(storage: Storage) -> bool:
    """Tell whether the steps of *storage* are taken on a disk of this machine."""
    return storage.local_path("") is not None


@contextmanager
def watching(storage: Storage, tell: Tell) -> Iterator[None]:
    """Have *tell* called before each step that changes something below *storage*.

    On a disk that goes on until this process ends, so it is for child processes only.
    Elsewhere it ends with the context: other storages of this process may share the
    client objects.
    """
    while isinstance(storage, StorageFolder):
        # What it puts aside may lie above the folder.
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
    """Have *tell* called before each change below *root*, until this process ends."""

    def watch(event: str, given: tuple[Any, ...]) -> None:
        if _changes(event, given, root):
            tell()

    sys.addaudithook(watch)


def on_step(number: int, act: Tell) -> Callable[[], int]:
    """Return what calls *act* at its *number*-th call and later, and counts.

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
    # What takes no attributes is no client.
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
    # A number is an open file's; a relative name comes with its folder's.
    name = str(given[0])
    return not name.startswith("/") or name.startswith(root)
