"""The project's files: all can be read, and unmanaged files can be changed."""

from collections.abc import AsyncGenerator, Callable
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
    page_by,
    page_of,
)
from hopsartifacts.rest.api.marks import FileOwner, Marks
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
from hopsartifacts.rest.sorted_lists import SortedList, SortOrder
from hopsartifacts.rest.verifications import Integrity
from hopsartifacts.store.checks import FindingKind

_FILE = "/files/{path}"
_EXTRA: frozenset[FindingKind] = frozenset({"extra", "leftover"})

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
        belongs_to: the model, artifact or deployment of a managed file; else null.
        aliases: the aliases that point at it, if it is the folder of a model version.
        deployments: names of the deployments that use a managed file or folder.
        integrity: what the last verification found; null if it is not managed.
        stored: path of the stored file or folder that this row shows. It is another one
            below a version of a deployment, which shows the files of its artifact.
    """

    path: str
    name: str
    kind: Literal["file", "folder"]
    size_bytes: int
    modified: datetime | None
    is_managed: bool
    belongs_to: FileOwner | None
    aliases: list[str]
    deployments: list[str]
    integrity: Integrity | None
    stored: str


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
    return _row(known_item(call, path), Marks(call.hosted))


def known_item(call: OperationCall, path: str) -> Item:
    """Return the file or folder at *path*, also one that only a verification found.

    Raises:
        PathNotFoundError: there is none.
    """
    tree = tree_of(call)
    return tree.look(path) or next(iter(_strangers(call, path)), None) or tree.get(path)


def created(call: OperationCall, path: str) -> Response:
    """Return the answer (201) to a request that made the file or folder *path*."""
    location = {"location": f"{PREFIX}/files/{quote(path, safe='')}"}
    return Response(encode(file_row(call, path)), 201, location, "application/json")


def _list(call: OperationCall) -> FilePage:
    wanted: Listing = call.query
    path = inside(call.hosted.project.name, wanted.path)
    checks = _checks(wanted)
    is_by_name = wanted.sort.removeprefix("-") in {"", "name"}
    is_own = path != "" and not layout.is_managed(path, is_folder=True)
    if is_by_name and is_own and not wanted.deep:
        names = call.hosted.folder_names.of(path)
        if names is not None:
            return _page_of_names(call, names, checks)
    listed, is_whole = _listed(tree_of(call), path, is_deep=wanted.deep)
    every = [*listed, *_extra(call, path, listed)]
    found = [item for item in every if all(check(item) for check in checks)]
    page = page_of(found, wanted, _ORDER)
    marks = Marks(call.hosted)
    rows = [_row(item, marks) for item in page.items]
    return FilePage(items=rows, next=page.next, total=page.total, is_whole=is_whole)


def _checks(wanted: Listing) -> list[Callable[[Item], bool]]:
    """Return the filters that *wanted* has."""
    checks: list[Callable[[Item], bool]] = []
    if wanted.name:
        part = wanted.name.lower()
        checks.append(lambda item: part in item.name.lower())
    if wanted.kind:
        is_folder = wanted.kind == "folder"
        checks.append(lambda item: item.is_folder == is_folder)
    return checks


def _page_of_names(
    call: OperationCall, names: list[Item], checks: list[Callable[[Item], bool]]
) -> FilePage:
    """Return a page of a folder whose sorted *names* are known."""
    found = SortedList.presorted(names, _ORDER, "name").where(checks)
    page = page_by(lambda _: found, call.query, _ORDER)
    tree, marks = tree_of(call), Marks(call.hosted)
    # What was removed meanwhile is left out.
    items = [it for it in (tree.look(item.path) for item in page.items) if it]
    rows = [_row(item, marks) for item in items]
    return FilePage(items=rows, next=page.next, total=page.total, is_whole=True)


def _extra(call: OperationCall, folder: str, known: list[Item]) -> list[Item]:
    """Return the stored files in *folder* that no log names, by the last verification.

    Those of folders that no log names are shown as these folders.
    """
    if not layout.is_managed(folder, is_folder=True):
        return []
    names = {item.path for item in known}
    start = f"{folder}/"
    found = {}
    for finding, _ in call.hosted.verifications.findings(folder):
        if finding.kind in _EXTRA and finding.path.startswith(start):
            name = finding.path.removeprefix(start).partition("/")[0]
            found[start + name] = start + name != finding.path
    return [
        Item(
            path=path,
            is_folder=is_folder,
            size_bytes=0 if is_folder else entry.size_bytes,
            modified=entry.modified,
        )
        for path, is_folder in found.items()
        if path not in names and (entry := call.hosted.storage.stat(path))
    ]


def _strangers(call: OperationCall, path: str) -> list[Item]:
    """Return the file or folder at *path* if only the last verification knows it."""
    found = _extra(call, path.rpartition("/")[0], [])
    return [item for item in found if item.path == path]


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


def _row(item: Item, marks: Marks) -> FileRow:
    seconds = _seconds(item)
    is_managed = layout.is_managed(item.path, is_folder=item.is_folder)
    mark = marks.of(item.path) if is_managed else None
    return FileRow(
        path=item.path,
        name=item.name,
        kind="folder" if item.is_folder else "file",
        size_bytes=item.size_bytes,
        modified=None if seconds is None else datetime.fromtimestamp(seconds, UTC),
        is_managed=is_managed,
        belongs_to=mark.owner if mark else None,
        aliases=mark.aliases if mark else [],
        deployments=mark.deployments if mark else [],
        integrity=mark.integrity if mark else None,
        stored=mark.stored if mark else item.path,
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
