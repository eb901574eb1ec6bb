"""Lists, a page at a time: filtered by the caller, sorted here, with a cursor.

A cursor says behind which item to go on, not how many to leave out: what is added or
deleted meanwhile neither repeats an item nor hides one.
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
    """The parameters of a list; a list with filters has more.

    Attributes:
        limit: most items of a page.
        cursor: ``next`` of the page before.
        sort: a field, with ``-`` for the greatest first; what has no value comes last.
    """

    limit: Limit = DEFAULT_LIMIT
    cursor: str = ""
    sort: str = ""


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """A part of a list.

    Attributes:
        items: the part.
        next: the ``cursor`` of the next part; None behind the last.
        total: how many items the whole list has now.
    """

    items: list[Item]
    next: str | None
    total: int


class Order(msgspec.Struct, Generic[Item], frozen=True, kw_only=True):
    """How items of a list are told apart and sorted.

    Attributes:
        identity: of one item among all; it decides between equals.
        fields: what can be sorted by.
        default: how a list is sorted that is asked for without ``sort``.
    """

    identity: Callable[[Item], Identity]
    fields: Mapping[str, Callable[[Item], Value]]
    default: str


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    sort: str
    value: Value
    identity: Identity


_Key = tuple[bool, str | int | float, Identity]


def page_of(items: Iterable[Item], paging: Paging, order: Order[Item]) -> Page[Item]:
    """Return the page of *items* that *paging* asks for.

    Raises:
        InvalidInputError: no such field to sort by, or a cursor that is none of this
            list.
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
    """Return *page* with *items* instead of its own."""
    return Page(items=items, next=page.next, total=page.total)


def _ranked(
    items: Iterable[Item],
    pick: Callable[[Item], Any],
    order: Order[Item],
    *,
    is_descending: bool,
) -> list[Item]:
    """Return *items* in the order of ``_key``, which would take thrice as long."""
    alike = sorted(items, key=order.identity, reverse=is_descending)
    last: list[Item] = []
    if None in map(pick, alike):
        last = [item for item in alike if pick(item) is None]
        alike = [item for item in alike if pick(item) is not None]
    return sorted(alike, key=pick, reverse=is_descending) + last


def _key(value: Value, identity: Identity, *, is_descending: bool) -> _Key:
    # What has no value is last, whichever way the list is turned.
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
            "without a cursor to begin anew"
        )
    return cursor


def _no_cursor(text: str) -> InvalidInputError:
    return InvalidInputError(
        f"cursor {text!r}: give 'next' of the page before, or none to begin anew"
    )
