"""The OpenAPI document, generated from the same tables as the routes."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from hopsartifacts import __version__
from hopsartifacts.errors import Problem
from hopsartifacts.rest.browsers import is_own
from hopsartifacts.rest.operations import Condition, Operation

_REFERENCE = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"{(\w+)}")
_ALWAYS = (400, 401, 403, 429, 503)


class _Conditional(NamedTuple):
    """The meaning of a request header, and the statuses it can lead to."""

    summary: str
    good: int | None = None
    refused: int | None = None


_CONDITIONS: dict[Condition, _Conditional] = {
    "Range": _Conditional("Which bytes to send: `bytes=0-99`", 206, 416),
    "If-Match": _Conditional("Only if its ETag is this one now", refused=412),
    "If-None-Match": _Conditional("Only if its ETag is not this one now", 304),
}
_EDITED_IF_NONE = _Conditional(
    "Only if its ETag is not this one now; `*`: only if it does not exist", refused=412
)


class HopsworksError(msgspec.Struct, rename="camel"):
    """An error, as the official client reads it."""

    error_code: int
    error_msg: str
    usr_msg: str


class ProblemDocument(msgspec.Struct):
    """An error as a problem document (RFC 9457).

    Attributes:
        problems: all that is wrong with the request, with the parts of its body or
            query that are at fault; always there if the status is 400.
    """

    type: str
    title: str
    status: int
    detail: str
    problems: list[Problem] = []


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of *operations*."""
    of_programs = (it for it in operations if it.is_described)
    listed = sorted(of_programs, key=lambda it: (it.path, it.method))
    types = [HopsworksError, ProblemDocument]
    for operation in listed:
        of_bodies = operation.body, operation.answer, operation.job
        types += [it for it in of_bodies if it is not None]
        for struct in (operation.query, operation.form):
            types += [it.type for it in _fields(struct)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    # A type has one schema, wherever it is used.
    of = {id(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for operation in listed:
        described = _operation(operation, of)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "hopsartifacts", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "Authorization"}
            },
        },
    }


def _operation(operation: Operation, of: dict[int, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _id(operation),
        "tags": [operation.tag] if operation.tag else [],
        "parameters": [
            *_path_parameters(operation),
            *_query(operation, of),
            *_headers(operation),
        ],
        "responses": _responses(operation, of),
    }
    if operation.scope:
        described["security"] = [{"key": []}]
        described["x-scope"] = operation.scope
    if body := _body(operation, of):
        described["requestBody"] = body
    return described


def _id(operation: Operation) -> str:
    words = re.findall(r"\w+", operation.path.removeprefix("/hopsworks-api"))
    return "_".join((operation.method.lower(), *words))


def _path_parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    for name in _PARAMETER.findall(operation.path):
        schema = {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _fields(struct: type | None) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(struct) if struct else ()


def _query(operation: Operation, of: dict[int, Any]) -> Iterable[dict[str, Any]]:
    for field in _fields(operation.query):
        yield {
            "name": field.encode_name,
            "in": "query",
            "required": field.required,
            "schema": of[id(field.type)],
        }


def _conditions(operation: Operation) -> dict[Condition, _Conditional]:
    found = {name: _CONDITIONS[name] for name in operation.minds}
    if operation.method != "GET" and "If-None-Match" in found:
        found["If-None-Match"] = _EDITED_IF_NONE
    return found


def _headers(operation: Operation) -> Iterable[dict[str, Any]]:
    for name, condition in _conditions(operation).items():
        yield {
            "name": name,
            "in": "header",
            "required": False,
            "description": condition.summary,
            "schema": {"type": "string"},
        }


def _body(operation: Operation, of: dict[int, Any]) -> dict[str, Any] | None:
    if operation.takes == "json":
        if operation.body is None:
            return None
        content = {"application/json": {"schema": of[id(operation.body)]}}
    elif operation.takes == "bytes":
        content = {"application/octet-stream": {"schema": {}}}
    else:
        fields = _fields(operation.form)
        properties = {it.encode_name: of[id(it.type)] for it in fields}
        properties["file"] = {"type": "string", "contentMediaType": "application/*"}
        required = [it.encode_name for it in fields if it.required]
        schema = {
            "type": "object",
            "properties": properties,
            "required": [*required, "file"],
        }
        content = {"multipart/form-data": {"schema": schema}}
    return {"required": not operation.may_lack_body, "content": content}


def _responses(operation: Operation, of: dict[int, Any]) -> dict[str, Any]:
    is_problem = is_own(operation.path)
    media = "application/problem+json" if is_problem else "application/json"
    error = of[id(ProblemDocument if is_problem else HopsworksError)]
    good: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer is not None:
        good["content"] = {operation.gives: {"schema": of[id(operation.answer)]}}
    elif operation.gives != "application/json":
        good["content"] = {operation.gives: {"schema": {}}}
    for media_type in operation.also_gives:
        good["content"][media_type] = {"schema": {}}
    answers = {str(operation.status): good}
    if operation.job is not None:
        answers["202"] = {
            "description": "Accepted: it takes long",
            "content": {"application/json": {"schema": of[id(operation.job)]}},
        }
    conditions = list(_conditions(operation).values())
    for status in (it.good for it in conditions if it.good):
        answers[str(status)] = {"description": HTTPStatus(status).phrase}
        if status == HTTPStatus.PARTIAL_CONTENT:
            answers[str(status)]["content"] = good["content"]
    refused = {it.refused for it in conditions if it.refused}
    if operation.body is not None or operation.takes != "json":
        refused.add(int(HTTPStatus.UNSUPPORTED_MEDIA_TYPE))
    for status in sorted({*_ALWAYS, *operation.errors, *refused}):
        answers[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {media: {"schema": error}},
        }
    return answers
