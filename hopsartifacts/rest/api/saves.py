"""Saving a model version, of any size, from uploads or from files of the project."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from starlette.responses import Response

from hopsartifacts import layout
from hopsartifacts.datasets import own
from hopsartifacts.documents import encode_sorted
from hopsartifacts.errors import InvalidInputError, PathNotFoundError
from hopsartifacts.machine.progress import Callback
from hopsartifacts.names import model_name
from hopsartifacts.registry.documents import Framework
from hopsartifacts.rest.api.conventions import operations
from hopsartifacts.rest.api.jobs import Result, SaveResult, accepted
from hopsartifacts.rest.api.model_form import checked_paths, new_model, put_files
from hopsartifacts.rest.background import Job
from hopsartifacts.rest.files.tree import users_own
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.uploads import Uploads
from hopsartifacts.storage.contract import FileInfo


class UploadedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the new version, of which all bytes were uploaded.

    Attributes:
        path: path in the version.
        upload: id of the upload, which the save uses up.
    """

    path: str
    upload: str


class NewSave(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model version to save: either from *uploads* or from *source*.

    Attributes:
        version: number of the version; by default the next one.
        uploads: its files.
        source: path of a file or folder in the project, whose files are copied.
    """

    framework: Framework
    version: int | None = None
    description: str | None = None
    metrics: dict[str, float | int] = {}
    tags: dict[str, Any] = {}
    input_example: Any = None
    model_schema: dict[str, Any] | None = None
    uploads: list[UploadedFile] = []
    source: str | None = None


def _save(call: OperationCall) -> Response:
    name = model_name(call.path["model"])
    wanted: NewSave = call.body
    if (wanted.source is None) == (not wanted.uploads):
        raise InvalidInputError(
            "body: give either the files of the version in uploads, or the path of a "
            "file or folder in source"
        )
    model = new_model(
        call,
        name,
        wanted.framework,
        version=wanted.version,
        metrics=wanted.metrics,
        description=wanted.description,
        input_example=wanted.input_example,
        model_schema=wanted.model_schema,
        tags=wanted.tags,
    )
    if wanted.source is None:
        uploads: Uploads = call.hosted.uploads
        paths = checked_paths(it.path for it in wanted.uploads)
        identities = [it.upload for it in wanted.uploads]
        [(upload, times)] = Counter(identities).most_common(1)
        if times > 1:
            raise InvalidInputError(
                f"uploads: upload {upload} is given twice: give each upload once"
            )
        uploads.single.check_sent(identities, call.caller.id)
        files = partial(_uploaded, uploads, paths, identities, call.caller.id)
    else:
        entry = _own_entry(call, wanted.source)
        files = partial(_of_project, call.hosted, entry)

    def work(callback: Callback) -> SaveResult:
        with files() as location:
            model.save(location, callback=callback)
        return SaveResult(name, model.manifest.version)

    job = call.hosted.jobs.start(
        "save",
        work,
        by=call.caller.name,
        subject=name,
        options=(call.caller.id, encode_sorted(wanted)),
    )
    return accepted(job)


@contextmanager
def _uploaded(
    uploads: Uploads, paths: Iterable[str], identities: list[str], owner: str
) -> Iterator[Path]:
    """Provide a folder with uploads under *paths*, and remove them after the block."""
    with (
        uploads.bodies.folder() as folder,
        uploads.single.files(identities, owner) as locations,
    ):
        put_files(folder, paths, [partial(os.link, it) for it in locations])
        yield folder


@contextmanager
def _of_project(hosted: Hosted, top: FileInfo) -> Iterator[Path]:
    """Provide a file or folder of the project on this disk.

    Raises:
        InvalidInputError: it contains a link.
        RefusedError: the disk has no room for a copy.
    """
    storage = hosted.storage
    is_folder = top.kind == "directory"
    entries = list(own.plain(own.walk(storage, top.path))) if is_folder else [top]
    location = storage.local_path(top.path)
    if location is not None:
        yield location
        return
    files = [it for it in entries if it.kind == "file"]
    bodies = hosted.uploads.bodies
    with bodies.folder() as folder:
        bodies.check_room(sum(it.size_bytes for it in files))

        def put(path: str, target: Path) -> None:
            with target.open("xb") as file:
                file.writelines(storage.chunks(path))

        above = top.path if is_folder else top.path.rpartition("/")[0]
        paths = checked_paths(it.path.removeprefix(f"{above}/") for it in files)
        put_files(folder, paths, [partial(put, it.path) for it in files])
        yield folder


def _own_entry(call: OperationCall, source: str) -> FileInfo:
    """Return the user's file or folder *source*.

    Raises:
        ManagedPathError: it is managed.
        PathNotFoundError: it does not exist.
    """
    path = users_own(call.hosted.project.name, source)
    entry = own.look_unlinked(call.hosted.storage, path)
    if entry is None:
        raise PathNotFoundError(
            f"{source!r} does not exist, or its path has a link: upload the files to "
            f"a folder like {layout.RESOURCES!r} first"
        )
    return entry


_operation = operations("models")

OPERATIONS = (
    _operation(
        "POST",
        "/models/{model}/saves",
        _save,
        "Save a version from uploads, or from a file or folder of the project",
        body=NewSave,
        answer=Job[Result],
        status=202,
    ),
)
