"""The dataset API of Hopsworks: the files of the project."""

import time
from typing import Any

import anyio.to_thread
import msgspec
from starlette.responses import Response

from hopsartifacts import layout
from hopsartifacts.datasets import own
from hopsartifacts.errors import InvalidInputError, StorageError
from hopsartifacts.machine.workers import pause_s
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
from hopsartifacts.rest.hopsworks.dataset_documents import (
    MAX_PAGE,
    FlowForm,
    Inode,
    InodePage,
    inode,
    page,
    received,
)
from hopsartifacts.rest.hopsworks.installation import PROJECT
from hopsartifacts.rest.operations import OperationCall, Operations

_DATASET = f"{PROJECT}/dataset"
_PATH = f"{_DATASET}/{{path}}"
_LISTING = "listing"
_TRIES = 3
_NOT_HERE = 422


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
    return inode(action(call, path_of(call)), call.hosted.project.name)


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
            if not layout.is_managed(target):
                own.check_above(call.hosted.storage, target)
            uploads_of(call).put_chunk(folder, chunk, data, call.caller.id)

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
