"""What a cluster refuses is refused here, with the place, the value and what to do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopsartifacts.errors import InvalidDeploymentError
from hopsartifacts.serving.kserve.inference_service import InferenceServiceParts
from hopsartifacts.serving.kserve.object_rules import longest_name
from hopsartifacts.serving.kserve.preflight import RULES, check, findings
from hopsartifacts.serving.kserve.refusals import place
from tests.kserve.crds import schema
from tests.kserve.samples import (
    SAMPLES,
    Manifest,
    annotated,
    canary,
    changed,
    container,
    keda,
    knative,
    own,
    several_nodes,
    tensorflow,
    with_transformer,
)

P = "spec__predictor"
C = f"{P}__containers__0"
PYTHONPATH = [{"name": "PYTHONPATH", "value": "/x"}]
TWO_URIS = [
    {"uri": "s3://b/a", "mountPath": "/mnt/a"},
    {"uri": "s3://b/b", "mountPath": "/mnt/b"},
]

# Each row: the object, the place of the one finding, and words of its message.
REFUSED: dict[str, tuple[Manifest, str, str]] = {
    "another kind": (
        changed(own(), kind="Service"),
        "kind",
        "kind is 'Service': it is not that of an InferenceService",
    ),
    "another version": (
        changed(own(), apiVersion="serving.kserve.io/v1alpha1"),
        "apiVersion",
        "use serving.kserve.io/v1beta1",
    ),
    "name with a capital": (
        changed(own(), metadata__name="Flowers"),
        "metadata.name",
        "metadata.name is 'Flowers': KServe takes lower-case letters",
    ),
    "name with a digit first": (
        changed(own(), metadata__name="1flowers"),
        "metadata.name",
        "choose such a name",
    ),
    "no name": (changed(own(), metadata__name=None), "metadata.name", "is missing"),
    "name with a line break": (
        changed(own(), metadata__name="flowers\n"),
        "metadata.name",
        "choose such a name",
    ),
    "name too long for the label": (
        changed(own(), metadata__name="f" * 49, metadata__namespace="m"),
        "metadata.name",
        "it has 49 characters, and at most 48 fit",
    ),
    "name too long with the namespace": (
        changed(own(), metadata__name="f" * 46, metadata__namespace="default"),
        "metadata.name",
        "at most 45 fit in the namespace 'default'",
    ),
    "name too long with a transformer": (
        changed(
            with_transformer(), metadata__name="f" * 44, metadata__namespace="default"
        ),
        "metadata.name",
        "at most 43 fit in the namespace 'default'",
    ),
    "namespace that is none": (
        changed(own(), metadata__namespace="My_Models"),
        "metadata.namespace",
        "use the name of a namespace",
    ),
    "namespace of KServe": (
        changed(own(), metadata__namespace="kserve"),
        "metadata.namespace",
        "the namespace is KServe's own",
    ),
    "no mode": (
        annotated(own(), deploymentMode=None),
        "metadata.annotations['serving.kserve.io/deploymentMode']",
        "is missing: the configuration of the cluster would decide",
    ),
    "former mode": (
        annotated(own(), deploymentMode="RawDeployment"),
        "metadata.annotations['serving.kserve.io/deploymentMode']",
        "write Standard",
    ),
    "former mode of Knative": (
        annotated(knative(), deploymentMode="Serverless"),
        "metadata.annotations['serving.kserve.io/deploymentMode']",
        "write Knative",
    ),
    "mode of ModelMesh": (
        annotated(knative(), deploymentMode="ModelMesh"),
        "metadata.annotations['serving.kserve.io/deploymentMode']",
        "use Standard or Knative",
    ),
    "label that is too long": (
        changed(own(), metadata__labels={"a": "x" * 64}),
        "metadata.labels.a",
        "a label has up to 63",
    ),
    "label with a digest": (
        changed(own(), spec__predictor__labels={"d": "sha256:ab"}),
        "spec.predictor.labels.d",
        "write it as an annotation",
    ),
    "annotation that is a number": (
        changed(own(), spec__predictor__annotations={"a": 3}),
        "spec.predictor.annotations.a",
        "put it in quotes",
    ),
    "label that is a number": (
        changed(own(), metadata__labels={"a": 3}),
        "metadata.labels.a",
        "a label has up to 63",
    ),
    "annotations that are too long": (
        changed(own(), spec__predictor__annotations={"a": "x" * 2**18}),
        "spec.predictor.annotations",
        "they have 262145 bytes of at most 262144",
    ),
    "PYTHONPATH in an explainer": (
        changed(own(), spec__explainer={"art": {"env": PYTHONPATH}}),
        "spec.explainer.art.env[0].name",
        "PYTHONPATH",
    ),
    "PYTHONPATH in a container": (
        changed(own(), **{f"{P}__containers__1__env": PYTHONPATH}),
        "spec.predictor.containers[1].env[0].name",
        "KServe allows no container to set it",
    ),
    "PYTHONPATH in an init container": (
        changed(own(), **{f"{P}__initContainers__0__env": PYTHONPATH}),
        "spec.predictor.initContainers[0].env[0].name",
        "PYTHONPATH",
    ),
    "PYTHONPATH in a transformer": (
        changed(with_transformer(), spec__transformer__containers__0__env=PYTHONPATH),
        "spec.transformer.containers[0].env[0].name",
        "PYTHONPATH",
    ),
    "PYTHONPATH in a model": (
        changed(tensorflow(), spec__predictor__model__env=PYTHONPATH),
        "spec.predictor.model.env[0].name",
        "PYTHONPATH",
    ),
    "PYTHONPATH in a worker": (
        changed(
            several_nodes(), spec__predictor__workerSpec__containers__0__env=PYTHONPATH
        ),
        "spec.predictor.workerSpec.containers[0].env[0].name",
        "PYTHONPATH",
    ),
    "no implementation": (
        changed(own(), spec__predictor__containers=[]),
        "spec.predictor",
        "is 'nothing': a predictor has exactly one implementation",
    ),
    "two implementations": (
        changed(tensorflow(), spec__predictor__containers=[container()]),
        "spec.predictor",
        "is 'model, containers'",
    ),
    "two frameworks": (
        changed(tensorflow(), spec__predictor__sklearn={"storageUri": "s3://b/m"}),
        "spec.predictor",
        "is 'model, sklearn'",
    ),
    "transformer without a container": (
        changed(with_transformer(), spec__transformer__containers=[]),
        "spec.transformer.containers",
        "a transformer is a container",
    ),
    "main container of another name": (
        changed(own(), **{f"{C}__name": "main"}),
        "spec.predictor.containers[0].name",
        "the first container is not the main one",
    ),
    "name in a model": (
        changed(tensorflow(), spec__predictor__model__name="model"),
        "spec.predictor.model.name",
        "remove the name",
    ),
    "model without a format": (
        changed(tensorflow(), spec__predictor__model__modelFormat={}),
        "spec.predictor.model.modelFormat.name",
        "name the model's format",
    ),
    "model without a runtime": (
        changed(tensorflow(), spec__predictor__model__runtime=None),
        "spec.predictor.model.runtime",
        "is missing: KServe would choose a runtime",
    ),
    "model of an unknown protocol": (
        changed(tensorflow(), spec__predictor__model__protocolVersion="v3"),
        "spec.predictor.model.protocolVersion",
        "use one of v1, v2, grpc-v1, grpc-v2",
    ),
    "variable PROTOCOL": (
        changed(own(), **{f"{C}__env__0__value": "grpc-v2"}),
        "spec.predictor.containers[0].env[0].value",
        "KServe takes v1 and v2",
    ),
    "logger without a mode": (
        changed(tensorflow(), spec__predictor__logger={"url": "http://logs.test"}),
        "spec.predictor.logger.mode",
        "use one of all, request, response",
    ),
    "logger with a mode of ours": (
        changed(with_transformer(), spec__transformer__logger={"mode": "ALL"}),
        "spec.transformer.logger.mode",
        "is 'ALL': a logger has a mode",
    ),
    "logger with half a storage": (
        changed(
            tensorflow(), **{f"{P}__logger__storage": {"path": "x", "parameters": {}}}
        ),
        "spec.predictor.logger.storage.key",
        "a storage for logs needs path, parameters and key",
    ),
    "logger of a transformer with a storage": (
        changed(
            with_transformer(),
            spec__transformer__logger={
                "mode": "all",
                "storage": {"path": "x", "parameters": {}, "key": "k"},
            },
        ),
        "spec.transformer.logger.storage",
        "the storage of the predictor's logger only",
    ),
    "batcher of another protocol": (
        changed(
            tensorflow(),
            spec__predictor__model__protocolVersion="v2",
            spec__predictor__batcher={"maxBatchSize": 8},
        ),
        "spec.predictor.batcher",
        "KServe batches requests of v1, and the model is asked in v2",
    ),
    "no quantity": (
        changed(own(), **{f"{C}__resources__limits__memory": "1 GB"}),
        "spec.predictor.containers[0].resources.limits.memory",
        "is '1 GB': it is not a quantity",
    ),
    "negative quantity": (
        changed(own(), **{f"{C}__resources__requests__cpu": "-1"}),
        "spec.predictor.containers[0].resources.requests.cpu",
        "a quantity is 0 or more",
    ),
    "request over the limit": (
        changed(own(), **{f"{C}__resources__requests__memory": "1.5Gi"}),
        "spec.predictor.containers[0].resources.requests.memory",
        "the request of 1.5Gi is over the limit of 1Gi",
    ),
    "request over the limit that KServe fills in": (
        changed(
            own(), **{f"{C}__resources": {"requests": {"cpu": 4, "memory": "1Gi"}}}
        ),
        "spec.predictor.containers[0].resources.requests.cpu",
        "the request of 4 is over the limit of 1 that KServe fills in",
    ),
    "limit under the request that KServe fills in": (
        changed(
            tensorflow(),
            spec__predictor__model__resources={"limits": {"cpu": 2, "memory": "1Gi"}},
        ),
        "spec.predictor.model.resources.requests.memory",
        "is missing: the request of 2Gi that KServe fills in is over the limit of 1Gi",
    ),
    "half a GPU": (
        changed(own(), **{f"{C}__resources__limits": {"nvidia.com/gpu": "0.5"}}),
        "spec.predictor.containers[0].resources.limits['nvidia.com/gpu']",
        "there are only whole nvidia.com/gpu",
    ),
    "GPUs of which some are requested": (
        changed(
            own(),
            **{
                f"{C}__resources__limits__nvidia.com/gpu": 2,
                f"{C}__resources__requests__nvidia.com/gpu": 1,
            },
        ),
        "spec.predictor.containers[0].resources.requests['nvidia.com/gpu']",
        "set both to the same number",
    ),
    "GPUs requested without a limit": (
        changed(own(), **{f"{C}__resources__requests__nvidia.com/gpu": 1}),
        "spec.predictor.containers[0].resources.requests['nvidia.com/gpu']",
        "request and limit are the same",
    ),
    "minimum below 0": (
        changed(own(), **{f"{P}__minReplicas": -1}),
        "spec.predictor.minReplicas",
        "is -1: it is a whole number of 0 or more",
    ),
    "maximum below 0": (
        changed(own(), **{f"{P}__maxReplicas": -1}),
        "spec.predictor.maxReplicas",
        "use such a number",
    ),
    "minimum that is a text": (
        changed(own(), **{f"{P}__minReplicas": "2"}),
        "spec.predictor.minReplicas",
        "it is a whole number",
    ),
    "minimum that is a claim": (
        changed(own(), **{f"{P}__minReplicas": True}),
        "spec.predictor.minReplicas",
        "it is a whole number",
    ),
    "minimum over the maximum": (
        changed(own(), **{f"{P}__minReplicas": 3}),
        "spec.predictor.minReplicas",
        "minReplicas 3 is over maxReplicas 2",
    ),
    "concurrency below 0": (
        changed(with_transformer(), spec__transformer__containerConcurrency=-1),
        "spec.transformer.containerConcurrency",
        "it is a whole number of 0 or more",
    ),
    "unknown autoscaler": (
        annotated(own(), autoscalerClass="vpa"),
        "metadata.annotations['serving.kserve.io/autoscalerClass']",
        "use one of hpa, external, keda, none",
    ),
    "HPA by requests": (
        changed(
            annotated(own(), autoscalerClass="hpa"), **{f"{P}__scaleMetric": "rps"}
        ),
        "spec.predictor.scaleMetric",
        "an HPA scales by cpu or memory",
    ),
    "HPA by requests, as default": (
        changed(annotated(own(), autoscalerClass=None), **{f"{P}__scaleMetric": "rps"}),
        "spec.predictor.scaleMetric",
        "or Knative mode",
    ),
    "HPA with a target over 100": (
        changed(annotated(own(), autoscalerClass="hpa"), **{f"{P}__scaleTarget": 101}),
        "spec.predictor.scaleTarget",
        "use a number of 1 to 100",
    ),
    "HPA with a query": (
        changed(
            annotated(own(), autoscalerClass="hpa"),
            **{f"{P}__autoScaling": {"metrics": [{"type": "External"}]}},
        ),
        "spec.predictor.autoScaling.metrics[0].type",
        "to keda",
    ),
    "HPA without a resource": (
        changed(
            annotated(own(), autoscalerClass="hpa"),
            **{f"{P}__autoScaling": {"metrics": [{"type": "Resource"}]}},
        ),
        "spec.predictor.autoScaling.metrics[0].resource",
        "add it",
    ),
    "KEDA with a scale metric": (
        changed(keda(), **{f"{P}__scaleMetric": "cpu"}),
        "spec.predictor.scaleMetric",
        "KEDA takes its metrics from autoScaling.metrics",
    ),
    "KEDA without a query": (
        changed(keda(), **{f"{P}__autoScaling__metrics__1__external__metric": {}}),
        "spec.predictor.autoScaling.metrics[1].external.metric.query",
        "write the query",
    ),
    "KEDA without a threshold": (
        changed(keda(), **{f"{P}__autoScaling__metrics__1__external__target": {}}),
        "spec.predictor.autoScaling.metrics[1].external.target.value",
        "give the threshold",
    ),
    "KEDA with an unknown type": (
        changed(keda(), **{f"{P}__autoScaling__metrics__0__type": "Cron"}),
        "spec.predictor.autoScaling.metrics[0].type",
        "use one of Resource, External, PodMetric",
    ),
    "KEDA with less memory than 1Mi": (
        changed(
            keda(),
            **{f"{P}__autoScaling__metrics__0__resource__target__averageValue": "1Ki"},
        ),
        "spec.predictor.autoScaling.metrics[0].resource.target.averageValue",
        "1Mi or more",
    ),
    "KEDA with cores as a value": (
        changed(keda(), **{f"{P}__autoScaling__metrics__0__resource__name": "cpu"}),
        "spec.predictor.autoScaling.metrics[0].resource.target.type",
        "use Utilization",
    ),
    "KEDA with a value of memory": (
        changed(
            keda(), **{f"{P}__autoScaling__metrics__0__resource__target__type": "Mean"}
        ),
        "spec.predictor.autoScaling.metrics[0].resource.target.type",
        "use one of AverageValue, Utilization",
    ),
    "KEDA with a share over 100": (
        changed(
            keda(),
            **{
                f"{P}__autoScaling__metrics__0__resource__target": {
                    "type": "Utilization",
                    "averageUtilization": 101,
                }
            },
        ),
        "spec.predictor.autoScaling.metrics[0].resource.target.averageUtilization",
        "use a number of 1 to 100",
    ),
    "KEDA with a type without its value": (
        changed(
            keda(),
            **{
                f"{P}__autoScaling__metrics__0__resource__target": {
                    "type": "AverageValue"
                }
            },
        ),
        "spec.predictor.autoScaling.metrics[0].resource.target.averageValue",
        "a target of the type AverageValue has this value",
    ),
    "KEDA with a share of 0": (
        changed(
            keda(),
            **{
                f"{P}__autoScaling__metrics__0__resource__target": {
                    "type": "Utilization",
                    "averageUtilization": 0,
                }
            },
        ),
        "spec.predictor.autoScaling.metrics[0].resource.target.averageUtilization",
        "it is a percentage",
    ),
    "KEDA by something else": (
        changed(keda(), **{f"{P}__autoScaling__metrics__0__resource__name": "disk"}),
        "spec.predictor.autoScaling.metrics[0].resource.name",
        "KEDA scales by cpu or memory",
    ),
    "Knative by processor": (
        changed(knative(), **{f"{P}__scaleMetric": "cpu"}),
        "spec.predictor.scaleMetric",
        "Knative scales by concurrency or rps",
    ),
    "Knative with a target of 0": (
        changed(knative(), **{f"{P}__scaleTarget": 0}),
        "spec.predictor.scaleTarget",
        "a target of rps is 1 or more",
    ),
    "Knative with a strategy": (
        changed(knative(), **{f"{P}__deploymentStrategy": {"type": "Recreate"}}),
        "spec.predictor.deploymentStrategy",
        "Knative replaces pods in its own way",
    ),
    "zero pods in Standard mode": (
        changed(own(), **{f"{P}__minReplicas": 0}),
        "spec.predictor.minReplicas",
        "set it to 1, or use Knative mode, or set the annotation",
    ),
    "zero pods of a transformer in Standard mode": (
        changed(with_transformer(), spec__transformer__minReplicas=0),
        "spec.transformer.minReplicas",
        "give a trigger in autoScaling.metrics",
    ),
    "zero pods with KEDA without a trigger": (
        changed(keda(), **{f"{P}__autoScaling__metrics": []}),
        "spec.predictor.minReplicas",
        "no request starts the first pod",
    ),
    "zero pods with KEDA by memory": (
        changed(
            keda(),
            **{
                f"{P}__autoScaling__metrics": keda()["spec"]["predictor"][
                    "autoScaling"
                ]["metrics"][:1]
            },
        ),
        "spec.predictor.minReplicas",
        "no request starts the first pod",
    ),
    "share of traffic that is a text": (
        changed(knative(), **{f"{P}__canaryTrafficPercent": "10"}),
        "spec.predictor.canaryTrafficPercent",
        "it is a percentage",
    ),
    "share of traffic in Standard mode": (
        changed(own(), **{f"{P}__canaryTrafficPercent": 10}),
        "spec.predictor.canaryTrafficPercent",
        "use Knative mode",
    ),
    "share of traffic over 100": (
        changed(knative(), **{f"{P}__canaryTrafficPercent": 101}),
        "spec.predictor.canaryTrafficPercent",
        "it is a percentage",
    ),
    "storage URI and a list of them": (
        changed(
            tensorflow(),
            **{f"{P}__storageUris": [{"uri": "s3://b/a", "mountPath": "/mnt/a"}]},
        ),
        "spec.predictor.model.storageUri",
        "the component has storageUris too",
    ),
    "variable STORAGE_URI and a list": (
        changed(
            own(),
            **{
                f"{C}__env": [{"name": "STORAGE_URI", "value": "s3://b/a"}],
                f"{P}__storageUris": [{"uri": "s3://b/a"}],
            },
        ),
        "spec.predictor.containers[0].env[0].value",
        "remove one of the two",
    ),
    "variable STORAGE_URI of a transformer and a list": (
        changed(
            with_transformer(),
            spec__transformer__storageUris=[{"uri": "s3://b/a"}],
            spec__transformer__containers__0__env=[
                {"name": "STORAGE_URI", "value": "s3://b/a"}
            ],
        ),
        "spec.transformer.containers[0].env[0].value",
        "the component has storageUris too",
    ),
    "storage without an address": (
        changed(own(), **{f"{P}__storageUris": [{"uri": "", "mountPath": "/m"}]}),
        "spec.predictor.storageUris[0].uri",
        "give the address",
    ),
    "path in a claim": (
        changed(own(), **{f"{P}__storageUris": [{"uri": "pvc://claim/a/b"}]}),
        "spec.predictor.storageUris[0].uri",
        "use pvc://claim and look for the files in a/b",
    ),
    "list of addresses in Knative": (
        changed(
            knative(),
            **{f"{C}__env": [], f"{P}__storageUris": [{"uri": "s3://b/a"}]},
        ),
        "spec.predictor.storageUris",
        "'kubernetes.podspec-init-containers'",
    ),
    "relative path": (
        changed(own(), **{f"{P}__storageUris": [{"uri": "s3://b", "mountPath": "m"}]}),
        "spec.predictor.storageUris[0].mountPath",
        "is 'm': a path of a mount is absolute",
    ),
    "root as a path": (
        changed(own(), **{f"{P}__storageUris": [{"uri": "s3://b", "mountPath": "/"}]}),
        "spec.predictor.storageUris[0].mountPath",
        "not '/' itself",
    ),
    "path with ..": (
        changed(
            own(), **{f"{P}__storageUris": [{"uri": "s3://b", "mountPath": "/m/../x"}]}
        ),
        "spec.predictor.storageUris[0].mountPath",
        "has no '..'",
    ),
    "paths without a common parent": (
        changed(
            own(),
            **{
                f"{P}__storageUris": [
                    {"uri": "s3://b", "mountPath": "/mnt/a"},
                    {"uri": "s3://c", "mountPath": "/data"},
                ]
            },
        ),
        "spec.predictor.storageUris",
        "the paths /data, /mnt/a have no common parent",
    ),
    "STORAGE_URI in a collocated transformer": (
        changed(
            own(),
            **{
                f"{P}__containers__1": container(
                    "transformer-container",
                    env=[{"name": "STORAGE_URI", "value": "s3://b/m"}],
                )
            },
        ),
        "spec.predictor.containers[1].env[0].name",
        "KServe fetches files for the predictor only",
    ),
    "second port in Knative": (
        changed(
            knative(), **{f"{C}__ports__1": {"name": "http1", "containerPort": 8080}}
        ),
        "spec.predictor.containers[0].ports[1]",
        "Knative serves one port of a pod",
    ),
    "port of another name in Knative": (
        changed(knative(), **{f"{C}__ports__0__name": "grpc"}),
        "spec.predictor.containers[0].ports[0].name",
        "Knative takes http1 and h2c",
    ),
    "port of Knative itself": (
        changed(knative(), **{f"{C}__ports__0__containerPort": 9090}),
        "spec.predictor.containers[0].ports[0].containerPort",
        "Knative uses this port itself",
    ),
    "two containers without a port in Knative": (
        changed(
            knative(), **{f"{C}__ports": [], f"{P}__containers__1": container("log")}
        ),
        "spec.predictor.containers[0].ports",
        "which container serves",
    ),
    "init container in Knative": (
        changed(knative(), **{f"{P}__initContainers": [container("init")]}),
        "spec.predictor.initContainers",
        "only if the cluster has enabled 'kubernetes.podspec-init-containers'",
    ),
    "time to end in Knative": (
        changed(knative(), **{f"{P}__terminationGracePeriodSeconds": 300}),
        "spec.predictor.terminationGracePeriodSeconds",
        "Knative does not take this field",
    ),
    "claim in Knative": (
        changed(
            knative(),
            **{
                f"{P}__volumes": [
                    {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}
                ]
            },
        ),
        "spec.predictor.volumes[0].persistentVolumeClaim",
        "'kubernetes.podspec-persistent-volume-claim'",
    ),
    "folder of the node in Knative": (
        changed(
            knative(), **{f"{P}__volumes": [{"name": "v", "hostPath": {"path": "/"}}]}
        ),
        "spec.predictor.volumes[0].hostPath",
        "use one of emptyDir, secret",
    ),
    "variable of Knative in a sidecar": (
        changed(
            knative(),
            **{
                f"{P}__containers__1": container(
                    "log", env=[{"name": "K_SERVICE", "value": "x"}]
                )
            },
        ),
        "spec.predictor.containers[1].env[0].name",
        "Knative sets it itself",
    ),
    "variable PORT of a model in Knative": (
        changed(
            annotated(tensorflow(), deploymentMode="Knative"),
            spec__predictor__model__env=[{"name": "PORT", "value": "1"}],
        ),
        "spec.predictor.model.env[0].name",
        "Knative sets it itself",
    ),
    "variable PORT in Knative": (
        changed(knative(), **{f"{C}__env__1": {"name": "PORT", "value": "1"}}),
        "spec.predictor.containers[0].env[1].name",
        "Knative sets it itself",
    ),
    "canary in Knative": (
        annotated(canary(), deploymentMode="Knative"),
        "spec.canary",
        "KServe has canaries in Standard mode only",
    ),
    "canary without a name": (
        changed(canary(), spec__canary__0__predictor__name=None),
        "spec.canary[0].predictor.name",
        "a canary has a name",
    ),
    "canary with the name of the predictor": (
        changed(canary(), **{f"{P}__name": "next"}),
        "spec.canary[0].predictor.name",
        "another predictor has this name",
    ),
    "canary with more than all traffic": (
        changed(canary(), spec__canary__0__trafficPercent=101),
        "spec.canary[0].trafficPercent",
        "it is a percentage",
    ),
    "canaries with more than all traffic": (
        changed(
            canary(),
            spec__canary__1={
                "trafficPercent": 81,
                "predictor": {**own()["spec"]["predictor"], "name": "third"}
                | {"minReplicas": 1, "maxReplicas": 0},
            },
        ),
        "spec.canary",
        "add up to 101 percent",
    ),
    "canary without a share": (
        changed(canary(), spec__canary__0__trafficPercent=None),
        "spec.canary[0].trafficPercent",
        "it is a percentage",
    ),
    "canary that scales": (
        changed(canary(), spec__canary__0__predictor__scaleTarget=50),
        "spec.canary[0].predictor.scaleTarget",
        "a canary has a fixed number of pods",
    ),
    "canary with a maximum": (
        changed(canary(), spec__canary__0__predictor__maxReplicas=2),
        "spec.canary[0].predictor.maxReplicas",
        "a canary has a fixed number of pods",
    ),
    "canary with more pods": (
        changed(canary(), spec__canary__0__predictor__minReplicas=2),
        "spec.canary[0].predictor.minReplicas",
        "at most the 1 pods",
    ),
    "canary on several nodes": (
        changed(canary(), spec__canary__0__predictor__workerSpec={}),
        "spec.canary[0].predictor.workerSpec",
        "a canary runs on one node",
    ),
    "canary beside a plain container": (
        changed(own(), spec__canary=canary()["spec"]["canary"]),
        "spec.canary",
        "canaries need a predictor with a model",
    ),
    "two workers in a pod": (
        changed(
            several_nodes(), **{f"{P}__workerSpec__containers__1": container("second")}
        ),
        "spec.predictor.workerSpec.containers[1]",
        "a worker has one container",
    ),
    "no size": (
        changed(several_nodes(), **{f"{P}__workerSpec__tensorParallelSize": 0}),
        "spec.predictor.workerSpec.tensorParallelSize",
        "it is 1 or more",
    ),
    "size as a variable": (
        changed(
            several_nodes(),
            **{f"{P}__model__env": [{"name": "TENSOR_PARALLEL_SIZE", "value": "2"}]},
        ),
        "spec.predictor.model.env[0].name",
        "set workerSpec.tensorParallelSize",
    ),
    "unknown GPU": (
        changed(
            several_nodes(), **{f"{P}__model__resources__limits": {"new.com/gpu": 1}}
        ),
        "spec.predictor.model.resources.limits['new.com/gpu']",
        "KServe does not know new.com/gpu as a GPU",
    ),
    "several nodes from a bucket": (
        changed(several_nodes(), **{f"{P}__model__storageUri": "s3://b/m"}),
        "spec.predictor.model.storageUri",
        "use an address with pvc:// or oci://",
    ),
    "several nodes with an HPA": (
        annotated(several_nodes(), autoscalerClass="hpa"),
        "metadata.annotations['serving.kserve.io/autoscalerClass']",
        "set it to none",
    ),
    "confidential without an address": (
        changed(
            tensorflow(),
            **{
                f"{P}__model__storageUri": None,
                f"{P}__model__confidential__enabled": True,
            },
        ),
        "spec.predictor.model.storageUri",
        "give its storage URI",
    ),
    "confidential with another key": (
        changed(
            tensorflow(),
            **{f"{P}__model__confidential": {"enabled": True, "resourceId": "vault:x"}},
        ),
        "spec.predictor.model.confidential.resourceId",
        "write kbs:///",
    ),
}

SHARE = {"type": "Utilization", "averageUtilization": 100}
KEDA_TARGET = f"{P}__autoScaling__metrics__0__resource__target"
CLAIM = {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}
PORT = [{"name": "PORT", "value": "1"}]
LIST = f"{P}__storageUris"

# What is just allowed.
ACCEPTED: dict[str, Manifest] = {
    "longest name": changed(own(), metadata__name="f" * 46),
    "no namespace": changed(own(), metadata__namespace=None),
    "longest label": changed(own(), metadata__labels={"a": "x" * 63, "b": ""}),
    "predictor with a name": changed(own(), **{f"{P}__name": "first"}),
    "transformer beside a model": changed(
        tensorflow(), **{f"{P}__containers": [container("transformer-container")]}
    ),
    "model without a protocol": changed(
        tensorflow(), spec__predictor__model__protocolVersion=None
    ),
    "protocol of a transformer": changed(
        with_transformer(),
        spec__transformer__containers__0__env=[
            {"name": "PROTOCOL", "value": "grpc-v2"}
        ],
    ),
    "protocol of a sidecar of a model": changed(
        tensorflow(),
        **{
            f"{P}__containers": [
                container("log", env=[{"name": "PROTOCOL", "value": "none"}])
            ]
        },
    ),
    "logger with a storage": changed(
        tensorflow(),
        **{f"{P}__logger__storage": {"path": "x", "parameters": {}, "key": "k"}},
    ),
    "request of nothing": changed(own(), **{f"{C}__resources__requests__cpu": "0"}),
    "request of the whole limit": changed(
        own(), **{f"{C}__resources__requests__memory": "1024Mi"}
    ),
    "limit of GPUs alone": changed(
        own(), **{f"{C}__resources__limits__nvidia.com/gpu": 1}
    ),
    "GPUs": changed(
        own(),
        **{
            f"{C}__resources__limits__nvidia.com/gpu": "2",
            f"{C}__resources__requests__nvidia.com/gpu": 2,
        },
    ),
    "sidecar without a limit": changed(
        own(), **{f"{P}__containers__1__resources": {"requests": {"cpu": 8}}}
    ),
    "no maximum": changed(own(), **{f"{P}__maxReplicas": 0}),
    "HPA by memory": changed(
        annotated(own(), autoscalerClass="hpa"),
        **{f"{P}__scaleMetric": "memory", f"{P}__scaleTarget": 100},
    ),
    "HPA with the least target": changed(
        annotated(own(), autoscalerClass="hpa"), **{f"{P}__scaleTarget": 1}
    ),
    "HPA with a resource": changed(
        annotated(own(), autoscalerClass="hpa"),
        **{
            f"{P}__autoScaling": {
                "metrics": [{"type": "Resource", "resource": {"name": "cpu"}}]
            }
        },
    ),
    "HPA of Knative with a strategy": changed(
        knative(),
        **{
            "metadata__annotations__autoscaling.knative.dev/class": (
                "hpa.autoscaling.knative.dev"
            ),
            f"{P}__scaleMetric": "cpu",
            f"{P}__deploymentStrategy": {"type": "Recreate"},
        },
    ),
    "KEDA by processor": changed(
        keda(),
        **{
            KEDA_TARGET: SHARE,
            f"{P}__autoScaling__metrics__0__resource__name": "cpu",
        },
    ),
    "KEDA with a share of memory": changed(
        keda(), **{KEDA_TARGET: SHARE | {"averageUtilization": 1}}
    ),
    "KEDA with the least memory": changed(
        keda(), **{f"{KEDA_TARGET}__averageValue": "1Mi"}
    ),
    "Knative with the least rate": changed(knative(), **{f"{P}__scaleTarget": 1}),
    "Knative with any concurrency": changed(
        knative(), **{f"{P}__scaleMetric": "concurrency", f"{P}__scaleTarget": 0}
    ),
    "Knative with a rate alone": changed(knative(), **{f"{P}__scaleTarget": None}),
    "all traffic": changed(knative(), **{f"{P}__canaryTrafficPercent": 100}),
    "no traffic": changed(knative(), **{f"{P}__canaryTrafficPercent": 0}),
    "longest annotations": changed(
        own(), spec__predictor__annotations={"a": "x" * (2**18 - 1)}
    ),
    "batcher of V1": changed(tensorflow(), spec__predictor__batcher={}),
    "batcher of an own container": changed(own(), spec__predictor__batcher={}),
    "two claims": changed(
        own(),
        **{
            LIST: [
                {"uri": "pvc://a", "mountPath": "/mnt/a"},
                {"uri": "pvc://b", "mountPath": "/data"},
            ]
        },
    ),
    "two paths with a parent": changed(
        own(),
        **{LIST: [{"uri": "s3://a"}, {"uri": "s3://b", "mountPath": "/mnt/b"}]},
    ),
    "one path": changed(own(), **{LIST: [{"uri": "s3://a", "mountPath": "/a"}]}),
    "no port in Knative": changed(knative(), **{f"{C}__ports": []}),
    "variable PORT of a sidecar in Knative": changed(
        knative(), **{f"{P}__containers__1": container("log", env=PORT)}
    ),
    "variable PORT in Standard": changed(own(), **{f"{C}__env": PORT}),
    "claim in Standard": changed(own(), **{f"{P}__volumes": [CLAIM]}),
    "canary beside a container with an address": changed(
        own(),
        **{
            "spec__canary": canary()["spec"]["canary"],
            f"{C}__env": [{"name": "STORAGE_URI", "value": "s3://b/m"}],
        },
    ),
    "canary with all traffic": changed(canary(), spec__canary__0__trafficPercent=100),
    "canary without traffic": changed(canary(), spec__canary__0__trafficPercent=0),
    "containers on several nodes": changed(
        own(), **{f"{P}__workerSpec": {"tensorParallelSize": 1}}
    ),
    "own type of GPUs": changed(
        annotated(several_nodes(), gpu_resource_types='["new.com/gpu"]'),
        **{f"{P}__model__resources__limits": {"new.com/gpu": 1}},
    ),
    "confidential": changed(
        tensorflow(),
        **{
            f"{P}__model__confidential": {
                "enabled": True,
                "resourceId": "kbs:///repo/type/tag",
            }
        },
    ),
    "confidential, but not enabled": changed(
        tensorflow(),
        **{f"{P}__model__storageUri": None, f"{P}__model__confidential": {}},
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_a_cluster_just_accepts_passes(name: str) -> None:
    assert [str(it) for it in findings(ACCEPTED[name])] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_typical_objects_pass(name: str) -> None:
    assert findings(SAMPLES[name]()) == []
    check(SAMPLES[name]())


@pytest.mark.parametrize("name", REFUSED)
def test_an_object_is_refused_for_one_reason(name: str) -> None:
    manifest, where, words = REFUSED[name]
    found = findings(manifest)
    assert [place(it.path) for it in found] == [where]
    assert words in str(found[0])
    assert found[0].fix


def test_each_rule_refuses_something() -> None:
    """So a rule that was left out of the table, or never speaks, shows."""
    elsewhere = {"foreign", "mode_change", "predictor_name_change", "release"}
    objects = [manifest for manifest, _, _ in REFUSED.values()]
    silent = {
        rule.__name__
        for rule in RULES
        if not any([*rule(InferenceServiceParts(manifest=it))] for it in objects)
    }
    assert silent == elsewhere
    assert all("ource" in (rule.__doc__ or "") for rule in RULES)


def test_all_findings_are_raised_at_once() -> None:
    manifest = changed(
        own(), metadata__name="X", **{f"{P}__minReplicas": -1, f"{P}__scaleTarget": 1}
    )
    with pytest.raises(InvalidDeploymentError, match="name is 'X'") as caught:
        check(manifest)
    pointers = [it.pointer for it in caught.value.problems]
    assert pointers == ["/metadata/name", "/spec/predictor/minReplicas"]
    assert "spec.predictor.minReplicas is -1" in caught.value.__notes__[0]


def test_a_sidecar_is_not_first() -> None:
    manifest = own()
    manifest["spec"]["predictor"]["containers"].reverse()
    found = findings(manifest)
    assert [place(it.path) for it in found] == [
        "spec.predictor.containers[0].name",
        "spec.predictor.containers[1].name",
    ]
    assert "would be put over the main one" not in str(found[0])


@pytest.mark.parametrize("recorded", ["Standard", "RawDeployment"])
def test_the_recorded_mode_stays(recorded: str) -> None:
    live = {"status": {"deploymentMode": recorded}}
    assert findings(own(), live=live) == []
    (found,) = findings(knative(), live=live)
    assert "has the mode Standard, which cannot be changed" in str(found)


def test_a_mode_that_is_not_given_does_not_change() -> None:
    live = {"status": {"deploymentMode": "Knative"}}
    (found,) = findings(annotated(own(), deploymentMode=None), live=live)
    assert "is missing" in str(found)


def test_a_predictor_that_is_no_object_is_refused() -> None:
    found = findings(changed(own(), spec__predictor=[]))
    assert "spec.predictor: it must be an object" in str(found[0])


def test_namespaces_and_claims_have_limits() -> None:
    found = findings(changed(own(), metadata__namespace="n" * 64))
    assert "a namespace has up to 63" in str(found[-1])
    claims = [{"uri": "pvc://a"}, {"uri": "pvc://b"}]
    found = findings(changed(own(), **{f"{P}__storageUris": claims}))
    assert [place(it.path) for it in found] == [
        "spec.predictor.storageUris[0].mountPath",
        "spec.predictor.storageUris[1].mountPath",
    ]


def test_an_object_without_a_recorded_mode_may_get_any() -> None:
    assert findings(knative(), live={"status": {}}) == []


@pytest.mark.parametrize("key", ["project", "deployment-id"])
def test_an_object_of_another_owner_is_left_alone(key: str) -> None:
    mine = changed(
        own(), **{f"metadata__annotations__hopsartifacts.dev/{key}": "s3://a"}
    )
    other = changed(own(), **{f"metadata__annotations__hopsartifacts.dev/{key}": "x"})
    assert findings(mine, live=mine) == []
    assert "belongs to x: use another name" in str(findings(mine, live=other)[0])
    (found,) = findings(mine, live=own())
    assert "belongs to nobody that is known here" in str(found)


def test_the_predictor_keeps_its_name_unless_the_model_changes() -> None:
    named = changed(tensorflow(), **{f"{P}__name": "second"})
    (found,) = findings(named, live=tensorflow())
    assert place(found.path) == "spec.predictor.name"
    assert len(findings(named, live=tensorflow(), kserve="0.19")) == 1
    other = changed(named, **{f"{P}__model__storageUri": "s3://bucket/other"})
    assert findings(other, live=tensorflow()) == []


def test_labelled_namespaces_are_refused() -> None:
    (found,) = findings(own(), namespace_labels={"control-plane": "kserve"})
    assert "is labelled 'control-plane'" in str(found)


def test_features_of_knative_can_be_enabled() -> None:
    manifest = changed(knative(), **{f"{P}__initContainers": [container("init")]})
    flag = "kubernetes.podspec-init-containers"
    assert findings(manifest, knative_flags={flag}) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({f"{P}__storageContainerName": "x"}, "spec.predictor.storageContainerName"),
        ({f"{P}__name": "x"}, "spec.predictor.name"),
        (
            {f"{P}__model__confidential": {"enabled": False}},
            "spec.predictor.model.confidential",
        ),
        ({"spec__canary": canary()["spec"]["canary"]}, "spec.canary"),
    ],
)
def test_fields_of_a_later_release(change: dict[str, Any], where: str) -> None:
    manifest = changed(tensorflow(), **change)
    assert findings(manifest, kserve="0.20") == []
    (found,) = findings(manifest, kserve="0.19")
    assert place(found.path) == where


@pytest.mark.parametrize("has_transformer", [False, True])
@pytest.mark.parametrize("namespace", ["m", "default", "n" * 30])
def test_the_longest_name_makes_the_longest_labels(
    namespace: str, *, has_transformer: bool
) -> None:
    most = longest_name(namespace, has_transformer=has_transformer)
    name = "f" * most
    component = "transformer" if has_transformer else "predictor"
    made = [f"{name}-{component}-{namespace}", f"isvc.{name}-{component}"]
    assert max(map(len, made)) == 63


def test_values_of_variables_are_not_shown() -> None:
    manifest = changed(own(), **{f"{C}__env__1": {"name": "PYTHONPATH", "value": "pw"}})
    assert "pw" not in str(findings(manifest)[0])


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "1Gi", "kserve-container", "Resource", "v1", "pvc://c"])
    | st.text(max_size=5),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.text(max_size=3), below, max_size=3)
    ),
    max_leaves=5,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below: list[tuple[Any, ...]] = []
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, it in pairs:
            below += [(*path, key), *_places(it, (*path, key))]
    return below


@given(data=st.data(), name=st.sampled_from(sorted(SAMPLES)))
def test_no_value_anywhere_is_more_than_refused(data: st.DataObject, name: str) -> None:
    manifest = SAMPLES[name]()
    for path in data.draw(st.lists(st.sampled_from(_places(manifest)), max_size=3)):
        at: Any = manifest
        try:
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = data.draw(ANY)
        except (KeyError, IndexError, TypeError):  # an earlier change removed it
            continue
    for found in findings(manifest, live=manifest):
        assert str(found)


@given(manifest=st.dictionaries(st.text(max_size=9), ANY))
def test_anything_is_checked(manifest: dict[str, Any]) -> None:
    assert findings(manifest)


@pytest.mark.parametrize("release", ["0.19", "0.20"])
@pytest.mark.parametrize("name", SAMPLES)
def test_typical_objects_fit_the_published_schemas(name: str, release: Any) -> None:
    found = findings(SAMPLES[name](), kserve=release, schema=schema(release))
    if (name, release) == ("canary", "0.19"):
        assert {place(it.path) for it in found} == {"spec.canary"}
    else:
        assert found == []
