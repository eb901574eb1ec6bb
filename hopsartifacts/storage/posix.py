"""Single steps on a local disk: write and sync, link, set a mode."""

import os
import stat as stat_bits
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

READ_ONLY_FILE = 0o444


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
