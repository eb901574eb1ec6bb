"""Actions on the project's files that clients can request.

Copies go between sealed files, unfinished uploads, and the user's own files.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from hopsartifacts import layout
from hopsartifacts.datasets import DatasetApi, own
from hopsartifacts.errors import (
    InvalidInputError,
    ManagedPathError,
)
from hopsartifacts.names import is_version
from hopsartifacts.rest.files.sealed_tree import Item
from hopsartifacts.rest.files.tree import (
    DATASETS,
    Tree,
    check_makeable,
    check_removable,
    inside,
)
from hopsartifacts.rest.hopsworks.installation import check_project
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.uploads import Uploads
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.root import mark_root


def _make_folder(call: OperationCall, path: str) -> Item:
    """Make a folder of the user's own, or one of an upload."""
    uploads, owner = uploads_of(call), call.caller.id
    need_write(call, path)
    check_makeable(path)
    match path.split("/"):
        case [layout.MODELS, model, number] if is_version(number):
            uploads.claim(model, int(number), owner)
        case _ if layout.is_managed(path, is_folder=True):
            uploads.make_folder(path, owner)
        case _:
            _api(call).mkdir(path)
    return Item(path=path, is_folder=True)


def _copy(call: OperationCall, source: str) -> Item:
    """Copy a file or folder that the caller can read."""
    need_write(call)
    target, tree = _target(call), tree_of(call)
    if _is_managed_as(tree.look(source), target):
        _copy_into_upload(tree, uploads_of(call), source, target, call.caller.id)
    elif layout.is_managed(source):
        _copy_sealed(tree, call.hosted.storage, source, target)
    else:
        _api(call).copy(source, target)
    return tree.get(target)


def _move(call: OperationCall, source: str) -> Item:
    """Move a file or folder of the user's own.

    If the target is a version that is being saved, it is copied instead: a client that
    fails deletes what it has uploaded, and the user would lose the file.
    """
    need_write(call)
    if source in DATASETS or layout.is_managed(source):
        raise ManagedPathError(f"{source!r} cannot be moved: copy it instead")
    target = _target(call)
    if _is_managed_as(tree_of(call).look(source), target):
        return _copy(call, source)
    _api(call).move(source, target)
    call.hosted.announce_file(source)
    return tree_of(call).get(target)


def _copy_into_upload(
    tree: Tree, uploads: Uploads, source: str, target: str, owner: str
) -> None:
    """Copy a file or folder into the unfinished upload of a version or scripts.

    Raises:
        PathNotFoundError: *source* does not exist.
        ManagedPathError: *target* is not a place for uploads.
    """
    for item in _with_top(tree, source):
        path = target + item.path.removeprefix(source)
        if item.is_folder:
            uploads.make_folder(path, owner)
        else:
            uploads.put_file(path, tree.content(item.path).chunks(0), owner)


def _copy_sealed(tree: Tree, storage: Storage, source: str, target: str) -> None:
    """Copy a sealed file or folder to the user's own files, verified on the way.

    Raises:
        PathNotFoundError: *source* does not exist.
        AlreadyExistsError: *target* exists.
        IntegrityError: a file differs from what was sealed; nothing was copied.
    """
    items = list(_with_top(tree, source))
    own.check_free(storage, target)
    mark_root(storage)
    try:
        for item in items:
            path = target + item.path.removeprefix(source)
            if not item.is_folder:
                storage.write(path, tree.content(item.path).chunks(0))
            elif own.look(storage, path) is None:
                own.make_folder(storage, path)
    except BaseException:
        own.remove(storage, target)
        raise


def _with_top(tree: Tree, path: str) -> Iterator[Item]:
    if path == "" or path in DATASETS:
        raise InvalidInputError(
            f"{path or 'the project'!r} cannot be copied as a whole: copy the files "
            "and folders in it"
        )
    top = tree.get(path)
    yield top
    if top.is_folder:
        yield from tree.walk(path)


def _is_managed_as(item: Item | None, target: str) -> bool:
    """Return whether *target* is managed if it is a file or folder like *item*."""
    return layout.is_managed(target, is_folder=item is not None and item.is_folder)


def _zip(call: OperationCall, path: str) -> Item:
    need_write(call)
    given = call.query.destination_path
    folder = None if given is None else _inside(call, given)
    return tree_of(call).get(_api(call).zip(path, folder))


def _unzip(call: OperationCall, path: str) -> Item:
    need_write(call)
    return tree_of(call).get(_api(call).unzip(layout.in_folder(path)))


ACTIONS: Mapping[str, Callable[[OperationCall, str], Item]] = MappingProxyType(
    {
        "create": _make_folder,
        "copy": _copy,
        "move": _move,
        "zip": _zip,
        "unzip": _unzip,
    }
)
"""By the name of the action; each returns the file or folder that it has made."""


def path_of(call: OperationCall) -> str:
    """Return the path in the project that *call* is about.

    Raises:
        InvalidNameError: the path is not valid.
        RefusedError: it is in another project.
    """
    check_project(call)
    return _inside(call, call.path.get("path", ""))


def _target(call: OperationCall) -> str:
    given = call.query.destination_path
    if not given:
        raise InvalidInputError(
            "destination_path is missing: give the path of the target"
        )
    return layout.in_folder(_inside(call, given))


def _inside(call: OperationCall, path: str) -> str:
    return inside(call.hosted.project.name, path)


def tree_of(call: OperationCall) -> Tree:
    """Return the project's files as the caller sees them."""
    return Tree(call.hosted.storage, uploads_of(call), call.caller.id)


def uploads_of(call: OperationCall) -> Uploads:
    """Return the unfinished uploads."""
    uploads: Uploads = call.hosted.uploads
    return uploads


def _api(call: OperationCall) -> DatasetApi:
    return call.hosted.project.get_dataset_api()


def need_write(call: OperationCall, path: str = "") -> None:
    """Check that the key allows writing; below deployments, ``deploy`` is enough.

    Raises:
        RefusedError: it does not (403).
    """
    is_script = path.startswith(f"{layout.DEPLOYMENTS}/")
    if not (is_script and call.caller.may("deploy")):
        call.caller.check("write")


def remove(call: OperationCall, path: str) -> None:
    """Remove the user's own files at *path*, or the caller's unfinished upload."""
    need_write(call, path)
    check_removable(path)
    if uploads_of(call).remove(path, call.caller.id):
        return
    tree_of(call).get(path)
    if layout.is_managed(path):
        raise ManagedPathError(
            f"{path!r} is managed: delete the model version or the deployment instead"
        )
    _api(call).remove(path)
    call.hosted.announce_file(path)
