"""From a project URL to its storage: the one place that knows the protocols."""

import os
from pathlib import Path
from urllib.parse import unquote

import fsspec
from fsspec.core import split_protocol

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage

SUPPORTED = ("file", "memory")


def connect(url: str | os.PathLike[str]) -> Storage:
    """Return the storage at *url*: a path, ``file://…`` or ``memory://…``.

    Nothing is read or written.

    Raises:
        InvalidInputError: the URL is empty or its protocol is not supported.
    """
    text = os.fspath(url)
    if not text.strip():
        raise InvalidInputError(
            "the project URL is empty: give a directory, file://… or memory://…"
        )
    protocol, path = split_protocol(text)
    if protocol in (None, "file", "local"):
        # In a URL "my%20project" is "my project", as in ``Storage.url``.
        return _local(unquote(text) if protocol else text)
    if protocol == "memory":
        return MemoryStorage(path)
    raise InvalidInputError(
        f"project URL {text!r}: protocol {protocol!r} is not supported; use one of "
        + ", ".join(f"{name}://" for name in SUPPORTED)
        + " or a local directory"
    )


def _local(url: str) -> LocalStorage:
    # fsspec knows how a file URL names a path on each system.
    filesystem = fsspec.filesystem("file")
    root = Path(filesystem._strip_protocol(url)).expanduser()  # noqa: SLF001 - fsspec's documented hook for implementers
    if root.exists() and not root.is_dir():
        raise InvalidInputError(f"project URL {url!r} is a file: give a directory")
    return LocalStorage(root)
