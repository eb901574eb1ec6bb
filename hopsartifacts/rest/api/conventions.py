"""The conventions of the JSON API: paths, numbers in them, ETags, conditions, pages.

A list comes in pages: filtered by the caller, sorted here, continued by a cursor. A
cursor identifies the item to continue after, not a number of items to skip. So items
that are added or deleted between two requests cause no duplicates or gaps.
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Annotated, Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import encode, encode_sorted
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.names import version_number
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.facets import Facets
from hopsartifacts.rest.keys import Scope
from hopsartifacts.rest.operations import OperationCall, Operations
from hopsartifacts.rest.sorted_lists import (
    Identity,
    SortedList,
    SortOrder,
    Value,
    sort_key,
)

PREFIX = "/api/v1"
DEFAULT_LIMIT = 50
_CHANGED = 412

Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Item = TypeVar("Item")
Shown = TypeVar("Shown")
Place = TypeVar("Place", bound=msgspec.Struct)


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


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters of a list; lists with filters have more.

    Attributes:
        limit: most items of a page.
        cursor: ``next`` of the previous page.
        sort: a field; ``-`` sorts in descending order. Items without a value come last.
    """

    limit: Limit = DEFAULT_LIMIT
    cursor: str = ""
    sort: str = ""


class Page(msgspec.Struct, Generic[Item], frozen=True, omit_defaults=True):
    """A page of a list.

    Attributes:
        items: items of this page.
        next: the ``cursor`` of the next page; None on the last one.
        total: number of items in the whole list now.
        damaged: names of models or deployments that the list lacks, since their logs
            cannot be read; left out if there are none.
        facets: how many items there would be with each value of a field that can be
            filtered, by field and value; left out unless ``facets`` asks for them.
    """

    items: list[Item]
    next: str | None
    total: int
    damaged: list[str] = []
    facets: Facets = {}


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    sort: str
    value: Value
    identity: Identity


def page_of(
    items: Iterable[Item], paging: Paging, order: SortOrder[Item]
) -> Page[Item]:
    """Sort *items*, and return the page of them that *paging* asks for.

    Raises:
        InvalidInputError: the field to sort by does not exist, or the cursor does not
            fit this list.
    """
    return page_by(lambda field: SortedList.of(items, order, field), paging, order)


def page_by(
    sorted_by: Callable[[str], SortedList[Item]], paging: Paging, order: SortOrder[Item]
) -> Page[Item]:
    """Return the page that *paging* asks for of the list that *sorted_by* returns.

    Args:
        sorted_by: returns the list sorted by a field of *order*.
        paging: which page, and in what order.
        order: how the items are identified, and can be sorted.

    Raises:
        InvalidInputError: as ``page_of``.
    """
    sort = paging.sort or order.default
    field, is_descending = sort.removeprefix("-"), sort.startswith("-")
    if field not in order.fields:
        known = ", ".join(sorted(order.fields))
        raise InvalidInputError(
            f"sort {paging.sort!r}: use one of {known}, with '-' for descending"
        )
    after = None
    if paging.cursor:
        cursor = _parsed(paging.cursor, sort)
        after = sort_key(cursor.value, cursor.identity)
    listed = sorted_by(field)
    try:
        found = listed.first(paging.limit + 1, after=after, is_descending=is_descending)
    except TypeError as error:
        raise _no_cursor(paging.cursor) from error
    page, following = found[: paging.limit], None
    if len(found) > paging.limit:
        last = page[-1]
        value = order.fields[field](last)
        following = cursor_text(_Cursor(sort, value, order.identity(last)))
    return Page(items=page, next=following, total=len(listed))


def shown(page: Page[Item], items: list[Shown]) -> Page[Shown]:
    """Return *page* with its items replaced by *items*."""
    return Page(
        items=items,
        next=page.next,
        total=page.total,
        damaged=page.damaged,
        facets=page.facets,
    )


def cursor_text(value: msgspec.Struct) -> str:
    """Return *value*, which says where a list continues, as a cursor."""
    data = msgspec.json.encode(value)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def cursor_value(text: str, kind: type[Place]) -> Place:
    """Return the value in a cursor.

    Raises:
        InvalidInputError: it is not a cursor of this kind.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return msgspec.json.decode(data, type=kind)
    except (
        binascii.Error,
        msgspec.MsgspecError,
        UnicodeError,
        ValueError,
        RecursionError,
    ) as error:
        raise _no_cursor(text) from error


def _parsed(text: str, sort: str) -> _Cursor:
    cursor = cursor_value(text, _Cursor)
    if cursor.sort != sort:
        raise InvalidInputError(
            f"cursor: it is of a list sorted by {cursor.sort!r}, not {sort!r}: ask "
            "without a cursor to start over"
        )
    return cursor


def _no_cursor(text: str) -> InvalidInputError:
    return InvalidInputError(
        f"cursor {text!r}: give 'next' of the previous page, or none to start over"
    )
