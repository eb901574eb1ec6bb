"""Amounts of resources as Kubernetes writes them, and back.

KServe fills in what a container does not say: a limit of one core and 2 GiB, which may
be less than its request. So every container says both, and a limit that is missing in
the deployment becomes one that no node reaches.
"""

from decimal import ROUND_CEILING, Decimal

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.serving.contract import ComponentResources, Resources
from hopsartifacts.serving.kserve.objects import ContainerResources, Quantities

GPU = "nvidia.com/gpu"
NO_LIMIT = -1

_MOST_CORES = 1024
_MOST_MEMORY_MB = 1 << 30
_MILLI = 1000
_UNITS_MB = {"Mi": 1, "Gi": 1 << 10, "Ti": 1 << 20, "Pi": 1 << 30}


def amounts(resources: ComponentResources) -> ContainerResources:
    """Return the requests and limits of a container.

    A node's GPUs cannot be shared, so Kubernetes wants the same number in both: the
    limit, or the request if there is no limit.
    """
    requests, limits = resources.requests, resources.limits
    asked = {"cpu": _cores(requests.cores), "memory": _memory(requests.memory)}
    most = {
        "cpu": _cores(_MOST_CORES if limits.cores == NO_LIMIT else limits.cores),
        "memory": _memory(
            _MOST_MEMORY_MB if limits.memory == NO_LIMIT else limits.memory
        ),
    }
    gpus = requests.gpus if limits.gpus == NO_LIMIT else limits.gpus
    if gpus:
        asked[GPU] = most[GPU] = str(gpus)
    return ContainerResources(requests=asked, limits=most)


def resources_of(written: ContainerResources, instances: int) -> ComponentResources:
    """Return what *written* means; the reverse of ``amounts``.

    Raises:
        InvalidInputError: an amount is not one that ``amounts`` writes.
    """
    limits = _resources(written.limits)
    return ComponentResources(
        num_instances=instances,
        requests=_resources(written.requests),
        limits=Resources(
            cores=NO_LIMIT if limits.cores >= _MOST_CORES else limits.cores,
            memory=NO_LIMIT if limits.memory >= _MOST_MEMORY_MB else limits.memory,
            gpus=limits.gpus,
        ),
    )


def _cores(cores: float) -> str:
    """Return processor cores, rounded up to a thousandth."""
    milli = (Decimal(str(cores)) * _MILLI).to_integral_value(ROUND_CEILING)
    return f"{milli}m" if milli % _MILLI else str(milli // _MILLI)


def _memory(memory_mb: int) -> str:
    unit = max(
        (it for it in _UNITS_MB if memory_mb % _UNITS_MB[it] == 0),
        key=_UNITS_MB.__getitem__,
    )
    return f"{memory_mb // _UNITS_MB[unit]}{unit}"


def _resources(written: Quantities) -> Resources:
    try:
        cpu, memory = written["cpu"], written["memory"]
        milli = int(cpu[:-1]) if cpu.endswith("m") else int(cpu) * _MILLI
        return Resources(
            cores=milli / _MILLI,
            memory=int(memory[:-2]) * _UNITS_MB[memory[-2:]],
            gpus=int(written.get(GPU, "0")),
        )
    except (KeyError, ValueError) as error:
        raise InvalidInputError(
            f"resources {written!r} are not as this package writes them: give cpu in "
            f"cores or thousandths (m), and memory in {', '.join(_UNITS_MB)}"
        ) from error
