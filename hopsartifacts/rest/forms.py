"""Bodies of type ``multipart/form-data``: fields and files, large ones on disk."""

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
    """Provide the form in the body of *request*.

    Args:
        request: the request; its body has not been read.
        what: what the form contains, for error messages.
        max_files: most files that it may have.
        max_field_bytes: most bytes of a field.

    Raises:
        InvalidInputError: the body is not a form.
        RefusedError: it is compressed, too long or too slow, or was cut off.
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
    """Return the fields of *form* that are not files, as a *kind*.

    Raises:
        InvalidInputError: they do not match *kind*.
    """
    fields = {name: it for name, it in form.items() if isinstance(it, str)}
    if not all(map(is_unicode, fields.values())):
        raise InvalidInputError("body: it is not UTF-8")
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInputError(f"body: {error}") from error
