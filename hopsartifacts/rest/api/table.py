"""What all tables of this API have in common: prefix, scopes, headers of edits."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import encode
from hopsartifacts.names import version_number
from hopsartifacts.rest.callers import Scope
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.operations import Call, Operations

PREFIX = "/api/v1"

_CHANGED = 412


class Reason(msgspec.Struct, frozen=True):
    """Why something is done, for those who read the history."""

    why: str = ""


def operations(tag: str, scope: Scope = "write") -> Operations:
    """Return what makes the operations of one tag of this API."""
    return Operations(tag, scope, prefix=PREFIX)


def number(call: Call, name: str) -> int:
    """Return a version number of the path.

    Raises:
        InvalidNameError: it is none.
    """
    return version_number(call.path[name])


def etag_of(value: object) -> str:
    """Return what stands for *value* in ``ETag`` and ``If-Match``."""
    return f'"{sha256_of(encode(value)).partition(":")[2][:32]}"'


def tagged(request: Request, document: object, value: object) -> Response:
    """Return *document* with the ETag of *value*; 304 to a reader who has that."""
    headers = {"etag": etag_of(value)}
    is_read = request.method in {"GET", "HEAD"}
    if is_read and _names(request.headers.get("if-none-match"), headers["etag"]):
        return Response(status_code=304, headers=headers)
    return Response(encode(document), headers=headers, media_type="application/json")


def check_match(request: Request, *value: object) -> None:
    """Refuse an edit by somebody who saw something else than *value*.

    Without a value: by somebody who saw any.

    Raises:
        RefusedError: ``If-Match`` is there and does not name it, or ``If-None-Match``
            does.
    """
    tags = [etag_of(it) for it in value]
    given = request.headers.get("if-match")
    if given is not None and not any(_names(given, tag) for tag in tags):
        raise RefusedError(
            f"If-Match {given}: it was changed meanwhile; get it again, look at what "
            "it is now, and send the edit with the new ETag",
            _CHANGED,
        )
    given = request.headers.get("if-none-match")
    if any(_names(given, tag) for tag in tags):
        raise RefusedError(
            f"If-None-Match {given}: there is one; get it, look at what it is, and "
            "send the edit with its ETag in If-Match",
            _CHANGED,
        )


def _names(header: str | None, etag: str) -> bool:
    if header is None:
        return False
    names = {it.strip().removeprefix("W/") for it in header.split(",")}
    return bool(names & {"*", etag})
