"""Parsing of a part of an uploaded file, sent as a form with numbers and bytes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import BinaryIO

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.rest.bodies import fields_of, form_of
from hopsartifacts.rest.uploads import Chunk

_FIELD_BYTES = 64 * 1024


class FlowForm(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The form's fields, named as in the library flow.js; others are ignored."""

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
    """Provide the part of a file in *request*; large parts are spooled to disk.

    Raises:
        InvalidInputError: the body is not such a form.
        RefusedError: it is too long or too slow, or the client disconnected.
    """
    async with form_of(
        request, "the chunk", max_files=1, max_field_bytes=_FIELD_BYTES
    ) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidInputError("body: it has no part 'file'")
        yield _chunk(fields_of(form, FlowForm), file.size or 0), file.file


def _chunk(form: FlowForm, size: int) -> Chunk:
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
