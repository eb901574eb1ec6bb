"""Which parts a deployment may combine, against an expectation of its own."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts import (
    InferenceBatcher,
    InferenceLogger,
    Model,
    ModelServing,
    PredictorResources,
    Project,
    Transformer,
)
from hopsartifacts.errors import InvalidDeploymentError

FRAMEWORKS = ["TENSORFLOW", "TORCH", "PYTHON", "SKLEARN", "LLM"]
SERVERS = {"TENSORFLOW": "TENSORFLOW_SERVING", "LLM": "VLLM"}

Case = dict[str, Any]


def cases(framework: str, tool: str) -> Iterator[Case]:
    """Yield every combination of everything the rules look at."""
    choices: dict[str, list[Any]] = {
        "script": [False, True],
        "config": [False, True],
        "transformer": [False, True],
        "protocol": ["REST", "GRPC"],
        "batcher": [None, "off", "on", "fine"],
        "logger": [None, "NONE", "ALL", "PREDICTIONS"],
        "instances": [0, 1],
    }
    for values in product(*choices.values()):
        chosen = dict(zip(choices, values, strict=True))
        yield {"framework": framework, "tool": tool, **chosen}


def expected(case: Case) -> bool:
    """Say what the tables of the design allow, in its own words and order."""
    framework, on_kserve = case["framework"], case["tool"] == "KSERVE"
    script_ok = {
        "TENSORFLOW": not case["script"],
        "SKLEARN": on_kserve or case["script"],
        "TORCH": case["script"],
        "PYTHON": case["script"],
        "LLM": case["script"] or case["config"],
    }[framework]
    transformer_ok = not case["transformer"] or (on_kserve and framework != "LLM")
    batcher_ok = {
        None: True,
        "off": True,
        "on": framework != "LLM" and (on_kserve or framework == "TENSORFLOW"),
        "fine": framework != "LLM" and on_kserve,
    }[case["batcher"]]
    logger_ok = {
        None: True,
        "NONE": True,
        "ALL": framework != "LLM",
        "PREDICTIONS": framework != "LLM" and on_kserve,
    }[case["logger"]]
    has_python_server = framework in {"SKLEARN", "TORCH", "PYTHON"}
    protocol_ok = case["protocol"] == "REST" or (on_kserve and has_python_server)
    instances_ok = case["instances"] > 0 or on_kserve
    return all(
        [script_ok, transformer_ok, batcher_ok, logger_ok, protocol_ok, instances_ok]
    )


def settings(case: Case, script: Path, transformer: Path) -> dict[str, Any]:
    batchers = {
        None: None,
        "off": InferenceBatcher(enabled=False, max_batch_size=8),
        "on": InferenceBatcher(enabled=True),
        "fine": InferenceBatcher(enabled=True, max_batch_size=8),
    }
    logger = case["logger"]
    return {
        "serving_tool": case["tool"],
        "script_file": script if case["script"] else None,
        "config_file": script if case["config"] else None,
        "transformer": Transformer(transformer) if case["transformer"] else None,
        "api_protocol": case["protocol"],
        "inference_batcher": batchers[case["batcher"]],
        "inference_logger": InferenceLogger(logger) if logger else None,
        "resources": PredictorResources(case["instances"]),
    }


def is_allowed(case: Case, attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except InvalidDeploymentError as error:
        text = str(error)
        assert case["framework"] in text or case["tool"] in text, text
        assert "leave" in text or "give" in text, text
        return False
    return True


@pytest.mark.parametrize("tool", ["DEFAULT", "KSERVE"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_rules_are_the_tables_of_the_design(
    memory_project: Project,
    make_files: Callable[..., Path],
    make_script: Callable[..., Path],
    transformer_script: Path,
    framework: str,
    tool: str,
) -> None:
    creator = getattr(memory_project.get_model_registry(), framework.lower())
    model: Model = creator.create_model("m").save(make_files())
    ms = memory_project.get_model_serving()
    script = make_script()
    wrong = [
        case
        for case in cases(framework, tool)
        if expected(case)
        != is_allowed(
            case,
            lambda case=case: ms.create_predictor(  # type: ignore[misc]
                model, **settings(case, script, transformer_script)
            ),
        )
    ]
    assert wrong == []


@pytest.mark.parametrize("tool", ["DEFAULT", "KSERVE"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_largest_allowed_combination_is_saved_as_it_is(
    memory_project: Project,
    make_files: Callable[..., Path],
    make_script: Callable[..., Path],
    transformer_script: Path,
    framework: str,
    tool: str,
) -> None:
    creator = getattr(memory_project.get_model_registry(), framework.lower())
    model: Model = creator.create_model("m").save(make_files())
    ms = memory_project.get_model_serving()
    case = [case for case in cases(framework, tool) if expected(case)][-1]
    given = settings(case, make_script(), transformer_script)
    saved = ms.create_predictor(model, **given).deploy()
    fetched = ms.get_deployment("m")
    assert fetched.specification == saved.specification
    assert fetched.model_server == SERVERS.get(framework, "PYTHON")
    assert fetched.serving_tool == tool
    assert fetched.api_protocol == case["protocol"]
    assert fetched.specification.model.framework == framework
    assert bool(fetched.transformer) == case["transformer"]
    assert bool(fetched.inference_logger) == (case["logger"] not in {None, "NONE"})
    assert bool(fetched.inference_batcher) == (case["batcher"] not in {None, "off"})


def test_the_rules_hold_for_settings_made_later(
    ms: ModelServing, save_model: Callable[..., Model], transformer_script: Path
) -> None:
    predictor = ms.create_predictor(save_model(framework="sklearn"))
    predictor.transformer = ms.create_transformer(transformer_script)
    predictor.serving_tool = "DEFAULT"
    with pytest.raises(InvalidDeploymentError):
        predictor.deploy()
    assert ms.get_deployments() == []


def test_the_rules_hold_for_an_artifact_asked_for_by_its_number(
    ms: ModelServing, save_model: Callable[..., Model], make_script: Callable[..., Path]
) -> None:
    model = save_model()
    model.deploy("first", script_file=make_script())
    assert model.deploy("second", artifact_version=1).script_file == "predict.py"
    with pytest.raises(InvalidDeploymentError, match=r"PYTHON deployments.*need"):
        model.deploy("third", artifact_version=0)
    assert [deployment.name for deployment in ms.get_deployments()] == [
        "first",
        "second",
    ]


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("serving_tool", "KNATIVE", "'KNATIVE': use one of DEFAULT, KSERVE"),
        ("serving_tool", 5, "5: use one of"),
        ("api_protocol", "ZZ", "'ZZ': use one of REST, GRPC"),
        ("inference_logger", "SOME", "'SOME': use one of NONE, ALL"),
        ("inference_logger", 5, "inference_logger is a int"),
        ("inference_batcher", True, "inference_batcher is a bool"),
        ("transformer", "transform.py", "transformer is a str: use ms.create_"),
        ("script_file", 5, "5 is not a path"),
        ("config_file", b"c", "b'c' is not a path"),
        ("description", 5, "description 5"),
        ("description", "\ud800", "description"),
        ("environment", 5, "environment 5"),
    ],
)
def test_settings_of_no_known_kind(
    ms: ModelServing,
    save_model: Callable[..., Model],
    setting: str,
    value: Any,
    words: str,
) -> None:
    model = save_model(framework="sklearn")
    with pytest.raises(InvalidDeploymentError, match=words):
        model.deploy(**{setting: value})
    predictor = ms.create_predictor(model)
    with pytest.raises(InvalidDeploymentError, match=words):
        changed(predictor, setting, value).deploy()
    assert ms.get_deployments() == []


def changed(predictor: Any, setting: str, value: Any) -> Any:
    setattr(predictor, setting, value)
    return predictor


@pytest.mark.parametrize("word", ["default", "Default", "DEFAULT", None])
def test_words_may_be_in_any_case(
    ms: ModelServing, save_model: Callable[..., Model], word: str | None
) -> None:
    predictor = ms.create_predictor(
        save_model(framework="tensorflow"), serving_tool=word, api_protocol="rest"
    )
    assert predictor.serving_tool == ("DEFAULT" if word else "KSERVE")
    assert predictor.api_protocol == "REST"


@pytest.mark.parametrize("name", ["max_batch_size", "max_latency", "timeout"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "8", True])
def test_batches_are_counted(name: str, value: Any) -> None:
    with pytest.raises(InvalidDeploymentError, match=f"{name} is {value!r}"):
        InferenceBatcher(enabled=True, **{name: value})


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_a_batcher_is_on_or_off(value: Any) -> None:
    with pytest.raises(InvalidDeploymentError, match=f"enabled is {value!r}"):
        InferenceBatcher(value)


@pytest.mark.parametrize("script", [None, ""])
def test_a_transformer_has_a_script(ms: ModelServing, script: Any) -> None:
    with pytest.raises(InvalidDeploymentError, match="needs a script_file"):
        ms.create_transformer(script)
