"""Rules for the number of pods: replicas, autoscalers and their metrics, rollouts."""

from collections.abc import Iterator

from hopsartifacts.serving.kserve.inference_service import (
    InferenceServiceParts,
)
from hopsartifacts.serving.kserve.names import AUTOSCALER
from hopsartifacts.serving.kserve.quantities import quantity
from hopsartifacts.serving.kserve.refusals import Part, Refusal

_CLASSES = ("hpa", "external", "keda", "none")
_KNATIVE_CLASS = "autoscaling.knative.dev/class"
_KNATIVE_HPA = "hpa.autoscaling.knative.dev"
_HPA_METRICS = ("cpu", "memory")
_KNATIVE_METRICS = ("concurrency", "rps")
_MOST_PERCENT = 100
_MEMORY_TARGETS = ("AverageValue", "Utilization")
_TRIGGERS = {"External": "external", "PodMetric": "podmetric"}
_TARGET_FIELDS = {
    "Utilization": "averageUtilization",
    "AverageValue": "averageValue",
    "Value": "value",
}


def replicas(service: InferenceServiceParts) -> Iterator[Refusal]:
    """Both bounds are 0 or more, and in order; a maximum of 0 is none.

    Source: ``component.go``, validateReplicas. The default of minReplicas is 1.
    """
    for pod in service.pods():
        least, most = pod.at("minReplicas"), pod.at("maxReplicas")
        yield from _count_refusals(least)
        yield from _count_refusals(most)
        low, high = least.whole if least.is_given else 1, most.whole
        if low is not None and high and low > high >= 0:
            yield (least if least.is_given else most).refused(
                f"minReplicas {low} is over maxReplicas {high}",
                "raise maxReplicas, or set it to 0 for no maximum",
            )


def container_concurrency(service: InferenceServiceParts) -> Iterator[Refusal]:
    """The number of requests at the same time is 0 or more.

    Source: ``component.go``, validateContainerConcurrency.
    """
    for pod in service.pods():
        yield from _count_refusals(pod.at("containerConcurrency"))


def _count_refusals(part: Part) -> Iterator[Refusal]:
    if part.is_given and (part.whole is None or part.whole < 0):
        yield part.refused("it is a whole number of 0 or more", "use such a number")


def autoscaler_class(service: InferenceServiceParts) -> Iterator[Refusal]:
    """The autoscaler is a known one.

    Source: ``constants.go``, AutoscalerAllowedClassList.
    """
    part = service.annotation(AUTOSCALER)
    if part.is_given and part.value not in _CLASSES:
        yield part.refused(
            "it is not an autoscaler of KServe", f"use one of {', '.join(_CLASSES)}"
        )


def metrics(service: InferenceServiceParts) -> Iterator[Refusal]:
    """Metrics fit the autoscaler of the mode.

    Source: ``inference_service_validation.go``, validateAutoScalingCompExtension. The
    webhook skips Standard mode without a class, in which KServe makes an HPA; here the
    rules of an HPA hold for it.
    """
    check = None
    if service.mode == "Standard":
        given = service.annotation(AUTOSCALER).text
        check = {"hpa": _hpa, "": _hpa, "keda": _keda}.get(given)
    elif service.mode == "Knative":
        is_hpa = service.annotation(_KNATIVE_CLASS).text == _KNATIVE_HPA
        check = _hpa if is_hpa else _knative
    for pod in service.components():
        yield from check(pod) if check else ()


def _hpa(pod: Part) -> Iterator[Refusal]:
    metric, target = pod.at("scaleMetric"), pod.at("scaleTarget")
    if metric.is_given and metric.value not in _HPA_METRICS:
        yield metric.refused(
            "an HPA scales by cpu or memory", "use one of them, or Knative mode"
        )
    if target.is_given and not 1 <= (target.whole or 0) <= _MOST_PERCENT:
        yield target.refused(
            "the target of an HPA is a percentage", "use a number of 1 to 100"
        )
    for source in pod.at("autoScaling", "metrics").elements():
        if source.at("type").value != "Resource":
            yield source.at("type").refused(
                "an HPA takes metrics of the type Resource",
                f"use it, or set the annotation {AUTOSCALER} to keda",
            )
        elif not source.at("resource").is_given:
            yield source.at("resource").refused(
                "a metric of this type has a resource", "add it"
            )


def _keda(pod: Part) -> Iterator[Refusal]:
    if pod.at("scaleMetric").is_given:
        yield pod.at("scaleMetric").refused(
            "KEDA takes its metrics from autoScaling.metrics", "move it there"
        )
    for source in pod.at("autoScaling", "metrics").elements():
        kind = source.at("type").text
        if kind == "Resource":
            yield from _keda_resource(source.at("resource"))
        elif kind in _TRIGGERS:
            trigger = source.at(_TRIGGERS[kind])
            if not trigger.at("metric", "query").text:
                yield trigger.at("metric", "query").refused(
                    "KEDA asks for the value of a query", "write the query"
                )
            if not trigger.at("target", "value").is_given:
                yield trigger.at("target", "value").refused(
                    "KEDA compares the answer with a value", "give the threshold"
                )
            yield from _target_refusals(trigger.at("target"))
        else:
            yield source.at("type").refused(
                "it is not a type of metrics of KEDA",
                "use one of Resource, External, PodMetric",
            )


def _keda_resource(resource: Part) -> Iterator[Refusal]:
    name, target = resource.at("name"), resource.at("target")
    kind = target.at("type")
    if name.value not in _HPA_METRICS:
        yield name.refused("KEDA scales by cpu or memory", "use one of them")
    elif name.value == "cpu" and kind.value != "Utilization":
        yield kind.refused("a target of cpu is a share", "use Utilization")
    elif name.value == "memory" and kind.value not in _MEMORY_TARGETS:
        yield kind.refused(
            "it is not a type of targets of memory",
            f"use one of {', '.join(_MEMORY_TARGETS)}",
        )
    elif name.value == "memory" and kind.value == "AverageValue":
        amount = quantity(target.at("averageValue").value)
        if amount is not None and amount < 2**20:
            yield target.at("averageValue").refused(
                "a target of memory is 1Mi or more", "use such a quantity"
            )
    yield from _target_refusals(target)


def _target_refusals(target: Part) -> Iterator[Refusal]:
    kind = target.at("type").text
    if kind not in _TARGET_FIELDS:
        return
    value = target.at(_TARGET_FIELDS[kind])
    if not value.is_given:
        yield value.refused(f"a target of the type {kind} has this value", "add it")
    elif kind == "Utilization" and not 1 <= (value.whole or 0) <= _MOST_PERCENT:
        yield value.refused("it is a percentage", "use a number of 1 to 100")


def _knative(pod: Part) -> Iterator[Refusal]:
    metric, target = pod.at("scaleMetric"), pod.at("scaleTarget")
    if pod.at("deploymentStrategy").is_given:
        yield pod.at("deploymentStrategy").refused(
            "Knative replaces pods in its own way", "remove it, or use Standard mode"
        )
    if metric.is_given and metric.value not in _KNATIVE_METRICS:
        yield metric.refused(
            "Knative scales by concurrency or rps", "use one of them, or Standard mode"
        )
    if metric.value == "rps" and target.is_given and (target.whole or 0) < 1:
        yield target.refused("a target of rps is 1 or more", "use such a number")


def scale_to_zero(service: InferenceServiceParts) -> Iterator[Refusal]:
    """In Standard mode pods go to zero only with KEDA and a trigger.

    Source: ``hpa_reconciler.go``, createHPA, which takes 1 for 0 without a word. KEDA
    can start the first pod by a trigger only, not by the use of processor or memory.
    """
    if service.mode != "Standard":
        return
    is_keda = service.annotation(AUTOSCALER).text == "keda"
    for pod in service.components():
        sources = pod.at("autoScaling", "metrics").elements()
        has_trigger = any(it.at("type").text in _TRIGGERS for it in sources)
        least = pod.at("minReplicas")
        if least.whole == 0 and not (is_keda and has_trigger):
            yield least.refused(
                "in Standard mode no request starts the first pod, and KServe would"
                " keep one",
                "set it to 1, or use Knative mode, or set the annotation"
                f" {AUTOSCALER} to keda and give a trigger in autoScaling.metrics",
            )


def traffic(service: InferenceServiceParts) -> Iterator[Refusal]:
    """A share of the traffic is a percentage, which Knative alone routes.

    Source: ``knative/ksvc_reconciler.go``; Standard mode does not read it.
    """
    for pod in service.components():
        part = pod.at("canaryTrafficPercent")
        if not part.is_given:
            continue
        if part.whole is None or not 0 <= part.whole <= _MOST_PERCENT:
            yield part.refused("it is a percentage", "use a number of 0 to 100")
        elif service.mode == "Standard":
            yield part.refused(
                "Standard mode sends all requests to the newest pods",
                "remove it, or use Knative mode",
            )
