"""Moving and copying the user's own files, and taking whole folders of any kind."""

from collections.abc import Callable
from itertools import islice
from typing import Literal

import msgspec
from starlette.responses import Response

from hopsartifacts.datasets import DatasetApi
from hopsartifacts.errors import PathNotFoundError
from hopsartifacts.machine.progress import NO_CALLBACK, Callback
from hopsartifacts.rest.api.conventions import operations
from hopsartifacts.rest.api.files import FileRow, created, tree_of
from hopsartifacts.rest.api.jobs import LONG_BYTES, FileResult, Result, accepted
from hopsartifacts.rest.background import Job
from hopsartifacts.rest.files.folders import FolderSize, archive, size_of
from hopsartifacts.rest.files.tree import check_removable, inside, users_own
from hopsartifacts.rest.operations import OperationCall

_FOLDER = "/folders/{path}"
_LONG_FILES = 1000


class Transfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A move or copy of a file or folder to another path in the project.

    Attributes:
        source: its path now.
        target: its new path, not the folder to put it in.
        overwrite: delete what exists at *target* first.
    """

    source: str
    target: str
    overwrite: bool = False


class ArchiveForm(msgspec.Struct, frozen=True):
    """Query parameters of an archive."""

    format: Literal["zip"] = "zip"


def _move(call: OperationCall) -> Response:
    source, target = _paths(call)
    check_removable(source)
    api = _api(call)

    def move(_: Callback) -> None:
        api.move(source, target, call.body.overwrite)
        call.hosted.announce_file(source)

    # Where folders can be moved as a whole, a move takes no time.
    is_long = not call.hosted.storage.capabilities.moves_trees and _is_long(call)
    return _done(call, "move", move, is_long=is_long)


def _copy(call: OperationCall) -> Response:
    source, target = _paths(call)
    api = _api(call)

    def copy(callback: Callback) -> None:
        api.copy(source, target, call.body.overwrite, callback=callback)

    return _done(call, "copy", copy, is_long=_is_long(call))


def _done(
    call: OperationCall,
    kind: str,
    act: Callable[[Callback], None],
    *,
    is_long: bool,
) -> Response:
    """Do *act*, as a job if it *is_long*, and return the answer."""
    _, target = _paths(call)

    def work(callback: Callback) -> FileResult:
        act(callback)
        call.hosted.announce_file(target)
        return FileResult(target)

    if not is_long:
        work(NO_CALLBACK)
        return created(call, target)
    jobs = call.hosted.jobs
    return accepted(
        jobs.start(kind, work, by=call.caller.name, subject=target, options=call.body)
    )


def _paths(call: OperationCall) -> tuple[str, str]:
    """Return source and target; raises as ``users_own``."""
    project = call.hosted.project.name
    return users_own(project, call.body.source), users_own(project, call.body.target)


def _is_long(call: OperationCall) -> bool:
    """Return whether the source has many files, or many bytes.

    Raises:
        PathNotFoundError: it does not exist.
    """
    source, _ = _paths(call)
    tree = tree_of(call)
    top = tree.look(source)
    if top is None:
        raise PathNotFoundError(f"{source!r} does not exist")
    if not top.is_folder:
        return top.size_bytes > LONG_BYTES
    items = list(islice(tree.walk(source), _LONG_FILES + 1))
    size = sum(it.size_bytes for it in items)
    return len(items) > _LONG_FILES or size > LONG_BYTES


def _size(call: OperationCall) -> FolderSize:
    return size_of(tree_of(call), _path(call))


def _archive(call: OperationCall) -> Response:
    return archive(tree_of(call), _path(call), call.request)


def _path(call: OperationCall) -> str:
    return inside(call.hosted.project.name, call.path["path"])


def _api(call: OperationCall) -> DatasetApi:
    return call.hosted.project.get_dataset_api()


_operation = operations("files")

OPERATIONS = (
    _operation(
        "POST",
        "/moves",
        _move,
        "Move a file or folder that is not managed; a job if it is large",
        body=Transfer,
        answer=FileRow,
        status=201,
        job=Job[Result],
    ),
    _operation(
        "POST",
        "/copies",
        _copy,
        "Copy a file or folder that is not managed; a job if it is large",
        body=Transfer,
        answer=FileRow,
        status=201,
        job=Job[Result],
    ),
    _operation(
        "GET",
        f"{_FOLDER}/size",
        _size,
        "How many files and bytes are in a folder, and in an archive of it",
        answer=FolderSize,
    ),
    _operation(
        "GET",
        f"{_FOLDER}/archive",
        _archive,
        "Everything in a folder as one archive",
        query=ArchiveForm,
        gives="application/zip",
        errors=(404, 413),
    ),
)
