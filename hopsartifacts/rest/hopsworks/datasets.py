"""The dataset API: the files of the project, as the official client asks for them."""

import time
from typing import Any, Literal

import anyio.to_thread
import msgspec
from starlette.responses import Response

from hopsartifacts import layout
from hopsartifacts.datasets import DatasetApi, own
from hopsartifacts.errors import (
    AlreadyExistsError,
    InvalidInputError,
    ManagedPathError,
    PathNotFoundError,
    StorageError,
)
from hopsartifacts.names import is_version
from hopsartifacts.rest.answering import encoded
from hopsartifacts.rest.errors import NO_SCOPE, RefusedError
from hopsartifacts.rest.hopsworks.content import answer
from hopsartifacts.rest.hopsworks.copying import copy_into_upload, copy_sealed
from hopsartifacts.rest.hopsworks.dataset_documents import (
    MAX_PAGE,
    Inode,
    InodePage,
    inode,
    page,
)
from hopsartifacts.rest.hopsworks.flow import FlowForm, received
from hopsartifacts.rest.hopsworks.login import PROJECT, check_project
from hopsartifacts.rest.hopsworks.paths import in_folder, inside
from hopsartifacts.rest.hopsworks.sealed_tree import Item
from hopsartifacts.rest.hopsworks.tree import DATASETS, Tree
from hopsartifacts.rest.operations import Call, Operation
from hopsartifacts.rest.uploads import Uploads
from hopsartifacts.store.workers import pause_s

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


def _get(call: Call) -> Inode | InodePage:
    """Describe a path, or list what it holds."""
    path, tree = _path(call), _tree(call)
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
    item = _looked(tree, path)
    if item is None:
        raise PathNotFoundError(f"{path!r} does not exist")
    return inode(item, project)


def _looked(tree: Tree, path: str) -> Item | None:
    """Look again if the storage fails: clients take any error for *not there*."""
    for tries in range(1, _TRIES):
        try:
            return tree.look(path)
        except StorageError:
            time.sleep(pause_s(tries))
    return tree.look(path)


def _post(call: Call) -> Response | None:
    path = _path(call)
    query: _Done = call.query
    if query.action == "create":
        return _make_folder(call, path)
    _need_write(call)
    match query.action:
        case "copy":
            _copy(call, path)
        case "move":
            _move(call, path)
        case "zip":
            above = path.rpartition("/")[0]
            folder = query.destination_path
            folder = above if folder is None else _inside(call, folder)
            in_folder(f"{folder}/{path}")
            _api(call).zip(path, folder)
        case "unzip":
            _api(call).unzip(in_folder(path))
        case _:
            raise _unknown(query.action)
    return None


def _make_folder(call: Call, path: str) -> Response:
    uploads, owner = _uploads(call), call.caller.id
    _need_write(call, path)
    if path == "" or path in DATASETS:
        raise AlreadyExistsError(f"{path or 'the project'!r} is always there")
    match path.split("/"):
        case [layout.MODELS, model, number] if is_version(number):
            uploads.claim(model, int(number), owner)
        case _ if layout.is_managed(path):
            uploads.make_folder(path, owner)
        case _:
            _api(call).mkdir(path)
    made = inode(Item(path=path, is_folder=True), call.hosted.project.name)
    return Response(encoded(made), 201, media_type="application/json")


def _copy(call: Call, source: str) -> None:
    target, tree = _target(call), _tree(call)
    if layout.is_managed(target):
        copy_into_upload(tree, _uploads(call), source, target, call.caller.id)
    elif layout.is_managed(source):
        copy_sealed(tree, call.hosted.storage, source, target)
    else:
        _api(call).copy(source, target)


def _move(call: Call, source: str) -> None:
    """Move a file or folder of the user's.

    Into a version that is being saved it is copied: a client that fails deletes what
    it has put there, and the user would have lost the file.
    """
    target, tree = _target(call), _tree(call)
    if source in DATASETS or layout.is_managed(source):
        raise ManagedPathError(f"{source!r} stays where it is: copy it instead")
    if layout.is_managed(target):
        copy_into_upload(tree, _uploads(call), source, target, call.caller.id)
    else:
        _api(call).move(source, target)


def _delete(call: Call) -> None:
    path, uploads = _path(call), _uploads(call)
    if call.query.action:
        raise _unknown(call.query.action)
    _need_write(call, path)
    if path == "" or path in DATASETS:
        raise ManagedPathError(
            f"{path or 'the project'!r} is always there: remove what is in it"
        )
    if uploads.remove(path, call.caller.id):
        return
    if _tree(call).look(path) is None:
        raise PathNotFoundError(f"{path!r} does not exist")
    if layout.is_managed(path):
        raise ManagedPathError(
            f"{path!r} is managed: delete the model version or the deployment instead"
        )
    _api(call).remove(path)


def _put(call: Call) -> None:
    raise RefusedError(
        f"{call.query.action or 'this'!r} is not possible here: permissions are those "
        "of the storage, and what a key allows is said when it is created",
        _NOT_HERE,
    )


async def _upload(call: Call) -> None:
    folder = _path(call)
    _need_write(call, folder)
    in_folder(f"{folder}/any")
    async with received(call.request) as (chunk, data):

        def put() -> None:
            if not layout.is_managed(folder):
                own.check_above(call.hosted.storage, f"{folder}/{chunk.name}")
            _uploads(call).put_chunk(folder, chunk, data, call.caller.id)

        await anyio.to_thread.run_sync(put)


def _download(call: Call) -> Response:
    if call.query.type != "DATASET":
        raise InvalidInputError(f"type {call.query.type!r}: there are only DATASETs")
    return answer(_tree(call).content(_path(call)), call.request)


def _path(call: Call) -> str:
    check_project(call)
    return _inside(call, call.path.get("path", ""))


def _target(call: Call) -> str:
    given = call.query.destination_path
    if not given:
        raise InvalidInputError("destination_path: say where to")
    return in_folder(_inside(call, given))


def _inside(call: Call, path: str) -> str:
    return inside(call.hosted.project.name, path)


def _tree(call: Call) -> Tree:
    return Tree(call.hosted.storage, _uploads(call), call.caller.id)


def _uploads(call: Call) -> Uploads:
    uploads: Uploads = call.hosted.uploads
    return uploads


def _api(call: Call) -> DatasetApi:
    return call.hosted.project.get_dataset_api()


def _need_write(call: Call, path: str = "") -> None:
    """See that the key allows writing; one for deploying, to deployments.

    Raises:
        RefusedError: it does not.
    """
    is_script = path.startswith(f"{layout.DEPLOYMENTS}/")
    if call.caller.may("write") or (is_script and call.caller.may("deploy")):
        return
    raise RefusedError(
        f"API key {call.caller.name!r} does not allow this: it needs the scope "
        "'write', see 'hopsartifacts keys create --help'",
        403,
        NO_SCOPE,
    )


def _unknown(action: str) -> RefusedError:
    return RefusedError(
        f"action {action!r} is not possible here: there are listing, create, copy, "
        "move, zip and unzip",
        _NOT_HERE,
    )


def _operation(
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
    path: str,
    handle: Any,
    summary: str,
    **more: Any,
) -> Operation:
    return Operation(
        method=method,
        path=path,
        handle=handle,
        summary=summary,
        tag="datasets",
        errors=(404, _NOT_HERE) if method == "GET" else (404, 409, _NOT_HERE),
        **more,
    )


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
        answer=Any,
    ),
    _operation("PUT", _PATH, _put, "Change permissions: refused", query=_Done),
    _operation(
        "DELETE", _PATH, _delete, "Remove a file or folder", query=_Done, status=204
    ),
    _operation(
        "POST",
        f"{_DATASET}/upload/{{path}}",
        _upload,
        "Send a part of a file that goes to a folder",
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
    ),
)
