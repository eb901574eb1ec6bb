"""The rules for deployments as data, for forms that show what is possible."""

from typing import Any, Generic, TypeVar

import msgspec

from hopsartifacts.artifacts.documents import NUMBER_REQUEST, REQUESTS
from hopsartifacts.deployments.parts import (
    BATCHER_MEANINGS,
    DEFAULT_LIMITS,
    DEFAULT_REQUESTS,
    LOGGER_MEANINGS,
    NO_LIMIT,
    RESERVED,
    RESERVED_PREFIXES,
    VARIABLE_PATTERN,
    InferenceLogger,
    LoggerMode,
    PredictorResources,
)
from hopsartifacts.deployments.requests import DEFAULT_TOLERANCE, MAX_BYTES
from hopsartifacts.deployments.rules import (
    DEFAULT_TOOL,
    LABELS,
    MODEL_SERVERS,
    PROTOCOLS,
    SCRIPTS,
    SETTINGS_OF,
    TOOLS,
    ApiProtocol,
    Feature,
    ModelServer,
    ScriptRule,
    ServingTool,
    feature_problem,
    script_sentence,
)
from hopsartifacts.deployments.scripts import SCRIPT_SUFFIX
from hopsartifacts.deployments.settings import PLAIN
from hopsartifacts.errors import Problem
from hopsartifacts.machine.capacity import Capacity, capacity
from hopsartifacts.names import DEPLOYMENT_NAMES, MODEL_NAMES, NameRule
from hopsartifacts.registry.documents import FRAMEWORKS, Framework
from hopsartifacts.registry.given import MOST_REASON
from hopsartifacts.rest.api.conventions import operations
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.serving.contract import (
    Batching,
    Resources,
)

Word = TypeVar("Word")


class WordRule(msgspec.Struct, Generic[Word], frozen=True):
    """One possible value of a setting, and what it means."""

    value: Word
    meaning: str


class FeatureRule(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a deployment may have a feature.

    Attributes:
        setting: JSON pointer of the setting by which it is used.
        problem: why it is not allowed, and what to do; null if it is allowed.
    """

    feature: Feature
    setting: str
    is_allowed: bool
    problem: Problem | None


class ToolRule(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment of a framework may have on a serving tool.

    Attributes:
        script: whether it has a predictor script.
        script_sentence: that in a sentence.
        features: every feature, allowed or not.
    """

    serving_tool: ServingTool
    script: ScriptRule
    script_sentence: str
    features: list[FeatureRule]


class FrameworkRule(msgspec.Struct, frozen=True, kw_only=True):
    """What deployments of models of a framework may have.

    Attributes:
        label: its name for people.
        tools: a rule for each serving tool.
    """

    framework: Framework
    label: str
    model_server: ModelServer
    tools: list[ToolRule]


class ArtifactChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One possible request for an artifact version.

    Attributes:
        value: null for no request.
        takes_number: whether the value is the number of a version instead.
    """

    value: str | None
    takes_number: bool
    meaning: str


class BatcherRule(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a batcher.

    Attributes:
        least: the smallest possible number.
        default: null if there is no default.
    """

    name: str
    meaning: str
    least: int
    default: int | None


class ResourceRule(msgspec.Struct, frozen=True, kw_only=True):
    """Resources of a component: the defaults, and what this machine has.

    Attributes:
        num_instances: by default.
        requests: the default requests, with memory in MB.
        limits: the default limits; a larger request raises them.
        no_limit: the number that stands for no limit.
        here: what this machine has.
    """

    num_instances: int
    requests: Resources
    limits: Resources
    no_limit: int
    here: Capacity


class PlainRule(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that is a text, a number, a yes or no, or one of some words.

    Attributes:
        kind: ``str``, ``int``, ``float`` or ``bool``.
        words: the possible texts; empty if any text is possible.
        default: null if there is no default.
    """

    name: str
    kind: str
    words: tuple[str, ...]
    default: Any
    meaning: str


class VariableRule(msgspec.Struct, frozen=True, kw_only=True):
    """Environment variables: the pattern of their names, and those that are refused."""

    pattern: str
    reserved: list[str]
    reserved_prefixes: list[str]


class DeploymentRules(msgspec.Struct, frozen=True, kw_only=True):
    """All rules for deployments, with all words and defaults.

    Attributes:
        default_tool: the serving tool if none is given.
        default_logger_mode: what a logger logs if it has no mode.
        settings: the plain settings.
        script_suffix: what the name of a script ends with.
        most_reason: the most characters of a reason.
        golden_tolerance: the default tolerance of a golden request.
        most_golden_bytes: the most bytes of a golden request with its answer, as JSON.
    """

    frameworks: list[FrameworkRule]
    serving_tools: list[WordRule[ServingTool]]
    default_tool: ServingTool
    api_protocols: list[WordRule[ApiProtocol]]
    artifact_versions: list[ArtifactChoice]
    logger_modes: list[WordRule[LoggerMode]]
    default_logger_mode: LoggerMode
    batcher: list[BatcherRule]
    resources: ResourceRule
    settings: list[PlainRule]
    variables: VariableRule
    model_names: NameRule
    deployment_names: NameRule
    script_suffix: str
    most_reason: int
    golden_tolerance: float
    most_golden_bytes: int


def _rules(_: OperationCall) -> DeploymentRules:
    return DeploymentRules(
        frameworks=[_framework(it) for it in FRAMEWORKS],
        serving_tools=[WordRule(*it) for it in TOOLS.items()],
        default_tool=DEFAULT_TOOL,
        api_protocols=[WordRule(*it) for it in PROTOCOLS.items()],
        artifact_versions=[
            *(
                ArtifactChoice(value=value, takes_number=False, meaning=meaning)
                for value, meaning in REQUESTS
            ),
            ArtifactChoice(value=None, takes_number=True, meaning=NUMBER_REQUEST),
        ],
        logger_modes=[WordRule(*it) for it in LOGGER_MEANINGS.items()],
        default_logger_mode=InferenceLogger().mode,
        batcher=[
            BatcherRule(
                name=name,
                meaning=meaning,
                least=1,
                default=getattr(Batching(), name, None),
            )
            for name, meaning in BATCHER_MEANINGS.items()
        ],
        resources=ResourceRule(
            num_instances=PredictorResources().num_instances,
            requests=DEFAULT_REQUESTS,
            limits=DEFAULT_LIMITS,
            no_limit=NO_LIMIT,
            here=capacity(),
        ),
        settings=[
            PlainRule(
                name=it.name,
                kind=it.kind.__name__,
                words=it.words,
                default=it.default,
                meaning=it.meaning,
            )
            for it in PLAIN.values()
        ],
        variables=VariableRule(
            pattern=VARIABLE_PATTERN,
            reserved=sorted(RESERVED),
            reserved_prefixes=[*RESERVED_PREFIXES],
        ),
        model_names=MODEL_NAMES,
        deployment_names=DEPLOYMENT_NAMES,
        script_suffix=SCRIPT_SUFFIX,
        most_reason=MOST_REASON,
        golden_tolerance=DEFAULT_TOLERANCE,
        most_golden_bytes=MAX_BYTES,
    )


def _framework(framework: Framework) -> FrameworkRule:
    return FrameworkRule(
        framework=framework,
        label=LABELS[framework],
        model_server=MODEL_SERVERS[framework],
        tools=[
            ToolRule(
                serving_tool=tool,
                script=SCRIPTS[framework][tool],
                script_sentence=script_sentence(framework, tool),
                features=[_feature(it, tool, framework) for it in SETTINGS_OF],
            )
            for tool in TOOLS
        ],
    )


def _feature(feature: Feature, tool: ServingTool, framework: Framework) -> FeatureRule:
    problem = feature_problem(feature, tool, MODEL_SERVERS[framework])
    return FeatureRule(
        feature=feature,
        setting=Problem(detail="").at(*SETTINGS_OF[feature]).pointer,
        is_allowed=problem is None,
        problem=problem,
    )


OPERATIONS = (
    operations("deployments")(
        "GET",
        "/rules",
        _rules,
        "The rules for deployments: words, defaults, limits, allowed combinations",
        answer=DeploymentRules,
        errors=(),
    ),
)
