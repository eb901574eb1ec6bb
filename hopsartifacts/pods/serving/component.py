"""The part of a launch that one component runs, when each has a pod of its own."""

from msgspec.structs import replace

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.serving.contract import (
    Component,
    ComponentResources,
    Launch,
    Limits,
)

TENSORFLOW_SERVING = "TENSORFLOW_SERVING"


def component_launch(launch: Launch, component: Component) -> Launch:
    """Return what *component* runs of *launch*.

    The golden request, and the inference log, are about what clients send and get. So
    they belong to the transformer, if there is one, and to the predictor otherwise.

    Raises:
        InvalidInputError: the launch has no such component.
    """
    launch = replace(launch, held=())
    if component == "predictor":
        limits = _limits(launch.resources, launch.limits)
        if launch.transformer_script is None:
            return replace(launch, limits=limits)
        return replace(
            launch, transformer_script=None, golden=None, logging=None, limits=limits
        )
    if launch.transformer_script is None:
        raise InvalidInputError(
            f"deployment {launch.deployment!r} has no transformer: leave out the "
            "component transformer of the InferenceService"
        )
    return replace(
        launch,
        predictor_script=None,
        batching=None,
        transformer_limits=_limits(
            launch.transformer_resources, launch.transformer_limits
        ),
    )


def _limits(resources: ComponentResources | None, otherwise: Limits) -> Limits:
    """Return the limits that the cluster enforces, for the threads of libraries."""
    if resources is None or resources.limits.cores <= 0:
        return otherwise
    return replace(otherwise, cores=resources.limits.cores)
