"""The conventions of the JSON API: prefix, ETags, numbers in paths, ``If-Match``."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import encode, encode_sorted
from hopsartifacts.names import version_number
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.keys import Scope
from hopsartifacts.rest.operations import OperationCall, Operations

PREFIX = "/api/v1"

_CHANGED = 412


class Reason(msgspec.Struct, frozen=True):
    """The reason for a change, which is shown in the history."""

    why: str = ""


def operations(tag: str, scope: Scope = "write") -> Operations:
    """Return a factory for operations of this API with one tag."""
    return Operations(tag, scope, prefix=PREFIX)


def number(call: OperationCall, name: str) -> int:
    """Return a version number in the path.

    Raises:
        InvalidNameError: it is not a version number.
    """
    return version_number(call.path[name])


def etag_of(value: object) -> str:
    """Return the ETag of *value*, the same for any order of its members."""
    return f'"{sha256_of(encode_sorted(value)).partition(":")[2][:32]}"'


def tagged(request: Request, document: object, value: object) -> Response:
    """Return *document* with the ETag of *value*; 304 if the reader already has it."""
    headers = {"etag": etag_of(value)}
    is_read = request.method in {"GET", "HEAD"}
    if is_read and _names(request.headers.get("if-none-match"), headers["etag"]):
        return Response(status_code=304, headers=headers)
    return Response(encode(document), headers=headers, media_type="application/json")


def check_match(request: Request, *value: object) -> None:
    """Check the conditions of an edit against the current *value*, if there is one.

    Raises:
        RefusedError: ``If-Match`` is given and does not name the value, or
            ``If-None-Match`` does (412).
    """
    tags = [etag_of(it) for it in value]
    given = request.headers.get("if-match")
    if given is not None and not any(_names(given, tag) for tag in tags):
        raise RefusedError(
            f"If-Match {given}: it has changed meanwhile; get it again, look at its "
            "value, and send the edit with the new ETag",
            _CHANGED,
        )
    given = request.headers.get("if-none-match")
    if any(_names(given, tag) for tag in tags):
        raise RefusedError(
            f"If-None-Match {given}: it exists; get it, look at its value, and send "
            "the edit with its ETag in If-Match",
            _CHANGED,
        )


def _names(header: str | None, etag: str) -> bool:
    if header is None:
        return False
    names = {it.strip().removeprefix("W/") for it in header.split(",")}
    return bool(names & {"*", etag})
