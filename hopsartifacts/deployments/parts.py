"""The optional parts of a deployment: transformer, inference logger and batcher."""

from pathlib import Path
from typing import Any, Literal

import msgspec

from hopsartifacts.deployments.resources import ComponentResources, component_resources
from hopsartifacts.errors import InvalidDeploymentError
from hopsartifacts.names import is_unicode

LoggerMode = Literal["NONE", "ALL", "MODEL_INPUTS", "PREDICTIONS"]
LOGGER_MODES: tuple[LoggerMode, ...] = ("NONE", "ALL", "MODEL_INPUTS", "PREDICTIONS")


class Transformer:
    """Changes requests before the predictor sees them, and answers afterwards.

    Args:
        script_file: a script with ``class Transformer`` and ``preprocess``,
            ``postprocess`` or both.
        resources: ``TransformerResources``, a dict, or None for the defaults.

    Raises:
        InvalidDeploymentError: no script, or resources that make no sense. (Hopsworks
            takes None and then has no transformer.)
    """

    def __init__(
        self,
        script_file: str | Path,
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


class InferenceLogger(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which requests and predictions are logged.

    Args:
        mode: ``ALL``, ``MODEL_INPUTS``, ``PREDICTIONS`` or ``NONE``.
    """

    mode: LoggerMode = "ALL"

    def __post_init__(self) -> None:
        if self.mode not in LOGGER_MODES:
            raise InvalidDeploymentError(
                f"inference logger mode {self.mode!r}: use one of "
                + ", ".join(LOGGER_MODES)
            )


class InferenceBatcher(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether and how concurrent requests are put together.

    Args:
        enabled: whether they are.
        max_batch_size: most requests in a batch.
        max_latency: longest wait for a batch to fill, in milliseconds.
        timeout: longest a batch may take, in seconds.
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
            whole = isinstance(value, int) and not isinstance(value, bool)
            if value is not None and not (whole and value > 0):
                raise InvalidDeploymentError(
                    f"inference batcher {name} is {value!r}: give a positive whole "
                    "number, or leave it out"
                )

    @property
    def has_settings(self) -> bool:
        """Whether anything but on or off was chosen."""
        return (self.max_batch_size, self.max_latency, self.timeout) != (None,) * 3


def checked_text(what: str, given: object) -> None:
    """Refuse what is neither None nor a text that can be stored."""
    if given is None:
        return
    if not isinstance(given, str) or not is_unicode(given):
        raise InvalidDeploymentError(f"{what} {given!r} is not a text: use one")


def checked_logger(given: object) -> InferenceLogger | None:
    """Return a logger or mode as a logger; None if nothing is logged."""
    made = InferenceLogger(given) if isinstance(given, str) else given  # type: ignore[arg-type]  # it checks
    if made is not None and not isinstance(made, InferenceLogger):
        raise InvalidDeploymentError(
            f"inference_logger is a {type(made).__name__}: give InferenceLogger(...)"
        )
    return made if made and made.mode != "NONE" else None


def checked_batcher(given: object) -> InferenceBatcher | None:
    """Return *given* if it is an enabled batcher, None if not enabled."""
    if given is not None and not isinstance(given, InferenceBatcher):
        raise InvalidDeploymentError(
            f"inference_batcher is a {type(given).__name__}: give InferenceBatcher(...)"
        )
    return given if given and given.enabled else None
