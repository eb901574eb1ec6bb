"""Rules for an InferenceService as a whole: kind, names, labels, mode, fields."""

import re
from collections.abc import Iterator, Mapping

from hopsartifacts.serving.kserve.inference_service import (
    FORMER_MODES,
    FRAMEWORKS,
    InferenceServiceParts,
    storage_uri,
)
from hopsartifacts.serving.kserve.names import DEPLOYMENT_ID, MODE, PROJECT
from hopsartifacts.serving.kserve.refusals import Part, Refusal

LABEL_CHARS = 63
"""The most characters of a label of a host name, and of a value of a label."""

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_RESERVED_NAMESPACE = "kserve"
_ANNOTATION_BYTES = 256 * 1024
_CONTROL_PLANE = "control-plane"


def longest_name(namespace: str, *, has_transformer: bool) -> int:
    """Return how many characters the name of an InferenceService may have.

    KServe makes the host name ``<name>-<component>-<namespace>`` and the label
    ``isvc.<name>-<component>`` from it.
    """
    suffix = "-transformer" if has_transformer else "-predictor"
    in_label = LABEL_CHARS - len("isvc.") - len(suffix)
    in_host = LABEL_CHARS - len(suffix) - len("-") - len(namespace)
    return min(in_label, in_host) if namespace else in_label


def kind(service: InferenceServiceParts) -> Iterator[Refusal]:
    """The CRD's name and version, and the parts that no other rule works without.

    Source: ``serving.kserve.io_inferenceservices.yaml``.
    """
    wanted = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}
    for key, value in wanted.items():
        if (part := service.at(key)).value != value:
            yield part.refused("it is not that of an InferenceService", f"use {value}")
    predictor = service.component("predictor")
    if not isinstance(predictor.value, Mapping):
        yield predictor.refused("it must be an object", "give the predictor's fields")


def name(service: InferenceServiceParts) -> Iterator[Refusal]:
    """The form of the name, and its length with component and namespace.

    Sources: ``inference_service_validation.go``, validateInferenceServiceName;
    ``domain.go``, which checks the host name even if there is no ingress;
    ``deployment_reconciler.go`` for the label of the pods.
    """
    part = service.at("metadata", "name")
    namespace = service.at("metadata", "namespace").text
    if not _NAME.fullmatch(part.text):
        yield part.refused(
            "KServe takes lower-case letters, digits and '-', with a letter first and"
            " no '-' last",
            "choose such a name",
        )
    has_transformer = service.component("transformer").is_given
    most = longest_name(namespace, has_transformer=has_transformer)
    if len(part.text) > most:
        component = "transformer" if has_transformer else "predictor"
        where = f" in the namespace {namespace!r}" if namespace else ""
        yield part.refused(
            f"it has {len(part.text)} characters, and at most {max(most, 0)} fit"
            f"{where}: KServe makes names with '-{component}' from it that may have"
            f" {LABEL_CHARS}",
            "shorten the name, or use a shorter namespace",
        )


def namespace_form(service: InferenceServiceParts) -> Iterator[Refusal]:
    """The form of the namespace, a DNS label.

    Source: ``apimachinery``, IsDNS1123Label.
    """
    part = service.at("metadata", "namespace")
    is_well = _NAMESPACE.fullmatch(part.text) and len(part.text) <= LABEL_CHARS
    if part.is_given and not is_well:
        yield part.refused(
            f"a namespace has up to {LABEL_CHARS} lower-case letters, digits and '-'",
            "use the name of a namespace",
        )


def namespace_served(service: InferenceServiceParts) -> Iterator[Refusal]:
    """Namespaces in which KServe adds nothing to pods, so no model is fetched.

    Source: ``config/webhook/manifests.yaml``, the namespaceSelector of the pod mutator.
    """
    part = service.at("metadata", "namespace")
    is_labelled = _CONTROL_PLANE in service.namespace_labels
    if part.text == _RESERVED_NAMESPACE or is_labelled:
        reason = f"is labelled {_CONTROL_PLANE!r}" if is_labelled else "is KServe's own"
        yield part.refused(
            f"the namespace {reason}, and KServe prepares no pods there",
            "use another namespace",
        )


def mode(service: InferenceServiceParts) -> Iterator[Refusal]:
    """The deployment mode is said, by its present word.

    Source: ``constants.go``, ParseDeploymentMode. Without the annotation the cluster's
    ConfigMap decides; since 0.16 objects with former words could not be patched.
    """
    part = service.annotation(MODE)
    if not part.is_given:
        yield part.refused(
            "the configuration of the cluster would decide, and may change",
            "set it to Standard or Knative",
        )
    elif part.text in FORMER_MODES:
        yield part.refused(
            "it is a former word, with which objects cannot always be changed",
            f"write {FORMER_MODES[part.text]}",
        )
    elif part.value not in FORMER_MODES.values():
        yield part.refused(
            "it is not a mode that deployments can have here",
            "use Standard or Knative",
        )


def mode_change(service: InferenceServiceParts) -> Iterator[Refusal]:
    """The mode that the cluster has recorded cannot be changed.

    Source: ``inference_service_validation.go``, validateDeploymentMode.
    """
    part = service.annotation(MODE)
    recorded = Part(service.live).at("status", "deploymentMode").text
    recorded = FORMER_MODES.get(recorded, recorded)
    if part.is_given and recorded and part.value != recorded:
        yield part.refused(
            f"the running object has the mode {recorded}, which cannot be changed",
            f"use {recorded}, or delete the object first",
        )


def predictor_name_change(service: InferenceServiceParts) -> Iterator[Refusal]:
    """The predictor's name changes only together with the model.

    Source: ``inference_service_validation.go``, validatePredictorNameChange.
    """
    if not service.live or service.release == "0.19":
        return
    new, old = service.component("predictor"), Part(service.live).at("spec")
    old = old.at("predictor")
    uris = [it.text if it else "" for it in (storage_uri(new), storage_uri(old))]
    if new.at("name").text != old.at("name").text and uris[0] == uris[1]:
        yield new.at("name").refused(
            f"the running object has {old.at('name').text!r}, and KServe changes it"
            " only together with the storage URI",
            "keep the name, or delete the object first",
        )


def foreign(service: InferenceServiceParts) -> Iterator[Refusal]:
    """An object of this name that belongs to something else stays as it is.

    Source: ours. KServe has one object of a name in a namespace, whoever made it.
    """
    if not service.live:
        return
    there = Part(service.live).at("metadata", "annotations")
    for key in (PROJECT, DEPLOYMENT_ID):
        part = service.annotation(key)
        if part.is_given and part.value != there.at(key).value:
            owner = there.at(key).text or "nobody that is known here"
            yield part.refused(
                f"the running object of this name belongs to {owner}",
                "use another name or namespace, or delete that object first",
            )


def labels(service: InferenceServiceParts) -> Iterator[Refusal]:
    """Values of labels have a form; those of annotations are texts of a bounded size.

    Sources: ``apimachinery``, IsValidLabelValue and TotalAnnotationSizeLimitB. KServe
    copies both to every pod.
    """
    for owner in (service.at("metadata"), *service.pods()):
        for part in owner.at("labels").members():
            value = part.value
            is_text = isinstance(value, str) and len(value) <= LABEL_CHARS
            if not (is_text and _LABEL_VALUE.fullmatch(value)):
                yield part.refused(
                    f"a label has up to {LABEL_CHARS} letters, digits, '-', '_' and"
                    " '.', with a letter or digit first and last",
                    "shorten it, or write it as an annotation",
                )
        for part in owner.at("annotations").members():
            if not isinstance(part.value, str):
                yield part.refused("an annotation is a text", "put it in quotes")
        texts = [(it.key, it.text) for it in owner.at("annotations").members()]
        size = sum(len(key.encode()) + len(text.encode()) for key, text in texts)
        if size > _ANNOTATION_BYTES:
            yield owner.at("annotations").refused(
                f"they have {size} bytes of at most {_ANNOTATION_BYTES}",
                "keep long texts elsewhere, such as in a ConfigMap",
            )


def release(service: InferenceServiceParts) -> Iterator[Refusal]:
    """Fields that KServe has from 0.20 on.

    Source: the difference of the CRDs of 0.19.0 and 0.20.0.
    """
    if service.release != "0.19":
        return
    predictor = service.component("predictor")
    new = [
        service.at("spec", "canary"),
        predictor.at("name"),
        predictor.at("storageContainerName"),
        *(predictor.at(it, "confidential") for it in FRAMEWORKS),
    ]
    for part in new:
        if part.is_given:
            yield part.refused(
                "KServe 0.19 does not have this field", "remove it, or use KServe 0.20"
            )


def blocked_variables(service: InferenceServiceParts) -> Iterator[Refusal]:
    """Variables that no container may have.

    Source: ``env_policy.go``, DefaultBlockedEnvVars.
    """
    for container in service.containers():
        for entry in container.at("env").elements():
            if (part := entry.at("name")).text == "PYTHONPATH":
                yield part.refused(
                    "KServe allows no container to set it",
                    "add the folder to sys.path in the script",
                )
