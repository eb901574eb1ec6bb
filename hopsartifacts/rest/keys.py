"""API keys in a file, and the callers that have them.

A key is ``<id>.<secret>``. The file has a hash of the secret, which is random and too
long to be guessed from it. If the file cannot be read, no key is accepted. A running
server notices each change of the file.
"""

import hashlib
import hmac
import logging
import re
import secrets
import stat
import string
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
from filelock import FileLock

from hopsartifacts.errors import (
    AlreadyExistsError,
    FormatError,
    InvalidInputError,
    InvalidNameError,
    NotFoundError,
    StorageError,
)
from hopsartifacts.rest.errors import RefusedError, only_reading, scope_missing
from hopsartifacts.rest.own_folder import make_private, write_private

Scope = Literal["read", "write", "deploy", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "write", "deploy", "admin")

ALLOWED: Mapping[Scope, str] = {
    "read": "viewing and downloading everything, and requesting predictions",
    "write": "saving and changing models, files and tags",
    "deploy": "creating, starting, stopping and deleting deployments, which runs code",
    "admin": "everything, also repairs, cleaning up and keys",
}
"""What each scope allows, in words, besides the scopes that it implies."""

DEFAULT_SCOPES: tuple[Scope, ...] = ("read", "write", "deploy")
"""The scopes of a key for which no others are chosen."""

_IMPLIED: Mapping[Scope, frozenset[Scope]] = {
    "read": frozenset({"read"}),
    "write": frozenset({"read", "write"}),
    "deploy": frozenset({"read", "deploy"}),
    "admin": frozenset(SCOPES),
}
FILE = "keys.json"
_FORMAT = 1
_ID_LENGTH = 12
_SECRET_LENGTH = 48
_LETTERS = string.ascii_letters + string.digits
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_LOCK_S = 30
_NOBODY = "0" * 64
_LOGGER = logging.getLogger(__name__)


class Caller(msgspec.Struct, frozen=True):
    """The API key of a request, without its secret.

    Attributes:
        is_only_reading: whether the server lets the key only read, whatever its scopes.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    is_only_reading: bool = False

    def may(self, scope: Scope) -> bool:
        """Return whether *scope* is one of the key's scopes or implied by one."""
        return any(scope in _IMPLIED[own] for own in self.scopes)

    def check(self, scope: Scope) -> None:
        """Check that the caller may do what needs *scope*.

        Raises:
            RefusedError: it may not (403).
        """
        if self.may(scope):
            return
        if self.is_only_reading:
            raise only_reading()
        raise scope_missing(self.name, scope)

    def only_reading(self) -> "Caller":
        """Return this caller, limited to reading."""
        scopes: frozenset[Scope] = frozenset({"read"} if self.may("read") else ())
        return Caller(self.id, self.name, scopes, is_only_reading=True)


def implied(scope: Scope) -> list[Scope]:
    """Return the other scopes that *scope* includes."""
    return [it for it in SCOPES if it != scope and it in _IMPLIED[scope]]


NO_CALLER = Caller(id="", name="", scopes=frozenset())
"""The caller of an operation that needs no key."""


def has_key(scope: Mapping[str, Any]) -> bool:
    """Return whether the request of this ASGI scope has a valid API key."""
    caller = scope.get("state", {}).get("caller")
    return caller is not None and caller is not NO_CALLER


class Key(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record of one key in the file.

    Attributes:
        digest: SHA-256 of the secret.
        expires: None: never.
        revoked: when the key was revoked; such keys are kept for readers of logs.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    digest: str
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Return whether the key is neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    keys: tuple[Key, ...]


_Signature = tuple[int, ...]


class Keys:
    """The API keys of one server.

    Args:
        folder: the server's own folder; see ``own_folder``.
        clock: returns the current time.
    """

    def __init__(
        self, folder: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._path = folder / FILE
        self._clock = clock
        # One value, so that other threads never see halves of two readings.
        self._read: tuple[_Signature, Mapping[str, Key]] | None = None

    def create(
        self,
        name: str,
        scopes: Collection[Scope] = DEFAULT_SCOPES,
        expires_in_s: float | None = None,
    ) -> tuple[Key, str]:
        """Create a key; return it with its text, which cannot be shown later.

        Raises:
            InvalidInputError: the name breaks its rule, or a scope does not exist.
            AlreadyExistsError: a valid key has this name.
            FormatError: the file of keys is damaged.
        """
        _check(name, scopes)
        now = self._clock()
        secret = _random(_SECRET_LENGTH)
        key = Key(
            id=_random(_ID_LENGTH),
            name=name,
            scopes=tuple(it for it in SCOPES if it in scopes),
            digest=_digest(secret),
            created=now,
            expires=_after(now, expires_in_s),
        )

        def add(keys: tuple[Key, ...]) -> tuple[Key, ...]:
            if any(it.name == name and it.is_valid(now) for it in keys):
                raise AlreadyExistsError(
                    f"there is a key {name!r}: revoke it first, or choose another name"
                ).at("name")
            return (*keys, key)

        self._change(add)
        return key, f"{key.id}.{secret}"

    def list(self) -> list[Key]:
        """Return all keys, the oldest first.

        Raises:
            FormatError: the file of keys is damaged.
        """
        return list(self._load().values())

    def revoke(self, name_or_id: str) -> Key:
        """Revoke a key, also for running servers, and return it.

        Raises:
            NotFoundError: no key with this name or id can be revoked.
            FormatError: the file of keys is damaged.
        """
        now = self._clock()
        ended: list[Key] = []

        def end(keys: tuple[Key, ...]) -> tuple[Key, ...]:
            ended.extend(
                msgspec.structs.replace(key, revoked=now)
                for key in keys
                if name_or_id in {key.id, key.name} and key.revoked is None
            )
            if not ended:
                raise NotFoundError(
                    f"there is no key {name_or_id!r} to revoke: give the name or the "
                    "id of one of 'hopsartifacts keys list'"
                )
            changed = {it.id: it for it in ended}
            return tuple(changed.get(it.id, it) for it in keys)

        self._change(end)
        return ended[-1]

    def find(self, secret: str) -> Caller | None:
        """Return the caller with the key *secret*; None if the key is not valid.

        Raises:
            RefusedError: the keys cannot be read (503); the log has the reason.
        """
        keys = self._current()
        number, _, rest = secret.partition(".")
        key = keys.get(number)
        # Compare for unknown ids too, so that both cases take the same time.
        is_right = hmac.compare_digest(_digest(rest), key.digest if key else _NOBODY)
        if key is None or not is_right or not key.is_valid(self._clock()):
            return None
        return _caller(key)

    def caller(self, key_id: str) -> Caller | None:
        """Return the caller whose key has this id; None if the key is not valid.

        Raises:
            RefusedError: as ``find``.
        """
        key = self._current().get(key_id)
        if key is None or not key.is_valid(self._clock()):
            return None
        return _caller(key)

    def _current(self) -> Mapping[str, Key]:
        try:
            return self._load()
        except (FormatError, StorageError):
            _LOGGER.exception("no key is accepted")
            raise RefusedError(
                "the server cannot read its keys; its log says why", 503
            ) from None

    def _change(self, change: Callable[[tuple[Key, ...]], tuple[Key, ...]]) -> None:
        make_private(self._path.parent)
        lock = self._path.with_name(f"{FILE}.lock")
        with FileLock(lock, timeout=_LOCK_S, mode=0o600):
            keys = change(tuple(self._load().values()))
            document = _Document(format=_FORMAT, keys=keys)
            data = msgspec.json.format(msgspec.json.encode(document))
            write_private(self._path, data + b"\n")

    def _load(self) -> Mapping[str, Key]:
        """Return the keys by id; read the file only if it has changed."""
        try:
            found = self._path.stat()
            signature = (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode)
            if self._read is None or self._read[0] != signature:
                if found.st_mode & _OTHERS_WRITE:
                    raise FormatError(
                        f"{str(self._path)!r} is writable by other users, who could "
                        "add keys: check its content, then run 'chmod go-w' on it"
                    )
                self._read = (signature, _decoded(self._path, self._path.read_bytes()))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StorageError(
                f"cannot read {str(self._path)!r}: {error.strerror}"
            ) from error
        return self._read[1]


def _caller(key: Key) -> Caller:
    return Caller(key.id, key.name, frozenset(key.scopes))


def _decoded(path: Path, data: bytes) -> Mapping[str, Key]:
    try:
        document = msgspec.json.decode(data, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FormatError(
            f"{str(path)!r} is damaged ({error}): put it back from a copy, or "
            "delete it and make new keys"
        ) from error
    if document.format != _FORMAT:
        raise FormatError(
            f"{str(path)!r} has format {document.format}, which this release cannot "
            "read: use the one that wrote it"
        )
    return {key.id: key for key in document.keys}


def _check(name: str, scopes: Collection[Scope]) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidNameError(
            f"key name {name!r}: give 1 to 64 letters, digits, '.', '_', '-' or '@', "
            "the first a letter or digit"
        ).at("name")
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise InvalidInputError(
            f"scopes {sorted(scopes)}: give some of {', '.join(SCOPES)}"
        ).at("scopes")


def _after(now: datetime, seconds: float | None) -> datetime | None:
    if seconds is None:
        return None
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError as error:
        raise InvalidInputError(
            f"a key cannot expire in {seconds:g} seconds: give less, or no end"
        ).at("expires_in_s") from error


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
