"""Lists in pages: filtered by the caller, sorted here, continued by a cursor.

A cursor identifies the item to continue after, not a number of items to skip. So items
that are added or deleted between two requests cause no duplicates or gaps.
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Annotated, Generic, TypeVar

import msgspec

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.rest.sorted_lists import (
    Identity,
    SortedList,
    SortOrder,
    Value,
    sort_key,
)

Item = TypeVar("Item")
Shown = TypeVar("Shown")

Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
DEFAULT_LIMIT = 50


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
    """

    items: list[Item]
    next: str | None
    total: int
    damaged: list[str] = []


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
        following = _written(_Cursor(sort, value, order.identity(last)))
    return Page(items=page, next=following, total=len(listed))


def shown(page: Page[Item], items: list[Shown]) -> Page[Shown]:
    """Return *page* with its items replaced by *items*."""
    return Page(items=items, next=page.next, total=page.total, damaged=page.damaged)


def _written(cursor: _Cursor) -> str:
    data = msgspec.json.encode(cursor)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _parsed(text: str, sort: str) -> _Cursor:
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        cursor = msgspec.json.decode(data, type=_Cursor)
    except (
        binascii.Error,
        msgspec.MsgspecError,
        UnicodeError,
        ValueError,
        RecursionError,
    ) as error:
        raise _no_cursor(text) from error
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
