"""Export of bundles: an atomic write, with every byte checked against its digest."""

import gzip
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from hopsartifacts.bundles.archive import ending, header, padding
from hopsartifacts.bundles.documents import (
    CONTENTS,
    BundleContents,
    member_name,
    write_contents,
)
from hopsartifacts.bundles.selection import Gathered, Opener, gather, settled
from hopsartifacts.bundles.values import Choice, ExportReport
from hopsartifacts.deployments.deployed import fate_of
from hopsartifacts.digests import Digest, Hasher, sha256_of
from hopsartifacts.errors import (
    HopsArtifactsError,
    IntegrityError,
    NotFoundError,
)
from hopsartifacts.machine.atomic_write import check_free, written_aside
from hopsartifacts.machine.identity import now, writer
from hopsartifacts.machine.local_paths import file_path
from hopsartifacts.storage.contract import Storage

PACKED = (".gz", ".tgz")
_TRIES = 4
"""How often the project is listed if versions are deleted in the meantime."""


def export_bundle(
    storage: Storage,
    path: str | os.PathLike[str],
    choice: Choice,
    *,
    project: str,
    overwrite: bool = False,
) -> ExportReport:
    """Write a bundle; see ``Project.export_bundle`` for choices and errors."""
    target, choice = file_path(path), settled(choice)
    check_free(target, overwrite=overwrite)
    while True:
        try:
            return _exported(storage, target, choice, project, overwrite=overwrite)
        except _DeletedError:
            # The next attempt omits it, or fails if the caller chose it explicitly.
            continue


def _exported(
    storage: Storage, target: Path, choice: Choice, project: str, *, overwrite: bool
) -> ExportReport:
    gathered = _gathered(storage, choice)
    contents = BundleContents(
        created=now(),
        writer=writer(),
        project=project,
        models=tuple(gathered.models[key] for key in sorted(gathered.models)),
        deployments=tuple(gathered.deployments),
        members=tuple(gathered.blobs),
    )
    first = write_contents(contents)
    with (
        written_aside(target, overwrite=overwrite) as plain,
        _packed(target, plain) as file,
    ):
        size = _add(file, CONTENTS, len(first), [first])
        for digest, (where, opener) in gathered.blobs.items():
            checked = _checked(storage, where, digest, opener)
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


def _gathered(storage: Storage, choice: Choice) -> Gathered:
    for _ in range(_TRIES - 1):
        try:
            return gather(storage, choice)
        except (IntegrityError, NotFoundError):
            # A version may have been deleted between two reads.
            continue
    return gather(storage, choice)


def _checked(
    storage: Storage, where: str, digest: Digest, opener: Opener
) -> Iterator[bytes]:
    hasher, size = Hasher(), 0
    try:
        for chunk in opener():
            size += len(chunk)
            if size > digest.size_bytes:
                break
            hasher.update(chunk)
            yield chunk
    except NotFoundError as error:
        raise _differs(storage, where) from error
    if size > digest.size_bytes or hasher.digest() != digest:
        raise _differs(storage, where)


class _DeletedError(HopsArtifactsError):
    """A version was deleted during its export."""


def _differs(storage: Storage, where: str) -> HopsArtifactsError:
    if fate_of(storage, where) != "live":
        return _DeletedError(where)
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
def _packed(target: Path, file: IO[bytes]) -> Iterator[IO[bytes]]:
    if target.suffix.lower() not in PACKED:
        yield file
        return
    with gzip.GzipFile("", "wb", 6, fileobj=file, mtime=0) as packed:
        yield cast("IO[bytes]", packed)
