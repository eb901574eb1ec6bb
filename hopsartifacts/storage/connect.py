"""The factory that returns the storage for a project URL of any protocol."""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import fsspec
from fsspec.core import split_protocol

from hopsartifacts.errors import InvalidInputError, quoted, without_secrets
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.storage.options import (
    ALIASES,
    BY_PROTOCOL,
    check,
    hiding,
    names,
    password_in,
)

SUPPORTED = ("file", "memory", *BY_PROTOCOL, *ALIASES)

_READ_ONLY = names("http https zip tar libarchive git github gist reference data")
_NO_PLACES = names(
    "simplecache filecache blockcache cached dir generic dask async_wrapper "
    "asyncwrapper asynclocal pyscript"
)
"""Protocols that only wrap another file system and may cache its content."""


def connect(
    url: str | os.PathLike[str],
    storage_options: Mapping[str, Any] | None = None,
    *,
    unsafe_single_writer: bool = False,
) -> Storage:
    """Return the storage at *url*: a directory, or a URL of any fsspec protocol.

    Nothing is read or written.

    Args:
        url: the location of the project.
        storage_options: the options of fsspec's file system for that protocol:
            endpoint, credentials, profile. They are passed on unchanged; unknown
            options are rejected by name.
        unsafe_single_writer: allow file systems that cannot tell two writers apart.

    Raises:
        InvalidInputError: the URL is empty, its protocol is not supported, the package
            for it is not installed, or its options are invalid.
    """
    if not isinstance(url, str | os.PathLike):
        raise InvalidInputError(
            f"the project URL is {url!r}: give a directory, file://… or s3://…"
        )
    text, options = os.fspath(url), dict(storage_options or {})
    if not text.strip():
        raise InvalidInputError(
            "the project URL is empty: give a directory, file://… or s3://…"
        )
    with hiding(text, options):
        return _connected(text, options, is_single_writer=unsafe_single_writer)


def _connected(
    text: str, options: dict[str, Any], *, is_single_writer: bool
) -> Storage:
    protocol, path = split_protocol(text)
    if protocol in (None, "file", "local", "memory"):
        return _near(text, protocol, path, options)
    name = ALIASES.get(protocol, protocol)
    if name in BY_PROTOCOL:
        _refuse_secrets(text, takes_password=name == "sftp")
        check(name, options)
        return _open(text, path, BY_PROTOCOL[name].module, options, extra=name)
    if flaw := _flaw_of_other(protocol, is_single_writer=is_single_writer):
        raise InvalidInputError(f"project URL {text!r}: {flaw}")
    _refuse_secrets(text, takes_password=True)
    return _open(text, text, "fallback", options)


def _open(
    url: str, path: str, name: str, options: dict[str, Any], *, extra: str | None = None
) -> Storage:
    try:
        # Import late: it takes a second, and only some projects need it.
        module = import_module(f"hopsartifacts.storage.{name}")
        return cast("Storage", getattr(module, f"{name}_storage")(path, options))
    except InvalidInputError:
        raise
    except ImportError as error:
        # For other protocols, fsspec's own message says which package to install.
        hint = f'needs {error.name}; run: pip install "hopsartifacts[{extra}]"'
        words = hint if extra else f"{error}; install the package that is missing"
        raise InvalidInputError(f"project URL {url!r}: {words}") from error
    except Exception as error:
        raise InvalidInputError(
            f"project URL {url!r}: the storage options cannot be used: {error}"
        ) from error


def _near(
    url: str, protocol: str | None, path: str, options: dict[str, Any]
) -> Storage:
    """Return a local or memory storage; reject options, as these take none."""
    if options:
        # Option values may be secret, so show names only.
        named = ", ".join(sorted(map(str, options)))
        raise InvalidInputError(
            f"project URL {url!r} takes no storage_options, but was given {named}: "
            "leave them out, or give the URL they are for"
        )
    if protocol is None:
        return _local(url)
    _refuse_secrets(url)
    # In a URL "my%20project" means "my project", as in ``Storage.url``.
    return MemoryStorage(path) if protocol == "memory" else _local(unquote(url))


def _refuse_secrets(url: str, *, takes_password: bool = False) -> None:
    """Reject secrets in a URL where they are not used but would be displayed."""
    password = password_in(url)
    if "/" in password:
        raise InvalidInputError(
            f"project URL {url!r}: a password must not contain '/': write '%2F' instead"
        )
    if not takes_password and (password or without_secrets(url) != url):
        raise InvalidInputError(
            f"project URL {url!r} contains a password or a key, which has no "
            "effect there: give it as storage_options, or in the client's own settings"
        )


def _flaw_of_other(protocol: str, *, is_single_writer: bool) -> str | None:
    """Return why a protocol without a module of its own is refused; None if not."""
    if "::" in protocol or protocol in _NO_PLACES:
        return (
            f"{protocol!r} wraps another file system, and its copies may be out of "
            "date: give the URL of that file system instead"
        )
    supported = "".join(f"{it}://, " for it in SUPPORTED) + "or a local directory"
    if protocol in _READ_ONLY:
        return f"protocol {protocol!r} is read-only; use one of {supported}"
    # The registry has those that the user registered as classes.
    if protocol not in {*fsspec.available_protocols(), *fsspec.registry}:
        return f"protocol {protocol!r} is not supported; use one of {supported}"
    if is_single_writer:
        return None
    return (
        f"a file system of protocol {protocol!r} cannot tell two writers apart, so "
        "both could get one version number. If there will only ever be one writer at "
        "a time, opt in with login(…, unsafe_single_writer=True), "
        f"--unsafe-single-writer; otherwise use one of {supported}"
    )


def _local(url: str) -> LocalStorage:
    # A URL may name this machine as its host (RFC 8089); fsspec takes it for a folder.
    local = url.replace("file://localhost/", "file:///", 1)
    # fsspec knows how file URLs map to paths on each system.
    filesystem = fsspec.filesystem("file")
    try:
        root = Path(filesystem._strip_protocol(local)).expanduser()  # noqa: SLF001 - fsspec's documented hook for implementers
        is_file = root.exists() and not root.is_dir()
        storage = LocalStorage(root)
    except (OSError, RuntimeError, UnicodeError, ValueError) as error:
        raise InvalidInputError(
            f"project URL {quoted(url)} cannot be a directory of this machine: {error}"
        ) from error
    if is_file:
        raise InvalidInputError(f"project URL {url!r} is a file: give a directory")
    return storage
