"""Bodies that are forms: fields, and files that lie in memory only if small."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.names import is_unicode
from hopsartifacts.rest.bodies import refuse_coding
from hopsartifacts.rest.errors import broken_off

_MAX_FIELDS = 32

Fields = TypeVar("Fields", bound=msgspec.Struct)


@asynccontextmanager
async def form_of(
    request: Request, what: str, *, max_files: int, max_field_bytes: int
) -> AsyncGenerator[FormData]:
    """Give the form that *request* carries.

    Args:
        request: of which nothing was read.
        what: is to be sent so, in a word.
        max_files: how many files it may have.
        max_field_bytes: how long a field may be.

    Raises:
        InvalidInputError: it is none.
        RefusedError: it is compressed, too long or too slow, or its sender is gone.
    """
    refuse_coding(request)
    if "multipart/form-data" not in request.headers.get("content-type", "").lower():
        raise InvalidInputError(f"body: send {what} as multipart/form-data")
    parser = MultiPartParser(
        request.headers,
        request.stream(),
        max_files=max_files,
        max_fields=_MAX_FIELDS,
        max_part_size=max_field_bytes,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidInputError(f"body: {error.message}") from error
    except ClientDisconnect as error:
        raise broken_off() from error
    try:
        yield form
    finally:
        await form.close()


def fields_of(form: FormData, kind: type[Fields]) -> Fields:
    """Return what of *form* is no file.

    Raises:
        InvalidInputError: it does not fit.
    """
    fields = {name: it for name, it in form.items() if isinstance(it, str)}
    if not all(map(is_unicode, fields.values())):
        raise InvalidInputError("body: it is not UTF-8")
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInputError(f"body: {error}") from error
