"""The reader of bundles, and the files of a bundle as sources for saving versions.

It opens only bundles that are complete and safe.
"""

import gzip
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Self, cast

from msgspec.structs import replace

from hopsartifacts.bundles.archive import (
    RECORD_BYTES,
    archive_bytes,
    member_at,
    members,
)
from hopsartifacts.bundles.checks import check_contents
from hopsartifacts.bundles.documents import (
    CONTENTS,
    CONTENTS_LIMIT_BYTES,
    BundleContents,
    member_name,
    read_contents,
)
from hopsartifacts.digests import CHUNK_BYTES, Digest, Hasher, sha256_of
from hopsartifacts.errors import InvalidBundleError, SourceChangedError, StorageError
from hopsartifacts.machine.local_paths import user_path
from hopsartifacts.registry.documents import Manifest
from hopsartifacts.registry.sources import Fingerprint, Source, SourceFile

_GZIP = b"\x1f\x8b"


class BundleReader:
    """An open bundle; close it, or use it in a ``with`` statement.

    Attributes:
        contents: its table of contents.
        digest: SHA-256 of its table of contents, and so of everything in it.
        fingerprint: file attributes that change when the file is written to.
    """

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._file = file
        data = _first_member(file, str(path))
        self.digest = sha256_of(data)
        self.contents = read_contents(data, f"{path}: {CONTENTS}")
        check_contents(self.contents, str(path))
        self._offsets = self._found_members()
        self.fingerprint = self._look()

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open the bundle at *path*, compressed or not.

        The table of contents is checked, and that the members and their sizes match
        it; ``check`` and ``find`` check the bytes. A compressed bundle is unpacked into
        a temporary file that never becomes larger than the declared size.

        Raises:
            InvalidBundleError: the file is not a bundle, or is damaged, truncated or
                unsafe.
            FormatError: a later release wrote it.
            StorageError: it cannot be read, or there is no room to unpack it.
        """
        location = user_path(path)
        with ExitStack() as stack:
            try:
                file: IO[bytes] = stack.enter_context(location.open("rb"))
                is_packed = file.read(len(_GZIP)) == _GZIP
            except OSError as error:
                raise StorageError(
                    f"cannot read {str(location)!r}: {error.strerror}"
                ) from error
            if is_packed:
                plain = stack.enter_context(_temporary())
                _unpack(file, plain, str(location))
                file.close()
                file = plain
            reader = cls(location, file)
            stack.pop_all()
        return reader

    def find(self, digest: Digest) -> Iterator[bytes] | None:
        """Return the bytes with *digest*; None if the bundle does not contain them.

        The iterator checks the bytes. If it ends without an error, they were intact.

        Raises:
            InvalidBundleError: from the iterator: the bytes are damaged.
        """
        offset = self._offsets.get(digest)
        return None if offset is None else self._chunks(digest, offset)

    def check(self) -> None:
        """Read every member and compare it with its digest.

        Raises:
            InvalidBundleError: a member is damaged.
        """
        for digest, offset in self._offsets.items():
            for _ in self._chunks(digest, offset):
                pass

    def check_unchanged(self) -> None:
        """Check that the file has not been written to since it was opened.

        Raises:
            SourceChangedError: it has been written to.
        """
        if self._look() != self.fingerprint:
            raise SourceChangedError(
                f"{str(self.path)!r} was changed while it was read: nothing more was "
                "stored; import it again when no program writes to it"
            )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _found_members(self) -> dict[Digest, int]:
        declared = {member_name(digest): digest for digest in self.contents.members}
        found: dict[Digest, int] = {}
        for number, member in enumerate(members(self._file, str(self.path))):
            if number == 0:
                continue
            digest = declared.get(member.name)
            if digest is None or digest in found:
                flaw = "occurs twice" if digest else "is not in its table of contents"
                raise self._unsafe(f"member {member.name!r} {flaw}")
            if member.size_bytes != digest.size_bytes:
                raise self._unsafe(
                    f"member {member.name!r} has {member.size_bytes} bytes instead of "
                    f"the declared {digest.size_bytes}"
                )
            found[digest] = member.offset
        if missing := declared.keys() - {member_name(digest) for digest in found}:
            raise self._unsafe(f"member {min(missing)!r} is missing")
        return found

    def _unsafe(self, flaw: str) -> InvalidBundleError:
        return InvalidBundleError(
            f"{str(self.path)!r} does not match its table of contents: {flaw}; get the "
            "bundle again"
        )

    def _chunks(self, digest: Digest, offset: int) -> Iterator[bytes]:
        hasher, left = Hasher(), digest.size_bytes
        while left:
            try:
                data = os.pread(self._file.fileno(), min(left, CHUNK_BYTES), offset)
            except OSError as error:
                raise StorageError(
                    f"cannot read {str(self.path)!r}: {error.strerror}"
                ) from error
            if not data:
                raise self._unsafe(f"it ends inside {member_name(digest)!r}")
            hasher.update(data)
            offset, left = offset + len(data), left - len(data)
            if left == 0 and hasher.digest() != digest:
                break
            yield data
        if hasher.digest() != digest:
            raise self._unsafe(f"the bytes of {member_name(digest)!r} were changed")

    def _look(self) -> Fingerprint:
        return Fingerprint.of(os.fstat(self._file.fileno()))


class BundledFile(SourceFile, frozen=True, kw_only=True):
    """A file inside a bundle."""

    reader: Callable[[], Iterator[bytes]]

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes and check them.

        Raises:
            InvalidBundleError: they differ from the declared digest.
        """
        return self.reader()


class BundleSource(Source, frozen=True, kw_only=True):
    """The files of a model version inside a bundle."""

    bundle: BundleReader

    def check_unchanged(
        self,
        stored: Mapping[str, Digest],  # noqa: ARG002 - see below
    ) -> None:
        """Check the bundle's fingerprint; its bytes were checked while they were read.

        Raises:
            SourceChangedError: the bundle has been written to.
        """
        self.bundle.check_unchanged()


def bundle_source(bundle: BundleReader, manifest: Manifest) -> BundleSource:
    """Return the files of the version that *manifest* describes as a source."""
    files = tuple(
        BundledFile(
            path=record.path,
            location=str(bundle.path),
            fingerprint=replace(
                bundle.fingerprint, size_bytes=record.digest.size_bytes
            ),
            reader=chunks_of(bundle, record.digest),
        )
        for record in sorted(manifest.files, key=lambda record: record.path)
    )
    # A bundle may contain several versions of a model; each is a separate source.
    root = bundle.path / manifest.model / str(manifest.version)
    return BundleSource(root=root, files=files, bundle=bundle)


def chunks_of(bundle: BundleReader, digest: Digest) -> Callable[[], Iterator[bytes]]:
    """Return a function that yields the bytes with *digest* on each call."""

    def chunks() -> Iterator[bytes]:
        found = bundle.find(digest)
        if found is None:
            raise InvalidBundleError(
                f"{str(bundle.path)!r} does not contain {digest.sha256}: get the "
                "bundle again"
            )
        return found

    return chunks


def _first_member(file: IO[bytes], where: str) -> bytes:
    first = member_at(file, 0, where)
    if first is None or first.name != CONTENTS:
        raise InvalidBundleError(
            f"{where} is not a bundle: it does not begin with {CONTENTS}; give a "
            "file that was exported as one"
        )
    if first.size_bytes > CONTENTS_LIMIT_BYTES:
        raise InvalidBundleError(
            f"{where}: {CONTENTS} has {first.size_bytes} bytes, but at most "
            f"{CONTENTS_LIMIT_BYTES} are allowed: do not use it"
        )
    file.seek(first.offset)
    data = file.read(first.size_bytes)
    if len(data) < first.size_bytes:
        raise InvalidBundleError(
            f"{where} is truncated: {CONTENTS} has {len(data)} of its "
            f"{first.size_bytes} bytes; get the bundle again"
        )
    return data


def _temporary() -> IO[bytes]:
    return cast("IO[bytes]", tempfile.TemporaryFile())


def _unpack(packed_file: IO[bytes], plain: IO[bytes], where: str) -> None:
    """Unpack into *plain*, but never more than the table of contents declares."""
    packed_file.seek(0)
    try:
        with gzip.GzipFile(fileobj=packed_file) as unpacking:
            packed = cast("IO[bytes]", unpacking)
            plain.write(packed.read(RECORD_BYTES))
            first = member_at(plain, 0, where)
            size = min(first.size_bytes if first else 0, CONTENTS_LIMIT_BYTES)
            plain.seek(0, os.SEEK_END)
            _copy(packed, plain, size)
            contents = read_contents(_first_member(plain, where), where)
            declared = _declared_bytes(contents, size)
            _check_room(declared, where)
            plain.seek(0, os.SEEK_END)
            _copy(packed, plain, max(0, declared - plain.tell()))
            if packed.read(1):
                raise InvalidBundleError(
                    f"{where} unpacks to more than the {declared} bytes it declares: "
                    "do not use it"
                )
            plain.flush()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidBundleError(
            f"{where} is damaged or truncated ({error}): get the bundle again"
        ) from error
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"cannot unpack {where}: {error.strerror}") from error


def _declared_bytes(contents: BundleContents, size_of_contents: int) -> int:
    sizes = (size_of_contents, *(digest.size_bytes for digest in contents.members))
    return archive_bytes(iter(sizes)) + 2 * RECORD_BYTES


def _check_room(declared: int, where: str) -> None:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if declared > free:
        raise StorageError(
            f"{where} unpacks to {declared} bytes, but {folder!r} has room for {free}: "
            "unpack it where there is room (gzip -d), or set TMPDIR"
        )


def _copy(packed: IO[bytes], plain: IO[bytes], size_bytes: int) -> None:
    left = size_bytes
    while left and (data := packed.read(min(left, CHUNK_BYTES))):
        plain.write(data)
        left -= len(data)
