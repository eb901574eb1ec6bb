"""What a deployment is when it is sealed: a value that pins everything it runs."""

from typing import Any, Literal

import msgspec

from hopsartifacts.deployments.golden import GoldenRequest
from hopsartifacts.deployments.parts import InferenceBatcher, InferenceLogger
from hopsartifacts.deployments.resources import ComponentResources
from hopsartifacts.deployments.rules import ApiProtocol, ModelServer, ServingTool
from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import encode
from hopsartifacts.registry.documents import Framework
from hopsartifacts.serving.contract import DeploymentKey


class ModelPin(msgspec.Struct, frozen=True, kw_only=True):
    """The model version a deployment runs."""

    name: str
    version: int
    id: str
    framework: Framework
    manifest: str
    """Digest of the version's manifest, and so of every model file."""


class ArtifactPin(msgspec.Struct, frozen=True, kw_only=True):
    """The artifact version a deployment runs."""

    version: int
    identity: str


class ComponentSpecification(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True
):
    """One component; ``script`` is a name inside the artifact folder."""

    resources: ComponentResources
    script: str | None = None


class Specification(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything about one deployment version.

    Fields to come have a default and are left out where they have it, so that what was
    sealed before them is written again byte by byte.
    """

    name: str
    description: str | None
    model: ModelPin
    artifact: ArtifactPin
    model_server: ModelServer
    serving_tool: ServingTool
    api_protocol: ApiProtocol
    predictor: ComponentSpecification
    transformer: ComponentSpecification | None = None
    config_file: str | None = None
    inference_logger: InferenceLogger | None = None
    inference_batcher: InferenceBatcher | None = None
    environment: str | None = None
    environment_lock: str | None = None
    """Name inside the artifact folder; the artifact's identity pins its bytes."""
    env_vars: dict[str, str] = {}
    golden_request: GoldenRequest | None = None

    @property
    def digest(self) -> str:
        """The same for equal specifications, and for no others."""
        return sha256_of(encode(self))


class DeploymentVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed version of a deployment."""

    version: int
    created: str
    creator: str
    specification: Specification


class DeploymentState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """State of one deployment's log.

    A deleted deployment has no versions; its numbers are still not given again.
    """

    status: Literal["live", "deleted"]
    id: str
    created: str
    creator: str
    last: int
    """Highest version number ever given under this name."""
    active: int = 0
    before: int = 0
    """The version that was active before; it is again if this one is taken back."""
    versions: dict[int, DeploymentVersion] = {}
    tags: dict[str, Any] = {}

    @property
    def current(self) -> DeploymentVersion:
        """The active version of a live deployment."""
        return self.versions[self.active]

    @property
    def key(self) -> DeploymentKey:
        """What tells a live deployment from every other one; made when asked for."""
        specification = self.current.specification
        return DeploymentKey(
            name=specification.name,
            id=self.id,
            version=self.active,
            specification=specification.digest,
        )
