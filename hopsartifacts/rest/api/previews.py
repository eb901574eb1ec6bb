"""Previews of files, and their text as tokens for highlighting."""

from typing import Annotated

import msgspec
from starlette.responses import Response

from hopsartifacts import layout
from hopsartifacts.artifacts.difference import text_difference
from hopsartifacts.datasets import own
from hopsartifacts.errors import PathNotFoundError
from hopsartifacts.rest.api.conventions import operations
from hopsartifacts.rest.api.files import known_item, tree_of
from hopsartifacts.rest.api.marks import Marks
from hopsartifacts.rest.files.content import Content, stored
from hopsartifacts.rest.files.tree import inside
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.previews.documents import Preview, Task, Tokens

Offset = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Rows = Annotated[int, msgspec.Meta(ge=1, le=500)]

_MOST_BYTES = 64 * 1024
_MOST_LINES = 2000


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters of a preview.

    Attributes:
        offset: ``next`` of the previous preview of this file.
        rows: at most so many rows of a table.
        raw: show the file as text, whatever it contains.
    """

    offset: Offset = 0
    rows: Rows = 50
    raw: bool = False


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters of tokens; *offset* is ``next`` of the previous answer."""

    offset: Offset = 0


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters of changes.

    Attributes:
        since: the path of the file to compare with, such as the same file of another
            version; by default what was saved of this one.
    """

    since: str = ""


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """How the stored bytes of a file differ from those that were saved, or of another.

    Attributes:
        lines: a unified difference, empty if there is none; null if it is unknown. What
            was saved is known of files whose saved bytes are in a log: those of
            artifacts, and the example and the schema of a model. Files of more than
            64 KiB or 2,000 lines are not compared, and only texts are.
    """

    path: str
    lines: tuple[str, ...] | None


def _preview(call: OperationCall) -> Response:
    wanted: Shown = call.query
    return _made(
        call,
        Task(
            kind="preview",
            path="",
            size_bytes=0,
            offset=wanted.offset,
            rows=wanted.rows,
            is_raw=wanted.raw,
        ),
    )


def _tokens(call: OperationCall) -> Response:
    return _made(
        call, Task(kind="tokens", path="", size_bytes=0, offset=call.query.offset)
    )


def _made(call: OperationCall, task: Task) -> Response:
    """Answer *task* for the file that *call* names."""
    path = _path(call)
    content = _stored(call, path)
    if content is None:
        content = tree_of(call).content(path)
    task = msgspec.structs.replace(task, path=path, size_bytes=content.size_bytes)
    document = call.hosted.previewer.make(task, content.part)
    return Response(document, media_type="application/json")


def _changes(call: OperationCall) -> Changes:
    path, wanted = _path(call), call.query
    now = _stored(call, path)
    if wanted.since:
        before = _stored(call, inside(call.hosted.project.name, wanted.since))
    else:
        before = _saved(call, path)
    if before is None or now is None:
        return Changes(path=path, lines=None)
    if max(before.size_bytes, now.size_bytes) > _MOST_BYTES:
        return Changes(path=path, lines=None)
    old, new = (it.part(0, it.size_bytes) for it in (before, now))
    if max(old.count(b"\n"), new.count(b"\n")) > _MOST_LINES:
        return Changes(path=path, lines=None)
    return Changes(path=path, lines=text_difference(path, old, new))


def _saved(call: OperationCall, path: str) -> Content | None:
    """Return what was saved of a managed file; None if it is not known."""
    if path == "" or not layout.is_managed(path) or _is_only_stored(path):
        return None
    return tree_of(call).content(path)


def _stored(call: OperationCall, path: str) -> Content | None:
    """Return the bytes that are stored for a file, as they are.

    None: there is no such file in the storage, or a link in its place. The bytes of a
    file of an artifact are then in a log.

    Raises:
        PathNotFoundError: there is no file that readers see.
    """
    storage = call.hosted.storage
    if known_item(call, path).is_folder:
        raise PathNotFoundError(f"{path or 'the project'!r} is a folder, not a file")
    place = Marks(call.hosted).of(path).stored if layout.is_managed(path) else path
    entry = own.look_unlinked(storage, place)
    if entry is None or entry.kind != "file":
        return None
    return stored(storage, place, entry.size_bytes)


def _is_only_stored(path: str) -> bool:
    """Return whether *path* is a model's file, whose bytes are in no log."""
    match path.split("/"):
        case [layout.MODELS, _, _, layout.FILES, *_]:
            return True
    return False


def _path(call: OperationCall) -> str:
    return inside(call.hosted.project.name, call.path["path"])


_operation = operations("files")

OPERATIONS = (
    _operation(
        "GET",
        "/files/{path}/preview",
        _preview,
        "What a file contains: text, rows, cells, a header, or imports",
        query=Shown,
        answer=Preview,
        errors=(404, 429),
    ),
    _operation(
        "GET",
        "/files/{path}/tokens",
        _tokens,
        "The lines of a text file as tokens, for highlighting",
        query=Lines,
        answer=Tokens,
        errors=(404, 429),
    ),
    _operation(
        "GET",
        "/files/{path}/changes",
        _changes,
        "How a file differs from what was saved, or from another, line by line",
        query=Compared,
        answer=Changes,
    ),
)
