"""Files and folders in the format that both generations of the client read.

Clients send a file in parts; each part is a form with numbers and bytes.
"""

import zlib
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import BinaryIO

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request

from hopsartifacts import layout
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.rest.bodies import fields_of, form_of
from hopsartifacts.rest.files.sealed_tree import Item
from hopsartifacts.rest.uploads import Chunk

MAX_PAGE = 1000
_FIELD_BYTES = 64 * 1024


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
            f"offset {offset} and limit {limit}: neither can be negative"
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


class FlowForm(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The form's fields, named as in the library flow.js; others are ignored."""

    flow_filename: str
    flow_chunk_number: int
    flow_chunk_size: int
    flow_total_chunks: int
    flow_total_size: int
    flow_current_chunk_size: int | None = None
    flow_identifier: str = ""
    flow_relative_path: str = ""
    template_id: int = -1


@asynccontextmanager
async def received(request: Request) -> AsyncGenerator[tuple[Chunk, BinaryIO]]:
    """Provide the part of a file in *request*; large parts are spooled to disk.

    Raises:
        InvalidInputError: the body is not such a form.
        RefusedError: it is too long or too slow, or the client disconnected.
    """
    async with form_of(
        request, "the chunk", max_files=1, max_field_bytes=_FIELD_BYTES
    ) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidInputError("body: it has no part 'file'")
        yield _chunk(fields_of(form, FlowForm), file.size or 0), file.file


def _chunk(form: FlowForm, size: int) -> Chunk:
    if form.flow_current_chunk_size not in {None, size}:
        raise InvalidInputError(
            f"body: flowCurrentChunkSize is {form.flow_current_chunk_size}, and there "
            f"are {size} bytes: send the chunk again"
        )
    return Chunk(
        name=form.flow_filename,
        number=form.flow_chunk_number,
        chunks=form.flow_total_chunks,
        chunk_size=form.flow_chunk_size,
        size=form.flow_total_size,
    )
