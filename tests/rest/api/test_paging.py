"""Pages of a list: in order, each item once, whatever is written meanwhile."""

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.rest.api.conventions import Paging, page_of
from hopsartifacts.rest.sorted_lists import SortOrder


class Thing(msgspec.Struct, frozen=True):
    name: str
    size: float | None


ORDER: SortOrder[Thing] = SortOrder(
    identity=lambda it: (it.name,),
    fields={"name": lambda it: it.name, "size": lambda it: it.size},
    default="name",
)
sizes = st.none() | st.integers(0, 3) | st.sampled_from([0.5, 2.5])
things = st.lists(
    st.builds(Thing, st.text("abc", max_size=3), sizes), unique_by=lambda it: it.name
)


def pages(items: list[Thing], sort: str, limit: int) -> list[list[Thing]]:
    found, cursor = [], ""
    while True:
        page = page_of(items, Paging(limit=limit, sort=sort, cursor=cursor), ORDER)
        found.append(page.items)
        assert page.total == len(items)
        if page.next is None:
            return found
        cursor = page.next


@given(things, st.sampled_from(["name", "-name", "size", "-size"]), st.integers(1, 4))
def test_pages_put_together_are_the_sorted_list(
    items: list[Thing], sort: str, limit: int
) -> None:
    found = [it for page in pages(items, sort, limit) for it in page]
    assert sorted(found, key=lambda it: it.name) == sorted(
        items, key=lambda it: it.name
    )
    if "size" in sort:
        values = [it.size for it in found if it.size is not None]
        assert values == sorted(values, reverse=sort.startswith("-"))
        assert [it.size for it in found[len(values) :]] == [None] * (
            len(found) - len(values)
        )
    else:
        names = [it.name for it in found]
        assert names == sorted(names, reverse=sort.startswith("-"))


@given(things, things, st.sampled_from(["name", "-name", "size", "-size"]))
def test_what_stays_is_shown_once_whatever_comes_and_goes(
    before: list[Thing], after: list[Thing], sort: str
) -> None:
    first = page_of(before, Paging(limit=2, sort=sort), ORDER)
    shown = list(first.items)
    if first.next is not None:
        rest = page_of(after, Paging(limit=1000, sort=sort, cursor=first.next), ORDER)
        shown += rest.items
        stayed = [it for it in before if it in after]
        assert all(shown.count(it) == 1 for it in stayed)


@pytest.mark.parametrize(
    "cursor", ["x", "%%%", "AAAA", "é", "WyJuYW1lIl0", "bnVsbA", "[" * 50]
)
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor"):
        page_of([Thing("a", 1)], Paging(cursor=cursor), ORDER)


def test_a_cursor_of_another_order_is_refused() -> None:
    items = [Thing("a", 1), Thing("b", 2)]
    cursor = page_of(items, Paging(limit=1), ORDER).next or ""
    with pytest.raises(InvalidInputError, match="sorted by 'name', not 'size'"):
        page_of(items, Paging(cursor=cursor, sort="size"), ORDER)


@pytest.mark.parametrize("forged", [["name", 1, ["a"]], ["name", "a", [1]]])
def test_a_cursor_of_other_types_is_refused(forged: list[Any]) -> None:
    text = base64.urlsafe_b64encode(msgspec.json.encode(forged)).decode()
    with pytest.raises(InvalidInputError, match="cursor"):
        page_of([Thing("a", 1)], Paging(cursor=text), ORDER)


def test_what_cannot_be_sorted_by_is_named() -> None:
    with pytest.raises(InvalidInputError, match="'colour': use one of name, size"):
        page_of([], Paging(sort="colour"), ORDER)
