"""The user's files to be saved: listing them, and detecting changes during the save.

Every file is read twice: while it is stored, and again after all files are stored. A
``write`` to a file changes its timestamps, but a change through a memory map may not.
So the bytes are compared too. If every byte was the same both times, the folder
contained exactly these bytes between the two passes, so the stored files are
consistent. Only a change that is undone before the second pass is not detected.
"""

import os
import re
import stat as stat_bits
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase, translate
from pathlib import Path
from typing import Self

import msgspec

from hopsartifacts.digests import Digest, xxh3_of
from hopsartifacts.errors import InvalidModelError, InvalidNameError, SourceChangedError
from hopsartifacts.machine.workers import Stop, each
from hopsartifacts.names import distinct_paths, file_path

_Named = Callable[[str], str]
"""A function that checks the path of a file and returns it."""

BY_PRODUCTS = (
    "__pycache__",
    "*.pyc",
    ".ipynb_checkpoints",
    ".DS_Store",
    "._*",
    "Thumbs.db",
    "desktop.ini",
)
"""Names that Python, Jupyter, macOS and Windows create in folders on their own."""
_NO_PART = (*BY_PRODUCTS, ".git")
"""Names that users rarely want to save with a model."""
_IS_BY_PRODUCT = re.compile("|".join(map(translate, BY_PRODUCTS)))
_IS_NO_PART = re.compile("|".join(map(translate, _NO_PART)))

_CHUNK_BYTES = 256 * 1024
"""The size of one read: small enough that a chunk stays in the CPU cache until it is
hashed and written."""
_READERS = 4
"""How many files are read concurrently in the second pass."""
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""Nonblocking: opening a pipe that has replaced a file must not wait for a writer."""


class Fingerprint(msgspec.Struct, frozen=True):
    """The metadata of a file that changes when it is written to.

    It is read from an open file: a network mount asks its server when a file is opened,
    but may use its cache otherwise. The inode number is not included, because some
    mounts report a different one each time.
    """

    size_bytes: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        """Return the fingerprint in a ``stat`` result."""
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """One local file, at ``location``, to be stored as ``path``."""

    path: str
    location: str
    fingerprint: Fingerprint

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the file.

        Raises:
            SourceChangedError: the file has changed since it was listed.
            InvalidModelError: it cannot be read.
        """
        left = self.fingerprint.size_bytes
        with _opened(self.location) as file:
            self._check(file)
            while chunk := os.read(file, _CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    break
                yield chunk
            self._check(file)
        if left:
            raise _changed(self.location, "did not have the size that it shows")

    def _check(self, file: int) -> None:
        if _fingerprint(self.location, file) != self.fingerprint:
            raise _changed(self.location, "was changed")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder of the user, and the files in it when it was listed."""

    root: Path
    files: tuple[SourceFile, ...]

    def check_unchanged(self, stored: Mapping[str, Digest]) -> None:
        """List and read all files again, to detect changes since they were listed.

        Args:
            stored: the digest of the stored bytes of each file, by path.

        Raises:
            SourceChangedError: a file was added, removed or changed since it was
                listed, or its bytes differ from the stored ones.
        """

        def compare(file: SourceFile, stop: Stop) -> None:
            stop.check()
            due = stored[file.path]
            if xxh3_of(file.chunks()) != (due.size_bytes, due.xxh3):
                raise _changed(file.location, "was changed")

        before = {file.path: file.location for file in self.files}
        try:
            # New names need no validation: they raise in any case.
            now = dict(_listed(self.root, str))
            for path in sorted(before.keys() | now.keys()):
                if before.get(path) != now.get(path):
                    word = "appeared" if path not in before else "was changed"
                    raise _changed(str(self.root / path), word)
            each(compare, self.files, min(_READERS, len(self.files)))
        except (InvalidModelError, InvalidNameError) as error:
            raise _changed(str(self.root), "was changed") from error

    def by_products(self) -> list[str]:
        """Return the first name of each path that tools create, such as ``.git``."""
        paths = (file.path.split("/") for file in self.files)
        found = {next(filter(_IS_NO_PART.match, parts), "") for parts in paths}
        return sorted(
            name for name in _NO_PART if any(fnmatchcase(it, name) for it in found)
        )


def is_by_product(path: str) -> bool:
    """Return whether a name in *path* is one of ``BY_PRODUCTS``."""
    return any(map(_IS_BY_PRODUCT.match, path.split("/")))


def source(root: Path) -> Source:
    """List the file or folder *root*.

    Links to files are followed wherever they point, since the user chose the folder;
    the file gets the name of the link. Links to folders are followed inside *root*.
    Empty folders are not listed, because object stores do not have them.

    Raises:
        InvalidModelError: there is no file to save, or one that cannot be saved.
        InvalidNameError: a file name breaks the rules.
    """
    files = [_file(path, location) for path, location in _listed(root, file_path)]
    if not files:
        raise InvalidModelError(
            f"model path {str(root)!r} contains no file: save the trained model there "
            "first (empty folders are not stored)"
        )
    distinct_paths(file.path for file in files)
    return Source(root=root, files=tuple(files))


def _listed(root: Path, named: _Named) -> list[tuple[str, str]]:
    """Return the path and the location of each file, sorted by path."""
    top = os.path.realpath(root)
    try:
        found = os.lstat(top)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InvalidModelError(
            f"model path {str(root)!r} does not exist: give a file or directory that "
            "contains the trained model"
        ) from error
    except OSError as error:
        raise InvalidModelError(
            f"cannot access model path {str(root)!r}: {error.strerror}"
        ) from error
    if stat_bits.S_ISDIR(found.st_mode):
        return sorted(_walk(named, top))
    if not stat_bits.S_ISREG(found.st_mode):
        raise _no_file(top)
    return [(named(root.name), top)]


def _walk(named: _Named, top: str) -> Iterator[tuple[str, str]]:
    # Not recursive: a tree may be deeper than Python's stack.
    pending: list[tuple[str, tuple[str, ...]]] = [("", (top,))]
    while pending:
        prefix, folders = pending.pop()
        for entry in _entries(folders[-1]):
            path = named(prefix + entry.name)
            location = os.path.realpath(entry) if entry.is_symlink() else entry.path
            if _is_folder(entry):
                _check_inside(entry.path, location, folders)
                pending.append((f"{path}/", (*folders, location)))
            else:
                yield path, location


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError as error:
        raise InvalidModelError(f"cannot list {folder!r}: {error.strerror}") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return True for a folder, False for a file; follow links, and refuse the rest."""
    try:
        if entry.is_dir() or entry.is_file():
            return entry.is_dir()
        Path(entry).stat()  # raises for a broken link
    except OSError as error:
        raise InvalidModelError(
            f"{entry.path!r} is a broken link ({error.strerror}): remove it"
        ) from error
    raise _no_file(entry.path)


def _check_inside(path: str, location: str, folders: tuple[str, ...]) -> None:
    """Refuse links to folders that form a loop or, as to a whole disk, lead outside."""
    if location in folders:
        raise InvalidModelError(f"{path!r} is a link to a folder above it: remove it")
    if not Path(location).is_relative_to(folders[0]):
        raise InvalidModelError(
            f"{path!r} is a link that leaves the model directory, to the folder "
            f"{location!r}: copy the folder in, or link its files one by one"
        )


def _file(path: str, location: str) -> SourceFile:
    with _opened(location) as file:
        fingerprint = _fingerprint(location, file)
    return SourceFile(path=path, location=location, fingerprint=fingerprint)


def _fingerprint(location: str, file: int) -> Fingerprint:
    found = os.fstat(file)
    if not stat_bits.S_ISREG(found.st_mode):
        raise _no_file(location)
    return Fingerprint.of(found)


@contextmanager
def _opened(location: str) -> Iterator[int]:
    try:
        file = os.open(location, _OPEN)
        try:
            yield file
        finally:
            os.close(file)
    except FileNotFoundError as error:
        raise _changed(location, "was deleted") from error
    except OSError as error:
        raise InvalidModelError(
            f"cannot read {location!r}: {error.strerror}; make it readable or leave it "
            "out"
        ) from error


def _no_file(location: str) -> InvalidModelError:
    return InvalidModelError(
        f"{location!r} is a socket, pipe or device: only files can be stored"
    )


def _changed(path: str, word: str) -> SourceChangedError:
    return SourceChangedError(
        f"{path!r} {word} while it was being saved; nothing was stored: save again "
        "when no other program changes the files"
    )
