"""Lists that are updated item by item are those that sorting again would give."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopsartifacts.rest import sorted_lists
from hopsartifacts.rest.sorted_lists import SortedList, SortedLists, SortOrder


class Sized(msgspec.Struct, frozen=True):
    name: str
    size: int | None


ORDER: SortOrder[Sized] = SortOrder(
    identity=lambda it: (it.name,),
    fields={"name": lambda it: it.name, "size": lambda it: it.size},
    default="name",
)
states = st.dictionaries(st.sampled_from("abcdefgh"), st.none() | st.integers(0, 3))


@pytest.mark.parametrize("few", [0, 3, 64])
@given(st.lists(states, max_size=6))
def test_replaced_items_are_where_sorting_puts_them(
    few: int, history: list[dict[str, int | None]]
) -> None:
    lists, before = SortedLists(ORDER), set[Sized]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_lists, "_FEW", few)
        for state in history:
            after = {Sized(*it) for it in state.items()}
            earlier = {field: lists.by(field) for field in ORDER.fields}
            shown = {field: list(it.items) for field, it in earlier.items()}
            lists.replace(before - after, after - before)
            for field in ORDER.fields:
                assert lists.by(field).items == SortedList.of(after, ORDER, field).items
                assert earlier[field].items == shown[field]
            before = after


@given(states)
def test_items_that_fit_stay_sorted(state: dict[str, int | None]) -> None:
    listed = SortedList.of([Sized(*it) for it in state.items()], ORDER, "size")
    found = listed.where([lambda it: it.name > "b", lambda it: it.size != 1])
    assert found.items == [it for it in listed.items if it.name > "b" and it.size != 1]
    assert len(listed.where([])) == len(state)
