"""The journal of a save: where a later save of the same files may find what it left.

It is a file of this user on this machine, so it costs the store no request, and it is
held by one save at a time. It names a token and the paths that may have been written
under it. It says nothing about bytes: those are read again.
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


class Journal:
    """One save's journal; its lock is held until ``close``.

    Attributes:
        token: the token of the save that this is the journal of; None before any.
        planned: paths that may have been written under the token.
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
        """Say that a save under *token* begins.

        A token other than the one that was found makes the journal a new one.
        """
        if token != self.token:
            self._restart()
        self.token = token
        self._write(_Begun(token=token))

    def plan(self, paths: Iterable[str]) -> None:
        """Say what may be written from now on."""
        planned = tuple(paths)
        self.planned.update(planned)
        self._write(_Planned(paths=planned))

    def forget(self) -> None:
        """Forget the save, since it came to an end: nothing is left to continue."""
        self._restart()

    def close(self) -> None:
        """Let go of the lock; what was not finished can be continued."""
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
        # A torn line was the last thing that a process did; after a crash of the
        # machine there may be worse. What came before it holds.
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
        # A save does not fail because of its journal: then it cannot be continued.
        with self._writing, suppress(OSError):
            if self._file is None:
                self._file = self._open()
            os.write(self._file, data)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        file = os.open(self._path, flags, 0o600)
        # What could not be read goes, so that the next line stands by itself.
        os.ftruncate(file, self._good_bytes)
        return file


def open_journal(project_url: str, model: str, source: Path) -> Journal | None:
    """Return the journal of saving *source* as *model* to a project, and hold it.

    Returns:
        None if somebody is saving the same at this moment, or this user can keep
        no files on this machine: the save is then one that cannot be continued.
    """
    key = key_of(project_url, model, os.path.realpath(source))
    # Two saves whose keys fall to one lock go on without a journal.
    lock = locked(_FOLDER, key)
    if lock is None:
        return None
    folder = state_folder() / _FOLDER
    journal = folder / f"{key}.jsonl"
    forget_old(folder, "*.jsonl", journal)
    return Journal(journal, lock)
