"""A deployment as users hold it: save, start, predict, stop, delete."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from hopsartifacts.artifacts.decision import Decision
from hopsartifacts.context import ProjectContext
from hopsartifacts.deployments import history, versions
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


class Deployment(SettingAttributes, Tagged):
    """One deployment: a predictor with a name, saved or not, running or not.

    Made by ``ms.create_deployment`` (lazy), ``predictor.deploy``, ``model.deploy`` or
    ``ms.get_deployment``. Its settings are those of its predictor.
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

        If the name belongs to a deployment of the same model already, of this or of
        another model version, that deployment gets the new version, and a line is
        printed that says what changed. So a script that saves a model and deploys it
        can be run any number of times.

        Args:
            await_update: seconds to wait until a running deployment has moved.
            new_version: taken for the sake of Hopsworks 5, where a save without it
                edits the active version. Here what is sealed stays as it is, so each
                save that changes anything makes a new version.
            why: the reason, for the history.
            ignore_environment: see ``start``.
            adopt: False to refuse a name that is taken.

        Raises:
            See ``Predictor.deploy``; and ``DeploymentFailedError`` if the new version
            does not start (it is saved all the same, and the one before goes on).
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
        # Of a deployment that is new with this version nothing can run.
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
            check_environment(self._context.storage, self.specification)
        instances = self.requested_instances if await_running > 0 else 0
        with while_starting(self.name, instances, self._run_state, wanted=progress):
            start(self._context, self._state, await_running, port=port, detach=detach)

    def stop(
        self, await_stopped: int = AWAIT_S, *, progress: bool | None = None
    ) -> None:
        """End the deployment's processes, of any starter; silent if none run.

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
            check_environment(self._context.storage, self.specification)
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
        # Once the deployment is gone, no other process ships these records.
        ship_rest(storage, self.name, self._context.backend().inference_log_spool(key))
        versions.delete_deployment(storage, self.name, key.id)
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
        """Copy the artifact's files to this machine, every byte checked.

        Returns:
            The folder that holds them.

        Raises:
            ArtifactNotFoundError: not saved yet, or artifact version 0, which has none.
        """
        return versions.download_artifact(
            self._context.storage, self.specification, local_path
        )

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

    def get_state(self) -> PredictorState:
        """Return what runs now.

        Raises:
            DeploymentNotFoundError: it was not saved, or was deleted.
        """
        self._fresh()
        return PredictorState(self.name, self._run_state())

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
        return self._run_state().status in wanted

    def is_stopped(self, or_created: bool = True) -> bool:
        """Tell whether nothing runs."""
        status = self._run_state().status
        return status == "Stopped" or (or_created and status in {"Created", "Creating"})

    def get_logs(
        self, component: str = "predictor", tail: int = 10, *, follow: bool = False
    ) -> None:
        """Print the last lines of the newest run's log, also after it ended.

        Args:
            component: ``predictor`` or ``transformer``.
            tail: how many lines.
            follow: go on with what is written, until the run ends or the program is
                interrupted.
        """
        if not follow:
            print(self.read_logs(component, tail))  # noqa: T201 - that is what it is for
            return
        for line in self.follow_logs(component, tail):
            print(line, flush=True)  # noqa: T201 - that is what it is for

    def read_logs(self, component: str = "predictor", tail: int = 10) -> str:
        """Return what ``get_logs`` prints.

        Raises:
            InvalidInputError: no such component.
        """
        known = component_name(component)
        return self._context.backend().read_logs(self._key, known, tail)

    def follow_logs(
        self, component: str = "predictor", tail: int = 10
    ) -> Iterator[str]:
        """Return the last lines of the log, and each line that comes until it ends.

        Raises:
            InvalidInputError: no such component.
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
        """Return what was asked and answered as a ``pyarrow.Table``.

        It has one row for each message, by the time of its request, from every version
        that had an inference logger without a Kafka topic. What waits on this machine
        is put into the project first. What an earlier deployment of the same name
        logged is not among them: it stays in the files of the log.

        Args:
            since: only requests that came then or later: a datetime, a date (its first
                moment) or an ISO 8601 text, in local time if it has no zone.
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

        Because the sink was gone for too long or the disk was full; over all versions,
        and as far as this machine and the project know.

        Raises:
            InvalidInputError: pyarrow is not installed.
            StorageError: the project does not answer.
        """
        spool = self._context.backend().inference_log_spool(self._key)
        return count_drops(self._context.storage, self._key, spool)

    def get_url(self) -> str | None:
        """Return the URL that takes prediction requests; None when nothing runs."""
        return self.get_state().hopsworks_inference_path

    def get_versions(self) -> list[history.DeploymentSnapshot]:
        """Return all versions, newest first.

        Raises:
            DeploymentNotFoundError: it was not saved, or was deleted.
        """
        return history.snapshots_of(self._fresh())

    def get_history(self) -> list[history.Activation]:
        """Return which version was made the active one when, by whom and why.

        Newest first. Versions that were deleted since are named, too.

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
        """Return what of *second* differs from *first*: settings, and lines of files.

        Args:
            first: a version.
            second: another one; by default the active one.

        Raises:
            DeploymentNotFoundError: there is no such version.
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
        """Make an earlier (or later) version the active one again; nothing is copied.

        A running deployment is moved to it, as by ``save``. Nothing happens if it is
        the active one. Settings that were changed here and not saved are dropped.

        Args:
            version: its number, or one of ``get_versions()``.
            await_update: seconds to wait until a running deployment runs again.
            why: the reason, for the history.
            ignore_environment: see ``start``.

        Raises:
            DeploymentNotFoundError: there is no such version, or no deployment.
            DeploymentFailedError: it does not start (it is the active one all the
                same).
        """
        reason = checked_reason(why)
        number, known = history.number_of(self.name, version), self._fresh()
        sealed = versions.pick_version(known, number)
        # Read first: once it is committed, nothing may fail that says otherwise.
        predictor = sealed_predictor(self._context, sealed.specification)
        self._state = versions.activate_version(
            self._context.storage, self.name, number, known_id=known.id, why=reason
        )
        self.predictor, self._decision = predictor, None
        if known.active != self._state.active:
            self._follow(await_update, ignore_environment=ignore_environment)

    def delete_version(self, version: int | history.DeploymentSnapshot) -> None:
        """Give an old version up for good; its number is never given again.

        The model and artifact version that it pins can be deleted then, if nothing
        else needs them.

        Raises:
            DeploymentNotFoundError: there is no such version, or no deployment.
            InUseError: it is the active one, or still runs.
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
        """Return all tags as they are now: together at most 16,384 bytes as JSON.

        Raises:
            DeploymentNotFoundError: it was not saved, or was deleted.
        """
        return dict(self._fresh().tags)

    @property
    def id(self) -> str | None:
        """Unique for ever; None before ``save``."""
        return self._state.id if self._state else None

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
        """What the back end is asked about; before ``save`` nothing that can run."""
        return self._state.key if self._state else no_key(self.name)

    def _run_state(self) -> RunState:
        return self._context.backend().state(self._key)

    def _follow(self, await_update: float, *, ignore_environment: bool) -> None:
        """Move what runs to the active version, without a failed request."""
        state = self._run_state()
        if state.status not in UP or state.deployment_version == self.version:
            return
        if not ignore_environment:
            check_environment(self._context.storage, self.specification)
        move_to(self._context, self._saved(), await_update)
