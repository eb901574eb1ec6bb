"""Rules for canaries, for models on several nodes, and for confidential ones."""

import re
from collections import Counter
from collections.abc import Iterator

from hopsartifacts.serving.kserve.inference_service import (
    PREFIX,
    InferenceServiceParts,
    containers,
    frameworks,
    storage_uri,
    variable,
)
from hopsartifacts.serving.kserve.names import AUTOSCALER
from hopsartifacts.serving.kserve.refusals import Part, Refusal

_MOST_PERCENT = 100
_FIXED = ("scaleTarget", "scaleMetric", "autoScaling")
_SIZES = {
    "pipelineParallelSize": "PIPELINE_PARALLEL_SIZE",
    "tensorParallelSize": "TENSOR_PARALLEL_SIZE",
}
_PLAIN_RESOURCES = ("cpu", "memory", "storage", "ephemeral-storage")
_GPUS = ("nvidia.com/gpu", "amd.com/gpu", "intel.com/gpu", "habana.ai/gaudi")
_GPU_TYPES = PREFIX + "gpu-resource-types"
_KEY = re.compile(r"kbs:///[a-zA-Z0-9_.-]+/[a-zA-Z0-9_.-]+/[a-zA-Z0-9_.-]+")


def canaries(service: InferenceServiceParts) -> Iterator[Refusal]:
    """Canaries are named predictors of Standard mode with a share of the traffic.

    Source: ``inference_service_validation.go``, validateCanarySpecs.
    """
    parts = service.canaries()
    if not parts:
        return
    stable = service.component("predictor")
    if service.mode != "Standard":
        yield service.at("spec", "canary").refused(
            "KServe has canaries in Standard mode only", "use it, or remove them"
        )
    if not stable.at("model").is_given and not storage_uri(stable):
        yield service.at("spec", "canary").refused(
            "canaries need a predictor with a model or a storage URI", "give one"
        )
    names = Counter(it.at("predictor", "name").text for it in parts)
    names[stable.at("name").text] += 1
    for part in parts:
        name = part.at("predictor", "name")
        if not name.text:
            yield name.refused("a canary has a name", "name the predictor")
        elif names[name.text] > 1:
            yield name.refused("another predictor has this name", "use another one")
        yield from _canary_refusals(part, stable)
    shares = [it.at("trafficPercent").whole or 0 for it in parts]
    if sum(shares) > _MOST_PERCENT >= max(shares):
        yield service.at("spec", "canary").refused(
            f"the shares of the traffic add up to {sum(shares)} percent",
            "lower them to 100 or less",
        )


def _canary_refusals(part: Part, stable: Part) -> Iterator[Refusal]:
    share, predictor = part.at("trafficPercent"), part.at("predictor")
    if share.whole is None or not 0 <= share.whole <= _MOST_PERCENT:
        yield share.refused("it is a percentage", "use a number of 0 to 100")
    if predictor.at("workerSpec").is_given:
        yield predictor.at("workerSpec").refused(
            "a canary runs on one node", "remove it"
        )
    unfixed = [predictor.at(key) for key in _FIXED]
    if predictor.at("maxReplicas").whole:
        unfixed.append(predictor.at("maxReplicas"))
    for given in unfixed:
        if given.is_given:
            yield given.refused("a canary has a fixed number of pods", "remove it")
    least = stable.at("minReplicas")
    most = least.whole if least.is_given else 1
    count = predictor.at("minReplicas")
    if most is not None and count.whole is not None and count.whole > most:
        yield count.refused(
            f"a canary has at most the {most} pods of the predictor", "lower it"
        )


def several_nodes(service: InferenceServiceParts) -> Iterator[Refusal]:
    """Models on several nodes: their storage, sizes, autoscaler and GPUs.

    Source: ``inference_service_validation.go``, validateMultiNodeVariables.
    """
    predictor = service.component("predictor")
    worker, model = predictor.at("workerSpec"), predictor.at("model")
    if not worker.is_given:
        return
    for part in containers(worker)[1:]:
        yield part.refused("a worker has one container", "remove the others")
    yield from _size_refusals(worker, model)
    for part in (model, *containers(worker)):
        yield from _gpu_refusals(service, part)
    if not model.is_given:
        return
    uri = model.at("storageUri")
    if uri.text.split("://")[0] not in {"pvc", "oci"}:
        yield uri.refused(
            "a model on several nodes lies in a claim or an image",
            "use an address with pvc:// or oci://",
        )
    if (part := service.annotation(AUTOSCALER)).value != "none":
        yield part.refused(
            "a model on several nodes does not scale by itself", "set it to none"
        )


def _size_refusals(worker: Part, model: Part) -> Iterator[Refusal]:
    for key, name in _SIZES.items():
        size = worker.at(key)
        if size.is_given and (size.whole or 0) < 1:
            yield size.refused("it is 1 or more", "use such a number")
        if entry := variable(model, name):
            yield entry.at("name").refused(
                "KServe sets it itself", f"remove it, and set workerSpec.{key}"
            )


def _gpu_refusals(service: InferenceServiceParts, container: Part) -> Iterator[Refusal]:
    more = service.annotation(_GPU_TYPES).text
    known = {*_PLAIN_RESOURCES, *_GPUS, *re.findall(r"[\w./-]+", more)}
    for kind in ("requests", "limits"):
        for part in container.at("resources", kind).members():
            if part.key not in known:
                yield part.refused(
                    f"KServe does not know {part.key} as a GPU",
                    f"name it in the annotation {_GPU_TYPES}",
                )


def confidential(service: InferenceServiceParts) -> Iterator[Refusal]:
    """A confidential model has a storage URI, and its key a form.

    Sources: ``inference_service_validation.go``, validateConfidential;
    ``confidential.go``, KBSResourceIdRegexp.
    """
    for part in frameworks(service.component("predictor")):
        given = part.at("confidential")
        if given.at("enabled").value is not True:
            continue
        if not part.at("storageUri").text:
            yield part.at("storageUri").refused(
                "a confidential model is fetched by KServe", "give its storage URI"
            )
        key = given.at("resourceId")
        if key.text and not _KEY.fullmatch(key.text):
            yield key.refused(
                "it is not the name of a key", "write kbs:///<repository>/<type>/<tag>"
            )
