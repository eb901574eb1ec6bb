"""The user's files on their way in: which ones, and that they hold still.

Everything is looked at before and after; files that change meanwhile fail the save.
"""

import os
import stat as stat_bits
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from hopsartifacts.errors import InvalidModelError, InvalidNameError, SourceChangedError
from hopsartifacts.names import distinct_paths, file_path
from hopsartifacts.store.recall import Fingerprint

_Named = Callable[[str], str]
"""Checks the path of a file, and returns it."""

_CHUNK_BYTES = 256 * 1024
"""What is read at once: little enough to stay in the processor's cache until it is
hashed and written."""


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file to be stored under *path*."""

    path: str
    location: str
    fingerprint: Fingerprint

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes.

        Raises:
            SourceChangedError: they changed since the file was listed, or meanwhile.
        """
        left = self.fingerprint.size_bytes
        try:
            file = os.open(self.location, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._check(Fingerprint.of(os.fstat(file)))
                while left and (chunk := os.read(file, min(left, _CHUNK_BYTES))):
                    left -= len(chunk)
                    yield chunk
                self._check(Fingerprint.of(os.fstat(file)))
            finally:
                os.close(file)
            if left:
                raise _changed(self.location, f"is {left} bytes short")
        except FileNotFoundError as error:
            raise _changed(self.location, "was deleted") from error
        except OSError as error:
            raise InvalidModelError(
                f"cannot read {self.location!r}: {error.strerror}; make it "
                "readable or leave it out"
            ) from error

    def _check(self, found: Fingerprint) -> None:
        if found != self.fingerprint:
            raise _changed(self.location, "was changed")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder of the user's, listed at one moment."""

    root: Path
    files: tuple[SourceFile, ...]

    def check_unchanged(self) -> None:
        """Look again.

        Raises:
            SourceChangedError: a file was added, removed or changed since.
        """
        try:
            # Names that were not there before need no check.
            now = {file.path: file for file in _listed(self.root, str)}
        except (InvalidModelError, InvalidNameError) as error:
            raise _changed(str(self.root), "was changed") from error
        before = {file.path: file for file in self.files}
        for path in sorted(before.keys() | now.keys()):
            if before.get(path) != now.get(path):
                word = "appeared" if path not in before else "was changed"
                raise _changed(str(self.root / path), word)


def source(root: Path) -> Source:
    """List the file or folder *root*; links inside it are followed, others refused.

    Empty folders are not listed: object stores have none.

    Raises:
        InvalidModelError: there is nothing to save, or something that cannot be.
        InvalidNameError: a file name breaks the rules.
    """
    files = sorted(_listed(root, file_path), key=lambda file: file.path)
    if not files:
        raise InvalidModelError(
            f"model path {str(root)!r} holds no file: save the trained model there "
            "first (empty folders are not stored)"
        )
    distinct_paths(file.path for file in files)
    return Source(root=root, files=tuple(files))


def _listed(root: Path, named: _Named) -> Iterator[SourceFile]:
    top = os.path.realpath(root)
    try:
        found = os.lstat(top)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InvalidModelError(
            f"model path {str(root)!r} does not exist: give a file or directory that "
            "holds the trained model"
        ) from error
    if stat_bits.S_ISDIR(found.st_mode):
        yield from _walk(named, "", (top,))
    else:
        yield _file(top, named(root.name), found)


def _walk(named: _Named, prefix: str, folders: tuple[str, ...]) -> Iterator[SourceFile]:
    """Yield the files of the last of *folders*, which lie in each other."""
    for entry in _entries(folders[-1]):
        path = named(prefix + entry.name)
        location = entry.path
        if entry.is_symlink():
            location = _resolved(folders[0], location)
        found = _look(location)
        if not stat_bits.S_ISDIR(found.st_mode):
            yield _file(location, path, found)
        elif location in folders:
            raise InvalidModelError(
                f"{entry.path!r} is a link to a folder it lies in: remove it"
            )
        else:
            yield from _walk(named, f"{path}/", (*folders, location))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise InvalidModelError(f"cannot list {folder!r}: {error.strerror}") from error


def _resolved(top: str, link: str) -> str:
    target = os.path.realpath(link)
    if not Path(target).is_relative_to(top):
        raise InvalidModelError(
            f"{link!r} is a link that leaves the model directory (to "
            f"{target!r}): copy the file in"
        )
    if not os.path.exists(target):  # noqa: PTH110 - text: see above
        raise InvalidModelError(f"{link!r} is a broken link: remove it")
    return target


def _look(location: str) -> os.stat_result:
    try:
        return os.lstat(location)
    except FileNotFoundError as error:
        raise _changed(location, "was deleted") from error


def _file(location: str, path: str, found: os.stat_result) -> SourceFile:
    if not stat_bits.S_ISREG(found.st_mode):
        raise InvalidModelError(
            f"{location!r} is a socket, pipe or device: only files can be stored"
        )
    fingerprint = Fingerprint.of(found)
    return SourceFile(path=path, location=location, fingerprint=fingerprint)


def _changed(path: str, word: str) -> SourceChangedError:
    return SourceChangedError(
        f"{path!r} {word} while the model was being saved; nothing was stored: "
        "save again when the files hold still"
    )
