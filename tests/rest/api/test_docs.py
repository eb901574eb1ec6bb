"""The page about this API, and the OpenAPI document, name what there is."""

import re
from pathlib import Path
from typing import Any

import pytest

VERSION = "/models/{model}/versions/{version}"
PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()


def test_the_page_names_only_what_there_is(client: Any) -> None:
    known = set(client.get("/openapi.json").json()["paths"])
    for path in re.findall(
        r"`(/(?:project|me|model|deploy|job|event|catalog|file|folder)[^`?]*)`", PAGE
    ):
        generic = re.sub(r"{\w+}", "{}", f"/api/v1{path}")
        templates = {re.sub(r"{\w+}", "{}", it) for it in known}
        assert generic in templates, path


@pytest.mark.parametrize(
    ("method", "path", "header", "status"),
    [
        ("get", "/files/{path}/content", "Range", "206"),
        ("get", "/files/{path}/content", "Range", "416"),
        ("get", f"{VERSION}/description", "If-None-Match", "304"),
        ("put", f"{VERSION}/description", "If-Match", "412"),
        ("put", f"{VERSION}/tags/{{tag}}", "If-Match", "412"),
        ("put", f"{VERSION}/tags/{{tag}}", "If-None-Match", "412"),
        ("get", f"{VERSION}/tags", "If-None-Match", "304"),
    ],
)
def test_the_document_names_headers_and_what_comes_of_them(
    client: Any, method: str, path: str, header: str, status: str
) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    operation = paths[f"/api/v1{path}"][method]
    parameters = {it["name"]: it["in"] for it in operation["parameters"]}
    assert parameters[header] == "header"
    assert status in operation["responses"]
