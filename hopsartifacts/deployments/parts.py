"""The optional parts of a deployment: transformer, inference logger and batcher."""

import re
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal

import msgspec

from hopsartifacts.deployments.attributes import FixedAttributes
from hopsartifacts.deployments.resources import ComponentResources, component_resources
from hopsartifacts.errors import InvalidDeploymentError
from hopsartifacts.names import plain_number, plain_text

LoggerMode = Literal["NONE", "ALL", "MODEL_INPUTS", "PREDICTIONS"]
LOGGER_MODES: tuple[LoggerMode, ...] = ("NONE", "ALL", "MODEL_INPUTS", "PREDICTIONS")

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


class Transformer(FixedAttributes):
    """Changes requests before the predictor sees them, and answers afterwards.

    Args:
        script_file: a script with ``class Transformer`` and ``preprocess``,
            ``postprocess`` or both.
        resources: ``TransformerResources``, a dict, or None for the defaults.

    Raises:
        InvalidDeploymentError: no script, or resources that make no sense. (Hopsworks
            takes None and then has no transformer.)
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
            )
        self.script_file = script_file
        self.resources = component_resources(resources)

    def __repr__(self) -> str:
        return f"Transformer(script_file={str(self.script_file)!r})"


class KafkaTopic(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Kafka topic that inference logs go to.

    Args:
        name: of a topic that exists. (Hopsworks makes one for ``CREATE``.)
        num_replicas: chosen when a topic is made, so it cannot be given.
        num_partitions: as *num_replicas*.
        servers: where the cluster is, ``host:port,host:port``; by default what
            ``HOPSARTIFACTS_KAFKA_SERVERS`` says when the deployment is started.

    Raises:
        InvalidDeploymentError: no topic can have this name, or it would have to be
            made first.
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
            )
        self._keep("name", checked_text("name of a Kafka topic", self.name))
        if not _TOPIC.fullmatch(self.name or "") or self.name in {".", ".."}:
            raise InvalidDeploymentError(
                f"Kafka topic {self.name!r}: use 1 to 249 letters, digits, '.', '_', "
                "'-'"
            )

    def _keep(self, field: str, value: object) -> None:
        msgspec.structs.force_setattr(self, field, value)


class InferenceLogger(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which requests and predictions are logged, and where to.

    Args:
        mode: ``ALL``, ``MODEL_INPUTS``, ``PREDICTIONS`` or ``NONE``.
        kafka_topic: a topic (or its name) that gets a message for each; by default
            they go to the project, for ``deployment.read_inference_log()``.
    """

    mode: LoggerMode = "ALL"
    kafka_topic: KafkaTopic | None = None

    def __post_init__(self) -> None:
        topic: object = self.kafka_topic
        if isinstance(topic, str):
            topic = KafkaTopic(topic)
            msgspec.structs.force_setattr(self, "kafka_topic", topic)
        if not isinstance(topic, KafkaTopic | None):
            raise InvalidDeploymentError(
                f"kafka_topic is a {type(topic).__name__}: give KafkaTopic(...) or a "
                "topic's name"
            )
        given, mode = self.mode, plain_text(self.mode)
        msgspec.structs.force_setattr(self, "mode", mode)
        if mode not in LOGGER_MODES:
            raise InvalidDeploymentError(
                f"inference logger mode {given!r}: use one of "
                + ", ".join(LOGGER_MODES)
            )


class InferenceBatcher(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether and how concurrent requests are put together.

    Args:
        enabled: whether they are.
        max_batch_size: most rows in a batch, by default 32.
        max_latency: longest wait for a batch to fill, in milliseconds; by default a
            batch is what came during the prediction before.
        timeout: longest a request may wait for its prediction, in seconds.
    """

    enabled: bool = False
    max_batch_size: int | None = None
    max_latency: int | None = None
    timeout: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.enabled, bool):
            raise InvalidDeploymentError(
                f"inference batcher enabled is {self.enabled!r}: give True or False"
            )
        for name in ("max_batch_size", "max_latency", "timeout"):
            value = getattr(self, name)
            if value is None:
                continue
            number = plain_number(value)
            if number is None or number <= 0:
                raise InvalidDeploymentError(
                    f"inference batcher {name} is {value!r}: give a positive whole "
                    "number, or leave it out"
                )
            msgspec.structs.force_setattr(self, name, number)

    @property
    def has_settings(self) -> bool:
        """Whether anything but on or off was chosen."""
        return (self.max_batch_size, self.max_latency, self.timeout) != (None,) * 3


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
    """Return a logger, a dict or a mode as a logger; None if nothing is logged."""
    made = given
    if isinstance(given, str):
        made = InferenceLogger(given)  # type: ignore[arg-type]  # it checks
    elif isinstance(given, Mapping):
        values = _fields(given, "inference_logger", InferenceLogger.__struct_fields__)
        topic = values.get("kafka_topic")
        if isinstance(topic, Mapping):
            fields = _fields(topic, "kafka_topic", KafkaTopic.__struct_fields__)
            values["kafka_topic"] = KafkaTopic(**fields)
        made = InferenceLogger(**values)
    if made is not None and not isinstance(made, InferenceLogger):
        raise InvalidDeploymentError(
            f"inference_logger is a {type(made).__name__}: give InferenceLogger(...)"
        )
    return made if made and made.mode != "NONE" else None


def checked_batcher(given: object) -> InferenceBatcher | None:
    """Return a batcher or a dict as a batcher; None if it is not enabled."""
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
    """Return a transformer or a dict as a transformer; None if there is none."""
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
    """Return what a dict says.

    Raises:
        InvalidDeploymentError: it has a key that is none of *names*.
    """
    if unknown := given.keys() - set(names):
        raise InvalidDeploymentError(
            f"{what} has no {min(map(str, unknown))!r}: use {', '.join(names)}"
        )
    return {str(name): value for name, value in given.items()}
