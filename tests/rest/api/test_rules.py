"""The rules for deployments as data are those that deployments are checked by."""

import os
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts import Model, Project
from tests.rest.api.conftest import Get

SCRIPT = b"class Predictor:\n    def predict(self, inputs):\n        return inputs\n"
TRANSFORMER = b"class Transformer:\n    def preprocess(self, x): return x\n"
FRAMEWORKS = ["TENSORFLOW", "TORCH", "PYTHON", "SKLEARN", "LLM"]

USES: dict[str, dict[str, Any]] = {
    "transformer": {"transformer": {"script_file": "Resources/t.py"}},
    "batcher": {"inference_batcher": {"enabled": True}},
    "batcher settings": {"inference_batcher": {"enabled": True, "timeout": 1}},
    "logger": {"inference_logger": {"mode": "ALL"}},
    "logger modes": {"inference_logger": {"mode": "PREDICTIONS"}},
    "gRPC": {"api_protocol": "GRPC"},
    "scale to zero": {"resources": {"num_instances": 0}},
}
"""For each feature, settings that use it."""


@pytest.fixture
def models(project: Project, save_model: Callable[..., Model]) -> None:
    for framework in FRAMEWORKS:
        save_model(framework.lower(), framework=framework.lower())
    project.storage.write("Resources/p.py", [SCRIPT])
    project.storage.write("Resources/t.py", [TRANSFORMER])


def found(client: TestClient, framework: str, **settings: Any) -> list[str]:
    body = {"model": framework.lower(), "model_version": 1, **settings}
    answer = client.post("/api/v1/deployments/check", json=body).json()
    return [it["detail"] for it in answer["problems"]]


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_the_rules_say_is_what_a_check_finds(
    client: TestClient, get: Get, framework: str
) -> None:
    [rule] = [it for it in get("/rules")["frameworks"] if it["framework"] == framework]
    for tool in rule["tools"]:
        given = {"serving_tool": tool["serving_tool"]}
        with_script = found(client, framework, **given, script_file="Resources/p.py")
        without = found(client, framework, **given)
        assert bool(with_script) == (tool["script"] == "not allowed")
        assert bool(without) == tool["script"].startswith("required")
        if with_script or without:
            assert [tool["script_sentence"]] == (with_script or without)
        script = {} if with_script else {"script_file": "Resources/p.py"}
        assert {it["feature"] for it in tool["features"]} == {*USES}
        for feature in tool["features"]:
            uses = {**given, **script, **USES[feature["feature"]]}
            problems = found(client, framework, **uses)
            assert bool(problems) == (not feature["is_allowed"]), feature
            if problems:
                assert feature["problem"]["detail"] in problems
                assert feature["problem"]["pointer"] == feature["setting"]


@pytest.mark.usefixtures("models")
def test_words_and_numbers_are_accepted(client: TestClient, get: Get) -> None:
    rules = get("/rules")
    script = {"script_file": "Resources/p.py"}
    for mode in rules["logger_modes"]:
        assert mode["meaning"]
        logger = {"inference_logger": {"mode": mode["value"]}}
        assert found(client, "PYTHON", **script, **logger) == []
    for number in rules["batcher"]:
        for value, is_fine in ((number["least"], True), (number["least"] - 1, False)):
            batcher = {"enabled": True, number["name"]: value}
            problems = found(client, "PYTHON", **script, inference_batcher=batcher)
            assert (problems == []) == is_fine
    for protocol in rules["api_protocols"]:
        given = {"api_protocol": protocol["value"]}
        assert found(client, "PYTHON", **script, **given) == []
    resources = {
        "num_instances": rules["resources"]["num_instances"],
        "requests": rules["resources"]["requests"],
        "limits": dict.fromkeys(("cores", "memory"), rules["resources"]["no_limit"]),
    }
    assert found(client, "PYTHON", **script, resources=resources) == []


def test_choices_of_an_artifact_version_are_described(get: Get) -> None:
    choices = get("/rules")["artifact_versions"]
    assert [(it["value"], it["takes_number"]) for it in choices] == [
        (None, False),
        ("CREATE", False),
        ("MODEL-ONLY", False),
        (None, True),
    ]
    assert all(it["meaning"] for it in choices)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [("deployment_names", "a" * 45, "a" * 46), ("model_names", "my_model", "_m")],
)
def test_a_name_fits_its_pattern(get: Get, kind: str, good: str, bad: str) -> None:
    rule = get("/rules")[kind]
    assert re.fullmatch(rule["pattern"], good)
    assert not re.fullmatch(rule["pattern"], bad)
    assert len("x" * rule["longest"]) == rule["longest"] >= len(good)
    assert "letters" in rule["rule"]


def test_this_machine_is_described(get: Get) -> None:
    here = get("/rules")["resources"]["here"]
    assert 1 <= here["cores"] <= (os.cpu_count() or 1)
    assert here["memory"] > 100


def test_plain_settings_have_their_words_and_defaults(get: Get) -> None:
    settings = {it["name"]: it for it in get("/rules")["settings"]}
    assert settings["api_protocol"]["words"] == ["REST", "GRPC"]
    assert settings["serving_tool"]["default"] == get("/rules")["default_tool"]
    assert settings["description"]["kind"] == "str"
