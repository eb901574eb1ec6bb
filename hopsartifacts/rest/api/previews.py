"""Previews of files, and their text as tokens for highlighting."""

from typing import Annotated

import msgspec
from starlette.responses import Response

from hopsartifacts.rest.api.conventions import operations
from hopsartifacts.rest.files.tree import Tree, inside
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.previews.documents import Preview, Task, Tokens

Offset = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Rows = Annotated[int, msgspec.Meta(ge=1, le=500)]


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
    hosted = call.hosted
    path = inside(hosted.project.name, call.path["path"])
    # No owner: unfinished uploads are only for their clients.
    content = Tree(hosted.storage, hosted.uploads, "").content(path)
    task = msgspec.structs.replace(task, path=path, size_bytes=content.size_bytes)
    document = hosted.previewer.make(task, content.part)
    return Response(document, media_type="application/json")


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
)
