"""Uploads of single files in several requests, which can be continued after a failure.

A client begins an upload, sends the bytes in order, and finishes it: then the file is
in the project. Without a path it is for a model version, see ``saves``.
"""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from anyio import to_thread
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from hopsartifacts.documents import encode
from hopsartifacts.machine.progress import NO_CALLBACK, Callback
from hopsartifacts.rest.api.conventions import (
    PREFIX,
    Page,
    Paging,
    operations,
    page_of,
    shown,
)
from hopsartifacts.rest.api.files import FileRow, created
from hopsartifacts.rest.api.jobs import LONG_BYTES, FileResult, Result, accepted
from hopsartifacts.rest.background import Job
from hopsartifacts.rest.bodies import refuse_coding
from hopsartifacts.rest.errors import broken_off
from hopsartifacts.rest.files.tree import check_removable, users_own
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.sorted_lists import SortOrder
from hopsartifacts.rest.uploads import SingleFile, SingleFiles, SingleStatus

_UPLOAD = "/uploads/{id}"
_PIECE_BYTES = 1024 * 1024
_MOST_BYTES = 2**62

Bytes = Annotated[int, msgspec.Meta(ge=0, le=_MOST_BYTES)]


class NewUpload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An upload to begin.

    Attributes:
        path: path of the file in the project; null for a file of a model version.
        size: number of bytes.
        overwrite: whether it may replace a file that exists.
        modified: when the file was last changed; null if that is not known. The server
            only returns it, so that a client can recognise the file later.
    """

    size: Bytes
    path: str | None = None
    overwrite: bool = False
    modified: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class FileUpload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload of one file.

    Attributes:
        path: path of the file in the project; null for a file of a model version.
        offset: number of bytes received: continue from there.
        status: open: send more bytes, or finish it. saving: it is being written to the
            project. finished: it is in the project.
        modified: when the file was last changed, as the client said.
        expires: when it is given up unless more bytes come.
        max_chunk_bytes: most bytes of one request.
    """

    id: str
    path: str | None
    size_bytes: int
    offset: int
    overwrite: bool
    status: SingleStatus
    created: datetime
    modified: datetime | None
    expires: datetime
    max_chunk_bytes: int


class Place(msgspec.Struct, frozen=True):
    """Query parameters of a part: *offset* is the number of bytes sent before it."""

    offset: Bytes


class Finish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to finish an upload.

    Attributes:
        sha256: the digest that the file must have, as 64 hexadecimal digits.
    """

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] | None = None


_ORDER: SortOrder[SingleFile] = SortOrder(
    identity=lambda it: (it.id,),
    fields={
        "created": lambda it: it.created,
        "path": lambda it: it.path or None,
        "size_bytes": lambda it: it.size_bytes,
    },
    default="created",
)


def _begin(call: OperationCall) -> Response:
    wanted: NewUpload = call.body
    path = ""
    if wanted.path is not None:
        path = users_own(call.hosted.project.name, wanted.path)
        check_removable(path)
    made = _singles(call).begin(
        path,
        wanted.size,
        call.caller.id,
        overwrite=wanted.overwrite,
        modified=wanted.modified,
    )
    location = {"location": f"{PREFIX}/uploads/{made.id}"}
    return Response(encode(_shown(call, made)), 201, location, "application/json")


def _list(call: OperationCall) -> Page[FileUpload]:
    page = page_of(_singles(call).all(call.caller.id), call.query, _ORDER)
    return shown(page, [_shown(call, it) for it in page.items])


def _get(call: OperationCall) -> FileUpload:
    return _shown(call, _singles(call).get(call.path["id"], call.caller.id))


async def _put(call: OperationCall) -> FileUpload:
    """Add the bytes of the request; what comes before it is cut off stays."""
    refuse_coding(call.request)
    singles, identity, owner = _singles(call), call.path["id"], call.caller.id
    length = call.request.headers.get("content-length", "")
    most = min(call.hosted.settings.max_raw_bytes, int(length or 0))
    sender = await to_thread.run_sync(
        singles.sender, identity, owner, call.query.offset, most
    )
    kept = bytearray()
    try:
        async for piece in call.request.stream():
            kept += piece
            if len(kept) >= _PIECE_BYTES:
                data, kept = bytes(kept), bytearray()
                await to_thread.run_sync(sender.write, data)
    except ClientDisconnect as error:
        raise broken_off() from error
    finally:
        try:
            if kept:
                await to_thread.run_sync(sender.write, bytes(kept))
        finally:
            sender.end()
    return await to_thread.run_sync(_get, call)


def _finish(call: OperationCall) -> Response:
    singles, identity, owner = _singles(call), call.path["id"], call.caller.id
    sha256 = call.body.sha256
    # Here, so that a wrong request is refused at once, and not by a failed job.
    upload = singles.check_whole(identity, owner)

    def work(callback: Callback) -> FileResult:
        path = singles.finish(identity, owner, sha256, callback)
        call.hosted.announce_file(path)
        return FileResult(path)

    if upload.status == "finished":
        return created(call, upload.path)
    if upload.size_bytes <= LONG_BYTES:
        return created(call, work(NO_CALLBACK).path)
    return accepted(
        call.hosted.jobs.start(
            "upload",
            work,
            by=call.caller.name,
            subject=upload.path,
            options=(identity, sha256),
        )
    )


def _remove(call: OperationCall) -> None:
    _singles(call).remove(call.path["id"], call.caller.id)


def _singles(call: OperationCall) -> SingleFiles:
    singles: SingleFiles = call.hosted.uploads.single
    return singles


def _shown(call: OperationCall, it: SingleFile) -> FileUpload:
    expires = datetime.now(UTC).timestamp() + it.left_s
    return FileUpload(
        id=it.id,
        path=it.path or None,
        size_bytes=it.size_bytes,
        offset=it.offset,
        overwrite=it.overwrite,
        status=it.status,
        created=datetime.fromtimestamp(it.created, UTC),
        modified=it.modified,
        expires=datetime.fromtimestamp(expires, UTC),
        max_chunk_bytes=call.hosted.settings.max_raw_bytes,
    )


_operation = operations("uploads")
_REFUSALS = (404, 409, 413, 507)

OPERATIONS = (
    _operation(
        "POST",
        "/uploads",
        _begin,
        "Begin the upload of a file",
        body=NewUpload,
        answer=FileUpload,
        status=201,
        errors=_REFUSALS,
    ),
    _operation(
        "GET",
        "/uploads",
        _list,
        "The unfinished uploads of this key: a page, sorted",
        query=Paging,
        answer=Page[FileUpload],
    ),
    _operation(
        "GET",
        _UPLOAD,
        _get,
        "An upload of this key: how many bytes were received",
        answer=FileUpload,
    ),
    _operation(
        "PUT",
        _UPLOAD,
        _put,
        "Send the bytes from an offset on; those before a cut stay",
        query=Place,
        takes="bytes",
        answer=FileUpload,
        errors=_REFUSALS,
    ),
    _operation(
        "POST",
        f"{_UPLOAD}/finish",
        _finish,
        "Write the complete file to the project; a job if it is large",
        body=Finish,
        answer=FileRow,
        status=201,
        job=Job[Result],
    ),
    _operation("DELETE", _UPLOAD, _remove, "Give up an upload", status=204),
)
"""All operations on the uploads of single files."""
