"""Lists in pages: filtered by the caller, sorted here, continued by a cursor.

A cursor identifies the item to continue after, not a number of items to skip. So items
that are added or deleted between two requests cause no duplicates or gaps.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from hopsartifacts.errors import InvalidInputError

Item = TypeVar("Item")
Shown = TypeVar("Shown")
Value = str | int | float | None
Identity = tuple[str | int, ...]

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


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """A page of a list.

    Attributes:
        items: items of this page.
        next: the ``cursor`` of the next page; None on the last one.
        total: number of items in the whole list now.
    """

    items: list[Item]
    next: str | None
    total: int


class SortOrder(msgspec.Struct, Generic[Item], frozen=True, kw_only=True):
    """How the items of a list are identified and sorted.

    Attributes:
        identity: a unique key of an item, which also breaks ties.
        fields: the fields to sort by.
        default: the ``sort`` that is used if none is given.
    """

    identity: Callable[[Item], Identity]
    fields: Mapping[str, Callable[[Item], Value]]
    default: str


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    sort: str
    value: Value
    identity: Identity


_Key = tuple[bool, str | int | float, Identity]


def page_of(
    items: Iterable[Item], paging: Paging, order: SortOrder[Item]
) -> Page[Item]:
    """Return the page of *items* that *paging* asks for.

    Raises:
        InvalidInputError: the field to sort by does not exist, or the cursor does not
            fit this list.
    """
    sort = paging.sort or order.default
    name, is_descending = sort.removeprefix("-"), sort.startswith("-")
    if name not in order.fields:
        known = ", ".join(sorted(order.fields))
        raise InvalidInputError(
            f"sort {paging.sort!r}: use one of {known}, with '-' for descending"
        )
    pick = order.fields[name]

    def key(item: Item) -> _Key:
        return _key(pick(item), order.identity(item), is_descending=is_descending)

    ranked = _ranked(items, pick, order, is_descending=is_descending)
    total = len(ranked)
    if paging.cursor:
        cursor = _parsed(paging.cursor, sort)
        behind = _key(cursor.value, cursor.identity, is_descending=is_descending)
        try:
            ranked = [
                item
                for item in ranked
                if (key(item) < behind if is_descending else key(item) > behind)
            ]
        except TypeError as error:
            raise _no_cursor(paging.cursor) from error
    page = ranked[: paging.limit]
    following = None
    if len(ranked) > len(page):
        last = page[-1]
        following = _written(_Cursor(sort, pick(last), order.identity(last)))
    return Page(items=page, next=following, total=total)


def shown(page: Page[Item], items: list[Shown]) -> Page[Shown]:
    """Return *page* with its items replaced by *items*."""
    return Page(items=items, next=page.next, total=page.total)


def _ranked(
    items: Iterable[Item],
    pick: Callable[[Item], Any],
    order: SortOrder[Item],
    *,
    is_descending: bool,
) -> list[Item]:
    """Sort *items* as by ``_key``, in a third of the time."""
    alike = sorted(items, key=order.identity, reverse=is_descending)
    last: list[Item] = []
    if None in map(pick, alike):
        last = [item for item in alike if pick(item) is None]
        alike = [item for item in alike if pick(item) is not None]
    return sorted(alike, key=pick, reverse=is_descending) + last


def _key(value: Value, identity: Identity, *, is_descending: bool) -> _Key:
    # Items without a value are last in either direction.
    is_last = (value is None) is not is_descending
    return (is_last, 0 if value is None else value, identity)


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
