"""The user's API of one deployment: save, start, predict, stop, delete."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from hopsartifacts.artifacts.decision import Decision
from hopsartifacts.context import ProjectContext
from hopsartifacts.deployments import history, versions
from hopsartifacts.deployments.cluster import cluster_settings, manifest_for
from hopsartifacts.deployments.deployed import Deployed, Logs, no_key
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.deployments.environment import check_environment
from hopsartifacts.deployments.launch import AWAIT_S, move_to, start
from hopsartifacts.deployments.predictor import (
    DeploymentDraft,
    Predictor,
    SettingAttributes,
    sealed_predictor,
)
from hopsartifacts.deployments.requests import (
    DEFAULT_TOLERANCE,
    GoldenRequest,
    ask,
    check_runs,
    request_to_record,
)
from hopsartifacts.deployments.state import (
    PredictorState,
    component_name,
    while_starting,
    while_stopping,
)
from hopsartifacts.errors import (
    DeploymentNotFoundError,
    InUseError,
    InvalidDeploymentError,
    UnsupportedHereError,
)
from hopsartifacts.registry.documents import Tags
from hopsartifacts.registry.given import checked_reason
from hopsartifacts.registry.model import Model, Tagged
from hopsartifacts.serving.contract import UP, DeploymentKey, RunState
from hopsartifacts.serving.inference_log.access import count_drops, read_log, ship_rest
from hopsartifacts.serving.kserve.cluster_manifest import ClusterManifest
from hopsartifacts.serving.kserve.settings import ClusterSettings, Mode


class Deployment(SettingAttributes, Tagged):
    """One deployment: a predictor with a name, saved or not, running or not.

    ``model.deploy``, ``predictor.deploy`` and ``ms.get_deployment`` return a saved one,
    ``ms.create_deployment`` one that is not saved yet.
    """

    predictor: Predictor

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

        If a deployment of the same model has this name already, with this or another
        model version, that deployment gets the new version, and a printed line names
        what changed. So a script that saves and deploys a model can run any number of
        times.

        Args:
            await_update: seconds to wait until a running deployment has moved.
            new_version: ignored; accepted because Hopsworks 5 has it. There a save
                without it edits the active version. Here a sealed version never
                changes, so each save that changes anything makes a new version.
            why: the reason, for the history.
            ignore_environment: see ``start``.
            adopt: False to refuse a name that is taken.

        Raises:
            See ``Predictor.deploy``; and ``DeploymentFailedError`` if the new version
            does not start (it is saved, and the previous version keeps running).
        """
        reason, predictor, state = checked_reason(why), self.predictor, self._state
        name, model = self._draft.settings.name or "", self._draft.model.model
        known, before = (state.id, state.active) if state else (None, None)
        logs = Logs(self._context.storage, for_writing=True)
        there = versions.check_owner(logs, name, model, known_id=known, adopt=adopt)
        prepared = predictor.prepare(logs)
        versions.take_name(logs, name)
        specification, artifact, self._decision = predictor.seal(prepared)
        self._state = sealed = versions.save_specification(
            logs, specification, known_id=known, why=reason, adopt=adopt
        )
        predictor.keep(specification, artifact)
        if known is None and there and there.active != sealed.active:
            changes = history.summary(there.current.specification, specification)
            print(  # noqa: T201 - Hopsworks prints that a deployment exists, too
                f"Deployment {name!r} exists: saved as its version "
                f"{sealed.active} ({changes})"
            )
        # A deployment whose first version this is cannot be running.
        if before != sealed.active and not sealed.is_first:
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

        First, every file that it uses is compared with its sealed digest, and the
        installed packages are compared with the environment lock and the imports of the
        scripts.

        Args:
            await_running: seconds to wait; 0 returns at once.
            port: the port to listen on; by default a free one.
            detach: keep running when this process ends. By default the deployment ends
                together with the process that started it, even if that crashes.
            ignore_environment: start it although the installed packages differ from the
                lock, or lack what the scripts import.
            progress: draw a progress bar; by default on a terminal or in a notebook,
                unless ``HOPSARTIFACTS_PROGRESS`` is 0.

        Raises:
            IntegrityError: a file differs from its sealed digest.
            UnsupportedHereError: this machine cannot run it, or has the wrong packages.
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
            check_environment(self._context.storage, self.specification)
        instances = self.requested_instances if await_running > 0 else 0
        with while_starting(self.name, instances, self._run_state, wanted=progress):
            start(self._context, self._state, await_running, port=port, detach=detach)

    def stop(
        self, await_stopped: int = AWAIT_S, *, progress: bool | None = None
    ) -> None:
        """End the deployment's processes, if any run; also those of another program.

        Args:
            await_stopped: seconds to wait before the processes are killed.
            progress: see ``start``.
        """
        instances = self.requested_instances if self._run_state().status in UP else 0
        with while_stopping(self.name, instances, self._run_state, wanted=progress):
            self._context.backend().stop(self._key, await_stopped_s=await_stopped)

    def restart(
        self, await_running: int = AWAIT_S, *, ignore_environment: bool = False
    ) -> None:
        """Stop the deployment, then start it; see ``stop`` and ``start``."""
        if not ignore_environment:
            self._state = self._fresh()
            check_environment(self._context.storage, self.specification)
        self.stop()
        self.start(await_running, ignore_environment=ignore_environment)

    def delete(self, force: bool = False) -> None:
        """Delete the deployment; its model and artifact stay.

        Args:
            force: stop it first, if it runs.

        Raises:
            InvalidDeploymentError: it is running, and *force* is False.
            DeploymentNotFoundError: it was not saved, or is deleted already.
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
        # After the deployment was deleted, no other process ships these records.
        ship_rest(storage, self.name, self._context.backend().inference_log_spool(key))
        versions.delete_deployment(storage, self.name, key.id)
        self._context.backend().forget(key)
        self._state = None

    def predict(self, data: dict[str, Any] | None = None, inputs: Any = None) -> Any:
        """Ask the running deployment for predictions.

        Args:
            data: the whole request: ``{"instances": [row, …]}`` or ``{"inputs": …}``.
                For a deployment with the protocol GRPC: a list of tensors.
            inputs: rows only: a list of rows or of texts, one row of numbers, a dict,
                or an array, a series or a frame of any library. A flat list of numbers
                is one row; a series or a one-dimensional array has as many rows as
                elements. A deployment with the protocol GRPC also accepts a tensor or a
                list of tensors. Each tensor is a dict with ``name``, ``shape``,
                ``datatype`` and ``data``, or the ``InferInput`` of another client.

        Returns:
            The answer, unchanged: ``{"predictions": […]}``; with the protocol GRPC a
            list of ``InferOutput``.

        Raises:
            InvalidInputError: both or neither is given, or the request is not valid.
            NotRunningError: it does not run.
            PredictionError: the model server answered with an error.
            UnsupportedHereError: its model server is vLLM, which has another protocol.
        """
        if self.model_server == "VLLM":
            raise UnsupportedHereError(
                f"deployment {self.name!r} runs on vLLM, which predict() does not "
                "support: use any client for OpenAI's API with its URL"
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
        """Get an answer, and seal it with its request as the golden request.

        This saves the next version of the deployment, with any settings that were
        changed and not saved. From then on, a version that gives a different answer to
        this request does not become ready.

        Args:
            request: rows or a whole request; by default ``golden_request``, or the
                model's input example.
            tolerance: largest relative difference of two numbers that count as equal.
            await_update: seconds to wait until it runs with the new version.

        Raises:
            InvalidInputError: there is no request, or it is not valid.
            NotRunningError: the active version does not run.
            PredictionError: the model server answered with an error.
        """
        chosen = request_to_record(
            self.name, request, self.golden_request, self.get_model
        )
        active = self._fresh().active
        check_runs(self.name, self._run_state().deployment_version, active)
        golden = GoldenRequest(chosen, self.predict(data=chosen), tolerance)
        self.golden_request = golden
        self.save(await_update, why="the golden request was recorded")
        return golden

    def download_artifact_files(self, local_path: str | Path | None = None) -> str:
        """Copy the artifact's files to this machine, and check every byte.

        Returns:
            The folder that contains them.

        Raises:
            ArtifactNotFoundError: it is not saved, or has artifact version 0, which has
                no files.
        """
        return versions.download_artifact(
            self._context.storage, self.specification, local_path
        )

    def get_model(self) -> Model:
        """Return the model version of the deployment."""
        registry = self._context.registry()
        model: Model = registry.get_model(self.model_name, self.model_version)
        return model

    def explain(self) -> Decision:
        """Explain why the last save reused or created its artifact version.

        If this object has not saved the deployment: what a save would do now.
        """
        return self._decision or self.predictor.explain()

    def get_state(self) -> PredictorState:
        """Return the state of the deployment's processes.

        Raises:
            DeploymentNotFoundError: it was not saved, or was deleted.
        """
        self._fresh()
        return PredictorState(self.name, self._run_state())

    def is_created(self) -> bool:
        """Return whether it is saved."""
        return self._state is not None

    def is_running(
        self,
        or_idle: bool = True,
        or_updating: bool = True,
    ) -> bool:
        """Return whether it answers requests."""
        wanted = {"Running"} | ({"Idle"} if or_idle else set())
        wanted |= {"Updating"} if or_updating else set()
        return self._run_state().status in wanted

    def is_stopped(self, or_created: bool = True) -> bool:
        """Return whether none of its processes run."""
        status = self._run_state().status
        return status == "Stopped" or (or_created and status in {"Created", "Creating"})

    def get_logs(
        self, component: str = "predictor", tail: int = 10, *, follow: bool = False
    ) -> None:
        """Print the last lines of the newest run's log; the run may have ended.

        Args:
            component: ``predictor`` or ``transformer``.
            tail: the number of lines.
            follow: also print the lines that are written from now on, until the run
                ends or the program is interrupted.
        """
        if not follow:
            print(self.read_logs(component, tail))  # noqa: T201 - that is what it is for
            return
        for line in self.follow_logs(component, tail):
            print(line, flush=True)  # noqa: T201 - that is what it is for

    def read_logs(self, component: str = "predictor", tail: int = 10) -> str:
        """Return the text that ``get_logs`` prints.

        Raises:
            InvalidInputError: the component does not exist.
        """
        known = component_name(component)
        return self._context.backend().read_logs(self._key, known, tail)

    def follow_logs(
        self, component: str = "predictor", tail: int = 10
    ) -> Iterator[str]:
        """Yield the last lines of the log, then each new line until the run ends.

        Raises:
            InvalidInputError: the component does not exist.
        """
        known = component_name(component)
        lines = self._context.backend().follow_logs(self._key, known, tail)
        return (line.text for line in lines)

    def read_inference_log(
        self,
        since: datetime | date | str | None = None,
        until: datetime | date | str | None = None,
        *,
        version: int | None = None,
        message_type: str | None = None,
        limit: int | None = None,
    ) -> Any:
        """Return the logged requests and answers as a ``pyarrow.Table``.

        The table has one row for each message, ordered by the time of the request, from
        every version that had an inference logger without a Kafka topic. Records that
        wait on this machine are moved into the project first. Records of an earlier
        deployment of the same name are left out; they stay in the files of the log.

        Args:
            since: only requests at or after this time: a datetime, a date (its first
                moment) or an ISO 8601 text, in local time if it has no zone.
            until: only requests before this time.
            version: only requests that this deployment version answered.
            message_type: ``request`` or ``response``.
            limit: the most rows to return; the newest are kept.

        Raises:
            InvalidInputError: an argument is not valid, or pyarrow is not installed.
            IntegrityError: a file of the log is damaged.
            StorageError: the project does not answer.
        """
        return read_log(
            self._context.storage,
            self._key,
            self._context.backend().inference_log_spool(self._key),
            since=since,
            until=until,
            version=version,
            message_type=message_type,
            limit=limit,
        )

    def inference_log_drops(self) -> int:
        """Return how many exchanges were answered but could not be logged.

        They were lost because the project or Kafka did not answer for too long, or the
        disk was full. The number covers all versions, and is what this machine and the
        project have recorded.

        Raises:
            InvalidInputError: pyarrow is not installed.
            StorageError: the project does not answer.
        """
        spool = self._context.backend().inference_log_spool(self._key)
        return count_drops(self._context.storage, self._key, spool)

    def manifest(
        self,
        settings: ClusterSettings | str | Path | None = None,
        *,
        namespace: str | None = None,
        mode: Mode | None = None,
        version: int | history.DeploymentSnapshot | None = None,
    ) -> ClusterManifest:
        """Return the object by which KServe runs a version on a Kubernetes cluster.

        It pins the specification by its digest, and with it every file. So it can be
        kept under version control: whoever applies it gets exactly this version. Its
        text is YAML: ``print(deployment.manifest("cluster.toml"))``.

        Args:
            settings: ``ClusterSettings``, or the path of a TOML file with them; by
                default that in ``HOPSARTIFACTS_CLUSTER_SETTINGS``.
            namespace: a namespace instead of that in the settings.
            mode: ``Standard`` or ``Knative`` instead of that in the settings.
            version: the number of a version, or one of ``get_versions()``; by default
                the active one.

        Raises:
            InvalidInputError: a setting of the cluster is missing or not valid.
            InvalidNameError: the name is too long for the namespace.
            UnsupportedHereError: such a cluster cannot run it.
            InvalidDeploymentError: it would refuse the objects.
            DeploymentNotFoundError: it was not saved, or has no such version.
            ModelNotFoundError: the model of the version was deleted.
            IntegrityError: its model or its artifact differs from what it pins.
        """
        chosen = cluster_settings(settings, namespace=namespace, mode=mode)
        number = None if version is None else history.number_of(self.name, version)
        return manifest_for(self._context, self._fresh(), chosen, number)

    def get_url(self) -> str | None:
        """Return the URL for prediction requests; None if it does not run."""
        return self.get_state().hopsworks_inference_path

    def get_versions(self) -> list[history.DeploymentSnapshot]:
        """Return all versions, newest first.

        Raises:
            DeploymentNotFoundError: it was not saved, or was deleted.
        """
        return history.snapshots_of(self._fresh())

    def get_history(self) -> list[history.Activation]:
        """Return each change of the active version, newest first; also deleted ones.

        Raises:
            DeploymentNotFoundError: it was not saved, or was deleted.
        """
        self._fresh()
        return history.activations(self._context.storage, self.name)

    def diff(
        self,
        first: int | history.DeploymentSnapshot,
        second: int | history.DeploymentSnapshot | None = None,
    ) -> history.DeploymentDifference:
        """Return the settings and the lines of files in which two versions differ.

        Args:
            first: the number of a version, or one of ``get_versions()``.
            second: likewise; by default the active version.

        Raises:
            DeploymentNotFoundError: one of the versions does not exist.
        """
        state = self._fresh()
        before = history.number_of(self.name, first)
        after = state.active if second is None else history.number_of(self.name, second)
        return history.compare_specifications(
            self._context.storage,
            versions.pick_version(state, before).specification,
            versions.pick_version(state, after).specification,
        )

    def rollback(
        self,
        version: int | history.DeploymentSnapshot,
        await_update: int = AWAIT_S,
        *,
        why: str = "",
        ignore_environment: bool = False,
    ) -> None:
        """Make another version the active one again; nothing is copied.

        A running deployment moves to that version, as in ``save``. Nothing happens if
        it is active already. Settings that were changed and not saved are dropped.

        Args:
            version: its number, or one of ``get_versions()``.
            await_update: seconds to wait until a running deployment runs again.
            why: the reason, for the history.
            ignore_environment: see ``start``.

        Raises:
            DeploymentNotFoundError: the version or the deployment does not exist.
            DeploymentFailedError: it does not start (it is still the active version).
        """
        reason = checked_reason(why)
        number, known = history.number_of(self.name, version), self._fresh()
        sealed = versions.pick_version(known, number)
        # Read it before the commit: a later failure would look like a failed rollback.
        predictor = sealed_predictor(self._context, sealed.specification)
        self._state = versions.activate_version(
            self._context.storage, self.name, number, known_id=known.id, why=reason
        )
        self.predictor, self._decision = predictor, None
        if known.active != self._state.active:
            self._follow(await_update, ignore_environment=ignore_environment)

    def delete_version(self, version: int | history.DeploymentSnapshot) -> None:
        """Delete a version that is not active; its number is not given again.

        Afterwards, the model version and artifact version that it pins can be deleted,
        unless something else needs them.

        Raises:
            DeploymentNotFoundError: the version or the deployment does not exist.
            InUseError: it is the active version, or is running.
        """
        number, known = history.number_of(self.name, version), self._fresh()
        versions.pick_version(known, number)
        state = self._run_state()
        if state.status in UP and state.deployment_version == number:
            raise InUseError(
                f"version {number} of deployment {self.name!r} is running: move it to "
                "the active version with restart(), or stop it, first"
            )
        self._state = versions.delete_version(
            self._context.storage, self.name, number, known_id=known.id
        )

    def get_tags(self) -> Tags:
        """Return all current tags; together they have at most 16,384 bytes as JSON.

        Raises:
            DeploymentNotFoundError: it was not saved, or was deleted.
        """
        return dict(self._fresh().tags)

    @property
    def id(self) -> str | None:
        """The id, unique even after deletion; None before ``save``."""
        return self._state.id if self._state else None

    @property
    def version(self) -> int | None:
        """Number of the active version; None before ``save``."""
        return self._state.active if self._state else None

    @property
    def created_at(self) -> str | None:
        """The time of the first save (RFC 3339, UTC)."""
        return self._state.created if self._state else None

    @property
    def creator(self) -> str | None:
        """The user who saved it first."""
        return self._state.creator if self._state else None

    @property
    def specification(self) -> Specification:
        """The sealed specification.

        Raises:
            DeploymentNotFoundError: it was not saved yet.
        """
        return self._saved().current.specification

    def __repr__(self) -> str:
        return f"Deployment(name: {self.name!r}, version: {self.version!r})"

    @property
    def _draft(self) -> DeploymentDraft:  # type: ignore[override]  # its predictor's
        return self.predictor._draft  # noqa: SLF001 - one thing for users

    def _change_tags(self, change: Callable[[Tags], Tags]) -> None:
        versions.set_tags(self._context.storage, self.name, self._fresh().id, change)

    def _fresh(self) -> Deployed:
        return versions.read_again(self._context.storage, self._saved())

    def _saved(self) -> Deployed:
        if self._state is None:
            raise DeploymentNotFoundError(
                f"deployment {self.name!r} is not saved: call save() first"
            )
        return self._state

    @property
    def _key(self) -> DeploymentKey:
        """The key for the serving back end; before ``save``, nothing runs under it."""
        return self._state.key if self._state else no_key(self.name)

    def _run_state(self) -> RunState:
        return self._context.backend().state(self._key)

    def _follow(self, await_update: float, *, ignore_environment: bool) -> None:
        """Move the running processes to the active version without a failed request."""
        state = self._run_state()
        if state.status not in UP or state.deployment_version == self.version:
            return
        if not ignore_environment:
            check_environment(self._context.storage, self.specification)
        move_to(self._context, self._saved(), await_update)
