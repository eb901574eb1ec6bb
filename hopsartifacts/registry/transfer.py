"""Stored files on their way out: copied to a local folder, every byte checked."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from hopsartifacts.digests import Digest, xxh3_of
from hopsartifacts.errors import HopsArtifactsError, IntegrityError, StorageError
from hopsartifacts.registry.documents import FileRecord
from hopsartifacts.storage.contract import Storage


def download(
    storage: Storage, folder: str, records: Iterable[FileRecord], target: Path
) -> None:
    """Copy the files *records* of the stored *folder* into the local *target*.

    A file that is there already is replaced, once the new one is whole and checked.

    Raises:
        IntegrityError: a stored file differs from its record.
        PathNotFoundError: a stored file is missing.
        StorageError: the local disk failed.
    """
    for record in records:
        fetch(storage, f"{folder}/{record.path}", target / record.path, record.digest)


def fetch(
    storage: Storage, path: str, target: Path, expected: Digest | None = None
) -> None:
    """Copy one stored file to *target*, whole or not; raises as ``download``."""
    temporary = target.with_name(f".{uuid4().hex}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        found = _copy(storage, path, temporary)
        if expected and found != (expected.size_bytes, expected.xxh3):
            raise IntegrityError(
                f"{path!r} differs from what was saved; it was not copied: see "
                "project.verify() and project.repair()"
            )
        temporary.replace(target)
    except HopsArtifactsError:
        raise
    except OSError as error:
        raise StorageError(f"cannot write {str(target)!r}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def local_folder(given: str | Path | None, *parts: str) -> Path:
    """Return *given*, or else a folder of nobody else's that ends in *parts*."""
    if given is not None:
        return Path(given).expanduser()
    return Path(tempfile.gettempdir(), uuid4().hex, *parts)


def _copy(storage: Storage, path: str, target: Path) -> tuple[int, str]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(target, flags, 0o644), "wb") as file:

        def written() -> Iterator[bytes]:
            for chunk in storage.chunks(path):
                file.write(chunk)
                yield chunk

        return xxh3_of(written())
