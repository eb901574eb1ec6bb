"""The dataset API of Hopsworks: files of the project, for both generations of clients.

Clients send a file in parts; each part is a form with numbers and bytes.
"""

import time
import zlib
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO

import anyio.to_thread
import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from hopsartifacts import layout
from hopsartifacts.datasets import own
from hopsartifacts.errors import InvalidInputError, StorageError
from hopsartifacts.machine.workers import pause_s
from hopsartifacts.rest.bodies import fields_of, form_of
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.files.content import answer
from hopsartifacts.rest.files.sealed_tree import Item
from hopsartifacts.rest.files.tree import Tree
from hopsartifacts.rest.hopsworks.dataset_actions import (
    ACTIONS,
    need_write,
    path_of,
    remove,
    tree_of,
    uploads_of,
)
from hopsartifacts.rest.hopsworks.installation import PROJECT
from hopsartifacts.rest.operations import OperationCall, Operations
from hopsartifacts.rest.uploads import Chunk

MAX_PAGE = 1000
_FIELD_BYTES = 64 * 1024
_DATASET = f"{PROJECT}/dataset"
_PATH = f"{_DATASET}/{{path}}"
_LISTING = "listing"
_TRIES = 3
_NOT_HERE = 422


class Attributes(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Attributes of a file or folder."""

    path: str
    name: str
    dir: bool
    size: int
    modification_time: str | None = None
    under_construction: bool = False


class Inode(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A file or folder.

    Only top-level folders of the project have ``id``, ``name`` and ``datasetType``:
    clients take everything with a ``datasetType`` for a top-level folder.
    """

    attributes: Attributes
    zip_state: str = "NONE"
    id: int | msgspec.UnsetType = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    dataset_type: str | msgspec.UnsetType = msgspec.UNSET


class InodePage(msgspec.Struct, frozen=True):
    """A part of a folder's content; *count* is the size of the whole."""

    count: int
    items: list[Inode]


def inode(item: Item, project: str) -> Inode:
    """Return *item* in the format for clients."""
    attributes = Attributes(
        path=layout.absolute(project, item.path).removesuffix("/"),
        name=item.name or project,
        dir=item.is_folder,
        size=item.size_bytes,
        modification_time=_when(item.modified),
        under_construction=item.is_unfinished,
    )
    is_dataset = item.is_folder and item.path and "/" not in item.path
    if not is_dataset:
        return Inode(attributes=attributes)
    return Inode(
        attributes=attributes,
        id=zlib.crc32(item.path.encode()),
        name=item.name,
        dataset_type="DATASET",
    )


def page(
    items: Iterable[Item], project: str, *, offset: int, limit: int, sort_by: str
) -> InodePage:
    """Return at most *limit* of *items*, from *offset* on, sorted by *sort_by*.

    Raises:
        InvalidInputError: the sort order does not exist, or a number is negative.
    """
    if offset < 0 or limit < 0:
        raise InvalidInputError(
            f"offset {offset} and limit {limit}: neither can be negative"
        )
    found = sorted(items, key=lambda item: item.name)
    name, _, direction = sort_by.partition(":")
    key = _ORDERS.get(name.upper())
    if key is None or direction.lower() not in {"", "asc", "desc"}:
        raise InvalidInputError(
            f"sort_by {sort_by!r}: use {', '.join(_ORDERS)}, and ':asc' or ':desc'"
        )
    # The sort is stable, so ties stay sorted by name and pages are consistent.
    found.sort(key=key, reverse=direction.lower() == "desc")
    shown = found[offset : offset + min(limit, MAX_PAGE)]
    return InodePage(len(found), [inode(item, project) for item in shown])


def _when(modified: float | str | None) -> str | None:
    if not isinstance(modified, float | int):
        return modified
    try:
        when = datetime.fromtimestamp(modified, UTC)
    except (ValueError, OverflowError, OSError):  # a file can have any time
        return None
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_Order = Callable[[Item], str | int]
_ORDERS: dict[str, _Order] = {
    "ID": lambda item: item.name,
    "NAME": lambda item: item.name,
    "SIZE": lambda item: item.size_bytes,
    "MODIFICATION": lambda item: _when(item.modified) or "",
    "MODIFICATION_TIME": lambda item: _when(item.modified) or "",
}


class FlowForm(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The form's fields, named as in the library flow.js; others are ignored."""

    flow_filename: str
    flow_chunk_number: int
    flow_chunk_size: int
    flow_total_chunks: int
    flow_total_size: int
    flow_current_chunk_size: int | None = None
    flow_identifier: str = ""
    flow_relative_path: str = ""
    template_id: int = -1


@asynccontextmanager
async def received(request: Request) -> AsyncGenerator[tuple[Chunk, BinaryIO]]:
    """Provide the part of a file in *request*; large parts are spooled to disk.

    Raises:
        InvalidInputError: the body is not such a form.
        RefusedError: it is too long or too slow, or the client disconnected.
    """
    async with form_of(
        request, "the chunk", max_files=1, max_field_bytes=_FIELD_BYTES
    ) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidInputError("body: it has no part 'file'")
        yield _chunk(fields_of(form, FlowForm), file.size or 0), file.file


def _chunk(form: FlowForm, size: int) -> Chunk:
    if form.flow_current_chunk_size not in {None, size}:
        raise InvalidInputError(
            f"body: flowCurrentChunkSize is {form.flow_current_chunk_size}, and there "
            f"are {size} bytes: send the chunk again"
        )
    return Chunk(
        name=form.flow_filename,
        number=form.flow_chunk_number,
        chunks=form.flow_total_chunks,
        chunk_size=form.flow_chunk_size,
        size=form.flow_total_size,
    )


class _Asked(msgspec.Struct, frozen=True):
    action: str = ""
    offset: int = 0
    limit: int = MAX_PAGE
    sort_by: str = "ID:asc"


class _Done(msgspec.Struct, frozen=True):
    action: str = ""
    destination_path: str | None = None


class _Sent(msgspec.Struct, frozen=True):
    type: str = "DATASET"


def _get(call: OperationCall) -> Inode | InodePage:
    """Describe a file or folder, or list a folder."""
    path, tree = path_of(call), tree_of(call)
    query: _Asked = call.query
    project = call.hosted.project.name
    if query.action == _LISTING:
        return page(
            tree.children(path),
            project,
            offset=query.offset,
            limit=query.limit,
            sort_by=query.sort_by,
        )
    if query.action:
        raise _unknown(query.action)
    return inode(_found(tree, path), project)


def _found(tree: Tree, path: str) -> Item:
    """Retry if the storage fails, as clients take any error for *does not exist*."""
    for tries in range(1, _TRIES):
        try:
            return tree.get(path)
        except StorageError:
            time.sleep(pause_s(tries))
    return tree.get(path)


def _post(call: OperationCall) -> Inode:
    action = ACTIONS.get(call.query.action)
    if action is None:
        raise _unknown(call.query.action)
    made = action(call, path_of(call))
    call.hosted.announce_file(made.path)
    return inode(made, call.hosted.project.name)


def _delete(call: OperationCall) -> None:
    path = path_of(call)
    if call.query.action:
        raise _unknown(call.query.action)
    remove(call, path)


def _put(call: OperationCall) -> None:
    raise RefusedError(
        f"action {call.query.action!r} is not possible here: files have the "
        "permissions of the storage. To allow a user other things, create another API "
        "key with 'hopsartifacts keys create'",
        _NOT_HERE,
    )


async def _upload(call: OperationCall) -> None:
    folder = path_of(call)
    need_write(call, folder)
    async with received(call.request) as (chunk, data):

        def put() -> None:
            target = layout.in_folder(f"{folder}/{chunk.name}".removeprefix("/"))
            is_own = not layout.is_managed(target)
            if is_own:
                own.check_above(call.hosted.storage, target)
            uploads_of(call).put_chunk(folder, chunk, data, call.caller.id)
            if is_own and own.look(call.hosted.storage, target):  # it is complete
                call.hosted.announce_file(target)

        await anyio.to_thread.run_sync(put)


def _download(call: OperationCall) -> Response:
    if call.query.type != "DATASET":
        raise InvalidInputError(
            f"type {call.query.type!r} is not possible here: use DATASET"
        )
    return answer(tree_of(call).content(path_of(call)), call.request)


def _unknown(action: str) -> RefusedError:
    return RefusedError(
        f"action {action!r} is not possible here: use listing, create, copy, move, "
        "zip or unzip",
        _NOT_HERE,
    )


_operation = Operations("datasets", "read", errors=(404, _NOT_HERE))

OPERATIONS = (
    *(
        _operation(
            "GET",
            path,
            _get,
            "Describe a file or folder, or list a folder with action=listing",
            query=_Asked,
            answer=Any,
        )
        for path in (f"{_DATASET}/", _PATH)
    ),
    _operation(
        "POST",
        _PATH,
        _post,
        "Make a folder, copy, move, zip or unzip, as the action says",
        query=_Done,
        answer=Inode,
        status=201,
    ),
    _operation("PUT", _PATH, _put, "Change permissions: refused", query=_Done),
    _operation(
        "DELETE", _PATH, _delete, "Remove a file or folder", query=_Done, status=204
    ),
    _operation(
        "POST",
        f"{_DATASET}/upload/{{path}}",
        _upload,
        "Send a part of a file for a folder",
        takes="multipart",
        form=FlowForm,
    ),
    _operation(
        "GET",
        f"{_DATASET}/download/with_auth/{{path}}",
        _download,
        "The bytes of a file, or a range of them",
        query=_Sent,
        gives="application/octet-stream",
        minds=("Range",),
    ),
)
