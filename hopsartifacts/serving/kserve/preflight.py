"""Refusing an InferenceService here for the reasons for which a cluster would.

KServe's webhook names one fault at a time, and some faults show only later, in events.
Here are all of them, before anything is sent. Each rule says which source file of
KServe, Knative or Kubernetes it is from. The rules are stricter than KServe where an
object would be accepted and not do what it says.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from hopsartifacts.errors import InvalidDeploymentError
from hopsartifacts.serving.kserve import (
    component_rules,
    knative_rules,
    object_rules,
    scaling_rules,
    storage_rules,
    variant_rules,
)
from hopsartifacts.serving.kserve.inference_service import (
    InferenceServiceParts,
    Release,
)
from hopsartifacts.serving.kserve.refusals import Refusal
from hopsartifacts.serving.kserve.schema import schema_refusals

Rule = Callable[[InferenceServiceParts], Iterator[Refusal]]

RULES: tuple[Rule, ...] = (
    object_rules.kind,
    object_rules.name,
    object_rules.namespace_form,
    object_rules.namespace_served,
    object_rules.mode,
    object_rules.mode_change,
    object_rules.predictor_name_change,
    object_rules.foreign,
    object_rules.labels,
    object_rules.release,
    object_rules.blocked_variables,
    component_rules.implementation,
    component_rules.transformer,
    component_rules.main_container,
    component_rules.standard_name,
    component_rules.model,
    component_rules.protocol_variable,
    component_rules.logger,
    component_rules.batcher,
    component_rules.resources,
    scaling_rules.replicas,
    scaling_rules.container_concurrency,
    scaling_rules.autoscaler_class,
    scaling_rules.metrics,
    scaling_rules.scale_to_zero,
    scaling_rules.traffic,
    storage_rules.one_storage,
    storage_rules.mount_paths,
    storage_rules.collocated_transformer,
    knative_rules.ports,
    knative_rules.pod_fields,
    knative_rules.volumes,
    knative_rules.reserved_variables,
    variant_rules.canaries,
    variant_rules.several_nodes,
    variant_rules.confidential,
)


def findings(
    manifest: Mapping[str, Any],
    *,
    kserve: Release = "0.20",
    schema: Mapping[str, Any] | None = None,
    live: Mapping[str, Any] | None = None,
    namespace_labels: Mapping[str, str] | None = None,
    knative_flags: Collection[str] = (),
) -> list[Refusal]:
    """Return all that a cluster would refuse in an InferenceService, in a fixed order.

    Any dictionary can be checked, also one that is not an InferenceService at all.

    Args:
        manifest: the object as it would be sent.
        kserve: the minor release of KServe in the cluster.
        schema: the ``openAPIV3Schema`` of the custom resource definition there. Without
            it, keys that nobody knows are not found.
        live: the object of the same name in the cluster, if there is one.
        namespace_labels: the labels of the namespace there.
        knative_flags: features that the cluster's Knative has enabled, by the names in
            its ``config-features``: ``kubernetes.podspec-nodeselector``.
    """
    service = InferenceServiceParts(
        manifest=manifest,
        release=kserve,
        live=live or {},
        namespace_labels=namespace_labels or {},
        knative_flags=knative_flags,
    )
    found = [refusal for rule in RULES for refusal in rule(service)]
    return [*found, *(schema_refusals(manifest, schema) if schema else ())]


def check(manifest: Mapping[str, Any], **known: Any) -> None:
    """Refuse an InferenceService that a cluster would refuse.

    Args:
        manifest: the object as it would be sent.
        known: what is known about the cluster; see ``findings``.

    Raises:
        InvalidDeploymentError: with all findings as its problems.
    """
    if found := findings(manifest, **known):
        raise InvalidDeploymentError.of(*(it.problem for it in found))
