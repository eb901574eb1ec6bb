"""The values of settings: resources, transformer, logger, batcher, variables."""

import math
import re
from collections.abc import Mapping, Sequence
from functools import partial
from os import PathLike
from typing import Any, Literal

import msgspec

from hopsartifacts.errors import CollectedErrors, InvalidDeploymentError
from hopsartifacts.fixed_attributes import FixedAttributes
from hopsartifacts.names import plain_number, plain_text
from hopsartifacts.serving.contract import ComponentResources, Resources
from hopsartifacts.serving.process_environment import HANG_SECONDS
from hopsartifacts.values import plain

NO_LIMIT = -1


DEFAULT_REQUESTS = Resources()
DEFAULT_LIMITS = Resources(cores=2.0, memory=1024, gpus=0)


def PredictorResources(  # noqa: N802 - Hopsworks' name, which callers see as a class
    num_instances: int = 1,
    requests: Resources | Mapping[str, Any] | None = None,
    limits: Resources | Mapping[str, Any] | None = None,
) -> ComponentResources:
    """Return checked resources of a predictor.

    Args:
        num_instances: how many run; 0 scales to zero when there are no requests.
        requests: by default 0.2 cores, 32 MB, no GPU.
        limits: by default 2 cores, 1024 MB, no GPU, or the request if that is more.
            Limits that are given are not raised.

    Raises:
        InvalidDeploymentError: an amount is not valid, or a request exceeds its limit.
            (Hopsworks clients since 4.3 accept these.)
    """
    asked = _resources(requests, DEFAULT_REQUESTS, "requests")
    most = _resources(limits, default_limits(asked), "limits")
    refusals = CollectedErrors()
    instances = refusals.of(partial(_instances, num_instances), "num_instances")
    for unit in Resources.__struct_fields__:
        amounts = getattr(asked, unit), getattr(most, unit)
        refusals.of(partial(_check_amount, unit, *amounts))
    refusals.check()
    return ComponentResources(num_instances=instances or 0, requests=asked, limits=most)


def default_limits(requests: Resources) -> Resources:
    """Return the default limits of a component with these *requests*."""
    return Resources(
        cores=max(requests.cores, DEFAULT_LIMITS.cores),
        memory=max(requests.memory, DEFAULT_LIMITS.memory),
        gpus=max(requests.gpus, DEFAULT_LIMITS.gpus),
    )


TransformerResources = PredictorResources


def component_resources(given: Any) -> ComponentResources:
    """Return the ``resources`` that a user passed as an object, a dict or None."""
    if given is None:
        return PredictorResources()
    if isinstance(given, ComponentResources):
        return PredictorResources(given.num_instances, given.requests, given.limits)
    if isinstance(given, Mapping):
        if unknown := given.keys() - set(ComponentResources.__struct_fields__):
            raise InvalidDeploymentError(
                f"resources have no {min(map(str, unknown))!r}: use num_instances, "
                "requests and limits"
            ).at(min(map(str, unknown)))
        return PredictorResources(**given)
    raise InvalidDeploymentError(
        f"resources is a {type(given).__name__}: give PredictorResources(...) or a dict"
    )


def _resources(given: Any, default: Resources, what: str) -> Resources:
    if given is None:
        return default
    if isinstance(given, Resources):
        given = msgspec.structs.asdict(given)
    if not isinstance(given, Mapping):
        raise InvalidDeploymentError(
            f"{what} is a {type(given).__name__}: give Resources(...) or a dict"
        ).at(what)
    if unknown := given.keys() - set(Resources.__struct_fields__):
        raise InvalidDeploymentError(
            f"{what} have no {min(map(str, unknown))!r}: use cores, memory and gpus"
        ).at(what, min(map(str, unknown)))
    try:
        amounts = plain({**msgspec.to_builtins(default), **given}, what)
        return msgspec.convert(amounts, Resources)
    except (TypeError, msgspec.ValidationError) as error:
        raise InvalidDeploymentError(
            f"{what} {dict(given)!r}: {error}; give cores, memory (MB) and gpus as "
            "numbers"
        ).at(what) from error


def _instances(given: object) -> int:
    number = plain_number(given)
    if number is None or number < 0:
        raise InvalidDeploymentError(
            f"num_instances is {given!r}: give 0 or a positive whole number"
        )
    return number


def _check_amount(unit: str, request: float, limit: float) -> None:
    if not (math.isfinite(request) and math.isfinite(limit)):
        raise InvalidDeploymentError(
            f"requested {unit} {request} with limit {limit}: give finite numbers (-1 "
            "is no limit)"
        ).at("limits" if math.isfinite(request) else "requests", unit)
    least = 0 if unit == "gpus" else None
    if request < 0 or (least is None and request == 0):
        raise InvalidDeploymentError(
            f"requested {unit} is {request}: it must be "
            f"{'0 or more' if unit == 'gpus' else 'more than 0'}"
        ).at("requests", unit)
    if limit == NO_LIMIT:
        return
    if limit < 0 or (least is None and limit == 0):
        raise InvalidDeploymentError(
            f"the limit of {unit} is {limit}: give a positive number, or -1 for none"
        ).at("limits", unit)
    if request > limit:
        raise InvalidDeploymentError(
            f"requested {unit} {request} exceeds its limit {limit}: raise the limit "
            "or lower the request"
        ).at("limits", unit)


RESERVED = frozenset(
    {
        "API_KEY",
        "ARTIFACT_FILES_PATH",
        "ARTIFACT_VERSION",
        "CONFIG_FILE_PATH",
        "DEPLOYMENT_NAME",
        "DEPLOYMENT_VERSION",
        "IS_PREDICTOR",
        "IS_TRANSFORMER",
        "MATERIAL_DIRECTORY",
        "MODEL_FILES_PATH",
        "MODEL_NAME",
        "MODEL_VERSION",
        "PROJECT_ID",
        "PROJECT_NAME",
        "REQUESTS_VERIFY",
        "REST_ENDPOINT",
        "SCRIPT_NAME",
        "SCRIPT_PATH",
        "SECRETS_DIR",
    }
)
"""Variables that every deployment gets, as documented."""
SETTABLE = frozenset({HANG_SECONDS})
"""Variables of this package that a deployment may set."""
RESERVED_PREFIXES = ("HOPSARTIFACTS_", "HOPSWORKS_", "SERVING_")
_PYTHON_NEEDS = frozenset({"PYTHONHOME", "PYTHONPATH"})
"""With other values the server would not find its own code."""

VARIABLE_PATTERN = "[A-Za-z_][A-Za-z0-9_]*"
_NAME = re.compile(VARIABLE_PATTERN)


def checked_variables(given: Any) -> dict[str, str]:
    """Return the ``env_vars`` that a user passed, sorted by name.

    Raises:
        InvalidDeploymentError: a name is not valid or is reserved, or a value is not a
            text.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidDeploymentError(
            f"env_vars is a {type(given).__name__}: give a dict of texts, like "
            "{'THRESHOLD': '0.5'}"
        )
    checked = {_name(name): _value(name, value) for name, value in given.items()}
    return dict(sorted(checked.items()))


def _name(given: object) -> str:
    name = plain_text(given)
    if name is None or not _NAME.fullmatch(name):
        raise InvalidDeploymentError(
            f"env_vars: {given!r} is not a variable's name: use letters (a-z, A-Z), "
            "digits and '_', first a letter or '_'"
        ).at(str(given))
    is_ours = name in RESERVED or name.startswith(RESERVED_PREFIXES)
    if is_ours and name not in SETTABLE:
        raise InvalidDeploymentError(
            f"env_vars: {name} is set by the deployment itself: choose another name"
        ).at(name)
    if name in _PYTHON_NEEDS:
        raise InvalidDeploymentError(
            f"env_vars: {name} would keep the server from starting: leave it out, and "
            "give modules as files="
        ).at(name)
    return name


def _value(name: object, value: object) -> str:
    text = plain_text(value)
    if text is None or "\0" in text:
        raise InvalidDeploymentError(
            f"env_vars: the value of {name} is {value!r}: give a text, like "
            f"{str(value)!r}"
        ).at(str(name))
    return text


LoggerMode = Literal["NONE", "ALL", "MODEL_INPUTS", "PREDICTIONS"]
LOGGER_MEANINGS: dict[LoggerMode, str] = {
    "NONE": "Nothing is logged.",
    "ALL": "Requests and predictions are logged.",
    "MODEL_INPUTS": "Requests are logged.",
    "PREDICTIONS": "Predictions are logged.",
}
LOGGER_MODES: tuple[LoggerMode, ...] = tuple(LOGGER_MEANINGS)

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


class Transformer(FixedAttributes):
    """A script that changes requests before the predictor, and answers after it.

    Args:
        script_file: a script with ``class Transformer`` and ``preprocess``,
            ``postprocess`` or both.
        resources: ``TransformerResources``, a dict, or None for the defaults.

    Raises:
        InvalidDeploymentError: there is no script, or the resources are not valid.
            (Hopsworks accepts None, and then has no transformer.)
    """

    script_file: str | PathLike[str]
    resources: ComponentResources

    def __init__(
        self,
        script_file: str | PathLike[str],
        resources: ComponentResources | dict[str, Any] | None = None,
    ) -> None:
        if not script_file:
            raise InvalidDeploymentError(
                "a transformer needs a script_file with class Transformer"
            ).at("script_file")
        self.script_file = script_file
        try:
            self.resources = component_resources(resources)
        except InvalidDeploymentError as error:
            raise error.at("resources")  # noqa: B904 - the same error

    def __repr__(self) -> str:
        return f"Transformer(script_file={str(self.script_file)!r})"


class KafkaTopic(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Kafka topic to which inference logs are sent.

    Args:
        name: the name of an existing topic. (Hopsworks makes one for ``CREATE``.)
        num_replicas: must be None, as topics are not made here.
        num_partitions: must be None, too.
        servers: the addresses of the cluster, ``host:port,host:port``; by default the
            value of ``HOPSARTIFACTS_KAFKA_SERVERS`` when the deployment is started.

    Raises:
        InvalidDeploymentError: the name is not valid for a topic, or a topic would have
            to be made.
    """

    name: str
    num_replicas: int | None = None
    num_partitions: int | None = None
    servers: str | None = None

    def __post_init__(self) -> None:
        self._keep("servers", checked_text("servers of a Kafka topic", self.servers))
        if self.name == "CREATE" or (self.num_replicas, self.num_partitions) != (
            None,
            None,
        ):
            raise InvalidDeploymentError(
                "topics are not made here: make one with Kafka's own tools, with as "
                "many partitions and replicas as you want, and give only its name"
            ).at("name")
        self._keep("name", checked_text("name of a Kafka topic", self.name))
        if not _TOPIC.fullmatch(self.name or "") or self.name in {".", ".."}:
            raise InvalidDeploymentError(
                f"Kafka topic {self.name!r}: use 1 to 249 letters, digits, '.', '_', "
                "'-'"
            ).at("name")

    def _keep(self, field: str, value: object) -> None:
        msgspec.structs.force_setattr(self, field, value)


class InferenceLogger(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which requests and predictions are logged, and to what place.

    Args:
        mode: ``ALL``, ``MODEL_INPUTS``, ``PREDICTIONS`` or ``NONE``.
        kafka_topic: a topic (or its name) to which each is sent as a message; by
            default they are written to the project, for
            ``deployment.read_inference_log()``.
    """

    mode: LoggerMode = "ALL"
    kafka_topic: KafkaTopic | None = None

    def __post_init__(self) -> None:
        topic: object = self.kafka_topic
        if isinstance(topic, str):
            topic = _topic(name=topic)
            msgspec.structs.force_setattr(self, "kafka_topic", topic)
        if not isinstance(topic, KafkaTopic | None):
            raise InvalidDeploymentError(
                f"kafka_topic is a {type(topic).__name__}: give KafkaTopic(...) or a "
                "topic's name"
            ).at("kafka_topic")
        given, mode = self.mode, plain_text(self.mode)
        msgspec.structs.force_setattr(self, "mode", mode)
        if mode not in LOGGER_MODES:
            raise InvalidDeploymentError(
                f"inference logger mode {given!r}: use one of "
                + ", ".join(LOGGER_MODES)
            ).at("mode")


BATCHER_MEANINGS = {
    "max_batch_size": "The most rows in a batch.",
    "max_latency": (
        "The longest wait for a batch to fill, in milliseconds. Without it, a batch "
        "has the requests that arrived during the previous prediction."
    ),
    "timeout": (
        "The longest time that a request may wait for its prediction, in seconds. "
        "Without it, there is no limit."
    ),
}
"""The numbers that a batcher has, each a positive whole number."""


class InferenceBatcher(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether and how concurrent requests are combined into batches.

    Args:
        enabled: whether they are combined.
        max_batch_size: the most rows in a batch, by default 32.
        max_latency: the longest wait for a batch to fill, in milliseconds; by default a
            batch has the requests that arrived during the previous prediction.
        timeout: the longest time that a request may wait for its prediction, in
            seconds.
    """

    enabled: bool = False
    max_batch_size: int | None = None
    max_latency: int | None = None
    timeout: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.enabled, bool):
            raise InvalidDeploymentError(
                f"inference batcher enabled is {self.enabled!r}: give True or False"
            ).at("enabled")
        for name in BATCHER_MEANINGS:
            value = getattr(self, name)
            if value is None:
                continue
            number = plain_number(value)
            if number is None or number <= 0:
                raise InvalidDeploymentError(
                    f"inference batcher {name} is {value!r}: give a positive whole "
                    "number, or leave it out"
                ).at(name)
            msgspec.structs.force_setattr(self, name, number)

    @property
    def has_settings(self) -> bool:
        """Whether any field besides ``enabled`` was given."""
        return (self.max_batch_size, self.max_latency, self.timeout) != (None,) * 3


def _topic(**given: Any) -> KafkaTopic:
    """Return the Kafka topic that a user passed by name or as a dict."""
    try:
        names = KafkaTopic.__struct_fields__
        return KafkaTopic(**_fields(given, "kafka_topic", names))
    except InvalidDeploymentError as error:
        raise error.at("kafka_topic")  # noqa: B904 - the same error


def checked_text(what: str, given: object) -> str | None:
    """Return *given* if it is None or a text that can be stored.

    Raises:
        InvalidDeploymentError: it is neither.
    """
    text = plain_text(given)
    if text is None and given is not None:
        raise InvalidDeploymentError(f"{what} {given!r} is not a text: use one")
    return text


def checked_logger(given: object) -> InferenceLogger | None:
    """Return the logger of a logger, a dict or a mode; None if nothing is logged."""
    made = given
    if isinstance(given, str):
        made = InferenceLogger(given)  # type: ignore[arg-type]  # it checks
    elif isinstance(given, Mapping):
        values = _fields(given, "inference_logger", InferenceLogger.__struct_fields__)
        topic = values.get("kafka_topic")
        if isinstance(topic, Mapping):
            values["kafka_topic"] = _topic(**topic)
        made = InferenceLogger(**values)
    if made is not None and not isinstance(made, InferenceLogger):
        raise InvalidDeploymentError(
            f"inference_logger is a {type(made).__name__}: give InferenceLogger(...)"
        )
    return made if made and made.mode != "NONE" else None


def checked_batcher(given: object) -> InferenceBatcher | None:
    """Return the batcher of a batcher or a dict; None if it is not enabled."""
    made = given
    if isinstance(given, Mapping):
        fields = InferenceBatcher.__struct_fields__
        made = InferenceBatcher(**_fields(given, "inference_batcher", fields))
    if made is not None and not isinstance(made, InferenceBatcher):
        raise InvalidDeploymentError(
            f"inference_batcher is a {type(made).__name__}: give InferenceBatcher(...)"
        )
    return made if made and made.enabled else None


def checked_transformer(given: object) -> Transformer | None:
    """Return the transformer of a transformer or a dict; None if there is none."""
    made = given
    if isinstance(given, Mapping):
        values = _fields(given, "transformer", ("script_file", "resources"))
        made = Transformer(values.get("script_file", ""), values.get("resources"))
    if made is not None and not isinstance(made, Transformer):
        raise InvalidDeploymentError(
            f"transformer is a {type(made).__name__}: use "
            "ms.create_transformer(script_file)"
        )
    return made


def _fields(
    given: Mapping[Any, Any], what: str, names: Sequence[str]
) -> dict[str, Any]:
    """Return *given* with its keys checked.

    Raises:
        InvalidDeploymentError: it has a key that is not in *names*.
    """
    if unknown := given.keys() - set(names):
        raise InvalidDeploymentError(
            f"{what} has no {min(map(str, unknown))!r}: use {', '.join(names)}"
        ).at(min(map(str, unknown)))
    return {str(name): value for name, value in given.items()}
