"""Request bodies: read completely, and decompressed; forms with fields and files.

Large files of a form are on disk.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TypeVar

import msgspec
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.names import is_unicode
from hopsartifacts.rest.errors import RefusedError, broken_off, too_long
from hopsartifacts.serving.runtime.http_requests import TAKEN, coding_of, decompressed
from hopsartifacts.serving.runtime.protocol import RequestError

_MAX_FIELDS = 32

Fields = TypeVar("Fields", bound=msgspec.Struct)


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body, decompressed if it was sent with a content coding.

    Raises:
        RefusedError: it is longer than *limit* bytes before or after decompression, has
            an unknown coding, or the client disconnected.
    """
    data = bytearray()
    try:
        coding = coding_of(request.headers.raw)
        async for chunk in request.stream():
            data += chunk
            if len(data) > limit:
                raise too_long(limit)
        return bytes(data) if coding is None else decompressed(data, coding, limit)
    except ClientDisconnect as error:
        raise broken_off() from error
    except RequestError as error:
        if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise too_long(limit) from error
        raise _not_taken(error) from error


def refuse_coding(request: Request) -> None:
    """Check that the body of *request*, which is stored as sent, is not compressed.

    Raises:
        RefusedError: it is compressed (415).
    """
    try:
        coding = coding_of(request.headers.raw)
    except RequestError as error:
        raise _not_taken(error) from error
    if coding is not None:
        raise RefusedError(
            f"body: it is compressed with {coding.decode()!r}, and this operation "
            "stores bodies as they are sent: send it without this coding",
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )


def _not_taken(error: RequestError) -> RefusedError:
    is_coding = error.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    headers = {"Accept-Encoding": TAKEN} if is_coding else None
    return RefusedError(f"body: {error}", error.status, headers=headers)


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
        raise InvalidInputError(
            "body: a field of the form is not UTF-8: send it in UTF-8"
        )
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInputError(f"body: {error}") from error
