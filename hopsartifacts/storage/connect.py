"""From a project URL to its storage: the one place that knows the protocols."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import fsspec
from fsspec.core import split_protocol

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage

SUPPORTED = ("file", "memory", "s3")


def connect(
    url: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None
) -> Storage:
    """Return the storage at *url*: a path, ``file://``, ``memory://`` or ``s3://``.

    Nothing is read or written.

    Args:
        url: where the project is.
        storage_options: what fsspec's file system of that protocol takes: endpoint,
            credentials, profile. They go through unchanged.

    Raises:
        InvalidInputError: the URL is empty, its protocol is not supported, or the
            package for it is not installed.
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
    if protocol in ("s3", "s3a"):
        return _s3(text, path, dict(storage_options or {}))
    raise InvalidInputError(
        f"project URL {text!r}: protocol {protocol!r} is not supported; use one of "
        + ", ".join(f"{name}://" for name in SUPPORTED)
        + " or a local directory"
    )


def _s3(url: str, path: str, options: dict[str, Any]) -> Storage:
    try:
        # Imported late: it takes a second, and only these projects need it.
        from hopsartifacts.storage.s3 import s3_storage  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            f"project URL {url!r} needs {error.name}; run: "
            'pip install "hopsartifacts[s3]"'
        ) from error
    return s3_storage(path, options)


def _local(url: str) -> LocalStorage:
    # fsspec knows how a file URL names a path on each system.
    filesystem = fsspec.filesystem("file")
    root = Path(filesystem._strip_protocol(url)).expanduser()  # noqa: SLF001 - fsspec's documented hook for implementers
    if root.exists() and not root.is_dir():
        raise InvalidInputError(f"project URL {url!r} is a file: give a directory")
    return LocalStorage(root)
