"""The project's files: all can be read, and unmanaged files can be changed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Literal
from urllib.parse import quote

import msgspec
from anyio import to_thread
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from hopsartifacts import layout
from hopsartifacts.documents import encode
from hopsartifacts.names import file_path
from hopsartifacts.rest.api.conventions import (
    PREFIX,
    Page,
    Paging,
    operations,
    page_of,
)
from hopsartifacts.rest.bodies import refuse_coding
from hopsartifacts.rest.errors import broken_off
from hopsartifacts.rest.files.content import answer
from hopsartifacts.rest.files.sealed_tree import Item
from hopsartifacts.rest.files.tree import (
    Tree,
    check_makeable,
    check_removable,
    inside,
    users_own,
)
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.own_folder import on_disk
from hopsartifacts.rest.sorted_lists import SortOrder

_FILE = "/files/{path}"

MOST_DEEP = 100_000
"""How many files and folders a deep list looks at."""
DEEP_S = 5.0
"""For how many seconds it looks."""


class FileRow(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder of the project.

    Attributes:
        path: path in the project.
        size_bytes: 0 for a folder.
        modified: null if unknown.
        is_managed: whether it changes only through models and deployments.
    """

    path: str
    name: str
    kind: Literal["file", "folder"]
    size_bytes: int
    modified: datetime | None
    is_managed: bool


class Listing(Paging, frozen=True, kw_only=True):
    """Query parameters of a folder listing.

    Attributes:
        path: the folder; by default the project itself.
        name: a part of the name; case is ignored.
        kind: only files, or only folders.
        deep: also list what is in the folders below, at any depth.
    """

    path: str = ""
    name: str = ""
    kind: Literal["file", "folder"] | None = None
    deep: bool = False


class FilePage(Page[FileRow], frozen=True, omit_defaults=True):
    """A page of files and folders.

    Attributes:
        is_whole: false if a deep list lacks files, since there are too many: list a
            folder further down.
    """

    is_whole: bool = True


class Writing(msgspec.Struct, frozen=True):
    """Query parameters of a write; *overwrite* replaces an existing file."""

    overwrite: bool = False


def _seconds(item: Item) -> float | None:
    if isinstance(item.modified, str):
        return datetime.fromisoformat(item.modified).timestamp()
    return item.modified


_ORDER: SortOrder[Item] = SortOrder(
    identity=lambda item: (item.path,),
    fields={
        # Folders first.
        "name": lambda item: f"{int(not item.is_folder)}{item.name}",
        "size_bytes": lambda item: item.size_bytes,
        "modified": _seconds,
    },
    default="name",
)


def file_row(call: OperationCall, path: str) -> FileRow:
    """Return the file or folder at *path*; raises as ``Tree.get``."""
    return _row(tree_of(call).get(path))


def created(call: OperationCall, path: str) -> Response:
    """Return the answer (201) to a request that made the file or folder *path*."""
    location = {"location": f"{PREFIX}/files/{quote(path, safe='')}"}
    return Response(encode(file_row(call, path)), 201, location, "application/json")


def _list(call: OperationCall) -> FilePage:
    wanted: Listing = call.query
    path = inside(call.hosted.project.name, wanted.path)
    listed, is_whole = _listed(tree_of(call), path, is_deep=wanted.deep)
    found = [
        item
        for item in listed
        if wanted.name.lower() in item.name.lower()
        and wanted.kind in {None, "folder" if item.is_folder else "file"}
    ]
    page = page_of(found, wanted, _ORDER)
    rows = [_row(item) for item in page.items]
    return FilePage(items=rows, next=page.next, total=page.total, is_whole=is_whole)


def _listed(tree: Tree, path: str, *, is_deep: bool) -> tuple[list[Item], bool]:
    """Return what is in a folder, and whether that is everything."""
    if not is_deep:
        return tree.children(path), True
    until = monotonic() + DEEP_S
    found: list[Item] = []
    for item in tree.walk(path):
        if len(found) == MOST_DEEP or monotonic() > until:
            return found, False
        found.append(item)
    return found, True


def _get(call: OperationCall) -> FileRow:
    return file_row(call, _path(call))


def _content(call: OperationCall) -> Response:
    return answer(tree_of(call).content(_path(call)), call.request)


async def _put(call: OperationCall) -> Response:
    path = _own(call)
    folder, _, name = file_path(path).rpartition("/")
    api = call.hosted.project.get_dataset_api()
    async with _spooled(call, name) as file:

        def put() -> Response:
            api.upload(file, folder, overwrite=call.query.overwrite)
            call.hosted.announce_file(path)
            return created(call, path)

        return await to_thread.run_sync(put)


@asynccontextmanager
async def _spooled(call: OperationCall, name: str) -> AsyncGenerator[Path]:
    """Write the request's body to a temporary file called *name*, and provide it.

    Raises:
        RefusedError: the body is compressed, too long or too slow, the disk is full, or
            the client disconnected.
    """
    refuse_coding(call.request)
    bodies = call.hosted.uploads.bodies
    with bodies.folder() as folder:
        location = folder / name
        with on_disk("receive an upload"), location.open("xb") as file:
            try:
                async for chunk in call.request.stream():
                    bodies.check_room(len(chunk))
                    await to_thread.run_sync(file.write, chunk)
            except ClientDisconnect as error:
                raise broken_off() from error
        yield location


def _delete(call: OperationCall) -> None:
    path = _own(call)
    check_removable(path)
    tree_of(call).get(path)
    call.hosted.project.get_dataset_api().remove(path)
    call.hosted.announce_file(path)


def _make_folder(call: OperationCall) -> FileRow:
    path = _own(call)
    check_makeable(path)
    call.hosted.project.get_dataset_api().mkdir(path)
    call.hosted.announce_file(path)
    return file_row(call, path)


def _own(call: OperationCall) -> str:
    """Return the path; raises as ``users_own``."""
    return users_own(call.hosted.project.name, call.path["path"])


def _path(call: OperationCall) -> str:
    return inside(call.hosted.project.name, call.path["path"])


def tree_of(call: OperationCall) -> Tree:
    """Return the files of the project."""
    # No owner: unfinished uploads are only for their clients, and a look affects them.
    return Tree(call.hosted.storage, call.hosted.uploads, "")


def _row(item: Item) -> FileRow:
    seconds = _seconds(item)
    return FileRow(
        path=item.path,
        name=item.name,
        kind="folder" if item.is_folder else "file",
        size_bytes=item.size_bytes,
        modified=None if seconds is None else datetime.fromtimestamp(seconds, UTC),
        is_managed=layout.is_managed(item.path, is_folder=item.is_folder),
    )


_operation = operations("files")

OPERATIONS = (
    _operation(
        "GET",
        "/files",
        _list,
        "The files in a folder of the project: a page, filtered and sorted",
        query=Listing,
        answer=FilePage,
    ),
    _operation("GET", _FILE, _get, "A file or folder", answer=FileRow),
    _operation("DELETE", _FILE, _delete, "Remove a file or folder", status=204),
    _operation(
        "GET",
        f"{_FILE}/content",
        _content,
        "The bytes of a file, or a range of them",
        gives="application/octet-stream",
        minds=("Range",),
    ),
    _operation(
        "PUT",
        f"{_FILE}/content",
        _put,
        "Write a file that is not managed",
        query=Writing,
        takes="bytes",
        answer=FileRow,
        status=201,
        errors=(404, 409, 413),
    ),
    _operation(
        "PUT",
        "/folders/{path}",
        _make_folder,
        "Make a folder",
        answer=FileRow,
        status=201,
    ),
)
