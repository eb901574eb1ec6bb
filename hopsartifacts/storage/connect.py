"""From a project URL to its storage: the one place that knows the protocols."""

import os
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import fsspec
import msgspec
from fsspec.core import split_protocol

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.storage.options import check, hiding


class _BackEnd(msgspec.Struct, frozen=True):
    """A back end that creates exclusively by a means of its own."""

    module: str
    opener: str
    """Takes what follows the protocol, and the storage options."""
    extra: str


_S3 = _BackEnd("s3", "s3_storage", "s3")
_GCS = _BackEnd("gcs", "gcs_storage", "gs")
_AZURE = _BackEnd("azure", "azure_storage", "az")
_SFTP = _BackEnd("sftp", "sftp_storage", "sftp")
_HDFS = _BackEnd("hdfs", "hdfs_storage", "hdfs")

_BACK_ENDS = {
    "s3": _S3,
    "s3a": _S3,
    "gs": _GCS,
    "gcs": _GCS,
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
    "sftp": _SFTP,
    "ssh": _SFTP,
    "hdfs": _HDFS,
}
SUPPORTED = ("file", "memory", *_BACK_ENDS)

_READ_ONLY = frozenset(
    [
        "http",
        "https",
        "zip",
        "tar",
        "libarchive",
        "git",
        "github",
        "gist",
        "reference",
        "data",
    ]
)
_NO_PLACES = frozenset(
    [
        "simplecache",
        "filecache",
        "blockcache",
        "cached",
        "dir",
        "generic",
        "dask",
        "async_wrapper",
        "asyncwrapper",
        "asynclocal",
        "pyscript",
    ]
)
"""What only wraps another file system, and may keep copies of what was there."""

_QUOTED_CHARACTERS = 100
_PASSWORD = re.compile(r"://([^/@:]*):[^/@]*@")


def connect(
    url: str | os.PathLike[str],
    storage_options: Mapping[str, Any] | None = None,
    *,
    unsafe_single_writer: bool = False,
) -> Storage:
    """Return the storage at *url*: a directory, or a URL of any fsspec protocol.

    Nothing is read or written.

    Args:
        url: where the project is.
        storage_options: what fsspec's file system of that protocol takes: endpoint,
            credentials, profile. They go through unchanged; what is not known is
            refused by name.
        unsafe_single_writer: use file systems that cannot tell two writers apart.

    Raises:
        InvalidInputError: the URL is empty, its protocol is not supported, the
            package for it is not installed, or its options cannot be used.
    """
    if not isinstance(url, str | os.PathLike):
        raise InvalidInputError(
            f"the project URL is {url!r}: give a directory, file://… or s3://…"
        )
    text = os.fspath(url)
    shown = _PASSWORD.sub(r"://\1@", text)
    if not text.strip():
        raise InvalidInputError(
            "the project URL is empty: give a directory, file://… or s3://…"
        )
    protocol, path = split_protocol(text)
    options = dict(storage_options or {})
    if protocol in (None, "file", "local", "memory"):
        _refuse_options(shown, options)
    if protocol in (None, "file", "local"):
        # In a URL "my%20project" is "my project", as in ``Storage.url``.
        return _local(unquote(text) if protocol else text)
    if protocol == "memory":
        return MemoryStorage(path)
    if protocol in _BACK_ENDS:
        return _open(shown, path, _BACK_ENDS[protocol], options)
    _check_other(shown, protocol)
    if not unsafe_single_writer:
        raise InvalidInputError(
            f"project URL {shown!r}: a file system of protocol {protocol!r} cannot "
            "tell two writers apart, so both could get one version number. If there "
            "will only ever be one writer at a time, say so: login(…, "
            "unsafe_single_writer=True), --unsafe-single-writer; else use one of "
            f"{_supported()}"
        )
    from hopsartifacts.storage.fallback import fallback_storage  # noqa: PLC0415 - late

    with hiding(options):
        return fallback_storage(text, options)


def _open(url: str, path: str, back_end: _BackEnd, options: dict[str, Any]) -> Storage:
    check(back_end.extra, options)
    try:
        # Imported late: it takes a second, and only these projects need it.
        module = import_module(f"hopsartifacts.storage.{back_end.module}")
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            f"project URL {url!r} needs {error.name}; run: "
            f'pip install "hopsartifacts[{back_end.extra}]"'
        ) from error
    with hiding(options):
        return cast("Storage", getattr(module, back_end.opener)(path, options))


def _refuse_options(url: str, options: dict[str, Any]) -> None:
    """Refuse what would have no effect: somebody thinks that he is elsewhere."""
    if options:
        # Their values may be secret.
        named = ", ".join(sorted(map(str, options)))
        raise InvalidInputError(
            f"project URL {url!r} takes no storage_options, and was given {named}: "
            "leave them out, or give the URL they are for"
        )


def _check_other(url: str, protocol: str) -> None:
    """Refuse what cannot hold a project at all."""
    outer = protocol.partition("::")[0]
    if outer != protocol or outer in _NO_PLACES:
        raise InvalidInputError(
            f"project URL {url!r}: {protocol!r} wraps another file system, whose "
            "copies may be out of date; give the URL of that one alone"
        )
    if protocol in _READ_ONLY:
        raise InvalidInputError(
            f"project URL {url!r}: protocol {protocol!r} can only be read from; use "
            f"one of {_supported()}"
        )
    if protocol not in fsspec.available_protocols():
        raise InvalidInputError(
            f"project URL {url!r}: protocol {protocol!r} is not supported; use one of "
            f"{_supported()}"
        )


def _supported() -> str:
    names = ", ".join(f"{name}://" for name in SUPPORTED)
    return f"{names}, or a local directory"


def _local(url: str) -> LocalStorage:
    # This machine may be named as the host (RFC 8089); to fsspec that is a folder.
    local = url.replace("file://localhost/", "file:///", 1)
    # fsspec knows how a file URL names a path on each system.
    filesystem = fsspec.filesystem("file")
    try:
        root = Path(filesystem._strip_protocol(local)).expanduser()  # noqa: SLF001 - fsspec's documented hook for implementers
        if root.exists() and not root.is_dir():
            raise InvalidInputError(f"project URL {url!r} is a file: give a directory")
        return LocalStorage(root)
    except (OSError, RuntimeError, UnicodeError, ValueError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(
            f"project URL {_quoted(url)} cannot be a directory of this machine: {error}"
        ) from error


def _quoted(url: str) -> str:
    text = repr(url)
    return text if len(text) <= _QUOTED_CHARACTERS else f"{text[:_QUOTED_CHARACTERS]}…"
