"""Zip archives of the user's files: packed as a stream, unpacked only if safe."""

import io
import lzma
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import IO

import msgspec

from hopsartifacts.datasets import own
from hopsartifacts.digests import CHUNK_BYTES
from hopsartifacts.errors import (
    InvalidInputError,
    InvalidNameError,
    PathNotFoundError,
    StorageError,
)
from hopsartifacts.names import distinct_paths, file_path
from hopsartifacts.storage.contract import FileInfo, Storage
from hopsartifacts.store.root import mark_root

MAX_MEMBERS = 100_000
MAX_BYTES = 256 * 1024**3
MAX_RATIO = 1100
"""Limit of unpacked to packed bytes; deflate cannot compress by more than 1032."""

_HEADER_BYTES = 30
_FOLDER_BYTES = 16
"""Its empty content has a checksum and two sizes after it."""
_FILE_BYTES = 20 + 24
"""The same with long sizes, and a field before the content that says so."""
_IN_DIRECTORY_BYTES = 46
_END_BYTES = 22
_ZIP64_END_BYTES = 76

_EPOCH = datetime(1980, 1, 1, tzinfo=UTC)
_FLAWS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,  # encrypted
    ValueError,
)


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder to be packed as a member of an archive.

    Attributes:
        name: its path in the archive.
        chunks: a function that returns its bytes; None for a folder.
        modified: time in seconds since the epoch, if known.
    """

    name: str
    chunks: Callable[[], Iterable[bytes]] | None
    modified: float | None = None


def zipped(members: Iterable[Packed], *, is_compressed: bool = True) -> Iterator[bytes]:
    """Yield the bytes of an archive of *members*, in bounded memory."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for member in members:
            is_folder = member.chunks is None
            info = zipfile.ZipInfo(
                f"{member.name}/" if is_folder else member.name, _when(member.modified)
            )
            if is_compressed:
                info.compress_type = zipfile.ZIP_DEFLATED
            if member.chunks is None:
                archive.writestr(info, b"")
                continue
            with archive.open(info, "w", force_zip64=True) as file:
                for chunk in member.chunks():
                    file.write(chunk)
                    yield from sink.taken()
    yield from sink.taken()


def zipped_size(members: Iterable[tuple[str, int | None]]) -> int:
    """Return how many bytes ``zipped`` yields without compression.

    Args:
        members: name and size of each; the size of a folder is None.
    """
    at = directory = count = 0
    limit = zipfile.ZIP64_LIMIT
    for name, size in members:
        length = len(name.encode()) + (size is None)
        is_far = at > limit
        is_long = size is not None and size > limit
        if is_long or is_far:
            directory += 4 + 8 * (2 * is_long + is_far)
        directory += _IN_DIRECTORY_BYTES + length
        at += _HEADER_BYTES + length
        at += _FOLDER_BYTES if size is None else _FILE_BYTES + size
        count += 1
    is_zip64 = count > zipfile.ZIP_FILECOUNT_LIMIT or max(at, directory) > limit
    end = _END_BYTES + (_ZIP64_END_BYTES if is_zip64 else 0)
    return at + directory + end


def zipped_folder(storage: Storage, top: FileInfo) -> Iterator[bytes]:
    """Yield the bytes of an archive of a file, or of everything in a folder.

    Raises:
        InvalidInputError: the folder contains a link.
    """
    entries = own.plain(own.walk(storage, top.path))
    if top.kind == "file":
        entries = iter([top])
    above = top.path if top.kind == "directory" else top.path.rpartition("/")[0]

    def packed(entry: FileInfo) -> Packed:
        return Packed(
            name=entry.path.removeprefix(above).lstrip("/"),
            chunks=(lambda: storage.chunks(entry.path))
            if entry.kind == "file"
            else None,
            modified=entry.modified,
        )

    return zipped(map(packed, entries))


def unpacked_path(path: str) -> str:
    """Return the folder for the archive *path*: its name up to the first dot.

    Raises:
        InvalidInputError: its name has no dot, or begins with one.
    """
    above, _, name = path.rpartition("/")
    stem, dot, _ = name.partition(".")
    if not (stem and dot):
        raise InvalidInputError(
            f"{path!r} has no extension to remove for the folder's name: rename it to "
            "<name>.zip"
        )
    return file_path(f"{above}/{stem}" if above else stem)


def unpack(storage: Storage, path: str, target: str) -> None:
    """Unpack the archive *path* into the new folder *target*.

    Raises:
        PathNotFoundError: the archive does not exist.
        AlreadyExistsError: *target* exists.
        InvalidInputError: the file is not a zip archive, or is damaged, unsafe or too
            large.
        StorageError: there is not enough disk space.
    """
    entry = own.look_unlinked(storage, path)
    if entry is None or entry.kind != "file":
        raise PathNotFoundError(f"{path!r} is not a file, or does not exist")
    own.check_free(storage, target)
    with _opened(storage, entry) as file, _reading(path):
        archive = zipfile.ZipFile(file)
        members = _checked(archive, entry)
        _check_room(storage, sum(it.file_size for it in members), path)
        mark_root(storage)
        try:
            _unpack(storage, archive, members, target)
        except BaseException:
            own.remove(storage, target)
            raise


def _unpack(
    storage: Storage,
    archive: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    target: str,
) -> None:
    for member in members:
        path = f"{target}/{member.filename.removesuffix('/')}"
        if not member.is_dir():
            storage.write(path, _chunks(archive, member))
        elif own.look(storage, path) is None:
            own.make_folder(storage, path)
    if not members:
        own.make_folder(storage, target)


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    # zipfile never yields more than the declared size, and checks the checksum last.
    with archive.open(member) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _checked(archive: zipfile.ZipFile, entry: FileInfo) -> list[zipfile.ZipInfo]:
    """Return the members after checking that all of them are safe to unpack."""
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise _unsafe(
            entry,
            f"it has more than {MAX_MEMBERS} members ({len(members)}): pack it into "
            "several archives",
        )
    for member in members:
        _check_member(entry, member)
    names = [it.filename.removesuffix("/") for it in members]
    files = {it.filename for it in members if not it.is_dir()}
    if len(set(names)) < len(names):
        raise _unsafe(entry, "it has two members with the same name")
    for name in names:
        if between := files.intersection(map(str, PurePosixPath(name).parents)):
            raise _unsafe(entry, f"{min(between)!r} is both a file and a folder")
    try:
        distinct_paths(names)
    except InvalidNameError as error:
        raise _unsafe(entry, str(error)) from error
    size = sum(it.file_size for it in members)
    most = min(MAX_BYTES, MAX_RATIO * max(entry.size_bytes, 1024))
    if size > most:
        raise _unsafe(
            entry,
            f"it would unpack to {size} bytes, but at most {most} are allowed "
            f"({MAX_BYTES}, and {MAX_RATIO} times its own size): pack it into several "
            "archives, or upload the files themselves",
        )
    return members


def _check_member(entry: FileInfo, member: zipfile.ZipInfo) -> None:
    try:
        file_path(member.orig_filename.removesuffix("/"))
        file_path(member.filename.removesuffix("/"))
    except InvalidNameError as error:
        raise _unsafe(entry, str(error)) from error
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise _unsafe(entry, f"{member.filename!r} is a link or device")
    if member.flag_bits & 1:
        raise _unsafe(entry, f"{member.filename!r} is encrypted")


def _unsafe(entry: FileInfo, flaw: str) -> InvalidInputError:
    return InvalidInputError(
        f"{entry.path!r} is not unpacked: {flaw}; nothing was stored"
    )


def _check_room(storage: Storage, size: int, path: str) -> None:
    root = storage.local_path("")
    if root is not None and size > (free := shutil.disk_usage(root).free):
        raise StorageError(
            f"{path!r} unpacks to {size} bytes, but there is room for {free}: free "
            "some space first"
        )


@contextmanager
def _opened(storage: Storage, entry: FileInfo) -> Iterator[IO[bytes]]:
    """Open a stored file for random access; a remote file is copied first."""
    location = storage.local_path(entry.path)
    if location is not None:
        with location.open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as copy:
        for chunk in storage.chunks(entry.path):
            copy.write(chunk)
        yield copy


@contextmanager
def _reading(path: str) -> Iterator[None]:
    try:
        yield
    except InvalidInputError:
        raise
    except _FLAWS as error:
        raise InvalidInputError(
            f"{path!r} cannot be unpacked: {str(error) or type(error).__name__}"
        ) from error


def _when(modified: float | None) -> tuple[int, int, int, int, int, int]:
    when = datetime.fromtimestamp(modified, UTC) if modified else _EPOCH
    return max(when, _EPOCH).timetuple()[:6]


class _Sink(io.RawIOBase):
    """A file object that collects the bytes an archive writes until they are taken."""

    def __init__(self) -> None:
        self._data = bytearray()

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: object) -> int:
        """Append *data* to the collected bytes, and return its length."""
        view = memoryview(data)  # type: ignore[arg-type]
        self._data += view
        return view.nbytes

    def taken(self) -> Iterator[bytes]:
        """Yield the bytes that were written since the last call."""
        if self._data:
            data, self._data = bytes(self._data), bytearray()
            yield data
