"""Small objects of each kind that a cluster accepts, and changes to them."""

from copy import deepcopy
from typing import Any

Manifest = dict[str, Any]

_DIGEST = "0" * 64
IMAGE = f"registry.test/hopsartifacts@sha256:{_DIGEST}"
_RESOURCES = {
    "requests": {"cpu": "200m", "memory": "32Mi"},
    "limits": {"cpu": "2", "memory": "1Gi"},
}


def container(name: str = "kserve-container", **fields: Any) -> Manifest:
    return {
        "name": name,
        "image": IMAGE,
        "resources": deepcopy(_RESOURCES),
        **fields,
    }


def service(predictor: Manifest, **fields: Any) -> Manifest:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": "flowers",
            "namespace": "models",
            "labels": {"app.kubernetes.io/managed-by": "hopsartifacts"},
            "annotations": {
                "serving.kserve.io/deploymentMode": "Standard",
                "serving.kserve.io/autoscalerClass": "none",
            },
        },
        "spec": {"predictor": predictor, **fields},
    }


def own() -> Manifest:
    """The runtime of this package, with an init container and a sidecar."""
    return service(
        {
            "minReplicas": 2,
            "maxReplicas": 2,
            "labels": {"hopsartifacts.dev/version": "3"},
            "deploymentStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
            },
            "terminationGracePeriodSeconds": 310,
            "initContainers": [
                container(
                    "storage-initializer",
                    args=["hops://flowers/3", "/mnt/models"],
                    envFrom=[{"secretRef": {"name": "store"}}],
                    volumeMounts=[{"name": "files", "mountPath": "/mnt/models"}],
                )
            ],
            "containers": [
                container(
                    env=[{"name": "PROTOCOL", "value": "v2"}],
                    ports=[
                        {"name": "http1", "containerPort": 8080},
                        {"name": "h2c", "containerPort": 8081},
                    ],
                    readinessProbe={"httpGet": {"path": "/ready", "port": 8080}},
                ),
                container("inference-log"),
            ],
            "volumes": [{"name": "files", "emptyDir": {}}],
        }
    )


def with_transformer() -> Manifest:
    manifest = own()
    manifest["spec"]["transformer"] = {
        "minReplicas": 1,
        "containers": [
            container(args=["--predictor-host", "flowers-predictor.models"])
        ],
    }
    return manifest


def tensorflow() -> Manifest:
    return service(
        {
            "minReplicas": 1,
            "model": {
                "modelFormat": {"name": "tensorflow"},
                "runtime": "kserve-tensorflow-serving",
                "protocolVersion": "v1",
                "resources": deepcopy(_RESOURCES),
                "storageUri": "s3://bucket/model",
            },
            "logger": {"mode": "all", "url": "http://logs.test"},
        }
    )


def knative() -> Manifest:
    manifest = service(
        {
            "minReplicas": 0,
            "maxReplicas": 3,
            "scaleMetric": "rps",
            "scaleTarget": 10,
            "containers": [
                container(
                    env=[{"name": "STORAGE_URI", "value": "hops://flowers/3"}],
                    ports=[{"name": "h2c", "containerPort": 8081}],
                )
            ],
        }
    )
    manifest["metadata"]["annotations"] = {
        "serving.kserve.io/deploymentMode": "Knative"
    }
    return manifest


def keda() -> Manifest:
    manifest = own()
    annotations = manifest["metadata"]["annotations"]
    annotations["serving.kserve.io/autoscalerClass"] = "keda"
    manifest["spec"]["predictor"]["autoScaling"] = {
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "memory",
                    "target": {"type": "AverageValue", "averageValue": "2Mi"},
                },
            },
            {
                "type": "External",
                "external": {
                    "metric": {"backend": "prometheus", "query": "waiting"},
                    "target": {"type": "Value", "value": "4"},
                },
            },
        ]
    }
    manifest["spec"]["predictor"]["minReplicas"] = 0
    return manifest


def canary() -> Manifest:
    manifest = tensorflow()
    predictor = deepcopy(manifest["spec"]["predictor"])
    predictor["name"] = "next"
    del predictor["logger"]
    predictor["model"]["name"] = "kserve-container"  # the schema wants it here alone
    manifest["spec"]["canary"] = [{"trafficPercent": 20, "predictor": predictor}]
    return manifest


def several_nodes() -> Manifest:
    manifest = tensorflow()
    predictor = manifest["spec"]["predictor"]
    predictor["model"]["storageUri"] = "pvc://claim/model"
    predictor["workerSpec"] = {
        "pipelineParallelSize": 2,
        "containers": [{"name": "worker-container", "image": IMAGE}],
    }
    return manifest


SAMPLES = {
    sample.__name__: sample
    for sample in (
        own,
        with_transformer,
        tensorflow,
        knative,
        keda,
        canary,
        several_nodes,
    )
}


def changed(manifest: Manifest, **changes: Any) -> Manifest:
    """Return a copy in which values at paths are others; None removes the member.

    A path has its steps joined by ``__``; steps of digits are indexes, and an index
    after the last element appends one.
    """
    copy = deepcopy(manifest)
    for path, value in changes.items():
        *steps, last = path.split("__")
        at: Any = copy
        for step in steps:
            at = at[int(step)] if step.isdigit() else at.setdefault(step, {})
        if value is None:
            del at[last]
        elif last.isdigit():
            at[int(last) : int(last) + 1] = [value]
        else:
            at[last] = value
    return copy


def annotated(manifest: Manifest, **annotations: str | None) -> Manifest:
    """Return a copy with other annotations of KServe; None removes one."""
    copy = deepcopy(manifest)
    for key, value in annotations.items():
        name = f"serving.kserve.io/{key.replace('_', '-')}"
        if value is None:
            del copy["metadata"]["annotations"][name]
        else:
            copy["metadata"]["annotations"][name] = value
    return copy
