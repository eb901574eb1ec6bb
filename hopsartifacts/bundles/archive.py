"""The strict subset of the tar format that bundles are written in and read from.

An archive contains only regular files with short names: no links, devices, long names
or extended headers that an attacker could use. Any tar program can unpack it.
"""

import os
import tarfile
from collections.abc import Iterator
from typing import IO

import msgspec

from hopsartifacts.errors import InvalidBundleError

BLOCK_BYTES = 512
RECORD_BYTES = 20 * BLOCK_BYTES

_KINDS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.DIRTYPE: "a directory",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an archive and the offset of its bytes."""

    name: str
    offset: int
    size_bytes: int


def header(name: str, size_bytes: int) -> bytes:
    """Return the tar header that is written before the bytes of a member."""
    info = tarfile.TarInfo(name)
    info.size = size_bytes
    info.mode = 0o644
    return info.tobuf(tarfile.GNU_FORMAT)


def padding(size_bytes: int, unit: int = BLOCK_BYTES) -> bytes:
    """Return the zeros that pad a member or an archive to a multiple of *unit*."""
    return bytes(-size_bytes % unit)


def ending(size_bytes: int) -> bytes:
    """Return the end marker and padding for an archive of *size_bytes*."""
    marker = bytes(2 * BLOCK_BYTES)
    return marker + padding(size_bytes + len(marker), RECORD_BYTES)


def archive_bytes(sizes: Iterator[int]) -> int:
    """Return the size of an archive with members of these sizes, without its end."""
    return sum(BLOCK_BYTES + size + len(padding(size)) for size in sizes)


def members(file: IO[bytes], where: str) -> Iterator[Member]:
    """Yield the members in order, then check that only zeros follow.

    Raises:
        InvalidBundleError: a member is not a regular file, the archive is damaged or
            truncated, or data follows its end.
    """
    end = file.seek(0, os.SEEK_END)
    offset = 0
    while (member := member_at(file, offset, where)) is not None:
        offset = member.offset + member.size_bytes + len(padding(member.size_bytes))
        if offset > end:
            raise InvalidBundleError(
                f"{where} is truncated: {member.name!r} should end at byte {offset}, "
                f"and the file has {end}; get the bundle again"
            )
        yield member
    rest = end - offset
    if rest < 2 * BLOCK_BYTES or rest > 2 * RECORD_BYTES:
        raise InvalidBundleError(
            f"{where} has a damaged end: {rest} bytes follow its last member; get the "
            "bundle again"
        )
    file.seek(offset)
    if any(file.read(rest)):
        raise InvalidBundleError(f"{where} has data after its end: do not use it")


def member_at(file: IO[bytes], offset: int, where: str) -> Member | None:
    """Return the member whose header is at *offset*; None at the end of the archive.

    Raises:
        InvalidBundleError: the header is damaged, or the member is not a regular file.
    """
    file.seek(offset)
    block = file.read(BLOCK_BYTES)
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # missing in the stubs
        return None
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        raise InvalidBundleError(
            f"{where} is not a bundle, or is damaged or truncated at byte {offset}: "
            "get it again"
        ) from error
    if info.type not in {tarfile.REGTYPE, tarfile.AREGTYPE} or info.size < 0:
        kind = _KINDS.get(info.type, f"of type {info.type!r}")
        raise InvalidBundleError(
            f"{where}: member {info.name!r} is {kind}; a bundle has only plain "
            "files, so this one was manipulated: do not use it"
        )
    return Member(name=info.name, offset=offset + BLOCK_BYTES, size_bytes=info.size)
