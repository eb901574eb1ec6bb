"""Which parts a deployment may combine, against an expectation of its own."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts import (
    Deployment,
    InferenceBatcher,
    InferenceLogger,
    Model,
    ModelServing,
    PredictorResources,
    Project,
    Transformer,
)
from hopsartifacts.errors import InvalidDeploymentError

FRAMEWORKS = ["TENSORFLOW", "SKLEARN", "TORCH", "PYTHON", "LLM"]
TOOLS = ["DEFAULT", "KSERVE"]
SERVERS = {"TENSORFLOW": "TENSORFLOW_SERVING", "LLM": "VLLM"}

DESIGN = """
framework   tool     script   transformer  batcher  logger  gRPC  zero
TENSORFLOW  DEFAULT  never    no           switch   switch  no    no
TENSORFLOW  KSERVE   never    yes          fine     fine    no    yes
SKLEARN     DEFAULT  must     no           no       switch  no    no
SKLEARN     KSERVE   may      yes          fine     fine    yes   yes
TORCH       DEFAULT  must     no           no       switch  no    no
TORCH       KSERVE   must     yes          fine     fine    yes   yes
PYTHON      DEFAULT  must     no           no       switch  no    no
PYTHON      KSERVE   must     yes          fine     fine    yes   yes
LLM         DEFAULT  either   no           no       no      no    no
LLM         KSERVE   either   no           no       no      no    yes
"""
"""The rules of deployments, written down for people and not taken from the code.

A switch is only on or off; what is fine has modes, or sizes and times. Either: a script
or a configuration file.
"""

Case = dict[str, Any]
Rule = dict[str, str]


def rules() -> dict[tuple[str, str], Rule]:
    header, *rows = [line.split() for line in DESIGN.strip().splitlines()]
    return {(row[0], row[1]): dict(zip(header, row, strict=True)) for row in rows}


RULES = rules()


def cases(framework: str, tool: str) -> Iterator[Case]:
    """Yield every combination of everything the rules look at."""
    choices: dict[str, list[Any]] = {
        "script": [False, True],
        "config": [False, True],
        "transformer": [False, True],
        "protocol": ["REST", "GRPC"],
        "batcher": [None, "off", "on", "fine"],
        "logger": [None, "NONE", "ALL", "MODEL_INPUTS", "PREDICTIONS"],
        "instances": [0, 1],
    }
    for values in product(*choices.values()):
        chosen = dict(zip(choices, values, strict=True))
        yield {"framework": framework, "tool": tool, **chosen}


def broken_rules(case: Case) -> set[str]:
    """Say which rules a case breaks, each in the words that the refusal has to have."""
    rule = RULES[case["framework"], case["tool"]]
    has_either = case["script"] or case["config"]
    has_modes = case["logger"] in {"MODEL_INPUTS", "PREDICTIONS"}
    is_on = case["batcher"] in {"on", "fine"}
    broken = {
        "take no predictor script": rule["script"] == "never" and case["script"],
        "need a predictor script:": rule["script"] == "must" and not case["script"],
        "need a predictor script or a": rule["script"] == "either" and not has_either,
        "has no transformer:": rule["transformer"] == "no" and case["transformer"],
        "has no batcher:": rule["batcher"] == "no" and is_on,
        "has no batcher settings:": rule["batcher"] != "fine"
        and case["batcher"] == "fine",
        "has no logger:": rule["logger"] == "no"
        and case["logger"] not in {None, "NONE"},
        "has no logger modes:": rule["logger"] != "fine" and has_modes,
        "has no gRPC:": rule["gRPC"] == "no" and case["protocol"] == "GRPC",
        "has no scale to zero:": rule["zero"] == "no" and case["instances"] == 0,
    }
    return {words for words, is_broken in broken.items() if is_broken}


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


def refusal(attempt: Callable[[], object]) -> str | None:
    try:
        attempt()
    except InvalidDeploymentError as error:
        return str(error)
    return None


def is_as_designed(case: Case, text: str | None) -> bool:
    """Tell whether *text* is the refusal of one of the rules that *case* breaks."""
    broken = broken_rules(case)
    if text is None or not broken:
        return text is None and not broken
    assert case["framework"] in text or case["tool"] in text, text
    assert "leave" in text or "give" in text, text
    return any(words in text for words in broken)


def test_the_design_has_a_row_for_each_framework_and_tool() -> None:
    assert [*RULES] == [*product(FRAMEWORKS, TOOLS)]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_combination_is_saved_or_refused_as_designed(
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
    saved: dict[str, Case] = {}
    for number, case in enumerate(cases(framework, tool)):
        name, given = f"d{number}", settings(case, script, transformer_script)
        text = refusal(lambda name=name, given=given: model.deploy(name, **given))  # type: ignore[misc]
        assert is_as_designed(case, text), (case, text)
        if text is None:
            saved[name] = case
    found = {deployment.name: deployment for deployment in ms.get_deployments()}
    assert found.keys() == saved.keys()
    for name, case in saved.items():
        assert shown(found[name]) == wanted(case), case


def shown(deployment: Deployment) -> dict[str, Any]:
    """Return what a fetched deployment says of everything the rules look at."""
    batcher, logger = deployment.inference_batcher, deployment.inference_logger
    return {
        "framework": deployment.predictor.model_framework,
        "tool": deployment.serving_tool,
        "script": deployment.script_file is not None,
        "config": deployment.config_file is not None,
        "transformer": deployment.transformer is not None,
        "protocol": deployment.api_protocol,
        "batcher": batcher and ("fine" if batcher.has_settings else "on"),
        "logger": logger and logger.mode,
        "instances": deployment.resources.num_instances,
        "server": deployment.model_server,
    }


def wanted(case: Case) -> dict[str, Any]:
    off = {"batcher": "off", "logger": "NONE"}
    return {
        **{name: None if off.get(name) == it else it for name, it in case.items()},
        "server": SERVERS.get(case["framework"], "PYTHON"),
    }


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_predictor_is_refused_as_soon_as_it_is_described(
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
    for case in cases(framework, tool):
        given = settings(case, script, transformer_script)
        text = refusal(lambda given=given: ms.create_predictor(model, **given))  # type: ignore[misc]
        assert is_as_designed(case, text), (case, text)


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
        ("inference_logger", {"kind": "ALL"}, "inference_logger has no 'kind': use mo"),
        ("inference_logger", {"mode": "SOME"}, "inference logger mode 'SOME'"),
        ("inference_batcher", {"size": 1}, "inference_batcher has no 'size': use enab"),
        ("transformer", {"script": "t.py"}, "transformer has no 'script': use script_"),
        ("transformer", {}, "a transformer needs a script_file"),
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


def test_parts_may_be_dictionaries(
    model: Model, make_script: Callable[..., Path], transformer_script: Path
) -> None:
    """As in Hopsworks, at the deployment and afterwards."""
    script = make_script()
    deployment = model.deploy(
        script_file=script,
        inference_logger={"mode": "ALL", "kafka_topic": {"name": "t"}},
        inference_batcher={"enabled": True, "max_batch_size": 4},
        transformer={
            "script_file": str(transformer_script),
            "resources": {"num_instances": 1},
        },
    )
    logger, batcher = deployment.inference_logger, deployment.inference_batcher
    assert (logger.mode, logger.kafka_topic.name) == ("ALL", "t")
    assert batcher == InferenceBatcher(enabled=True, max_batch_size=4)
    assert deployment.transformer.resources.num_instances == 1
    deployment.inference_batcher = {"enabled": False}
    deployment.inference_logger = {"mode": "NONE"}
    assert deployment.inference_batcher is None
    assert deployment.inference_logger is None
