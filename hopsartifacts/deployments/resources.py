"""What a component may use: cores, memory, GPUs, instances."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from hopsartifacts.errors import InvalidDeploymentError
from hopsartifacts.names import plain_number
from hopsartifacts.values import plain

NO_LIMIT = -1


class Resources(msgspec.Struct, frozen=True):
    """An amount of resources, as a request or as a limit.

    Args:
        cores: CPU cores, fractions allowed.
        memory: memory in MB.
        gpus: whole GPUs.

    In a limit -1 means none.
    """

    cores: float = 0.2
    memory: int = 32
    gpus: int = 0


DEFAULT_REQUESTS = Resources()
DEFAULT_LIMITS = Resources(cores=2.0, memory=1024, gpus=0)


class ComponentResources(msgspec.Struct, frozen=True, kw_only=True):
    """Instances of a component, and what each requests and may use at the most."""

    num_instances: int
    requests: Resources
    limits: Resources

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def PredictorResources(  # noqa: N802 - Hopsworks' name, which callers see as a class
    num_instances: int = 1,
    requests: Resources | Mapping[str, Any] | None = None,
    limits: Resources | Mapping[str, Any] | None = None,
) -> ComponentResources:
    """Return checked resources of a predictor.

    Args:
        num_instances: how many run; 0 lets KServe scale to zero.
        requests: by default 0.2 cores, 32 MB, no GPU.
        limits: by default 2 cores, 1024 MB, no GPU, raised to the request where that
            is more. Given limits are not raised.

    Raises:
        InvalidDeploymentError: an amount that makes no sense, or a request above its
            limit. (Hopsworks clients since 4.3 let these through.)
    """
    asked = _resources(requests, DEFAULT_REQUESTS, "requests")
    most = _resources(limits, default_limits(asked), "limits")
    instances = _instances(num_instances)
    for unit in Resources.__struct_fields__:
        _check_amount(unit, getattr(asked, unit), getattr(most, unit))
    return ComponentResources(num_instances=instances, requests=asked, limits=most)


def default_limits(requests: Resources) -> Resources:
    """Return the limits of who requests so much and sets none."""
    return Resources(
        cores=max(requests.cores, DEFAULT_LIMITS.cores),
        memory=max(requests.memory, DEFAULT_LIMITS.memory),
        gpus=max(requests.gpus, DEFAULT_LIMITS.gpus),
    )


TransformerResources = PredictorResources


def component_resources(given: Any) -> ComponentResources:
    """Return what a user passed as ``resources``: an object, a dict, or nothing."""
    if given is None:
        return PredictorResources()
    if isinstance(given, ComponentResources):
        return PredictorResources(given.num_instances, given.requests, given.limits)
    if isinstance(given, Mapping):
        if unknown := given.keys() - set(ComponentResources.__struct_fields__):
            raise InvalidDeploymentError(
                f"resources have no {min(map(str, unknown))!r}: use num_instances, "
                "requests and limits"
            )
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
        )
    if unknown := given.keys() - set(Resources.__struct_fields__):
        raise InvalidDeploymentError(
            f"{what} have no {min(map(str, unknown))!r}: use cores, memory and gpus"
        )
    try:
        amounts = plain({**msgspec.to_builtins(default), **given}, what)
        return msgspec.convert(amounts, Resources)
    except (TypeError, msgspec.ValidationError) as error:
        raise InvalidDeploymentError(
            f"{what} {dict(given)!r}: {error}; give cores, memory (MB) and gpus as "
            "numbers"
        ) from error


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
        )
    least = 0 if unit == "gpus" else None
    if request < 0 or (least is None and request == 0):
        raise InvalidDeploymentError(
            f"requested {unit} is {request}: it has to be "
            f"{'0 or more' if unit == 'gpus' else 'more than 0'}"
        )
    if limit == NO_LIMIT:
        return
    if limit < 0 or (least is None and limit == 0):
        raise InvalidDeploymentError(
            f"the limit of {unit} is {limit}: give a positive number, or -1 for none"
        )
    if request > limit:
        raise InvalidDeploymentError(
            f"requested {unit} {request} exceeds its limit {limit}: raise the limit "
            "or lower the request"
        )
