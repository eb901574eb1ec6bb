"""Bundles on their way out: written aside, every byte checked against its seal."""

import gzip
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from hopsartifacts.bundles.archive import ending, header, padding
from hopsartifacts.bundles.choosing import Opener, gather
from hopsartifacts.bundles.documents import (
    CONTENTS,
    Contents,
    member_name,
    write_contents,
)
from hopsartifacts.bundles.values import Choice, ExportReport
from hopsartifacts.digests import Digest, Hasher, sha256_of
from hopsartifacts.errors import (
    AlreadyExistsError,
    HopsArtifactsError,
    IntegrityError,
    PathNotFoundError,
    StorageError,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.identity import new_token, now, writer

PACKED = (".gz", ".tgz")


def export_bundle(
    storage: Storage,
    path: str | os.PathLike[str],
    choice: Choice,
    *,
    project: str,
    overwrite: bool = False,
) -> ExportReport:
    """Write a bundle; ``Project.export_bundle`` says what and what may go wrong."""
    target = Path(path).expanduser()
    if target.exists() and not overwrite:
        raise _taken(target)
    gathered = gather(storage, choice)
    contents = Contents(
        created=now(),
        writer=writer(),
        project=project,
        models=tuple(gathered.models[key] for key in sorted(gathered.models)),
        deployments=tuple(gathered.deployments),
        members=tuple(gathered.blobs),
    )
    first = write_contents(contents)
    with _written_aside(target, overwrite=overwrite) as file:
        size = _add(file, CONTENTS, len(first), [first])
        for digest, (where, opener) in gathered.blobs.items():
            checked = _checked(where, digest, opener)
            size += _add(file, member_name(digest), digest.size_bytes, checked)
        file.write(ending(size))
    return ExportReport(
        path=str(target),
        models=tuple(sorted(gathered.models)),
        deployments=tuple(it.specification.name for it in gathered.deployments),
        members=len(contents.members),
        size_bytes=sum(digest.size_bytes for digest in contents.members),
        digest=sha256_of(first),
    )


def _checked(where: str, digest: Digest, opener: Opener) -> Iterator[bytes]:
    hasher, size = Hasher(), 0
    try:
        for chunk in opener():
            size += len(chunk)
            if size > digest.size_bytes:
                break
            hasher.update(chunk)
            yield chunk
    except PathNotFoundError as error:
        raise _differs(where) from error
    if size > digest.size_bytes or hasher.digest() != digest:
        raise _differs(where)


def _differs(where: str) -> IntegrityError:
    return IntegrityError(
        f"{where!r} differs from what was saved; nothing was exported: see "
        "project.verify() and project.repair()"
    )


def _add(file: IO[bytes], name: str, size_bytes: int, chunks: Iterable[bytes]) -> int:
    before = header(name, size_bytes)
    file.write(before)
    for chunk in chunks:
        file.write(chunk)
    after = padding(size_bytes)
    file.write(after)
    return len(before) + size_bytes + len(after)


@contextmanager
def _written_aside(target: Path, *, overwrite: bool) -> Iterator[IO[bytes]]:
    """Give a file that gets the name *target* once it is whole and durable."""
    temporary = target.with_name(f".{target.name}.{new_token()}.part")
    try:
        with temporary.open("xb") as file:
            with ExitStack() as stack:
                packed: IO[bytes] = file
                if target.suffix.lower() in PACKED:
                    packed = cast(
                        "IO[bytes]",
                        stack.enter_context(
                            gzip.GzipFile("", "wb", 6, fileobj=file, mtime=0)
                        ),
                    )
                yield packed
            file.flush()
            os.fsync(file.fileno())
        _give_name(temporary, target, overwrite=overwrite)
    except HopsArtifactsError:
        raise
    except OSError as error:
        raise StorageError(f"cannot write {str(target)!r}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _give_name(temporary: Path, target: Path, *, overwrite: bool) -> None:
    if not overwrite:
        try:
            # A link is refused where something is; a new name would replace it.
            target.hardlink_to(temporary)
        except FileExistsError as error:
            raise _taken(target) from error
        except OSError as error:  # no links on a USB stick
            if target.exists():
                raise _taken(target) from error
            temporary.replace(target)
    else:
        temporary.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _taken(target: Path) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"{str(target)!r} exists: choose another name, or overwrite=True to replace it"
    )
