"""The objects that run one deployment version on a cluster, with their texts."""

from typing import Any, Self

import msgspec

from hopsartifacts.serving.contract import SealedVersion
from hopsartifacts.serving.kserve import names
from hopsartifacts.serving.kserve.manifest import manifest, storage_container
from hopsartifacts.serving.kserve.preflight import check
from hopsartifacts.serving.kserve.settings import ClusterSettings
from hopsartifacts.serving.kserve.yaml_text import yaml_of

KUSTOMIZATION = "kustomization.yaml"
STORAGE_FILE = "storage-container.yaml"
HEADER = "# Written by hopsartifacts. Make changes in an overlay; here they get lost.\n"
"""The first line of each file of a base, by which it is known again."""


class ClusterManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What to apply to a cluster to run one deployment version.

    Its text, ``str(manifest)``, is YAML for ``kubectl apply``.

    Attributes:
        version: the number of the deployment version.
        service: the InferenceService.
        storage_container: the ClusterStorageContainer that it needs, of which a cluster
            has one; None if it needs none.
    """

    version: int
    service: dict[str, Any]
    storage_container: dict[str, Any] | None = None

    @classmethod
    def of(cls, sealed: SealedVersion, settings: ClusterSettings) -> Self:
        """Return the objects for *sealed*; a cluster with *settings* takes them.

        Raises:
            UnsupportedHereError, InvalidNameError: see ``manifest``.
            InvalidDeploymentError: the cluster would refuse them; all reasons are
                given.
        """
        container = (
            None if settings.has_init_containers else storage_container(settings)
        )
        service = manifest(sealed, settings)
        check(service, kserve=settings.kserve, knative_flags=settings.knative_flags)
        return cls(
            version=sealed.deployment_version,
            service=service,
            storage_container=container,
        )

    @property
    def objects(self) -> list[dict[str, Any]]:
        """All objects, in the order in which they are applied."""
        first = [] if self.storage_container is None else [self.storage_container]
        return [*first, self.service]

    def __str__(self) -> str:
        return yaml_of(*self.objects)

    def files(self) -> dict[str, str]:
        """Return the files of a Kustomize base by name, but not its list of them."""
        metadata = self.service["metadata"]
        service = f"{HEADER}{_owner(metadata)}{yaml_of(self.service)}"
        found = {f"{metadata['name']}.yaml": service}
        if self.storage_container is not None:
            text = f"{HEADER}{yaml_of(self.storage_container)}"
            # No deployment has this name: theirs contain no "-".
            found[STORAGE_FILE] = text
        return found


def kustomization(files: list[str]) -> str:
    """Return the list of *files* as Kustomize reads it."""
    document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(files),
    }
    return f"{HEADER}{yaml_of(document)}"


def owner_of(text: str) -> str:
    """Return the line of a file that says whose it is; empty if it is not ours."""
    first, _, rest = text.partition("\n")
    return f"{rest.partition(chr(10))[0]}\n" if f"{first}\n" == HEADER else ""


def _owner(metadata: dict[str, Any]) -> str:
    notes = metadata["annotations"]
    return (
        f"# {notes[names.DEPLOYMENT]} of {notes[names.PROJECT]} in namespace "
        f"{metadata['namespace']}\n"
    )
