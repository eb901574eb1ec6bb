"""Checking an object against the schema in a custom resource definition.

It knows the part of OpenAPI v3 that such schemas use. It is as strict as Kubernetes is
with ``fieldValidation=Strict``: a key that the schema does not have is wrong.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hopsartifacts.serving.kserve.refusals import Part, Refusal

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda it: isinstance(it, Mapping),
    "array": lambda it: isinstance(it, list | tuple),
    "string": lambda it: isinstance(it, str),
    "boolean": lambda it: isinstance(it, bool),
    "integer": lambda it: isinstance(it, int) and not isinstance(it, bool),
    "number": lambda it: isinstance(it, int | float) and not isinstance(it, bool),
}
_BITS = {"int32": 31, "int64": 63}
_KEEPS_UNKNOWN = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_METADATA = frozenset({"apiVersion", "kind", "metadata"})


def schema_refusals(
    manifest: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[Refusal]:
    """Yield all that is wrong with an object by the schema of its kind.

    Args:
        manifest: the object. Its metadata belongs to Kubernetes, and is not checked.
        schema: the ``openAPIV3Schema`` of the version.
    """
    own = {key: it for key, it in manifest.items() if key not in _METADATA}
    properties = schema.get("properties", {})
    known = {key: it for key, it in properties.items() if key not in _METADATA}
    yield from _refusals(Part(own), {**schema, "properties": known})


def _refusals(part: Part, schema: Mapping[str, Any]) -> Iterator[Refusal]:
    wanted = schema.get("type")
    if schema.get(_INT_OR_STRING):
        if not (_TYPES["integer"](part.value) or _TYPES["string"](part.value)):
            yield part.refused(
                "it must be a whole number or a text", "write it as such a value"
            )
            return
    elif wanted in _TYPES and not _TYPES[wanted](part.value):
        article = "an" if wanted[0] in "aeio" else "a"
        yield part.refused(f"it must be {article} {wanted}", "change its type")
        return
    if isinstance(part.value, Mapping):
        yield from _object_refusals(part, schema)
    elif isinstance(part.value, list | tuple):
        yield from _list_refusals(part, schema)
    else:
        yield from _value_refusals(part, schema)


def _object_refusals(part: Part, schema: Mapping[str, Any]) -> Iterator[Refusal]:
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties")
    for key in schema.get("required", ()):
        if not part.at(key).is_given:
            yield part.at(key).refused("the schema requires it", "add it")
    for member in part.members():
        if not member.is_given:
            continue
        if member.key in properties:
            yield from _refusals(member, properties[member.key])
        elif isinstance(others, Mapping):
            yield from _refusals(member, others)
        elif not others and not schema.get(_KEEPS_UNKNOWN):
            known = ", ".join(sorted(properties)) or "nothing"
            detail = "it is not a field of the custom resource definition"
            fix = f"remove it; known: {known}"
            yield Refusal(path=member.path, value=None, detail=detail, fix=fix)


def _list_refusals(part: Part, schema: Mapping[str, Any]) -> Iterator[Refusal]:
    elements = part.elements()
    if len(elements) < schema.get("minItems", 0):
        yield part.refused(
            f"it needs at least {schema['minItems']} elements", "add one, or remove it"
        )
    keys = schema.get("x-kubernetes-list-map-keys", ())
    seen = set()
    for element in elements:
        yield from _refusals(element, schema.get("items", {}))
        identity = tuple(repr(element.at(key).value) for key in keys)
        if keys and identity in seen:
            yield element.refused(
                f"another element has the same {' and '.join(keys)}", "remove one"
            )
        seen.add(identity)


def _value_refusals(part: Part, schema: Mapping[str, Any]) -> Iterator[Refusal]:
    value = part.value
    if "enum" in schema and value not in schema["enum"]:
        known = ", ".join(repr(it) for it in schema["enum"])
        yield part.refused("it is not one of the known values", f"use one of {known}")
    if isinstance(value, str):
        # Kubernetes' "$" is the end, and not also the place before a last line break.
        pattern = re.sub(r"(?<!\\)\$$", r"\\Z", schema.get("pattern", ""))
        if not re.search(pattern, value):
            detail = f"it does not match the pattern {schema['pattern']}"
            yield part.refused(detail, "write it in this form")
        if len(value) < schema.get("minLength", 0):
            yield part.refused("it is too short", "write more")
        if len(value) > schema.get("maxLength", len(value)):
            longest = schema["maxLength"]
            detail = f"it has {len(value)} characters of at most {longest}"
            yield part.refused(detail, "shorten it")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        bound = 2 ** _BITS.get(schema.get("format", ""), 127)
        least = schema.get("minimum", -bound)
        most = schema.get("maximum", bound - 1)
        if not least <= value <= most:
            yield part.refused("it is out of range", f"use {least} to {most}")
