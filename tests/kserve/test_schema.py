"""A strict check against the part of OpenAPI that resource definitions use."""

from typing import Any

import pytest

from hopsartifacts.serving.kserve.refusals import place
from hopsartifacts.serving.kserve.schema import schema_refusals

NUMBER_OR_TEXT = {"x-kubernetes-int-or-string": True, "pattern": "^[0-9]+[a-z]*$"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "spec": {
            "type": "object",
            "required": ["mode"],
            "properties": {
                "mode": {"type": "string", "enum": ["all", "none"]},
                "path": {"type": "string", "pattern": "^/", "maxLength": 5},
                "uri": {"type": "string", "minLength": 1},
                "count": {"type": "integer", "format": "int32", "minimum": 0},
                "share": {"type": "number", "maximum": 1},
                "is_on": {"type": "boolean"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "amount": NUMBER_OR_TEXT,
                "limits": {"type": "object", "additionalProperties": NUMBER_OR_TEXT},
                "names": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "properties": {"name": {"type": "string"}},
                    },
                    "x-kubernetes-list-map-keys": ["name"],
                },
            },
        },
    },
}
GOOD: dict[str, Any] = {
    "mode": "all",
    "path": "/mnt",
    "uri": "x",
    "count": 3,
    "share": 0.5,
    "is_on": True,
    "amount": 3,
    "limits": {"cpu": "500m", "nvidia.com/gpu": 1},
    "names": [{"name": "a"}, {"name": "b"}],
}


def _found(spec: Any) -> list[str]:
    manifest = {"kind": "Thing", "metadata": {"name": "x", "any": 1}, "spec": spec}
    return [str(it) for it in schema_refusals(manifest, SCHEMA)]


def test_an_object_that_fits_is_accepted() -> None:
    assert _found(GOOD) == []
    assert _found({**GOOD, "count": 0, "share": 1, "limits": {}}) == []
    assert _found({**GOOD, "share": None, "tags": ["a", "a"]}) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mode": None}, "spec.mode is missing: the schema requires it: add it"),
        ({"mode": "some"}, "spec.mode is 'some': it is not one of the known values"),
        ({"path": "mnt"}, "spec.path is 'mnt': it does not match the pattern ^/"),
        ({"path": "/mnt/x"}, "it has 6 characters of at most 5: shorten it"),
        ({"uri": ""}, "spec.uri is '': it is too short"),
        ({"count": "3"}, "spec.count is '3': it must be an integer"),
        ({"count": True}, "spec.count is True: it must be an integer"),
        ({"count": -1}, "it is out of range: use 0 to 2147483647"),
        ({"count": 2**31}, "it is out of range"),
        ({"share": 2}, "spec.share is 2: it is out of range"),
        ({"is_on": 1}, "spec.is_on is 1: it must be a boolean"),
        ({"share": True}, "spec.share is True: it must be a number"),
        ({"amount": 0.5}, "spec.amount is 0.5: it must be a whole number or a text"),
        ({"amount": "x"}, "spec.amount is 'x': it does not match the pattern"),
        ({"amount": "3\n"}, "it does not match the pattern"),
        ({"limits": {"cpu": "x"}}, "spec.limits.cpu is 'x'"),
        ({"limits": []}, "spec.limits: it must be an object"),
        ({"names": []}, "spec.names: it needs at least 1 elements"),
        ({"names": [{"nmae": "a"}]}, "spec.names[0].nmae: it is not a field"),
        ({"names": [{"name": "a"}] * 2}, "spec.names[1]: another element has the same"),
        ({"counts": 3}, "spec.counts: it is not a field of the custom resource"),
        ({"counts": 3}, "known: amount, count, is_on"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], words: str) -> None:
    (found,) = _found({**GOOD, **change})
    assert words in found


def test_what_kubernetes_keeps_is_accepted() -> None:
    status = {"spec": GOOD, "status": {"anything": [1]}}
    assert [*schema_refusals(status, SCHEMA)] == []


def test_unknown_keys_at_the_top_are_named() -> None:
    (found,) = schema_refusals({"spec": GOOD, "specs": {}}, SCHEMA)
    assert place(found.path) == "specs"
