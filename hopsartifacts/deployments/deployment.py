"""A deployment as users hold it: save, start, predict, stop, delete."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from hopsartifacts import layout
from hopsartifacts.artifacts.decision import Decision
from hopsartifacts.artifacts.documents import Asked
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.documents import DeploymentState, Specification
from hopsartifacts.deployments.forwarding import OfPredictor
from hopsartifacts.deployments.launching import Place, launching
from hopsartifacts.deployments.parts import (
    InferenceBatcher,
    InferenceLogger,
    Transformer,
)
from hopsartifacts.deployments.predictor import Predictor
from hopsartifacts.deployments.requests import ask
from hopsartifacts.deployments.resources import ComponentResources
from hopsartifacts.deployments.rules import ApiProtocol, ModelServer, ServingTool
from hopsartifacts.deployments.state import PredictorState
from hopsartifacts.deployments.versions import (
    check_name,
    delete_deployment,
    read_deployment,
    save_specification,
)
from hopsartifacts.errors import (
    ArtifactNotFoundError,
    DeploymentNotFoundError,
    InvalidDeploymentError,
    InvalidInputError,
    UnsupportedHereError,
)
from hopsartifacts.registry.model import Model
from hopsartifacts.serving.contract import COMPONENTS, ServingBackend
from hopsartifacts.serving.inference_log.asking import count_drops, read_log
from hopsartifacts.store.transfer import download, local_folder

_RUNNING = ("Starting", "Running", "Idle", "Updating")
_DEFAULT_WAIT_S = 120


class Runner:
    """Where deployments of a project are stored and run."""

    def __init__(
        self,
        place: Place,
        backend: ServingBackend,
        get_model: Callable[[str, int], Model],
    ) -> None:
        self.place = place
        self.backend = backend
        self.get_model = get_model


class Deployment:
    """One deployment: a predictor with a name, saved or not, running or not.

    Made by ``ms.create_deployment`` (lazy), ``predictor.deploy``, ``model.deploy`` or
    ``ms.get_deployment``.
    """

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

    def __init__(
        self,
        runner: Runner,
        predictor: Predictor,
        state: DeploymentState | None = None,
    ) -> None:
        self._runner = runner
        self.predictor = predictor
        self._state = state
        self._decision: Decision | None = None

    def save(self, await_update: int = _DEFAULT_WAIT_S) -> None:
        """Seal the settings as the deployment's next version, and make it active.

        Nothing is stored if nothing changed. A running deployment is restarted with
        the new version. Saving a new deployment under the name of one with the same
        model version changes that one.

        Args:
            await_update: seconds to wait until a running deployment runs again.

        Raises:
            See ``Predictor.deploy``; and ``DeploymentFailedError`` if the new version
            does not start (it is saved all the same).
        """
        name = self.name
        storage = self._runner.place.storage
        model = (self.predictor.model_name, self.predictor.model_version)
        known = self._state.id if self._state else None
        check_name(storage, name, model, known_id=known)
        before = self._state.active if self._state else None
        specification, artifact, self._decision = self.predictor.seal()
        self._state = save_specification(storage, specification, known_id=known)
        self.predictor.keep(specification, artifact)
        if before != self._state.active:
            self._move_on(await_update)

    def start(
        self,
        await_running: int = _DEFAULT_WAIT_S,
        *,
        port: int | None = None,
        detach: bool = False,
    ) -> None:
        """Run the active version and wait until it answers.

        Every file it will use is checked against its seal first.

        Args:
            await_running: seconds to wait; 0 returns at once.
            port: port to listen on; by default a free one.
            detach: keep running when this process ends. By default the deployment
                ends with the process that started it, however that ends.

        Raises:
            IntegrityError: a file differs from its seal.
            UnsupportedHereError: this machine cannot run it.
            PortTakenError: the port is in use.
            DeploymentFailedError: it failed, or was not ready in time.
            DeploymentNotFoundError: it was not saved, or was deleted.
        """
        self._state = self._fresh()
        state = self._runner.backend.state(self.name)
        if state.status in _RUNNING and state.deployment_version == self.version:
            print(f"Deployment {self.name!r} is already running")  # noqa: T201 - as Hopsworks
            return
        self._launch(await_running, port=port, detach=detach)

    def stop(self, await_stopped: int = _DEFAULT_WAIT_S) -> None:
        """End the deployment's processes, whoever started them; silent if none run.

        Args:
            await_stopped: seconds it gets to end by itself.
        """
        self._runner.backend.stop(self.name, await_stopped_s=await_stopped)

    def restart(self, await_running: int = _DEFAULT_WAIT_S) -> None:
        """Stop and start; see both."""
        self.stop()
        self.start(await_running)

    def delete(self, force: bool = False) -> None:
        """Delete the deployment; model and artifact stay.

        Args:
            force: stop it first, if it runs.

        Raises:
            InvalidDeploymentError: it runs and *force* is not given.
            DeploymentNotFoundError: it was not saved, or was deleted before.
        """
        known_id = self._fresh().id
        if self._runner.backend.state(self.name).status in _RUNNING:
            if not force:
                raise InvalidDeploymentError(
                    f"deployment {self.name!r} is running: stop it first, or use "
                    "delete(force=True)"
                )
            self.stop()
        delete_deployment(self._runner.place.storage, self.name, known_id)
        self._runner.backend.forget(self.name)
        self._state = None

    def predict(self, data: dict[str, Any] | None = None, inputs: Any = None) -> Any:
        """Ask the running deployment for predictions.

        Args:
            data: the whole request: ``{"instances": [row, …]}`` or ``{"inputs": …}``.
                Of a deployment with the protocol GRPC: a list of tensors.
            inputs: rows only: a list of rows, one row, a dict, an array or a frame.
                Of a deployment with the protocol GRPC: one tensor or a list, each a
                dict with ``name``, ``shape``, ``datatype`` and ``data``.

        Returns:
            The answer as it came: ``{"predictions": […]}``; with the protocol GRPC a
            list of ``InferOutput``.

        Raises:
            InvalidInputError: both, neither, or something that is no request.
            NotRunningError: it does not run.
            PredictionError: the model server answered with an error.
        """
        send = partial(self._runner.backend.predict, self.name)
        return ask(send, self.api_protocol, data, inputs)

    def get_state(self) -> PredictorState:
        """Return what runs now.

        Raises:
            DeploymentNotFoundError: it was not saved, or was deleted.
        """
        self._fresh()
        return PredictorState(self.name, self._runner.backend.state(self.name))

    def is_created(self) -> bool:
        """Tell whether it is saved."""
        return self._state is not None

    def is_running(
        self,
        or_idle: bool = True,
        or_updating: bool = True,
    ) -> bool:
        """Tell whether it answers."""
        wanted = {"Running"} | ({"Idle"} if or_idle else set())
        wanted |= {"Updating"} if or_updating else set()
        return self._runner.backend.state(self.name).status in wanted

    def is_stopped(self, or_created: bool = True) -> bool:
        """Tell whether nothing runs."""
        status = self._runner.backend.state(self.name).status
        return status == "Stopped" or (or_created and status in {"Created", "Creating"})

    def get_logs(self, component: str = "predictor", tail: int = 10) -> None:
        """Print the last lines of the newest run's log, also after it ended.

        Args:
            component: ``predictor`` or ``transformer``.
            tail: how many lines.
        """
        print(self.read_logs(component, tail))  # noqa: T201 - that is what it is for

    def read_logs(self, component: str = "predictor", tail: int = 10) -> str:
        """Return what ``get_logs`` prints.

        Raises:
            InvalidInputError: no such component.
        """
        for known in COMPONENTS:
            if component == known:
                return self._runner.backend.read_logs(self.name, known, tail)
        raise InvalidInputError(
            f"component {component!r}: use one of {', '.join(COMPONENTS)}"
        )

    def read_inference_log(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        version: int | None = None,
        message_type: str | None = None,
        limit: int | None = None,
    ) -> Any:
        """Return what was asked and answered as a ``pyarrow.Table``.

        It has one row for each message, by the time of its request, from every version
        that had an inference logger without a Kafka topic. What waits on this machine
        is put into the project first.

        Args:
            since: only requests that came then or later.
            until: only requests that came before.
            version: only those that this deployment version answered.
            message_type: ``request`` or ``response``.
            limit: only so many, the newest.

        Raises:
            InvalidInputError: a choice makes no sense, or pyarrow is not installed.
            IntegrityError: a file of the log is damaged.
            StorageError: the project does not answer.
        """
        return read_log(
            self._runner.place.storage,
            self.name,
            self._runner.backend.inference_log_spool(self.name),
            since=since,
            until=until,
            version=version,
            message_type=message_type,
            limit=limit,
        )

    def inference_log_drops(self) -> int:
        """Return how many exchanges were answered but could not be logged.

        Because the sink was gone for too long or the disk was full; over all versions,
        and as far as this machine and the project know.

        Raises:
            InvalidInputError: pyarrow is not installed.
            StorageError: the project does not answer.
        """
        spool = self._runner.backend.inference_log_spool(self.name)
        return count_drops(self._runner.place.storage, self.name, spool)

    def download_artifact_files(self, local_path: str | Path | None = None) -> str:
        """Copy the artifact's files to this machine, every byte checked.

        Returns:
            The folder that holds them.

        Raises:
            ArtifactNotFoundError: not saved yet, or artifact version 0, which has none.
        """
        pin = self._saved_specification().artifact
        if pin.version == 0:
            raise ArtifactNotFoundError(
                f"deployment {self.name!r} runs artifact version 0, which has no files"
            )
        storage = self._runner.place.storage
        name, version = self.model_name, self.model_version
        store = ArtifactStore(storage, name, version)
        store.project(pin.version)
        folder = layout.artifact_dir(name, version, pin.version)
        target = local_folder(
            local_path, name, str(version), "Artifacts", str(pin.version)
        )
        files = store.get(pin.version).files
        download(storage, folder, {it.path: it.digest for it in files}, target)
        return str(target)

    def get_model(self) -> Model:
        """Return the model version it runs."""
        return self._runner.get_model(self.model_name, self.model_version)

    def explain(self) -> Decision:
        """Say why the last save reused or made its artifact version.

        For a deployment that this object did not save: what a save would do now.
        """
        return self._decision or self.predictor.explain()

    def get_url(self) -> str | None:
        """Return the URL that takes prediction requests; None when nothing runs."""
        return self.get_state().hopsworks_inference_path

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

    def _fresh(self) -> DeploymentState:
        if self._state is None:
            raise DeploymentNotFoundError(
                f"deployment {self.name!r} is not saved: call save() first"
            )
        state = read_deployment(self._runner.place.storage, self.name)
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

    def _launch(self, await_running: float, *, port: int | None, detach: bool) -> None:
        state = self._state or self._fresh()
        if detach and not self._runner.place.storage.capabilities.is_shared:
            raise UnsupportedHereError(
                "a deployment of a project in memory cannot outlive this process: "
                "start it without detach"
            )
        with launching(self._runner.place, state.id, state.current) as ready:
            self._runner.backend.check(ready)
            self._runner.backend.start(
                ready, await_running_s=await_running, port=port, detach=detach
            )

    def _move_on(self, await_update: float) -> None:
        """Restart what runs another version."""
        state = self._runner.backend.state(self.name)
        if state.status in _RUNNING and state.deployment_version != self.version:
            self.stop()
            self._launch(await_update, port=state.port, detach=state.is_detached)
