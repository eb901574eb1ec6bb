"""What is known of a back end: the kept verdict, or a short trial where there is none.

A root is asked for its verdict before the first write makes it a project; one that is
a project costs nothing more. A *yes* counts only for the URL it was given for. A *no*
counts until the doctor was asked again: no trial goes past it.
"""

import platform
import sys
from contextlib import suppress
from importlib import metadata
from typing import Literal

import msgspec

from hopsartifacts import layout
from hopsartifacts.documents import decode, encode_pretty
from hopsartifacts.errors import FormatError, PathNotFoundError, UnsafeStorageError
from hopsartifacts.storage.contract import Capabilities, Storage
from hopsartifacts.store.identity import new_token, now, writer

Outcome = Literal["held", "warning", "not tried", "broken", "failed"]
"""``broken``: a promise was seen broken; ``failed``: the back end refused or failed, so
nothing was learned of the promise."""

EXCLUSIVE = "an object is created only once"

_LOSS = (
    "so two writers could get one version number and one of them would lose what he "
    "saved; use"
)
_IGNORES = (
    f"the condition on a new object is ignored, {_LOSS} a server that honours it, as "
    "If-None-Match on PUT (S3 itself and many compatible servers do), or a local "
    "directory"
)
_RENAMES_OVER = (
    f"a rename replaces what has the name, {_LOSS} a server whose rename refuses a "
    "name that is taken (OpenSSH's and HDFS's do), or a local directory"
)
_REPLACES = f"a new object replaces the one that has its name, {_LOSS} another place"

# Packages that talk to a back end, and the module each is seen by when it is in use.
_CLIENTS = {
    "fsspec": "fsspec",
    "s3fs": "s3fs",
    "aiobotocore": "aiobotocore",
    "botocore": "botocore",
    "gcsfs": "gcsfs",
    "adlfs": "adlfs",
    "azure-storage-blob": "azure.storage.blob",
    "paramiko": "paramiko",
    "hdfs-native": "hdfs_native",
}


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was tried."""

    name: str
    ok: bool
    detail: str
    outcome: Outcome = "held"
    meaning: str = ""
    """What follows for a project if it does not hold."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was tried on a back end, with what, and whether it can keep a project."""

    url: str
    time: str
    checks: tuple[Check, ...]
    ok: bool = True
    """Whether the back end can keep a project."""
    occasion: Literal["doctor", "first write"] = "doctor"
    writer: str = ""
    versions: dict[str, str] = {}
    """Which releases of Python, this package and the clients it was tried with."""


def kept_verdict(storage: Storage) -> Verdict | None:
    """Return the verdict that is kept in the project, None if there is none.

    Raises:
        FormatError: it cannot be read.
    """
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
    """Refuse a back end that is known, or now found, to break its promises.

    Where the back end has to show that it keeps them and no verdict is kept, a short
    trial is made. If it holds it is kept, so that it is made once for a root.

    Raises:
        UnsafeStorageError: the kept verdict is a no, or the trial failed.
    """
    known = kept_verdict(storage)
    if known is None or (known.ok and known.url != storage.url):
        if not storage.capabilities.needs_proof:
            return
        tried = _tried(storage)
        if known is None and not storage.create(layout.VERDICT, encode_pretty(tried)):
            # Somebody else was asking; what he was told counts.
            known = kept_verdict(storage)
        elif known is not None:
            storage.write(layout.VERDICT, [encode_pretty(tried)])
    if known is not None and not known.ok:
        _refuse(storage, known)


def is_overwriting(storage: Storage, path: str) -> bool:
    """Create one object twice and tell whether the second creation was not refused.

    This finds servers that ignore the condition. It cannot show that concurrent
    writers are told apart; the doctor races them.
    """
    # What the first one is told does not matter: its answer may have been lost.
    storage.create(path, b"first")
    is_second_told_yes = storage.create(path, b"second")
    return is_second_told_yes or storage.read(path) != b"first"


def exclusive_meaning(capabilities: Capabilities) -> str:
    """Say what it means, and what helps, where an object is created more than once."""
    if not capabilities.needs_proof or capabilities.is_single_writer:
        return _REPLACES
    return _RENAMES_OVER if capabilities.moves_trees else _IGNORES


def versions() -> dict[str, str]:
    """Return the releases of Python, this package and the clients in use."""
    found = {"python": platform.python_version()}
    used = [name for name, module in _CLIENTS.items() if module in sys.modules]
    for name in ("hopsartifacts", *used):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
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


def _refuse(storage: Storage, verdict: Verdict) -> None:
    flaws = "; ".join(f"{it.name}: {it.detail}" for it in verdict.checks if not it.ok)
    raise UnsafeStorageError(
        f"{storage.url} cannot keep a project, as was found on {verdict.time} "
        f"({flaws}); nothing was stored. Use another place, or ask the doctor again "
        f"if this was mended: hopsartifacts doctor {storage.url}, or project.doctor()"
    )
