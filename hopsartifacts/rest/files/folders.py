"""Whole folders of the project: how much is in them, and all of it as one archive."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hopsartifacts.datasets.archives import MAX_MEMBERS, Packed, zipped, zipped_size
from hopsartifacts.errors import ConflictError
from hopsartifacts.names import is_version
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.files.content import DOWNLOAD_HEADERS
from hopsartifacts.rest.files.sealed_tree import Item
from hopsartifacts.rest.files.tree import GetContent, Tree

_MEDIA = "application/zip"


class FolderSize(msgspec.Struct, frozen=True, kw_only=True):
    """How much is in a folder, at any depth.

    Attributes:
        files: number of files.
        folders: number of folders in it.
        size_bytes: size of all files.
        archive_bytes: size of the archive of it; null if it is not whole.
        is_whole: false if there is more, which was not counted.
    """

    files: int
    folders: int
    size_bytes: int
    archive_bytes: int | None
    is_whole: bool


def size_of(tree: Tree, path: str) -> FolderSize:
    """Count what is in a folder, up to as much as an archive can hold.

    Raises:
        PathNotFoundError: *path* does not exist.
        InvalidInputError: it is a file.
    """
    items = list(islice(tree.walk(path), MAX_MEMBERS + 1))
    is_whole = len(items) <= MAX_MEMBERS
    items = items[:MAX_MEMBERS]
    files = [it for it in items if not it.is_folder]
    return FolderSize(
        files=len(files),
        folders=len(items) - len(files),
        size_bytes=sum(it.size_bytes for it in files),
        archive_bytes=_archive_size(path, items) if is_whole else None,
        is_whole=is_whole,
    )


def archive(tree: Tree, path: str, request: Request) -> Response:
    """Return a response that streams everything in a folder as a zip archive.

    It is not compressed, so its size is known before it begins: files of models hardly
    get smaller. If a file cannot be read, or differs from what was sealed, the
    connection is cut off, so that no client takes the archive for complete.

    Raises:
        PathNotFoundError: *path* does not exist.
        InvalidInputError: it is a file.
        RefusedError: there are too many files for one archive (413).
    """
    found = list(islice(tree.contents(path), MAX_MEMBERS + 1))
    if len(found) > MAX_MEMBERS:
        raise RefusedError(
            f"{path!r} has more than {MAX_MEMBERS} files and folders, the most of one "
            "archive: take the folders in it one by one",
            413,
        )
    size = _archive_size(path, [item for item, _ in found])
    name = quote(f"{_name(path)}.zip", safe="")
    headers = {
        **DOWNLOAD_HEADERS,
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Content-Length": str(size),
    }
    if request.method == "HEAD":
        return Response(None, 200, headers, _MEDIA)
    packed = (_packed(path, item, content) for item, content in found)
    chunks = zipped(packed, is_compressed=False)
    # Read a first chunk now, so that an error can still be answered as such.
    first = next(chunks, b"")
    return StreamingResponse(_after(first, chunks), 200, headers, _MEDIA)


def _archive_size(path: str, items: Iterable[Item]) -> int:
    return zipped_size(
        (_member(path, it), None if it.is_folder else it.size_bytes) for it in items
    )


def _packed(path: str, item: Item, content: GetContent | None) -> Packed:
    modified = item.modified
    if isinstance(modified, str):
        modified = datetime.fromisoformat(modified).timestamp()
    return Packed(
        name=_member(path, item),
        chunks=None if content is None else lambda: _exactly(item, content),
        modified=modified,
    )


def _member(path: str, item: Item) -> str:
    return item.path.removeprefix(path).lstrip("/")


def _exactly(item: Item, content: GetContent) -> Iterator[bytes]:
    """Yield the bytes of a file; raise ``ConflictError`` if it has another size now."""
    left = item.size_bytes
    for chunk in content().chunks(0):
        left -= len(chunk)
        if left < 0:
            break
        yield chunk
    if left:
        raise ConflictError(
            f"{item.path!r} was changed while it was read: take the folder again"
        )


def _name(path: str) -> str:
    """Return the name of a folder; that of a version includes what it is of."""
    *above, name = path.split("/")
    return f"{above[-1]}-{name}" if above and is_version(name) else name or "project"


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
