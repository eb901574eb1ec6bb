"""Every setting of a deployment can be given and read wherever settings can be."""

import sys
from collections.abc import Callable
from inspect import Parameter, getsource, signature
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hopsartifacts import (
    Deployment,
    GoldenRequest,
    InferenceBatcher,
    InferenceLogger,
    Model,
    ModelServing,
    Predictor,
    PredictorResources,
    Transformer,
)
from hopsartifacts.cli.commands.deployments import create
from hopsartifacts.cli.settings import settings_given
from hopsartifacts.deployments.settings import PLAIN, SETTINGS, DeploymentSettings
from hopsartifacts.errors import InvalidDeploymentError
from hopsartifacts.rest.api.given_deployments import GivenDeployment, NewDeployment
from tests.deployments.plain_examples import EXAMPLES, option_of

NO_SETTINGS = {"transformer_file", "is_kept"}
"""Fields that follow from settings."""
SCRIPT = "class Predictor:\n    def predict(self, inputs): return inputs\n"
TRANSFORMER = "class Transformer:\n    def preprocess(self, inputs): return inputs\n"


def parameters(function: Callable[..., Any]) -> dict[str, Parameter]:
    return dict(signature(function).parameters)


def test_the_settings_are_the_fields_and_each_has_a_check() -> None:
    assert {*SETTINGS} == {*DeploymentSettings.__struct_fields__} - NO_SETTINGS


@pytest.mark.parametrize("function", [ModelServing.create_predictor, Model.deploy])
def test_every_setting_is_a_parameter(function: Callable[..., Any]) -> None:
    found = {*parameters(function)} - {"self", "model"}
    assert found == {*SETTINGS}


@pytest.mark.parametrize("function", [ModelServing.create_predictor, Model.deploy])
@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_left_out_is_the_default(
    function: Callable[..., Any], name: str
) -> None:
    default = parameters(function)[name].default
    given = DeploymentSettings.of(**{name: default})
    assert given == DeploymentSettings()


def test_every_setting_is_taken_by_the_json_api() -> None:
    others = {"model", "model_version", "why", "ignore_environment"}
    assert {*NewDeployment.__struct_fields__} - others == {*SETTINGS}
    # There the name is part of the address.
    assert {*GivenDeployment.__struct_fields__} - others == {*SETTINGS} - {"name"}


@pytest.mark.parametrize("name", [it for it in SETTINGS if it != "name"])
def test_what_the_json_api_is_not_told_is_the_default(name: str) -> None:
    given = msgspec.convert({"model": "m", "model_version": 1}, NewDeployment)
    settings = DeploymentSettings.of(**{name: getattr(given, name)})
    assert settings == DeploymentSettings()


def test_every_setting_is_given_by_options_of_the_command_line(tmp_path: Path) -> None:
    golden = tmp_path / "golden.json"
    golden.write_text("[[1]]")
    words = {
        "--artifact-version": "CREATE",
        "--script": "predict.py",
        "--config": "config.yml",
        "--instances": "2",
        "--logger": "ALL",
        "--batch-size": "4",
        "--transformer": "transform.py",
        "--file": "more.txt",
        "--environment-lock": "uv.lock",
        "--env": "A=1",
        "--golden-request": str(golden),
    }
    line = ["m", "--name", "d", *(word for pair in words.items() for word in pair)]
    for name, setting in PLAIN.items():
        line += option_of(setting, EXAMPLES[name])
    options = create.make_context("create", line).params
    assert {"name", *settings_given(options)} == {*SETTINGS}
    assert options["name"] == "d"


@pytest.mark.parametrize("kind", [Predictor, Deployment])
@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_an_attribute(kind: type, name: str) -> None:
    attribute = getattr(kind, name)
    assert isinstance(attribute, property)
    assert attribute.__doc__
    assert (attribute.fset is None) == (name == "name")


@pytest.mark.parametrize("unknown", ["name", "model_version", "descriptoin"])
def test_what_cannot_be_changed_is_refused(
    save_model: Callable[..., Model], unknown: str
) -> None:
    deployment = save_model(framework="sklearn").deploy("d")
    with pytest.raises(InvalidDeploymentError, match=f"no setting {unknown!r}.* env_"):
        deployment.change(description="x", **{unknown: 1})
    assert deployment.description is None


def test_every_setting_is_sealed(
    ms: ModelServing,
    save_model: Callable[..., Model],
    make_script: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """A setting that is forgotten on the way would be lost without an error."""
    lock = "numpy==1.26.4\n"
    more = tmp_path / "more.txt"
    more.write_text("more")
    config = tmp_path / "config.yml"
    config.write_text("a: 1")
    given: dict[str, Any] = {
        **EXAMPLES,
        "name": "another",
        "artifact_version": "CREATE",
        "script_file": make_script(SCRIPT, "predict.py"),
        "config_file": config,
        "resources": PredictorResources(2),
        "inference_logger": InferenceLogger("PREDICTIONS"),
        "inference_batcher": InferenceBatcher(enabled=True, max_batch_size=4),
        "transformer": Transformer(make_script(TRANSFORMER, "transform.py")),
        "files": [more],
        "environment_lock": lock,
        "env_vars": {"A": "1"},
        "golden_request": GoldenRequest([[1]]),
    }
    model = save_model(framework="sklearn")
    plain = model.deploy("plain").specification
    del given["serving_tool"]
    # Of the two serving tools the other one allows next to nothing.
    tool = model.deploy(
        "tool", serving_tool="DEFAULT", script_file=given["script_file"]
    )
    assert tool.specification.serving_tool != plain.serving_tool
    assert {*given, "serving_tool"} == {*SETTINGS}
    for name, value in given.items():
        settings = {"name": "changed", "script_file": None, name: value}
        changed = model.deploy(**settings)
        sealed = msgspec.structs.replace(changed.specification, name="plain")
        assert (sealed == plain) == (name in {"name", "artifact_version"}), name
        found = ms.get_deployment(changed.name)
        assert found.specification == changed.specification
        changed.delete()
    everything = ms.create_deployment(ms.create_predictor(model, **given))
    everything.save()
    found = ms.get_deployment("another")
    for name in SETTINGS:
        after = getattr(found, name)
        if name == "transformer":
            after, before = after.resources, given["transformer"].resources
        else:
            before = getattr(everything, name)
        assert after == before, name
    found.save()
    assert found.version == everything.version


def test_every_member_of_a_deployment_has_a_def_of_its_own() -> None:
    """So a reader finds it by a search, and an editor shows what it is."""
    modules = {kind.__module__ for kind in (Deployment, *Deployment.__bases__)}
    text = "".join(getsource(sys.modules[module]) for module in modules)
    members = {name for name in dir(Deployment) if not name.startswith("_")}
    assert {name for name in members if f"def {name}(" not in text} == {"set_tag"}
