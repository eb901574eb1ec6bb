"""An attribute that an object does not have is refused, not kept without effect."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts import Cache, Model, ModelSchema, Project, Schema
from hopsartifacts.errors import UnknownSettingError


def objects_of(project: Project, model: Model, tmp_path: Path) -> dict[str, Any]:
    """Return one object of each class whose attributes a user may try to set."""
    registry, serving = project.get_model_registry(), project.get_model_serving()
    predictor = serving.create_predictor(model)
    schema = Schema({"a": "int"})
    return {
        "Project": project,
        "ModelRegistry": registry,
        "FrameworkModels": registry.sklearn,
        "ModelServing": serving,
        "DatasetApi": project.get_dataset_api(),
        "Artifacts": serving.get_artifacts(model),
        "Model": model,
        "Schema": schema,
        "ModelSchema": ModelSchema(schema),
        "Predictor": predictor,
        "Deployment": serving.create_deployment(predictor),
        "Transformer": serving.create_transformer("t.py"),
        "Cache": Cache(tmp_path / "cache"),
    }


@pytest.mark.parametrize(
    ("kind", "mistyped", "meant"),
    [
        ("Project", "nme", "name"),
        ("ModelRegistry", "projectname", "project_name"),
        ("ModelRegistry", "sklern", "sklearn"),
        ("FrameworkModels", "anything", None),
        ("ModelServing", "anything", None),
        ("DatasetApi", "anything", None),
        ("Artifacts", "anything", None),
        ("Model", "descriptoin", "description"),
        ("Model", "metrics_of", None),
        ("Schema", "anything", None),
        ("ModelSchema", "input_shema", "input_schema"),
        ("Predictor", "script_fil", "script_file"),
        ("Deployment", "descriptoin", "description"),
        ("Transformer", "resource", "resources"),
        ("Cache", "size_byte", "size_bytes"),
    ],
)
def test_an_attribute_that_does_not_exist_is_refused(
    project: Project,
    save_model: Callable[..., Model],
    tmp_path: Path,
    kind: str,
    mistyped: str,
    meant: str | None,
) -> None:
    holder = objects_of(project, save_model(framework="sklearn"), tmp_path)[kind]
    hint = "see help()" if meant is None else f"did you mean {meant!r}?"
    with pytest.raises(UnknownSettingError) as caught:
        setattr(holder, mistyped, "x")
    assert f"a {kind} has no setting {mistyped!r}: {hint}" in str(caught.value)
    assert not hasattr(holder, mistyped)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("Model", "description"), ("Deployment", "id"), ("Project", "url")],
)
def test_an_attribute_that_only_tells_is_refused(
    project: Project,
    save_model: Callable[..., Model],
    tmp_path: Path,
    kind: str,
    name: str,
) -> None:
    holder = objects_of(project, save_model(framework="sklearn"), tmp_path)[kind]
    with pytest.raises(UnknownSettingError, match=f"{name!r} of a {kind} cannot be"):
        setattr(holder, name, "x")


def test_registry_and_serving_tell_their_project(project: Project) -> None:
    registry, serving = project.get_model_registry(), project.get_model_serving()
    place = f"(project: {project.name!r}, url: {project.url!r})"
    assert repr(registry) == f"ModelRegistry{place}"
    assert repr(serving) == f"ModelServing{place}"
