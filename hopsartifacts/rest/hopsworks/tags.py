"""Tags of model versions and deployments, for both generations of the client."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.names import tag_name
from hopsartifacts.registry.model import Tagged
from hopsartifacts.rest.errors import no_such_tag
from hopsartifacts.rest.operations import Operation, OperationCall, Operations


class Tag(msgspec.Struct, frozen=True):
    """A tag; its value is JSON in a string."""

    name: str
    value: str


class TagPage(msgspec.Struct, frozen=True):
    """A page of tags."""

    count: int
    items: list[Tag]


def sent_tags(given: Any) -> dict[str, Any]:
    """Return the tags that a client sends with a model version or deployment, by name.

    Clients send a mapping, or a list of objects with ``name`` and ``value``, bare or
    as ``items`` of an object. They send an object as a string of JSON, and a string as
    it is.

    Raises:
        InvalidInputError: *given* has none of these forms.
        InvalidNameError: a tag cannot have its name.
    """
    if isinstance(given, dict):
        given = given.get("items", given)
    try:
        pairs = (
            list(given.items())
            if isinstance(given, dict)
            else [(it["name"], it["value"]) for it in given or ()]
        )
    except (TypeError, KeyError) as error:
        raise InvalidInputError(
            f"tags {given!r}: give a list of objects with 'name' and 'value'"
        ) from error
    return {tag_name(name): _sent_value(value) for name, value in pairs}


def _sent_value(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("{"):
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(value)
    return value


def tag_operations(
    make: Operations,
    owner: str,
    owner_words: str,
    find: Callable[[OperationCall], Tagged],
) -> tuple[Operation, ...]:
    """Return the operations on the tags of one kind of object.

    Args:
        make: the factory of the operations of these objects.
        owner: path of the object that has the tags.
        owner_words: the object in the summaries, like ``a deployment``.
        find: finds the object of a request.
    """

    def get_all(call: OperationCall) -> TagPage:
        return _page(find(call).get_tags())

    def get(call: OperationCall) -> TagPage:
        name = call.path["name"]
        return _page({name: _present(find(call), name)})

    def put(call: OperationCall) -> None:
        find(call).add_tag(call.path["name"], call.body)

    def delete(call: OperationCall) -> None:
        tagged, name = find(call), call.path["name"]
        _present(tagged, name)
        tagged.delete_tag(name)

    tags, tag = f"{owner}/tags", f"{owner}/tags/{{name}}"
    words = f"of {owner_words}"
    return (
        make("GET", tags, get_all, f"Tags {words}", answer=TagPage),
        make("GET", tag, get, f"One tag {words}", answer=TagPage),
        make("PUT", tag, put, f"Set a tag {words} to any JSON value", body=Any),
        make("DELETE", tag, delete, f"Delete a tag {words}", status=204),
    )


def _page(tags: Mapping[str, Any]) -> TagPage:
    items = [Tag(name, msgspec.json.encode(it).decode()) for name, it in tags.items()]
    return TagPage(len(items), items)


def _present(tagged: Tagged, name: str) -> Any:
    tags = tagged.get_tags()
    if name not in tags:
        raise no_such_tag(name, tags)
    return tags[name]
