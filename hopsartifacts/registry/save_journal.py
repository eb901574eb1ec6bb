"""The journal of a save, by which a later save of the same files continues it.

It is a local file in the user's state folder, which one save at a time locks. It
contains a token and the paths that may have been written under the token, but nothing
about their bytes, which are read again.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import msgspec

from hopsartifacts.errors import StorageError
from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.machine.state_folder import forget_old, key_of, locked, state_folder

_FOLDER = "saves"


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    planned: tuple[str, ...] = ()


class SaveJournal:
    """The journal of one save; its lock is held until ``close``.

    Attributes:
        token: the token of the save in the journal; None if it is empty.
        planned: the paths that may have been written under the token.
    """

    def __init__(self, path: Path, lock: Any) -> None:
        self._path = path
        self._lock = lock
        self.token: str | None = None
        self.planned: set[str] = set()
        # A crash of the machine may leave garbage: then there is nothing to continue.
        with suppress(OSError, msgspec.MsgspecError):
            line = path.read_bytes().partition(b"\n")[0]
            found = msgspec.json.decode(line, type=_Document)
            self.token, self.planned = found.token, set(found.planned)

    def begin(self, token: str) -> None:
        """Record that a save under *token* begins; clear what another one planned."""
        if token != self.token:
            self.planned = set()
        self.token = token
        self._write()

    def plan(self, paths: Iterable[str]) -> None:
        """Record the paths that may be written from now on."""
        self.planned.update(paths)
        self._write()

    def forget(self) -> None:
        """Clear the journal: the save has ended and there is nothing to continue."""
        with suppress(OSError):
            self._path.unlink()
        self.token, self.planned = None, set()

    def close(self) -> None:
        """Release the lock; an unfinished save can be continued later."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self) -> None:
        document = _Document(token=self.token or "", planned=tuple(self.planned))
        # A failure here does not fail the save; it only cannot be continued.
        with (
            suppress(StorageError),
            written_aside(self._path, is_durable=False, mode=0o600) as file,
        ):
            file.write(msgspec.json.encode(document) + b"\n")


def open_journal(project_url: str, model: str, source: Path) -> SaveJournal | None:
    """Open and lock the journal for saving *source* as *model* to a project.

    None if another process is saving the same files, or if this user cannot store files
    on this machine; then the save cannot be continued later.
    """
    key = key_of(project_url, model, os.path.realpath(source))
    # Two different saves may share a lock; then the second one has no journal.
    lock = locked(_FOLDER, key)
    if lock is None:
        return None
    folder = state_folder() / _FOLDER
    journal = folder / f"{key}.jsonl"
    forget_old(folder, "*.jsonl", journal)
    return SaveJournal(journal, lock)
