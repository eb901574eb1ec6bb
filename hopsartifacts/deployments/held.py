"""What stands for a deployment: its predictor, what was sealed, and what runs."""

from hopsartifacts.artifacts.decision import Decision
from hopsartifacts.artifacts.documents import Asked
from hopsartifacts.context import ProjectContext
from hopsartifacts.deployments.attributes import FixedAttributes
from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.deployments.forwarding import OfPredictor
from hopsartifacts.deployments.golden import GoldenRequest
from hopsartifacts.deployments.launching import launching
from hopsartifacts.deployments.parts import (
    InferenceBatcher,
    InferenceLogger,
    Transformer,
)
from hopsartifacts.deployments.predictor import Predictor
from hopsartifacts.deployments.readiness import check_environment
from hopsartifacts.deployments.resources import ComponentResources
from hopsartifacts.deployments.rules import ApiProtocol, ModelServer, ServingTool
from hopsartifacts.deployments.versions import read_deployment
from hopsartifacts.errors import DeploymentFailedError, DeploymentNotFoundError
from hopsartifacts.serving.contract import DeploymentKey, RunState

UP = frozenset({"Starting", "Running", "Idle", "Updating"})
"""States of a deployment that something runs of."""
AWAIT_S = 120
"""How long is waited for that by default, in seconds."""


class Held(FixedAttributes):
    """A predictor, and what was last seen of the deployment with its name."""

    predictor: Predictor
    description = OfPredictor[str | None]()
    model_name = OfPredictor[str]()
    model_version = OfPredictor[int]()
    model_path = OfPredictor[str]()
    model_server = OfPredictor[ModelServer]()
    artifact_version = OfPredictor[Asked]()
    artifact_files_path = OfPredictor[str | None]()
    script_file = OfPredictor[str | None]()
    config_file = OfPredictor[str | None]()
    files = OfPredictor[tuple[str, ...]]()
    resources = OfPredictor[ComponentResources]()
    requested_instances = OfPredictor[int]()
    transformer = OfPredictor[Transformer | None]()
    inference_logger = OfPredictor[InferenceLogger | None]()
    inference_batcher = OfPredictor[InferenceBatcher | None]()
    serving_tool = OfPredictor[ServingTool]()
    api_protocol = OfPredictor[ApiProtocol]()
    environment = OfPredictor[str | None]()
    environment_lock = OfPredictor[str | None]()
    env_vars = OfPredictor[dict[str, str]]()
    golden_request = OfPredictor[GoldenRequest | None]()

    def __init__(
        self,
        context: ProjectContext,
        predictor: Predictor,
        state: Deployed | None = None,
    ) -> None:
        self._context = context
        self.predictor = predictor
        self._state = state
        self._decision: Decision | None = None
        self._keyed: tuple[Deployed, DeploymentKey] | None = None

    @property
    def id(self) -> str | None:
        """Unique for ever; None before ``save``."""
        return self._state.id if self._state else None

    @property
    def name(self) -> str:
        """Name of the deployment."""
        return self.predictor.name

    @property
    def version(self) -> int | None:
        """Number of the active version; None before ``save``."""
        return self._state.active if self._state else None

    @property
    def created_at(self) -> str | None:
        """When it was first saved (RFC 3339, UTC)."""
        return self._state.created if self._state else None

    @property
    def creator(self) -> str | None:
        """Who saved it first."""
        return self._state.creator if self._state else None

    @property
    def specification(self) -> Specification:
        """The sealed specification.

        Raises:
            DeploymentNotFoundError: it was not saved yet.
        """
        return self._saved_specification()

    def __repr__(self) -> str:
        return f"Deployment(name: {self.name!r}, version: {self.version!r})"

    def _fresh(self) -> Deployed:
        if self._state is None:
            raise DeploymentNotFoundError(
                f"deployment {self.name!r} is not saved: call save() first"
            )
        state = read_deployment(self._context.storage, self.name)
        if state.id != self._state.id:
            raise DeploymentNotFoundError(
                f"deployment {self.name!r} was deleted and created anew: get it with "
                f"ms.get_deployment({self.name!r})"
            )
        return state

    def _saved_specification(self) -> Specification:
        if self._state is None:
            raise DeploymentNotFoundError(
                f"deployment {self.name!r} is not saved: call save() first"
            )
        return self._state.current.specification

    @property
    def _key(self) -> DeploymentKey:
        """What the back end is asked about; before ``save`` nothing that can run."""
        if self._state is None:
            return DeploymentKey(name=self.name, id="", version=0, specification="")
        if self._keyed is None or self._keyed[0] is not self._state:
            # Kept, since each prediction needs it.
            self._keyed = self._state, self._state.key
        return self._keyed[1]

    def _run_state(self) -> RunState:
        return self._context.backend().state(self._key)

    def _check_environment(self) -> None:
        check_environment(self._context.storage, self._saved_specification())

    def _follow(self, await_update: float, *, ignore_environment: bool) -> None:
        """Move what runs to the active version, without a failed request."""
        state = self._run_state()
        if state.status not in UP or state.deployment_version == self.version:
            return
        if not ignore_environment:
            self._check_environment()
        sealed = self._state or self._fresh()
        with launching(self._context, sealed.id, sealed.current) as ready:
            try:
                self._context.backend().update(ready, await_running_s=await_update)
            except DeploymentFailedError as error:
                raise DeploymentFailedError(_with_way_out(error, sealed)) from error


def _with_way_out(error: DeploymentFailedError, sealed: Deployed) -> str:
    """Say which version is the active one now: the next start takes that one."""
    before = sealed.state.head.before
    back = f", or go back with rollback({before})" if before else ""
    return (
        f"{error}\nVersion {sealed.active} is saved and is the active version now, "
        f"which the next start runs: change the deployment and save it again{back}"
    )
