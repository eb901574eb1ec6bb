"""Rules for a component: its implementation, its containers, logger and resources."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from hopsartifacts.serving.kserve.inference_service import (
    FRAMEWORKS,
    InferenceServiceParts,
    containers,
    frameworks,
    variable,
)
from hopsartifacts.serving.kserve.names import MAIN_CONTAINER
from hopsartifacts.serving.kserve.quantities import quantity
from hopsartifacts.serving.kserve.refusals import Part, Refusal

DEFAULT_RESOURCES: Mapping[str, str] = {"cpu": "1", "memory": "2Gi"}
"""What KServe as it is shipped fills in for a request or a limit that is missing."""

_PROTOCOLS = ("v1", "v2", "grpc-v1", "grpc-v2")
_LOGGER_MODES = ("all", "request", "response")


def implementation(service: InferenceServiceParts) -> Iterator[Refusal]:
    """A predictor has one implementation: a framework, or one main container.

    Source: ``predictor.go``, GetImplementations; ``component.go``,
    validateExactlyOneImplementation.
    """
    predictors = [
        service.component("predictor"),
        *(it.at("predictor") for it in service.canaries()),
    ]
    for part in predictors:
        given = [it.key for it in frameworks(part)]
        names = [it.at("name").text for it in containers(part)]
        given += ["containers"] * names.count(MAIN_CONTAINER)
        if not given and names:
            given = ["containers"]
        if len(given) != 1:
            yield Part(", ".join(given) or "nothing", part.path).refused(
                "a predictor has exactly one implementation",
                f"give one of {', '.join(FRAMEWORKS)}, or one container named"
                f" {MAIN_CONTAINER}",
            )


def transformer(service: InferenceServiceParts) -> Iterator[Refusal]:
    """A transformer has a container.

    Source: ``transformer.go``, GetImplementations.
    """
    part = service.component("transformer")
    if part.is_given and not containers(part):
        yield part.at("containers").refused(
            "a transformer is a container", f"give one, named {MAIN_CONTAINER}"
        )


def main_container(service: InferenceServiceParts) -> Iterator[Refusal]:
    """The main container is the first one, and the only one with its name.

    Sources: ``components/predictor.go`` puts the container of this name in the first
    place, over the one that is there; ``transformer_custom.go`` renames the first one.
    """
    for pod in service.pods():
        if frameworks(pod):
            continue
        for n, part in enumerate(containers(pod)):
            name = part.at("name")
            if (name.text == MAIN_CONTAINER) != (n == 0):
                fault = "would be put over" if n else "is not"
                yield name.refused(
                    f"the first container {fault} the main one, which KServe finds by"
                    f" the name {MAIN_CONTAINER}",
                    f"put {MAIN_CONTAINER} first, and give the others other names",
                )


def standard_name(service: InferenceServiceParts) -> Iterator[Refusal]:
    """A framework has no name.

    Source: ``inference_service_validation.go``, validatePredictor.
    """
    for part in frameworks(service.component("predictor")):
        if part.at("name").text:
            yield part.at("name").refused(
                "KServe names the container of a framework itself", "remove the name"
            )


def model(service: InferenceServiceParts) -> Iterator[Refusal]:
    """A model has a format, a runtime and a known protocol.

    Sources: ``predictor_model.go``: without a runtime KServe chooses one, and another
    one after an update of KServe; the CRD takes any text as a protocol.
    """
    for pod in service.pods():
        part = pod.at("model")
        if not part.is_given:
            continue
        if not (form := part.at("modelFormat", "name")).text:
            yield form.refused("KServe finds no runtime", "name the model's format")
        if not (runtime := part.at("runtime")).text:
            yield runtime.refused(
                "KServe would choose a runtime, and may choose another one later",
                "name the runtime, such as kserve-tensorflow-serving",
            )
        protocol = part.at("protocolVersion")
        if protocol.is_given and protocol.value not in _PROTOCOLS:
            yield protocol.refused(
                "it is not a protocol of KServe", f"use one of {', '.join(_PROTOCOLS)}"
            )


def protocol_variable(service: InferenceServiceParts) -> Iterator[Refusal]:
    """The variable PROTOCOL of a predictor's own container is v1 or v2.

    Source: ``predictor_custom.go``, validateCustomProtocol.
    """
    for pod in service.pods():
        if pod.path[-1:] != ("predictor",) or frameworks(pod):
            continue
        for part in containers(pod)[:1]:
            entry = variable(part, "PROTOCOL")
            if entry and entry.at("value").value not in ("v1", "v2"):
                yield entry.at("value").refused(
                    "KServe takes v1 and v2", "use one of them, or remove the variable"
                )


def logger(service: InferenceServiceParts) -> Iterator[Refusal]:
    """A logger has a mode, and a storage for logs is complete.

    Source: ``component.go``, validateLogger, which knows no default mode.
    """
    for pod in service.pods():
        part = pod.at("logger")
        if not part.is_given:
            continue
        if (mode := part.at("mode")).value not in _LOGGER_MODES:
            yield mode.refused(
                "a logger has a mode", f"use one of {', '.join(_LOGGER_MODES)}"
            )
        storage = part.at("storage")
        for key in ("path", "parameters", "key"):
            if storage.is_given and not storage.at(key).is_given:
                yield storage.at(key).refused(
                    "a storage for logs needs path, parameters and key", "add it"
                )
        if storage.is_given and pod.path[-1:] == ("transformer",):
            yield storage.refused(
                "KServe reads the storage of the predictor's logger only",
                "give it there, or a url here",
            )


def batcher(service: InferenceServiceParts) -> Iterator[Refusal]:
    """KServe combines requests of the protocol V1 only.

    Source: ``pkg/batcher/handler.go``, which lets all other paths through.
    """
    for pod in service.pods():
        protocol = pod.at("model", "protocolVersion")
        if pod.at("batcher").is_given and protocol.is_given and protocol.value != "v1":
            yield pod.at("batcher").refused(
                f"KServe batches requests of v1, and the model is asked in"
                f" {protocol.value}",
                "remove it, or use v1",
            )


def resources(service: InferenceServiceParts) -> Iterator[Refusal]:
    """Quantities are valid, and no request is over its limit.

    Sources: ``core/validation``, ValidateResourceRequirements, which refuses the pods
    later; ``inference_service_defaults.go``, setResourceRequirementDefaults, for what
    KServe fills in.
    """
    first = [it.path for pod in service.pods() for it in containers(pod)[:1]]
    of_frameworks = [it.path for pod in service.pods() for it in frameworks(pod)]
    filled = {*first, *of_frameworks}
    for container in service.containers():
        for key in ("requests", "limits"):
            for part in container.at("resources", key).members():
                yield from _amount_refusals(part)
        is_filled = container.path in filled
        for key in sorted({*_keys(container, "requests"), *_keys(container, "limits")}):
            request = container.at("resources", "requests", key)
            limit = container.at("resources", "limits", key)
            yield from _order_refusals(request, limit, is_filled=is_filled)


def _keys(container: Part, kind: str) -> list[str]:
    return [it.key for it in container.at("resources", kind).members()]


def _amount_refusals(part: Part) -> Iterator[Refusal]:
    amount = quantity(part.value)
    if amount is None:
        yield part.refused(
            "it is not a quantity of Kubernetes", "write it like 2, 500m or 2Gi"
        )
    elif amount < 0:
        yield part.refused("a quantity is 0 or more", "use such a quantity")
    elif "/" in part.key and amount != int(amount):
        yield part.refused(f"there are only whole {part.key}", "use a whole number")


def _order_refusals(
    request: Part, limit: Part, *, is_filled: bool
) -> Iterator[Refusal]:
    default = DEFAULT_RESOURCES.get(request.key) if is_filled else None
    least = _amount(request, default)
    most = _amount(limit, default)
    if "/" in request.key and least != most:
        if limit.is_given and not request.is_given:
            return  # Kubernetes takes the limit as the request.
        yield request.refused(
            f"Kubernetes gives whole {request.key} to one container, so request and"
            " limit are the same",
            "set both to the same number",
        )
    elif least is not None and most is not None and least > most:
        filled = f"{default} that KServe fills in"
        low, high = (it.value if it.is_given else filled for it in (request, limit))
        yield request.refused(
            f"the request of {low} is over the limit of {high}",
            "set both, and the limit to the request or more",
        )


def _amount(part: Part, default: str | None) -> Decimal | None:
    return quantity(part.value if part.is_given else default)
