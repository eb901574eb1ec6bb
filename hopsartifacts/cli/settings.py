"""The settings of a deployment as command-line options."""

from collections.abc import Callable, Mapping
from typing import Any

import click
import msgspec

from hopsartifacts.cli.values import json_file, pairs, texts
from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.parts import (
    LOGGER_MODES,
    InferenceBatcher,
    InferenceLogger,
    KafkaTopic,
    Transformer,
)
from hopsartifacts.deployments.settings import PLAIN, PlainSetting

_SINGLE = (*PLAIN, "script_file", "config_file", "environment_lock", "golden_request")
"""Settings whose value is the value of one option; an empty text removes it."""

_BATCHER = {
    "batch_size": "max_batch_size",
    "batch_latency": "max_latency",
    "batch_timeout": "timeout",
}
"""Options for batches, and the fields of ``InferenceBatcher`` that they set."""


def _removable(
    kind: type | click.Choice[str] | Callable[[str], Any],
) -> Callable[[str], Any]:
    """Return the type of an option whose empty text removes the setting.

    Args:
        kind: converts every other text.
    """
    converted = click.types.convert_type(kind)

    def parse(text: str) -> Any:
        return converted(text) if text else text

    parse.__name__ = converted.name  # shown in the help
    return parse


def _plain(setting: PlainSetting) -> Callable[..., Any]:
    """Return the option of a plain setting."""
    flag = f"--{setting.name.replace('_', '-')}"
    default = f" By default {setting.default}." if setting.default else ""
    given: dict[str, Any] = {"help": f"{setting.meaning}{default}"}
    if setting.kind is bool:
        flag, given["default"] = f"{flag}/--no-{flag[2:]}", None
    elif setting.words:
        words = click.Choice(setting.words, case_sensitive=False)
        given |= {"type": _removable(words), "metavar": f"[{'|'.join(setting.words)}]"}
    elif setting.kind is not str:
        given["type"] = _removable(setting.kind)
    return click.option(flag, setting.name, **given)


_OPTIONS = (
    *map(_plain, PLAIN.values()),
    click.option("--script", "script_file", help="Predictor script."),
    click.option("--transformer", help="Transformer script."),
    click.option("--config", "config_file", help="Configuration file for the scripts."),
    click.option(
        "--file",
        "files",
        multiple=True,
        help="An additional file or folder. May be repeated.",
    ),
    click.option(
        "--artifact-version",
        help="A number, CREATE or MODEL-ONLY; by default chosen to match the files.",
    ),
    click.option(
        "--instances",
        type=_removable(int),
        help="Number of instances; 0 scales to zero. By default 1.",
    ),
    click.option(
        "--request",
        "requests",
        multiple=True,
        metavar="NAME=NUMBER",
        help="A resource that each instance requests: cores, memory (in MB) or gpus. "
        "May be repeated.",
    ),
    click.option(
        "--limit",
        "limits",
        multiple=True,
        metavar="NAME=NUMBER",
        help="The most that each instance may use of a resource of --request; -1 means "
        "no limit. May be repeated.",
    ),
    click.option(
        "--logger",
        type=click.Choice(LOGGER_MODES, case_sensitive=False),
        help="Which data the inference logger records.",
    ),
    click.option("--kafka-topic", help="An existing topic, for the inference logger."),
    click.option(
        "--kafka-servers", metavar="HOST:PORT,…", help="Brokers of the topic's cluster."
    ),
    click.option(
        "--batcher/--no-batcher",
        default=None,
        help="Combine concurrent requests into one prediction.",
    ),
    click.option("--batch-size", type=_removable(int), help="Maximum rows in a batch."),
    click.option(
        "--batch-latency",
        type=_removable(int),
        help="Maximum wait for a batch, in milliseconds.",
    ),
    click.option(
        "--batch-timeout",
        type=_removable(int),
        help="Timeout of a request, in seconds.",
    ),
    click.option(
        "--environment-lock",
        help="The lock file of the required packages: requirements.txt, uv.lock …",
    ),
    click.option(
        "--env",
        "env_vars",
        multiple=True,
        metavar="NAME=VALUE",
        help="An environment variable for the scripts. May be repeated.",
    ),
    click.option(
        "--golden-request",
        type=_removable(json_file),
        metavar="FILE",
        help="Rows or a whole request as JSON, for record-golden.",
    ),
)


def settings_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each setting of a deployment to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def settings_given(
    options: Mapping[str, Any], deployment: Deployment | None = None
) -> dict[str, Any]:
    """Return the settings from *options*, as keyword arguments of ``Model.deploy``.

    Args:
        options: values of the options of ``settings_options``; others are ignored.
        deployment: the deployment to be changed. Parts of a setting without an option
            keep its values.

    Raises:
        InvalidDeploymentError: a value is invalid.
        UsageError: a pair is not ``NAME=VALUE``, or options contradict each other.
    """
    found = {
        name: _value(options[name]) for name in _SINGLE if options[name] is not None
    }
    if options["files"]:
        found["files"] = options["files"]
    if options["transformer"] is not None:
        script = options["transformer"]
        found["transformer"] = Transformer(script) if script else None
    if options["env_vars"]:
        variables = list(filter(None, options["env_vars"]))
        is_changed = deployment and len(variables) == len(options["env_vars"])
        kept = deployment.env_vars if deployment and is_changed else {}
        found["env_vars"] = {**kept, **texts(variables)}
    found |= _resources(options, deployment)
    found |= _logger(options, deployment)
    found |= _batcher(options, deployment)
    if options["artifact_version"] is not None:
        found["artifact_version"] = _value(options["artifact_version"])
    return found


def _value(given: Any) -> Any:
    """Return the value of an option; None for an empty text, which removes it."""
    return None if isinstance(given, str) and not given else given


def _resources(
    options: Mapping[str, Any], deployment: Deployment | None
) -> dict[str, Any]:
    given: dict[str, Any] = {
        name: pairs(options[name]) for name in ("requests", "limits") if options[name]
    }
    if options["instances"] is not None:
        instances = options["instances"]
        given["num_instances"] = 1 if instances == "" else instances
    if not given:
        return {}
    if deployment is None:
        return {"resources": given}
    kept = deployment.resources.to_dict()
    for name, value in given.items():
        kept[name] = {**kept[name], **value} if isinstance(value, dict) else value
    return {"resources": kept}


def _logger(
    options: Mapping[str, Any], deployment: Deployment | None
) -> dict[str, Any]:
    mode, topic, servers = (
        options[name] for name in ("logger", "kafka_topic", "kafka_servers")
    )
    if (mode, topic, servers) == (None, None, None):
        return {}
    kept = deployment.inference_logger if deployment else None
    kept_topic = kept.kafka_topic if kept else None
    if topic is not None or servers is not None:
        name = topic if topic is not None else kept_topic and kept_topic.name
        if not name:
            raise click.UsageError("--kafka-servers needs --kafka-topic: give both")
        if servers is None and kept_topic:
            servers = kept_topic.servers
        kept_topic = KafkaTopic(name, servers=servers)
    return {
        "inference_logger": InferenceLogger(
            mode or (kept.mode if kept else "ALL"), kept_topic
        )
    }


def _batcher(
    options: Mapping[str, Any], deployment: Deployment | None
) -> dict[str, Any]:
    wanted = options["batcher"]
    fields = {
        field: _value(options[name])
        for name, field in _BATCHER.items()
        if options[name] is not None
    }
    if wanted is False and fields:
        raise click.UsageError(
            "--no-batcher cannot be combined with --batch-… options: leave one out"
        )
    if wanted is None and not fields:
        return {}
    kept = deployment.inference_batcher if deployment else None
    known = msgspec.structs.asdict(kept) if kept else {}
    batcher = InferenceBatcher(**{**known, **fields, "enabled": wanted is not False})
    return {"inference_batcher": batcher}
