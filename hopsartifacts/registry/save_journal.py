"""The journal of a save, by which a later save of the same files continues it.

The journal is a local file in the user's state folder, so it needs no request to the
store. One save at a time locks it. It contains a token and the paths that may have been
written under the token. It contains nothing about their bytes, which are read again.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

import msgspec

from hopsartifacts.store.state_folder import forget_old, key_of, locked, state_folder

_FOLDER = "saves"


class _Begun(msgspec.Struct, frozen=True, kw_only=True, tag="begun"):
    token: str


class _Planned(msgspec.Struct, frozen=True, kw_only=True, tag="planned"):
    paths: tuple[str, ...]


_Line = _Begun | _Planned


class SaveJournal:
    """The journal of one save; its lock is held until ``close``.

    Attributes:
        token: the token of the save in the journal; None if it is empty.
        planned: the paths that may have been written under the token.
    """

    def __init__(self, path: Path, lock: Any) -> None:
        self._path = path
        self._lock = lock
        self._writing = Lock()
        self._file: int | None = None
        self._good_bytes = 0
        self.token: str | None = None
        self.planned: set[str] = set()
        self._read()

    def begin(self, token: str) -> None:
        """Record that a save under *token* begins.

        If the journal contains another token, it is cleared first.
        """
        if token != self.token:
            self._restart()
        self.token = token
        self._write(_Begun(token=token))

    def plan(self, paths: Iterable[str]) -> None:
        """Record the paths that may be written from now on."""
        planned = tuple(paths)
        self.planned.update(planned)
        self._write(_Planned(paths=planned))

    def forget(self) -> None:
        """Clear the journal: the save has ended and there is nothing to continue."""
        self._restart()

    def close(self) -> None:
        """Release the lock; an unfinished save can be continued later."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self) -> None:
        try:
            lines = self._path.read_bytes().splitlines(keepends=True)
        except OSError:
            return
        # A killed process leaves a partial last line; a crash of the machine may leave
        # other garbage. The lines before it are valid.
        with suppress(msgspec.MsgspecError):
            for line in lines:
                if line.endswith(b"\n"):
                    self._take(msgspec.json.decode(line, type=_Line))
                    self._good_bytes += len(line)
        if self.token is None:
            self._restart()

    def _take(self, line: _Line) -> None:
        if isinstance(line, _Begun):
            self.token = line.token
        else:
            self.planned.update(line.paths)

    def _restart(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        with suppress(OSError):
            self._path.unlink()
        self.planned, self._good_bytes = set(), 0
        self.token = None

    def _write(self, line: _Line) -> None:
        data = msgspec.json.encode(line) + b"\n"
        # A failure here does not fail the save; it only cannot be continued.
        with self._writing, suppress(OSError):
            if self._file is None:
                self._file = self._open()
            os.write(self._file, data)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        file = os.open(self._path, flags, 0o600)
        # Cut off what could not be read, so that the next line starts cleanly.
        os.ftruncate(file, self._good_bytes)
        return file


def open_journal(project_url: str, model: str, source: Path) -> SaveJournal | None:
    """Open and lock the journal for saving *source* as *model* to a project.

    Returns:
        The journal. None if another process is saving the same files, or if this user
        cannot store files on this machine; then the save cannot be continued later.
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
