"""Whatever is sent to whichever operation, it is never the server's fault."""

import re
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from starlette.testclient import TestClient

from hopsartifacts.rest.application import API_OPERATIONS
from hopsartifacts.rest.event_streams import MEDIA_TYPE
from hopsartifacts.rest.operations import Operation

WORDS = (
    "..",
    "../../etc/passwd",
    "%2e%2e%2f",
    "a" * 5000,
    "1" * 400,
    "-1",
    "0",
    "\u0661",
    "NaN",
    "null",
    "a\x00b",
    "a\nb",
    "ü#?",
    "\\\\host\\share",
    "C:\\x",
    "con",
    "my_model",
    "flowers",
    "1",
)
BODIES = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"3",
    b'"x"',
    b"\xff",
    b"[" * 10_000,
    b"1" * 5000,
    b'{"why": "\\ud800"}',
    b'{"version": 1e999}',
    b'{"version": ' + b"9" * 400 + b"}",
    b'{"model": "../x", "model_version": -1}',
    b'{"model": "my_model", "model_version": 1, "script_file": "\\u0000"}',
    b'{"model": "my_model", "model_version": 1, "script_file": "\\ud800"}',
    b'{"model": "my_model", "model_version": 1, "files": ["", "..", "/"]}',
    b'{"description": "\\ud800"}',
    b'{"grace_s": 1e400}',
    b'{"request": {"instances": []}, "tolerance": 1e308}',
)
# What deletes comes last: the others find something.
SORTED = sorted(API_OPERATIONS, key=lambda it: (it.method == "DELETE", it.path))
CALM = [it for it in SORTED if it.gives != MEDIA_TYPE or "{" in it.path]


def filled(operation: Operation, word: str) -> str:
    return re.sub(r"{\w+}", quote(word, safe=""), operation.path)


def known(operation: Operation) -> str:
    """Return a path at which there is something, if nothing was deleted yet."""
    names = {"name": "flowers", "model": "my_model", "kind": "models", "path": "Models"}
    numbers = dict.fromkeys(("version", "artifact", "other"), "1")
    words = {**names, **numbers}
    return re.sub(r"{(\w+)}", lambda it: words.get(it[1], "x"), operation.path)


def sound(answer: Any) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        assert answer.json()["detail"]


@pytest.fixture(autouse=True)
def _something(deployed: Any) -> None:
    deployed()


@pytest.mark.parametrize("word", WORDS)
def test_any_word_in_a_path(client: TestClient, word: str) -> None:
    for operation in CALM:
        has_place = "{" in operation.path
        if has_place and (operation.gives != MEDIA_TYPE or word != "flowers"):
            path = filled(operation, word)
            sound(client.request(operation.method, path, content=b"{}"))


def test_paths_without_a_place_for_a_word(client: TestClient) -> None:
    for operation in CALM:
        if "{" not in operation.path:
            sound(client.request(operation.method, operation.path, content=b"{}"))


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_any_body(client: TestClient, body: bytes) -> None:
    for operation in CALM:
        if operation.method != "GET":
            sound(client.request(operation.method, known(operation), content=body))


@pytest.mark.parametrize("word", WORDS)
def test_any_word_in_a_query(client: TestClient, word: str) -> None:
    for operation in CALM:
        if operation.query is None or operation.gives == MEDIA_TYPE:
            continue
        for field in msgspec.structs.fields(operation.query):
            query = {field.encode_name: word}
            path = known(operation)
            sound(client.request(operation.method, path, params=query, content=b"{}"))
