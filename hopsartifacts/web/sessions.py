"""The browsers that are logged in, and the links that log one in.

A session ends with its API key, after twelve hours without use, and after seven days.
It does not end with the server, which keeps it in a private file. Of the value in the
cookie and of the token in a link, only hashes are kept.
"""

import hashlib
import logging
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Literal

import msgspec
from msgspec.structs import replace

from hopsartifacts.errors import StorageError
from hopsartifacts.rest.browsers import BrowserSession, Way
from hopsartifacts.rest.keys import Caller
from hopsartifacts.rest.own_folder import write_private

FILE = "sessions.json"
IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
LINK_LIFE = timedelta(minutes=2)
MOST_OF_KEY = 50
"""Most sessions of one key; a further one ends the one that is unused the longest."""
_WRITE_USE = timedelta(minutes=10)
"""How much newer the last use of a session must be than in the file to be written."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_LOGGER = logging.getLogger(__name__)
_SECRET_BYTES = 32
_ID_BYTES = 9
_LONGEST_AGENT = 300

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file of sessions; they are by the hash of the cookie's value."""

    format: Literal[1]
    sessions: dict[str, BrowserSession]


class BrowserSessions:
    """The browsers that are logged in to one server.

    Args:
        caller: returns the caller with an id; None if its key is not valid any more.
        way: how browsers log in.
        clock: returns the current time.
        file: where sessions are kept; None for nowhere. If it cannot be read, browsers
            have to log in again.

    Attributes:
        way: how browsers log in.
    """

    def __init__(
        self,
        caller: Callable[[str], Caller | None],
        way: Way = "key",
        clock: Clock = _now,
        file: Path | None = None,
    ) -> None:
        self.way = way
        self._caller = caller
        self._clock = clock
        self._file = file
        self._lock = Lock()
        # By the hash of the cookie's value.
        self._sessions = _read(file) if file else {}
        # When the sessions in the file were last used.
        self._written = {digest: it.used for digest, it in self._sessions.items()}

    def start(self, key: str, address: str, agent: str) -> tuple[BrowserSession, str]:
        """Start a session for *key*; return it with the value of its cookie."""
        now = self._clock()
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        session = BrowserSession(
            id=secrets.token_urlsafe(_ID_BYTES),
            key=key,
            created=now,
            used=now,
            expires=now + LONGEST,
            address=address,
            agent=agent[:_LONGEST_AGENT],
        )
        with self._lock:
            self._forget(now)
            own = self._of(key)
            for digest, _ in own[: max(0, len(own) - MOST_OF_KEY + 1)]:
                del self._sessions[digest]
            self._sessions[_digest(secret)] = session
            self._write()
        return session, secret

    def find(
        self, secret: str, *, is_use: bool
    ) -> tuple[BrowserSession, Caller] | None:
        """Return the session with the cookie *secret*, and the caller behind it.

        Raises:
            RefusedError: the keys cannot be read (503).
        """
        digest, now = _digest(secret), self._clock()
        with self._lock:
            session = self._sessions.get(digest)
            if session is None or _is_over(session, now):
                return None
        caller = self._caller(session.key)
        with self._lock:
            if caller is None:
                if self._sessions.pop(digest, None):
                    self._write()
                return None
            if is_use and digest in self._sessions:
                session = self._sessions[digest] = replace(session, used=now)
                # Not with each request.
                if now >= self._written.get(digest, now) + _WRITE_USE:
                    self._write()
        return session, caller

    def of(self, key: str) -> list[BrowserSession]:
        """Return the sessions of *key*, the one that is unused the longest first."""
        with self._lock:
            self._forget(self._clock())
            return [session for _, session in self._of(key)]

    def end(self, key: str, session: str | None = None) -> int:
        """End the session with the id *session* of *key*, or all; return how many."""
        with self._lock:
            ended = [digest for digest, it in self._of(key) if session in {None, it.id}]
            for digest in ended:
                del self._sessions[digest]
            if ended:
                self._write()
        return len(ended)

    def _of(self, key: str) -> list[tuple[str, BrowserSession]]:
        own = [it for it in self._sessions.items() if it[1].key == key]
        return sorted(own, key=lambda it: it[1].used)

    def _forget(self, now: datetime) -> None:
        """Forget the sessions that are over."""
        for digest in [d for d, it in self._sessions.items() if _is_over(it, now)]:
            del self._sessions[digest]

    def _write(self) -> None:
        """Write the file; call this with the lock held."""
        self._written = {digest: it.used for digest, it in self._sessions.items()}
        if self._file is None:
            return
        document = _Document(format=1, sessions=self._sessions)
        try:
            write_private(self._file, msgspec.json.encode(document))
        except StorageError:
            _LOGGER.exception("after a restart of the server, browsers log in again")
            # A session that has ended must not come back.
            with suppress(OSError):
                self._file.unlink()


class LoginLinks:
    """Tokens in links. Each logs one browser in, once, and expires soon.

    Args:
        clock: returns the current time.
    """

    def __init__(self, clock: Clock = _now) -> None:
        self._clock = clock
        self._lock = Lock()
        self._ends: dict[str, datetime] = {}  # by the hash of the token

    def make(self) -> str:
        """Return a new token."""
        token, now = secrets.token_urlsafe(_SECRET_BYTES), self._clock()
        with self._lock:
            self._ends = {it: end for it, end in self._ends.items() if now < end}
            self._ends[_digest(token)] = now + LINK_LIFE
        return token

    def use(self, token: str) -> bool:
        """Return whether *token* is valid, and make it invalid."""
        with self._lock:
            end = self._ends.pop(_digest(token), None)
        return end is not None and self._clock() < end


def _read(file: Path) -> dict[str, BrowserSession]:
    """Return the sessions in *file*; none if it cannot be read."""
    try:
        if file.stat().st_mode & _OTHERS_WRITE:
            _LOGGER.error("other users could add sessions to %r: ignored", str(file))
            return {}
        return msgspec.json.decode(file.read_bytes(), type=_Document).sessions
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        _LOGGER.exception("cannot read %r: browsers have to log in again", str(file))
        return {}


def _is_over(session: BrowserSession, now: datetime) -> bool:
    return now >= session.expires or now >= session.used + IDLE


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
