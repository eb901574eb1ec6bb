"""A deployment as users hold it: save, start, predict, stop, delete."""

from functools import partial
from pathlib import Path
from typing import Any

from hopsartifacts import layout
from hopsartifacts.artifacts.decision import Decision
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.difference import summary
from hopsartifacts.deployments.golden import (
    DEFAULT_TOLERANCE,
    GoldenRequest,
    request_of,
)
from hopsartifacts.deployments.held import AWAIT_S, UP
from hopsartifacts.deployments.launching import launching
from hopsartifacts.deployments.logs import Logs
from hopsartifacts.deployments.progress import while_starting, while_stopping
from hopsartifacts.deployments.requests import ask
from hopsartifacts.deployments.tagging import HasTags
from hopsartifacts.deployments.versioned import Versioned
from hopsartifacts.deployments.versions import (
    check_owner,
    delete_deployment,
    save_specification,
    take_name,
)
from hopsartifacts.deployments.watched import Watched
from hopsartifacts.errors import (
    ArtifactNotFoundError,
    IntegrityError,
    InvalidDeploymentError,
    InvalidInputError,
    NotRunningError,
    PathNotFoundError,
    UnsupportedHereError,
)
from hopsartifacts.registry.given import checked_reason
from hopsartifacts.registry.model import Model
from hopsartifacts.serving.inference_log.asking import ship_rest
from hopsartifacts.store.local_paths import local_folder
from hopsartifacts.store.transfer import download


class Deployment(Versioned, Watched, HasTags):
    """One deployment: a predictor with a name, saved or not, running or not.

    Made by ``ms.create_deployment`` (lazy), ``predictor.deploy``, ``model.deploy`` or
    ``ms.get_deployment``.
    """

    def save(
        self,
        await_update: int = AWAIT_S,
        new_version: bool = True,  # noqa: ARG002 - Hopsworks' signature
        *,
        why: str = "",
        ignore_environment: bool = False,
        adopt: bool = True,
    ) -> None:
        """Seal the settings as the deployment's next version, and make it active.

        Nothing is stored if nothing changed. A running deployment moves to the new
        version without a failed request.

        If the name belongs to a deployment of the same model already, of this or of
        another model version, that deployment gets the new version, and a line is
        printed that says what changed. So a script that saves a model and deploys it
        can be run any number of times.

        Args:
            await_update: seconds to wait until a running deployment has moved.
            new_version: taken for the sake of Hopsworks 5, where a save without it
                edits the active version. Here what is sealed stays as it is, so each
                save that changes anything makes a new version.
            why: a word for those who read the history.
            ignore_environment: see ``start``.
            adopt: False to refuse a name that is taken.

        Raises:
            See ``Predictor.deploy``; and ``DeploymentFailedError`` if the new version
            does not start (it is saved all the same, and the one before goes on).
        """
        name, reason = self.name, checked_reason(why)
        model = self.predictor.model_name
        known = self._state.id if self._state else None
        logs = Logs(self._context.storage)
        there = check_owner(logs, name, model, known_id=known, adopt=adopt)
        prepared = self.predictor.prepare(logs)
        take_name(logs, name)
        before = self._state.active if self._state else None
        specification, artifact, self._decision = self.predictor.seal(logs, prepared)
        self._state = save_specification(
            logs, specification, known_id=known, why=reason, adopt=adopt
        )
        self.predictor.keep(specification, artifact)
        if known is None and there and there.active != self._state.active:
            changes = summary(there.current.specification, specification)
            print(  # noqa: T201 - Hopsworks prints that a deployment exists, too
                f"Deployment {name!r} exists: saved as its version "
                f"{self._state.active} ({changes})"
            )
        if before != self._state.active:
            self._follow(await_update, ignore_environment=ignore_environment)

    def start(
        self,
        await_running: int = AWAIT_S,
        *,
        port: int | None = None,
        detach: bool = False,
        ignore_environment: bool = False,
        progress: bool | None = None,
    ) -> None:
        """Run the active version and wait until it answers.

        Every file it will use is checked against its seal first, and what is installed
        here against its environment lock and what its scripts import.

        Args:
            await_running: seconds to wait; 0 returns at once.
            port: port to listen on; by default a free one.
            detach: keep running when this process ends. By default the deployment
                ends with the process that started it, however that ends.
            ignore_environment: start it although other packages are installed here
                than its lock wants and its scripts import.
            progress: draw a progress bar; by default on a terminal or in a notebook,
                unless ``HOPSARTIFACTS_PROGRESS`` is 0.

        Raises:
            IntegrityError: a file differs from its seal.
            UnsupportedHereError: this machine cannot run it, or has other packages.
            PortTakenError: the port is in use.
            DeploymentFailedError: it failed, or was not ready in time.
            DeploymentNotFoundError: it was not saved, or was deleted.
        """
        self._state = self._fresh()
        state = self._run_state()
        if state.status in UP and state.deployment_version == self.version:
            print(f"Deployment {self.name!r} is already running")  # noqa: T201 - as Hopsworks
            return
        if not ignore_environment:
            self._check_environment()
        instances = self.requested_instances if await_running > 0 else 0
        with while_starting(self.name, instances, self._run_state, wanted=progress):
            self._launch(await_running, port=port, detach=detach)

    def stop(
        self, await_stopped: int = AWAIT_S, *, progress: bool | None = None
    ) -> None:
        """End the deployment's processes, whoever started them; silent if none run.

        Args:
            await_stopped: seconds it gets to end by itself.
            progress: see ``start``.
        """
        instances = self.requested_instances if self._run_state().status in UP else 0
        with while_stopping(self.name, instances, self._run_state, wanted=progress):
            self._context.backend().stop(self._key, await_stopped_s=await_stopped)

    def restart(
        self, await_running: int = AWAIT_S, *, ignore_environment: bool = False
    ) -> None:
        """Stop and start; see both."""
        if not ignore_environment:
            self._state = self._fresh()
            self._check_environment()
        self.stop()
        self.start(await_running, ignore_environment=ignore_environment)

    def delete(self, force: bool = False) -> None:
        """Delete the deployment; model and artifact stay.

        Args:
            force: stop it first, if it runs.

        Raises:
            InvalidDeploymentError: it runs and *force* is not given.
            DeploymentNotFoundError: it was not saved, or was deleted before.
        """
        self._state = self._fresh()
        key = self._key
        if self._run_state().status in UP:
            if not force:
                raise InvalidDeploymentError(
                    f"deployment {self.name!r} is running: stop it first, or use "
                    "delete(force=True)"
                )
            self.stop()
        storage = self._context.storage
        # Nobody else looks for it once there is no such deployment.
        ship_rest(storage, self.name, self._context.backend().inference_log_spool(key))
        delete_deployment(storage, self.name, key.id)
        self._context.backend().forget(key)
        self._state = None

    def predict(self, data: dict[str, Any] | None = None, inputs: Any = None) -> Any:
        """Ask the running deployment for predictions.

        Args:
            data: the whole request: ``{"instances": [row, …]}`` or ``{"inputs": …}``.
                Of a deployment with the protocol GRPC: a list of tensors.
            inputs: rows only: a list of rows or of texts, one row of numbers, a dict,
                or an array, a series or a frame of any library. What has one dimension
                has as many rows as elements; only a flat list of numbers is one row.
                A deployment with the protocol GRPC takes the same, and tensors: one or
                a list, each a dict with ``name``, ``shape``, ``datatype`` and ``data``
                or the ``InferInput`` of another client.

        Returns:
            The answer as it came: ``{"predictions": […]}``; with the protocol GRPC a
            list of ``InferOutput``.

        Raises:
            InvalidInputError: both, neither, or something that is no request.
            NotRunningError: it does not run.
            PredictionError: the model server answered with an error.
            UnsupportedHereError: its model server is vLLM, which speaks otherwise.
        """
        if self.model_server == "VLLM":
            raise UnsupportedHereError(
                f"deployment {self.name!r} runs on vLLM, which answers no predict(): "
                "use any client for OpenAI's API with its URL"
            )
        send = partial(self._context.backend().predict, self._key)
        return ask(send, self.api_protocol, data, inputs)

    def record_golden(
        self,
        request: Any = None,
        *,
        tolerance: float = DEFAULT_TOLERANCE,
        await_update: int = AWAIT_S,
    ) -> GoldenRequest:
        """Ask the running deployment, and seal request and answer in its next version.

        From then on a version that answers this request otherwise does not become
        ready. Settings that were changed here and not saved are saved with it.

        Args:
            request: rows or a whole request; by default ``golden_request``, or the
                model's input example.
            tolerance: largest relative difference of two numbers that count as equal.
            await_update: seconds to wait until it runs with the new version.

        Raises:
            InvalidInputError: there is no request, or it is none.
            NotRunningError: it does not run, or not its active version.
            PredictionError: the model server answered with an error.
        """
        chosen = request_of(self._golden(request))
        active = self._fresh().active
        running = self._run_state().deployment_version
        if running != active:
            runs = f"runs version {running}" if running else "does not run"
            raise NotRunningError(
                f"deployment {self.name!r} {runs}: start version {active}, whose "
                "answer is to be recorded, first"
            )
        answer = self.predict(data=chosen)
        golden = GoldenRequest(chosen, answer, tolerance)
        self.golden_request = golden
        self.save(await_update, why="the golden request was recorded")
        return golden

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
        storage = self._context.storage
        name, version = self.model_name, self.model_version
        store = ArtifactStore(storage, name, version)
        store.project(pin.version)
        folder = layout.artifact_dir(name, version, pin.version)
        target = local_folder(
            local_path, name, str(version), "Artifacts", str(pin.version)
        )
        files = store.get(pin.version).files
        try:
            download(storage, folder, {it.path: it.digest for it in files}, target)
        except (IntegrityError, PathNotFoundError):
            # It says so if the version was deleted meanwhile.
            store.get(pin.version)
            raise
        return str(target)

    def get_model(self) -> Model:
        """Return the model version it runs."""
        registry = self._context.registry()
        model: Model = registry.get_model(self.model_name, self.model_version)
        return model

    def explain(self) -> Decision:
        """Say why the last save reused or made its artifact version.

        For a deployment that this object did not save: what a save would do now.
        """
        return self._decision or self.predictor.explain()

    def _golden(self, request: Any) -> Any:
        if request is not None:
            return request
        if self.golden_request is not None:
            return self.golden_request.request
        example = self.get_model().input_example
        if example is None:
            raise InvalidInputError(
                f"deployment {self.name!r} has no golden request and its model no "
                "input example: give the request to record"
            )
        return example

    def _launch(self, await_running: float, *, port: int | None, detach: bool) -> None:
        state = self._state or self._fresh()
        if detach and not self._context.storage.capabilities.is_shared:
            raise UnsupportedHereError(
                "a deployment of a project in memory cannot outlive this process: "
                "start it without detach"
            )
        with launching(self._context, state.id, state.current) as ready:
            self._context.backend().check(ready)
            self._context.backend().start(
                ready, await_running_s=await_running, port=port, detach=detach
            )
