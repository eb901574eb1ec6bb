"""Whatever is sent to whichever operation, it is never the server's fault."""

import re
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from starlette.testclient import TestClient

from hopsartifacts.rest.api.surface import OPERATIONS
from hopsartifacts.rest.operations import Operation
from hopsartifacts.rest.streaming import MEDIA_TYPE

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
operations = pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda it: f"{it.method} {it.path}"
)


def filled(operation: Operation, word: str) -> str:
    return re.sub(r"{\w+}", quote(word, safe=""), operation.path)


def sound(answer: Any) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        assert answer.json()["detail"]


@pytest.fixture(autouse=True)
def _something(deployed: Any) -> None:
    deployed()


@operations
def test_any_word_in_a_path(client: TestClient, operation: Operation) -> None:
    if operation.gives == MEDIA_TYPE and "{" not in operation.path:
        return
    if operation.gives == MEDIA_TYPE:
        words = [word for word in WORDS if word != "flowers"]
    else:
        words = list(WORDS)
    for word in words:
        path = filled(operation, word)
        sound(client.request(operation.method, path, content=b"{}"))


@operations
def test_any_body(client: TestClient, operation: Operation) -> None:
    if operation.method == "GET":
        return
    for body in BODIES:
        path = operation.path.replace("{name}", "flowers").replace(
            "{model}", "my_model"
        )
        path = re.sub(r"{(version|artifact)}", "1", path)
        sound(
            client.request(operation.method, re.sub(r"{\w+}", "x", path), content=body)
        )


@operations
def test_any_word_in_a_query(client: TestClient, operation: Operation) -> None:
    if operation.query is None or operation.gives == MEDIA_TYPE:
        return
    path = operation.path.replace("{name}", "flowers").replace("{model}", "my_model")
    path = re.sub(r"{\w+}", "1", path.replace("{kind}", "models"))
    for name in [it.encode_name for it in msgspec.structs.fields(operation.query)]:
        for word in WORDS:
            sound(
                client.request(
                    operation.method, path, params={name: word}, content=b"{}"
                )
            )
