"""The content of an unfinished upload: files, folders, and expected files."""

from pathlib import Path

from hopsartifacts.errors import AlreadyExistsError
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.uploads.files import Assembly
from hopsartifacts.rest.uploads.journal import (
    Announced,
    FileBegun,
    FolderMade,
    Line,
    PartWritten,
    Removed,
)
from hopsartifacts.rest.uploads.values import Chunk, UploadLimits


class UploadContents:
    """Paths below one place, as recorded in the lines of its journal.

    Callers hold the lock of the area.

    Attributes:
        files: by path, complete or not.
        folders: folders that were made, or that contain a file.
    """

    def __init__(self, folder: Path, limits: UploadLimits) -> None:
        self.files: dict[str, Assembly] = {}
        self.folders: set[str] = set()
        self._announced: set[str] = set()
        self._by_id: dict[str, Assembly] = {}
        self._size_bytes = 0
        self._folder = folder
        self._limits = limits

    @property
    def unsent(self) -> list[str]:
        """Paths that a client asked for before an upload that did not follow."""
        return sorted(self._announced)

    @property
    def largest_file_bytes(self) -> int:
        """Most bytes that one more file may have."""
        left = self._limits.max_version_bytes - self._size_bytes
        return min(self._limits.max_file_bytes, left)

    def apply(self, line: Line) -> None:
        """Apply one line of the journal."""
        match line:
            case FolderMade(path):
                self._announced.discard(path)
                self.folders.update(_with_parents(path))
            case Announced(path):
                self._announced.add(path)
            case FileBegun(path, identity, size):
                self._announced.discard(path)
                upload = Assembly(line, self._folder)
                self.files[path] = self._by_id[identity] = upload
                self.folders.update(_parents(path))
                self._size_bytes += size
            case PartWritten(identity, number, digest):
                self._by_id[identity].digests[number] = digest
            case Removed(path):
                for name in self._below(path, self.files):
                    gone = self.files.pop(name)
                    self._size_bytes -= gone.begun.size
                self.folders -= self._below(path, self.folders)
                self._announced -= self._below(path, self._announced)

    def clear(self) -> list[Assembly]:
        """Remove everything, and return the files that were there."""
        gone = list(self.files.values())
        self.files.clear()
        self.folders.clear()
        self._announced.clear()
        self._by_id.clear()
        self._size_bytes = 0
        return gone

    def is_expected(self, path: str) -> bool:
        """Return whether *path* exists, or a client asked for it."""
        return path in self.files or path in self.folders or path in self._announced

    def files_below(self, path: str) -> list[Assembly]:
        """Return the file *path*, or all files in the folder *path*."""
        return [self.files[name] for name in self._below(path, self.files)]

    def has(self, path: str) -> bool:
        """Return whether *path* is a file or folder here."""
        return path in self.files or path in self.folders

    def check_new(self, path: str, *, is_folder: bool) -> None:
        """Check that *path* can be made.

        Raises:
            AlreadyExistsError: a file is where a folder would be, or the reverse.
            RefusedError: there are too many files and folders already.
        """
        for taken in _with_parents(path):
            if taken in self.files:
                raise AlreadyExistsError(f"{taken!r} exists here, and is a file")
        if path in self.folders and not is_folder:
            raise AlreadyExistsError(f"{path!r} exists here, and is a folder")
        count = len(self.files) + len(self.folders) + len(self._announced)
        if count >= self._limits.max_files and not self.is_expected(path):
            raise RefusedError(
                f"more than {self._limits.max_files} files and folders in one upload: "
                "pack them into fewer",
                413,
            )

    def check_sizes(self, chunk: Chunk) -> None:
        """Check that the file of *chunk*, which is new, is not too large.

        Raises:
            RefusedError: the file, the whole upload, or the chunk is too large.
        """
        limits = self._limits
        for words, size, limit in (
            ("a file", chunk.size, limits.max_file_bytes),
            ("one upload", self._size_bytes + chunk.size, limits.max_version_bytes),
            ("a chunk", min(chunk.chunk_size, chunk.size), limits.max_chunk_bytes),
        ):
            if size > limit:
                raise RefusedError(
                    f"{chunk.name!r}: {words} may have {limit} bytes, not {size}", 413
                )

    @staticmethod
    def _below(path: str, names: "dict[str, Assembly] | set[str]") -> set[str]:
        return {it for it in names if it == path or it.startswith(f"{path}/")}


def _parents(path: str) -> list[str]:
    return [path[:at] for at, char in enumerate(path) if char == "/"]


def _with_parents(path: str) -> list[str]:
    return [*_parents(path), path]
