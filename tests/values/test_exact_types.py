"""Texts and whole numbers of other types are stored as what they are, or refused."""

from collections.abc import Callable
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hopsartifacts import (
    InferenceBatcher,
    InferenceLogger,
    KafkaTopic,
    Model,
    ModelRegistry,
    PredictorResources,
    Project,
    Resources,
)

SaveModel = Callable[..., Model]
Text = Callable[[str], str]


class Own(str):  # noqa: SLOT000 - as users write them
    """A text of a class of its own."""

    def __str__(self) -> str:
        return "not what it holds"


def of_enum(text: str) -> str:
    return StrEnum("Words", {"WORD": text}).WORD  # type: ignore[attr-defined,no-any-return]  # it has


def whole(number: int) -> Any:
    return IntEnum("Numbers", {"N": number}).N  # type: ignore[attr-defined]  # it has


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "predictor.py"
    path.write_text(
        "class Predict:\n    def predict(self, inputs):\n        return inputs\n"
    )
    return path


@pytest.fixture(params=[np.str_, Own, of_enum], ids=["numpy", "own", "enum"])
def text(request: pytest.FixtureRequest) -> Text:
    kind: Text = request.param
    return kind


@pytest.fixture(params=[np.int64, np.uint8, whole], ids=["int64", "uint8", "enum"])
def number(request: pytest.FixtureRequest) -> Callable[[int], Any]:
    kind: Callable[[int], Any] = request.param
    return kind


def test_a_model_takes_texts_of_any_type(
    project: Project, mr: ModelRegistry, tmp_path: Path, text: Text
) -> None:
    (tmp_path / "model.bin").write_bytes(b"1")
    model = mr.python.create_model(
        text("m"),
        description=text("d"),
        metrics={text("auc"): 0.5},
        tags={text("t"): {text("k"): text("v")}},
        input_example=[text("a")],
        model_schema={text("input_schema"): text("any")},
    ).save(tmp_path / "model.bin")
    model.set_alias(text("champion"), why=text("w"))
    model.set_description(text("e"))
    mr.set_alias(text("m"), text("stable"), 1, text("w"))
    found = mr.get_model(text("m"), alias=text("champion"))
    assert (found.version, found.description, found.training_metrics) == (
        1,
        "e",
        {"auc": 0.5},
    )
    assert found.get_tags() == {"t": {"k": "v"}}
    assert found.input_example == ["a"]
    assert mr.get_alias_history("m", "champion")[0].why == "w"
    assert project.verify().ok


def test_a_deployment_takes_texts_of_any_type(
    project: Project, save_model: SaveModel, script: Path, text: Text
) -> None:
    deployment = save_model(framework="python").deploy(
        text("d"),
        text("a sentence"),
        script_file=text(str(script)),
        environment=text("env"),
        env_vars={text("A"): text("b")},
        api_protocol=text("GRPC"),
        serving_tool=text("KSERVE"),
        inference_logger=InferenceLogger(
            text("ALL"),  # type: ignore[arg-type]  # it is one
            KafkaTopic(text("topic"), servers=text("host:1")),
        ),
    )
    deployment.set_tag(text("t"), text("v"))
    deployment.description = text("another")
    deployment.save(why=text("w"))
    deployment.rollback(1, why=text("w"))
    found = project.get_model_serving().get_deployment(text("d"))
    assert (found.description, found.environment) == ("a sentence", "env")
    assert (found.env_vars, found.get_tags()) == ({"A": "b"}, {"t": "v"})
    assert [it.why for it in found.get_history()] == ["w", "w", ""]


def test_numbers_of_any_type_are_numbers(
    mr: ModelRegistry,
    save_model: SaveModel,
    script: Path,
    number: Callable[[int], Any],
) -> None:
    model = save_model(framework="python", version=number(1), metrics={"n": number(7)})
    assert mr.get_model(model.name, number(1)).training_metrics == {"n": 7}
    mr.set_alias(model.name, "champion", number(1))
    resources = PredictorResources(
        number(1), Resources(memory=number(64)), {"memory": number(128)}
    )
    batcher = InferenceBatcher(
        enabled=True, max_batch_size=number(8), timeout=number(2)
    )
    deployment = model.deploy(
        script_file=str(script), resources=resources, inference_batcher=batcher
    )
    deployment.artifact_version = number(1)
    deployment.save()
    assert deployment.get_versions()[0].version == 1
    assert deployment.artifact_version == 1
    assert type(deployment.resources.num_instances) is int


@pytest.mark.parametrize("value", ["\ud800", 5, None, b"a"], ids=repr)
def test_what_is_no_text_leaves_nothing(
    project: Project,
    save_model: SaveModel,
    script: Path,
    snapshot: Callable[[Project], dict[str, bytes]],
    value: Any,
) -> None:
    deployment = save_model(framework="python").deploy(script_file=str(script))
    before = snapshot(project)
    deployment.description = "changed"
    deployment.script_file = str(script)
    for attempt in (deployment.save, lambda why: deployment.rollback(1, why=why)):
        with pytest.raises(ValueError, match="is not valid text"):
            attempt(why=value)
    assert snapshot(project) == before
