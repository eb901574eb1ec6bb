"""The check that a back end can keep a project: a stored verdict, or a short test.

The verdict is read before the first write that creates a project; existing projects
need no check. A positive verdict is valid only for the URL that was tested. A negative
one is valid until ``project.doctor()`` runs again: no short test overrides it.
"""

import platform
import re
import sys
from contextlib import suppress
from importlib import metadata
from typing import Literal

import msgspec

from hopsartifacts import layout
from hopsartifacts.documents import decode, encode_pretty
from hopsartifacts.errors import FormatError, PathNotFoundError, UnsafeStorageError
from hopsartifacts.machine.identity import new_token, now, writer
from hopsartifacts.storage.contract import Capabilities, Storage
from hopsartifacts.storage.options import names

Outcome = Literal["held", "warning", "not tried", "broken", "failed"]
"""``broken``: the back end violated the guarantee; ``failed``: it refused or failed, so
the test says nothing about the guarantee."""

EXCLUSIVE = "create if absent"

_LOSS = (
    "so two writers could get the same version number and one of them would lose its "
    "data; use"
)
_IGNORES = (
    f"the server ignores the condition on a new object, {_LOSS} a server that supports "
    "If-None-Match on PUT (S3 itself and many compatible servers do), or a local "
    "directory"
)
_RENAMES_OVER = (
    f"a rename replaces an existing file, {_LOSS} a server whose rename refuses a "
    "name that is taken (OpenSSH's and HDFS's do), or a local directory"
)
_REPLACES = f"a new object replaces an existing one, {_LOSS} another place"

_CLIENTS = names(
    "fsspec s3fs aiobotocore botocore gcsfs adlfs azure.storage.blob paramiko "
    "hdfs_native"
)
"""The modules of the client packages of back ends."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one test."""

    name: str
    ok: bool
    detail: str
    outcome: Outcome = "held"
    meaning: str = ""
    """What a failure means for a project."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The results of all tests of a back end, and whether it can keep a project."""

    url: str
    time: str
    checks: tuple[Check, ...]
    ok: bool = True
    """Whether the back end can keep a project."""
    occasion: Literal["doctor", "first write"] = "doctor"
    writer: str = ""
    versions: dict[str, str] = {}
    """The versions of Python, this package and the client packages that were used."""


def kept_verdict(storage: Storage) -> Verdict | None:
    """Return the verdict stored in the project; raise ``FormatError`` if damaged."""
    try:
        data = storage.read(layout.VERDICT)
    except PathNotFoundError:
        return None
    where = f"{storage.url}/{layout.VERDICT}"
    try:
        return decode(data, Verdict, where)
    except FormatError as error:
        raise FormatError(
            f"{error}; ask the doctor again: hopsartifacts doctor {storage.url}"
        ) from error


def require_proof(storage: Storage) -> None:
    """Refuse a back end that lacks a guarantee of the storage contract.

    If the back end needs proof and no valid verdict is stored, a short test runs. If it
    passes, its verdict is stored, so that it runs once per project.

    Raises:
        UnsafeStorageError: the stored verdict is negative, or the test failed.
    """
    known = kept_verdict(storage)
    if known is None or (known.ok and known.url != storage.url):
        if not storage.capabilities.needs_proof:
            return
        tried = encode_pretty(_tried(storage))
        if known is not None:
            storage.write(layout.VERDICT, [tried])
        elif not storage.create(layout.VERDICT, tried):
            # Another process stored its verdict first: that one counts.
            known = kept_verdict(storage)
    if known is None or known.ok:
        return
    flaws = "; ".join(f"{it.name}: {it.detail}" for it in known.checks if not it.ok)
    raise UnsafeStorageError(
        f"{storage.url} cannot keep a project, as was found on {known.time} "
        f"({flaws}); nothing was stored. Use another place, or ask the doctor again "
        f"if this was fixed: hopsartifacts doctor {storage.url}, or project.doctor()"
    )


def is_overwriting(storage: Storage, path: str) -> bool:
    """Create one object twice; return whether the second create was not refused.

    This finds servers that ignore the condition. It does not test concurrent writers;
    ``project.doctor()`` does.
    """
    # The first result does not matter: its response may have been lost.
    storage.create(path, b"first")
    is_second_told_yes = storage.create(path, b"second")
    return is_second_told_yes or storage.read(path) != b"first"


def exclusive_meaning(capabilities: Capabilities) -> str:
    """Explain what it means if create overwrites an object, and how to solve it."""
    if not capabilities.needs_proof or capabilities.is_single_writer:
        return _REPLACES
    return _RENAMES_OVER if capabilities.moves_trees else _IGNORES


def versions() -> dict[str, str]:
    """Return the versions of Python, this package and the client packages in use."""
    found = {"python": platform.python_version()}
    for module in ("hopsartifacts", *sorted(_CLIENTS & sys.modules.keys())):
        with suppress(metadata.PackageNotFoundError):
            found[re.sub("[._]", "-", module)] = metadata.version(module)
    return found


def _tried(storage: Storage) -> Verdict:
    path = layout.probe(new_token())
    try:
        overwrites = is_overwriting(storage, path)
    finally:
        storage.delete_tree(path)
    if overwrites:
        raise UnsafeStorageError(
            f"{storage.url} cannot keep a project: it overwrites an object that was "
            f"to be created only if absent; nothing was stored. That means: "
            f"{exclusive_meaning(storage.capabilities)}"
        )
    detail = "tried one after the other, not raced"
    return Verdict(
        url=storage.url,
        time=now(),
        checks=(Check(name=EXCLUSIVE, ok=True, detail=detail),),
        occasion="first write",
        writer=writer(),
        versions=versions(),
    )
