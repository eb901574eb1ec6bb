"""The examples of the page about this API, run against a server."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts import Model, Project
from hopsartifacts.rest.hosted import Hosted
from tests.rest.api.listening import serving

VERSION = "/models/{model}/versions/{version}"
PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()


def test_the_examples_run(
    save_model: Callable[..., Model],
    project: Project,
    hosted: Hosted,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for accuracy in (0.7, 0.9):
        save_model("iris", metrics={"accuracy": accuracy}, description="Flowers.")
    names: dict[str, Any] = {"key": "admin.secret"}
    examples = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    with serving(hosted) as server:
        address = f"http://127.0.0.1:{server.port}/api/v1"
        for example in examples:
            code = example.replace("https://localhost:8443/api/v1", address)
            code = code.replace('verify="certificate.pem"', "trust_env=False")
            exec(code, names)  # noqa: S102 - the examples
        names["api"].close()
    told = capsys.readouterr().out
    first, *rest = told.splitlines()
    assert first == "iris 2 0.9"
    assert [line.split()[0] for line in rest[:2]] == ["1", "2"]
    assert rest[2] == "Created"
    assert rest[3].startswith("True ")
    assert rest[4] == "reload {}"
    model = project.get_model_registry().get_model("iris", 1)
    assert model.description == "Flowers. Checked."
    assert len(examples) == 6


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
