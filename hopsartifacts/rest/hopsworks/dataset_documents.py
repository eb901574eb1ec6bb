"""Files and folders in the format that both generations of the client read."""

import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import msgspec

from hopsartifacts import layout
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.rest.files.sealed_tree import Item

MAX_PAGE = 1000


class Attributes(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Attributes of a file or folder."""

    path: str
    name: str
    dir: bool
    size: int
    modification_time: str | None = None
    under_construction: bool = False


class Inode(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A file or folder.

    Only top-level folders of the project have ``id``, ``name`` and ``datasetType``:
    clients take everything with a ``datasetType`` for a top-level folder.
    """

    attributes: Attributes
    zip_state: str = "NONE"
    id: int | msgspec.UnsetType = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    dataset_type: str | msgspec.UnsetType = msgspec.UNSET


class InodePage(msgspec.Struct, frozen=True):
    """A part of a folder's content; *count* is the size of the whole."""

    count: int
    items: list[Inode]


def inode(item: Item, project: str) -> Inode:
    """Return *item* in the format for clients."""
    attributes = Attributes(
        path=layout.absolute(project, item.path).removesuffix("/"),
        name=item.name or project,
        dir=item.is_folder,
        size=item.size_bytes,
        modification_time=_when(item.modified),
        under_construction=item.is_unfinished,
    )
    is_dataset = item.is_folder and item.path and "/" not in item.path
    if not is_dataset:
        return Inode(attributes=attributes)
    return Inode(
        attributes=attributes,
        id=zlib.crc32(item.path.encode()),
        name=item.name,
        dataset_type="DATASET",
    )


def page(
    items: Iterable[Item], project: str, *, offset: int, limit: int, sort_by: str
) -> InodePage:
    """Return at most *limit* of *items*, from *offset* on, sorted by *sort_by*.

    Raises:
        InvalidInputError: the sort order does not exist, or a number is negative.
    """
    if offset < 0 or limit < 0:
        raise InvalidInputError(
            f"offset {offset} and limit {limit}: give numbers from 0 on"
        )
    found = sorted(items, key=lambda item: item.name)
    name, _, direction = sort_by.partition(":")
    key = _ORDERS.get(name.upper())
    if key is None or direction.lower() not in {"", "asc", "desc"}:
        raise InvalidInputError(
            f"sort_by {sort_by!r}: use {', '.join(_ORDERS)}, and ':asc' or ':desc'"
        )
    # The sort is stable, so ties stay sorted by name and pages are consistent.
    found.sort(key=key, reverse=direction.lower() == "desc")
    shown = found[offset : offset + min(limit, MAX_PAGE)]
    return InodePage(len(found), [inode(item, project) for item in shown])


def _when(modified: float | str | None) -> str | None:
    if not isinstance(modified, float | int):
        return modified
    try:
        when = datetime.fromtimestamp(modified, UTC)
    except (ValueError, OverflowError, OSError):  # a file can have any time
        return None
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_Order = Callable[[Item], str | int]
_ORDERS: dict[str, _Order] = {
    "ID": lambda item: item.name,
    "NAME": lambda item: item.name,
    "SIZE": lambda item: item.size_bytes,
    "MODIFICATION": lambda item: _when(item.modified) or "",
    "MODIFICATION_TIME": lambda item: _when(item.modified) or "",
}
