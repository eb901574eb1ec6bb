"""The user's files on their way in: which ones, and that they hold still.

Everything is looked at before and after; files that change meanwhile fail the save.
"""

import os
import stat as stat_bits
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hopsartifacts.digests import CHUNK_BYTES
from hopsartifacts.errors import InvalidModelError, InvalidNameError, SourceChangedError
from hopsartifacts.names import distinct_paths, file_path


class Fingerprint(msgspec.Struct, frozen=True):
    """What changes about a file when somebody writes to it."""

    device: int
    inode: int
    size_bytes: int
    modified_ns: int
    changed_ns: int


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file to be stored under *path*."""

    path: str
    location: Path
    fingerprint: Fingerprint

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes.

        Raises:
            SourceChangedError: they changed since the file was listed, or meanwhile.
        """
        left = self.fingerprint.size_bytes
        try:
            with self.location.open("rb", buffering=0) as file:
                self._check(_fingerprint(os.fstat(file.fileno())))
                while left and (chunk := file.read(min(left, CHUNK_BYTES))):
                    left -= len(chunk)
                    yield chunk
                self._check(_fingerprint(os.fstat(file.fileno())))
            if left:
                raise _changed(self.location, f"is {left} bytes short")
        except FileNotFoundError as error:
            raise _changed(self.location, "was deleted") from error
        except OSError as error:
            raise InvalidModelError(
                f"cannot read {str(self.location)!r}: {error.strerror}; make it "
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
            now = {file.path: file for file in source(self.root).files}
        except (InvalidModelError, InvalidNameError) as error:
            raise _changed(self.root, "was changed") from error
        before = {file.path: file for file in self.files}
        for path in sorted(before.keys() | now.keys()):
            if before.get(path) != now.get(path):
                word = "appeared" if path not in before else "was changed"
                raise _changed(self.root / path, word)


def source(root: Path) -> Source:
    """List the file or folder *root*; links inside it are followed, others refused.

    Empty folders are not listed: object stores have none.

    Raises:
        InvalidModelError: there is nothing to save, or something that cannot be.
        InvalidNameError: a file name breaks the rules.
    """
    top = Path(os.path.realpath(root))
    try:
        found = top.lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InvalidModelError(
            f"model path {str(root)!r} does not exist: give a file or directory that "
            "holds the trained model"
        ) from error
    if stat_bits.S_ISDIR(found.st_mode):
        listed = list(_walk(top, top, "", (top,)))
    else:
        listed = [_file(top, file_path(root.name))]
    if not listed:
        raise InvalidModelError(
            f"model path {str(root)!r} holds no file: save the trained model there "
            "first (empty folders are not stored)"
        )
    files = tuple(sorted(listed, key=lambda file: file.path))
    distinct_paths(file.path for file in files)
    return Source(root=root, files=files)


def _walk(
    top: Path, folder: Path, prefix: str, above: tuple[Path, ...]
) -> Iterator[SourceFile]:
    for entry in _entries(folder):
        location = Path(entry.path)
        path = file_path(prefix + entry.name)
        if entry.is_symlink():
            location = _resolved(top, location)
            is_folder = location.is_dir()
        else:
            is_folder = entry.is_dir(follow_symlinks=False)
        if not is_folder:
            yield _file(location, path)
        elif location in above:
            raise InvalidModelError(
                f"{entry.path!r} is a link to a folder it lies in: remove it"
            )
        else:
            yield from _walk(top, location, f"{path}/", (*above, location))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise InvalidModelError(
            f"cannot list {str(folder)!r}: {error.strerror}"
        ) from error


def _resolved(top: Path, link: Path) -> Path:
    target = Path(os.path.realpath(link))
    if not target.is_relative_to(top):
        raise InvalidModelError(
            f"{str(link)!r} is a link that leaves the model directory (to "
            f"{str(target)!r}): copy the file in"
        )
    if not target.exists():
        raise InvalidModelError(f"{str(link)!r} is a broken link: remove it")
    return target


def _file(location: Path, path: str) -> SourceFile:
    try:
        found = location.lstat()
    except FileNotFoundError as error:
        raise _changed(location, "was deleted") from error
    if not stat_bits.S_ISREG(found.st_mode):
        raise InvalidModelError(
            f"{str(location)!r} is a socket, pipe or device: only files can be stored"
        )
    return SourceFile(path=path, location=location, fingerprint=_fingerprint(found))


def _fingerprint(found: os.stat_result) -> Fingerprint:
    return Fingerprint(
        found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    )


def _changed(path: Path, word: str) -> SourceChangedError:
    return SourceChangedError(
        f"{str(path)!r} {word} while the model was being saved; nothing was stored: "
        "save again when the files hold still"
    )
