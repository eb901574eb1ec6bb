"""The combinations that a deployment may have, as two tables."""

from typing import Literal

import msgspec

from hopsartifacts.errors import InvalidDeploymentError
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
    _check_script(combination)
    tool, server = combination.serving_tool, MODEL_SERVERS[combination.framework]
    for feature in sorted(combination.features - FEATURES[tool][server]):
        others = [
            f"{name} with {kind}"
            for name, servers in FEATURES.items()
            for kind, allowed in servers.items()
            if feature in allowed
        ]
        raise InvalidDeploymentError(
            f"serving tool {tool} with model server {server} has no {feature}: leave "
            f"it out (it works on {', '.join(others)})"
        )


def _check_script(combination: Combination) -> None:
    framework, tool = combination.framework, combination.serving_tool
    rule = SCRIPTS[framework][tool]
    if rule == "not allowed" and combination.has_script:
        raise InvalidDeploymentError(
            f"{framework} deployments take no predictor script: leave script_file out "
            f"(the model server is {MODEL_SERVERS[framework]})"
        )
    if combination.has_script or rule in {"not allowed", "optional"}:
        return
    if rule == "required":
        way = "give script_file, a script with class Predictor"
        if SCRIPTS[framework]["KSERVE"] == "optional":
            way += ", or use serving_tool='KSERVE', where it is optional"
        raise InvalidDeploymentError(
            f"{framework} deployments on {tool} need a predictor script: {way}"
        )
    if not combination.has_config_file:
        raise InvalidDeploymentError(
            f"{framework} deployments need a predictor script or a vLLM configuration "
            "file: give script_file or config_file"
        )
