"""Reading request bodies: completely, and decompressed."""

from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request

from hopsartifacts.rest.errors import RefusedError, broken_off, too_long
from hopsartifacts.serving.runtime.http_requests import TAKEN, coding_of, decompressed
from hopsartifacts.serving.runtime.protocol import RequestError


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
