"""One part of a file as clients send it: a form with numbers and bytes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import BinaryIO

import msgspec
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.names import is_unicode
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.uploads import Chunk

_MAX_FIELDS = 32
_FIELD_BYTES = 64 * 1024


class FlowForm(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The fields, as the library flow.js names them; others are ignored."""

    flow_filename: str
    flow_chunk_number: int
    flow_chunk_size: int
    flow_total_chunks: int
    flow_total_size: int
    flow_current_chunk_size: int | None = None
    flow_identifier: str = ""
    flow_relative_path: str = ""
    template_id: int = -1


@asynccontextmanager
async def received(request: Request) -> AsyncGenerator[tuple[Chunk, BinaryIO]]:
    """Give the part that *request* carries; its bytes lie in memory only if few.

    Raises:
        InvalidInputError: it is no such form.
        RefusedError: it is too long or too slow, or its sender is gone.
    """
    if "multipart/form-data" not in request.headers.get("content-type", "").lower():
        raise InvalidInputError("body: send the chunk as multipart/form-data")
    parser = MultiPartParser(
        request.headers,
        request.stream(),
        max_files=1,
        max_fields=_MAX_FIELDS,
        max_part_size=_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidInputError(f"body: {error.message}") from error
    except ClientDisconnect as error:
        raise RefusedError(
            "body: the connection ended before it was whole", 400
        ) from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidInputError("body: it has no part 'file'")
        fields = {name: it for name, it in form.items() if isinstance(it, str)}
        yield _chunk(fields, file.size or 0), file.file
    finally:
        await form.close()


def _chunk(fields: dict[str, str], size: int) -> Chunk:
    if not all(map(is_unicode, fields.values())):
        raise InvalidInputError("body: it is not UTF-8")
    try:
        form = msgspec.convert(fields, FlowForm, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInputError(f"body: {error}") from error
    if form.flow_current_chunk_size not in {None, size}:
        raise InvalidInputError(
            f"body: flowCurrentChunkSize is {form.flow_current_chunk_size}, and there "
            f"are {size} bytes: send the chunk again"
        )
    return Chunk(
        name=form.flow_filename,
        number=form.flow_chunk_number,
        chunks=form.flow_total_chunks,
        chunk_size=form.flow_chunk_size,
        size=form.flow_total_size,
    )
