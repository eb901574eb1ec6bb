"""Single steps on a local disk: write and sync, link, set a mode."""

import os
import stat as stat_bits
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

READ_ONLY_FILE = 0o444
_PIECE_BYTES = 1 << 20


def write_new(path: Path, chunks: Iterable[bytes], mode: int) -> None:
    """Write and sync a file that is not there yet."""
    _write_synced(_open_new(path, mode), chunks)


def write_in_place(path: Path, chunks: Iterable[bytes]) -> None:
    """Write *path* anew; never into what is there, which may have other names."""
    try:
        descriptor = _open_new(path, READ_ONLY_FILE)
    except FileExistsError:
        path.unlink()
        descriptor = _open_new(path, READ_ONLY_FILE)
    try:
        _write_synced(descriptor, chunks)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def _open_new(path: Path, mode: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)


def _write_synced(descriptor: int, chunks: Iterable[bytes]) -> None:
    try:
        for chunk in chunks:
            _write_all(descriptor, chunk)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def read_whole(path: str) -> bytes:
    """Return the bytes of a file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        data = os.read(descriptor, size + 1)
        if len(data) == size:
            return data
        # It is being written to, or larger than one call gives.
        pieces = [data]
        while piece := os.read(descriptor, _PIECE_BYTES):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def link(source: Path, target: Path) -> bool:
    """Give *source* a second name; False if *target* is another file."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        # A network mount may do the work and lose the answer.
        return _is_same(source, target)
    except OSError:
        if _is_same(source, target):
            return True
        raise
    return True


def linked(source: str, target: str) -> bool:
    """Return False where there are no links, or no more of them."""
    try:
        os.link(source, target, follow_symlinks=False)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:
        return False
    return True


def _is_same(source: Path, target: Path) -> bool:
    try:
        return os.path.samestat(source.lstat(), target.lstat())
    except FileNotFoundError:
        return False


def sync_folder(folder: Path) -> None:
    """Make the names in *folder* durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_mode(path: Path, mode: int) -> None:
    """Set the mode of what is not a link, if it has another."""
    found = path.lstat().st_mode
    if not stat_bits.S_ISLNK(found) and stat_bits.S_IMODE(found) != mode:
        path.chmod(mode)


def protect_tree(folder: Path, file_mode: int, folder_mode: int) -> None:
    """Set the modes of a folder and of all that is in it, but of no link."""
    with os.scandir(folder) as found:
        for entry in found:
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat_bits.S_ISDIR(mode):
                protect_tree(Path(entry.path), file_mode, folder_mode)
            elif not stat_bits.S_ISLNK(mode) and stat_bits.S_IMODE(mode) != file_mode:
                Path(entry.path).chmod(file_mode)
    set_mode(folder, folder_mode)


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Open a read-only folder for one change and close it again."""
    mode = stat_bits.S_IMODE(folder.stat().st_mode)
    if mode & 0o200:
        yield
        return
    folder.chmod(mode | 0o200)
    try:
        yield
    finally:
        folder.chmod(mode)
