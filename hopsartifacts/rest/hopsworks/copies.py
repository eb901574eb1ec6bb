"""Copies between sealed files, unfinished uploads, and the user's own files."""

from collections.abc import Iterator

from hopsartifacts.datasets import own
from hopsartifacts.errors import InvalidInputError, PathNotFoundError
from hopsartifacts.rest.hopsworks.sealed_tree import Item
from hopsartifacts.rest.hopsworks.tree import DATASETS, Tree
from hopsartifacts.rest.uploads import Uploads
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.root import mark_root


def copy_into_upload(
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


def copy_sealed(tree: Tree, storage: Storage, source: str, target: str) -> None:
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
            f"{path or 'the project'!r} is not copied as a whole: copy what is in it"
        )
    top = tree.look(path)
    if top is None:
        raise PathNotFoundError(f"{path!r} does not exist")
    yield top
    if top.is_folder:
        yield from tree.walk(path)
