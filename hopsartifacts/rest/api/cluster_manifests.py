"""The manifest of a deployment for a Kubernetes cluster."""

from typing import Any

import msgspec

from hopsartifacts.deployments.cluster import cluster_settings
from hopsartifacts.rest.api.conventions import operations
from hopsartifacts.rest.api.deployments import DEPLOYMENT, deployment
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.serving.kserve.settings import Mode


class ManifestQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters: settings that replace those of the server.

    Attributes:
        namespace: the namespace of the objects.
        mode: ``Standard`` or ``Knative``.
        image: our image, by its digest.
        claim: the volume claim that contains a ``file://`` project.
        version: number of the deployment version; by default the active one.
    """

    namespace: str | None = None
    mode: Mode | None = None
    image: str | None = None
    claim: str | None = None
    version: int | None = None


class DeploymentManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What to apply to a cluster to run a deployment version.

    Attributes:
        version: number of the deployment version.
        objects: the objects of Kubernetes, in the order in which they are applied.
        yaml: the same as YAML.
    """

    version: int
    objects: list[dict[str, Any]]
    yaml: str


def _manifest(call: OperationCall) -> DeploymentManifest:
    wanted: ManifestQuery = call.query
    settings = cluster_settings(
        None,
        namespace=wanted.namespace,
        mode=wanted.mode,
        image=wanted.image,
        claim=wanted.claim,
    )
    found = deployment(call).manifest(settings, version=wanted.version)
    return DeploymentManifest(
        version=found.version, objects=found.objects, yaml=str(found)
    )


_operation = operations("deployments", "deploy")

OPERATIONS = (
    _operation(
        "GET",
        f"{DEPLOYMENT}/manifest",
        _manifest,
        "The objects by which KServe runs it on a Kubernetes cluster",
        query=ManifestQuery,
        answer=DeploymentManifest,
        errors=(404, 422),
    ),
)
