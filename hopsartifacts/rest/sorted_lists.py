"""Lists that stay sorted, in each requested order, when a few items change."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from operator import itemgetter
from typing import Any, Generic, TypeVar, overload

import msgspec

Item = TypeVar("Item")
Value = str | int | float | None
Identity = tuple[str | int, ...]
SortKey = tuple[bool, str | int | float, Identity]
"""Whether the item has no value; its value, or 0 if it has none; its identity."""

_FEW = 64
"""If more items change at once, a list is sorted again when it is requested."""


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

    def key(self, item: Item, field: str) -> SortKey:
        """Return the sort key of *item* by *field*."""
        return sort_key(self.fields[field](item), self.identity(item))


def sort_key(value: Value, identity: Identity) -> SortKey:
    """Return the sort key of an item with this value and identity."""
    return value is None, 0 if value is None else value, identity


class _Keys(Sequence[SortKey]):
    """The sort keys of items, each of which is made when it is needed."""

    def __init__(self, items: list[Item], order: SortOrder[Item], field: str) -> None:
        self._items: list[Any] = items
        self._key = partial(_key, order, field)

    @overload
    def __getitem__(self, at: int) -> SortKey: ...
    @overload
    def __getitem__(self, at: slice) -> list[SortKey]: ...
    def __getitem__(self, at: int | slice) -> SortKey | list[SortKey]:
        if isinstance(at, slice):
            return [self._key(it) for it in self._items[at]]
        return self._key(self._items[at])

    def __len__(self) -> int:
        return len(self._items)


def _key(order: SortOrder[Any], field: str, item: Any) -> SortKey:
    return order.key(item, field)


class SortedList(Generic[Item]):
    """Items sorted by a value; those without one are last. It never changes.

    Attributes:
        items: the items in ascending order.
    """

    def __init__(self, keys: Sequence[SortKey], items: list[Item]) -> None:
        self._keys = keys
        self.items = items

    @classmethod
    def presorted(
        cls, items: list[Item], order: SortOrder[Item], field: str
    ) -> "SortedList[Item]":
        """Return *items*, which are sorted by *field* of *order* already."""
        return cls(_Keys(items, order, field), items)

    @classmethod
    def of(
        cls, items: Iterable[Item], order: SortOrder[Item], field: str
    ) -> "SortedList[Item]":
        """Return *items* sorted by *field* of *order*."""
        pairs = [(order.key(item, field), item) for item in items]
        pairs.sort(key=itemgetter(0))
        return cls([key for key, _ in pairs], [item for _, item in pairs])

    def __len__(self) -> int:
        """Return how many items there are."""
        return len(self.items)

    def where(self, checks: Collection[Callable[[Item], bool]]) -> "SortedList[Item]":
        """Return a list of the items that pass all *checks*."""
        if not checks:
            return self
        kept: Collection[int] = range(len(self.items))
        for check in checks:
            kept = [at for at in kept if check(self.items[at])]
        return SortedList(
            [self._keys[at] for at in kept], [self.items[at] for at in kept]
        )

    def replaced(
        self, gone: Iterable[SortKey], new: Iterable[tuple[SortKey, Item]]
    ) -> "SortedList[Item]":
        """Return a list without the items with the keys *gone*, and with *new* ones."""
        keys, items = list(self._keys), self.items.copy()
        for key in gone:
            at = bisect_left(keys, key)
            del keys[at], items[at]
        for key, item in new:
            at = bisect_left(keys, key)
            keys.insert(at, key)
            items.insert(at, item)
        return SortedList(keys, items)

    def first(
        self, count: int, *, after: SortKey | None, is_descending: bool
    ) -> list[Item]:
        """Return the first items after the key *after*; None: of the whole list.

        Items without a value are last in either direction.

        Raises:
            TypeError: *after* is not the key of an item of such a list.
        """
        if not is_descending:
            start = bisect_right(self._keys, after) if after else 0
            return self.items[start : start + count]
        without_value: Any = (True,)
        end, split = len(self._keys), bisect_left(self._keys, without_value)
        valued = range(split)
        if after and after[0]:
            valued, end = range(0), bisect_left(self._keys, after)
        elif after:
            valued = range(bisect_left(self._keys, after))
        places = chain(reversed(valued), reversed(range(split, end)))
        return [self.items[at] for at in islice(places, count)]


class SortedLists(Generic[Item]):
    """The same items, sorted by each field that was requested so far."""

    def __init__(self, order: SortOrder[Item]) -> None:
        self._order = order
        self._items: dict[Identity, Item] = {}
        self._lists: dict[str, SortedList[Item]] = {}

    def by(self, field: str) -> SortedList[Item]:
        """Return the items sorted by *field*."""
        if field not in self._lists:
            items = self._items.values()
            self._lists[field] = SortedList.of(items, self._order, field)
        return self._lists[field]

    def replace(self, gone: Collection[Item], new: Collection[Item]) -> None:
        """Remove the items *gone*, which are in the lists, and add *new* ones."""
        identity = self._order.identity
        for item in gone:
            del self._items[identity(item)]
        self._items.update((identity(item), item) for item in new)
        if len(gone) + len(new) > _FEW:
            self._lists.clear()
        for field, found in self._lists.items():
            key = self._order.key
            self._lists[field] = found.replaced(
                [key(item, field) for item in gone],
                [(key(item, field), item) for item in new],
            )
