"""The combinations that a deployment may have, as two tables."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from hopsartifacts.errors import InvalidDeploymentError, Problem
from hopsartifacts.registry.documents import Framework

ModelServer = Literal["PYTHON", "TENSORFLOW_SERVING", "VLLM"]
ServingTool = Literal["DEFAULT", "KSERVE"]
ApiProtocol = Literal["REST", "GRPC"]
ScriptRule = Literal["required", "optional", "not allowed", "required or config file"]
Feature = Literal[
    "transformer",
    "batcher",
    "batcher settings",
    "logger",
    "logger modes",
    "gRPC",
    "scale to zero",
]

DEFAULT_TOOL: ServingTool = "KSERVE"

MODEL_SERVERS: dict[Framework, ModelServer] = {
    "TENSORFLOW": "TENSORFLOW_SERVING",
    "SKLEARN": "PYTHON",
    "TORCH": "PYTHON",
    "PYTHON": "PYTHON",
    "LLM": "VLLM",
}

SCRIPTS: dict[Framework, dict[ServingTool, ScriptRule]] = {
    "TENSORFLOW": {"DEFAULT": "not allowed", "KSERVE": "not allowed"},
    "SKLEARN": {"DEFAULT": "required", "KSERVE": "optional"},
    "TORCH": {"DEFAULT": "required", "KSERVE": "required"},
    "PYTHON": {"DEFAULT": "required", "KSERVE": "required"},
    "LLM": {
        "DEFAULT": "required or config file",
        "KSERVE": "required or config file",
    },
}

FEATURES: dict[ServingTool, dict[ModelServer, frozenset[Feature]]] = {
    "DEFAULT": {
        "PYTHON": frozenset({"logger"}),
        "TENSORFLOW_SERVING": frozenset({"logger", "batcher"}),
        "VLLM": frozenset(),
    },
    "KSERVE": {
        "PYTHON": frozenset(
            {
                "transformer",
                "batcher",
                "batcher settings",
                "logger",
                "logger modes",
                "gRPC",
                "scale to zero",
            }
        ),
        "TENSORFLOW_SERVING": frozenset(
            {
                "transformer",
                "batcher",
                "batcher settings",
                "logger",
                "logger modes",
                "scale to zero",
            }
        ),
        "VLLM": frozenset({"scale to zero"}),
    },
}


LABELS: dict[Framework, str] = {
    "TENSORFLOW": "TensorFlow",
    "TORCH": "PyTorch",
    "PYTHON": "Python",
    "SKLEARN": "Scikit-learn",
    "LLM": "LLM",
}
"""The name of each framework for people."""

TOOLS: dict[ServingTool, str] = {
    "KSERVE": "All features that the model server has.",
    "DEFAULT": "Hopsworks' older serving tool, with fewer features.",
}
"""What each serving tool means."""

PROTOCOLS: dict[ApiProtocol, str] = {
    "REST": "HTTP with JSON, in the protocols V1 and V2.",
    "GRPC": "gRPC in the protocol V2, and HTTP beside it.",
}
"""What each protocol means."""

SETTINGS_OF: dict[Feature, tuple[str, ...]] = {
    "transformer": ("transformer",),
    "batcher": ("inference_batcher",),
    "batcher settings": ("inference_batcher",),
    "logger": ("inference_logger",),
    "logger modes": ("inference_logger", "mode"),
    "gRPC": ("api_protocol",),
    "scale to zero": ("resources", "num_instances"),
}
"""The setting by which each feature is used: the names that lead to it."""


class Combination(msgspec.Struct, frozen=True, kw_only=True):
    """The properties of a deployment that the rules use."""

    framework: Framework
    serving_tool: ServingTool
    has_script: bool
    has_config_file: bool
    features: frozenset[Feature] = frozenset()


def check(combination: Combination) -> None:
    """Refuse a combination that the tables do not allow.

    Raises:
        InvalidDeploymentError: the message names the rule, and what is allowed.
    """
    if problems := [*_problems(combination)]:
        raise InvalidDeploymentError.of(*problems)


def _problems(combination: Combination) -> Iterator[Problem]:
    framework, tool = combination.framework, combination.serving_tool
    rule = script_problem(framework, tool)
    is_wanted = SCRIPTS[framework][tool] != "not allowed"
    is_there = combination.has_script or (
        combination.has_config_file
        and SCRIPTS[framework][tool] == "required or config file"
    )
    if rule is not None and is_there != is_wanted:
        yield rule
    for feature in sorted(combination.features):
        if problem := feature_problem(feature, tool, MODEL_SERVERS[framework]):
            yield problem


def script_problem(framework: Framework, tool: ServingTool) -> Problem | None:
    """Return the problem of a deployment that breaks the rule for scripts.

    Where a script is not allowed, that is a deployment with one; elsewhere it is one
    without. The problem is None where a script is optional.
    """
    rule = SCRIPTS[framework][tool]
    if rule == "not allowed":
        return Problem(
            pointer="/script_file",
            detail=f"{framework} deployments take no predictor script",
            fix="leave script_file out (the model server is "
            f"{MODEL_SERVERS[framework]})",
        )
    if rule == "required":
        way = "give script_file, a Python file with a class Predictor"
        if SCRIPTS[framework]["KSERVE"] == "optional":
            way += ", or use serving_tool='KSERVE', where it is optional"
        return Problem(
            pointer="/script_file",
            detail=f"{framework} deployments on {tool} need a predictor script",
            fix=way,
        )
    if rule == "required or config file":
        return Problem(
            pointer="/script_file",
            detail=f"{framework} deployments need a predictor script or a vLLM "
            "configuration file",
            fix="give script_file or config_file",
        )
    return None


def script_sentence(framework: Framework, tool: ServingTool) -> str:
    """Return the rule for the predictor script in a sentence."""
    problem = script_problem(framework, tool)
    if problem is None:
        return (
            f"{framework} deployments on {tool} need no predictor script: the model "
            "server loads the model itself"
        )
    return problem.detail


def feature_problem(
    feature: Feature, tool: ServingTool, server: ModelServer
) -> Problem | None:
    """Return the problem of a deployment with *feature*; None if it is allowed."""
    if feature in FEATURES[tool][server]:
        return None
    others = [
        f"{name} with {kind}"
        for name, servers in FEATURES.items()
        for kind, allowed in servers.items()
        if feature in allowed
    ]
    return Problem(
        detail=f"serving tool {tool} with model server {server} has no {feature}",
        fix=f"leave it out (it works on {', '.join(others)})",
    ).at(*SETTINGS_OF[feature])
