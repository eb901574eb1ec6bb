"""Saving a model version from a form: its files as parts, the rest as fields."""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from shutil import copyfileobj
from typing import Any

import msgspec
from anyio import to_thread
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from hopsartifacts.documents import encode
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.machine.posix import make_folders
from hopsartifacts.names import distinct_paths, file_path, model_name
from hopsartifacts.registry.documents import Framework
from hopsartifacts.registry.model import Model
from hopsartifacts.rest.api.conventions import PREFIX, operations
from hopsartifacts.rest.api.models import VersionDetail, version_detail
from hopsartifacts.rest.bodies import fields_of, form_of
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.own_folder import on_disk
from hopsartifacts.values import misspelt

_MAX_FILES = 1000
_FIELD_BYTES = 4 * 1024 * 1024


class SaveForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form's fields; each part called ``file`` is a file with its own name.

    Attributes:
        version: number of the version; by default the next one.
        metrics: a JSON object of numbers, as text like all fields below.
        tags: a JSON object.
        input_example: any JSON.
        model_schema: a JSON object.
    """

    framework: Framework
    version: int | None = None
    description: str | None = None
    metrics: str = "{}"
    tags: str = "{}"
    input_example: str | None = None
    model_schema: str | None = None


async def _save(call: OperationCall) -> Response:
    name = model_name(call.path["model"])
    async with form_of(
        call.request, "it", max_files=_MAX_FILES, max_field_bytes=_FIELD_BYTES
    ) as form:
        version = await to_thread.run_sync(_saved, call, name, form)
        detail = await to_thread.run_sync(
            version_detail, call.hosted.storage, name, version
        )
    location = {"location": f"{PREFIX}/models/{name}/versions/{version}"}
    return Response(encode(detail), 201, location, "application/json")


def _saved(call: OperationCall, name: str, form: FormData) -> int:
    """Save the content of *form*, and return the number of the version."""
    given = fields_of(form, SaveForm)
    model = new_model(
        call,
        name,
        given.framework,
        version=given.version,
        metrics=_json("metrics", given.metrics, dict[str, float | int]),
        description=given.description,
        input_example=_json("input_example", given.input_example),
        model_schema=_json("model_schema", given.model_schema, dict[str, Any]),
        tags=_json("tags", given.tags, dict[str, Any]),
    )
    bodies = call.hosted.uploads.bodies
    with bodies.folder() as folder:
        bodies.check_room(sum(it.size or 0 for _, it in _files(form)))
        _put_down(form, folder)
        return model.save(folder).manifest.version


def new_model(
    call: OperationCall, name: str, framework: Framework, **given: Any
) -> Model:
    """Return a model to be saved, after checks of all that is *given* about it.

    Raises:
        InvalidInputError: a value is not valid.
    """
    registry = call.hosted.project.get_model_registry()
    model: Model = getattr(registry, framework.lower()).create_model(name, **given)
    return model


def _json(name: str, text: str | None, kind: Any = Any) -> Any:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text.removeprefix("\ufeff"), type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        words = misspelt(text.encode(errors="replace"), name) or error
        raise InvalidInputError(f"body: {name} is not valid JSON: {words}") from error


def _files(form: FormData) -> list[tuple[str, UploadFile]]:
    """Return the parts of *form* that are files, each with the name of its part."""
    return [(name, it) for name, it in form.multi_items() if isinstance(it, UploadFile)]


def _put_down(form: FormData, folder: Path) -> None:
    """Write the files of *form* into *folder*."""
    named = _files(form)
    if any(name != "file" for name, _ in named):
        raise InvalidInputError("body: call every part that is a file 'file'")

    def put(part: UploadFile, target: Path) -> None:
        with target.open("xb") as file:
            copyfileobj(part.file, file)

    files = [it for _, it in named]
    paths = checked_paths(it.filename or "" for it in files)
    put_files(folder, paths, [partial(put, it) for it in files])


def checked_paths(paths: Iterable[str]) -> list[str]:
    """Return the *paths* of files in a new version; none leads out of its folder.

    Raises:
        InvalidInputError: two are the same.
        InvalidNameError: one breaks the rules, or two are the same on some systems.
    """
    found = [file_path(path) for path in paths]
    distinct_paths(found)
    if twice := [path for path, count in Counter(found).items() if count > 1]:
        raise InvalidInputError(f"body: file {min(twice)!r} is there twice")
    return found


def put_files(
    folder: Path, paths: Iterable[str], puts: Iterable[Callable[[Path], None]]
) -> None:
    """Create files at checked *paths* in *folder*; each put creates one of them.

    Raises:
        InvalidInputError: a path is a file and a folder at once.
        RefusedError: the disk is full.
    """
    for path, put in zip(paths, puts, strict=True):
        with on_disk("receive an upload"):
            try:
                make_folders((folder / path).parent)
                put(folder / path)
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise InvalidInputError(
                    f"body: {path!r} cannot be a file and a folder at once"
                ) from error


_operation = operations("models")

OPERATIONS = (
    _operation(
        "POST",
        "/models/{model}/versions",
        _save,
        "Save a version: its files as parts 'file', whose file names may have slashes",
        takes="multipart",
        form=SaveForm,
        answer=VersionDetail,
        status=201,
        errors=(404, 409, 413),
    ),
)
