"""The user's API of model serving: create, find and list deployments."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from hopsartifacts.artifacts.handle import Artifacts
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.context import ProjectContext
from hopsartifacts.deployments.check_results import DeploymentCheck, RollbackCheck
from hopsartifacts.deployments.checks import (
    WantedDeployment,
    check_deployment,
    check_predictor,
    check_rollback,
)
from hopsartifacts.deployments.deployed import Deployed, Keyed, no_key
from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.environment import freeze
from hopsartifacts.deployments.parts import (
    InferenceBatcher,
    InferenceLogger,
    Transformer,
)
from hopsartifacts.deployments.predictor import (
    Predictor,
    new_predictor,
    sealed_predictor,
    unchecked_predictor,
)
from hopsartifacts.deployments.progress import RunProgress, newest_progress
from hopsartifacts.deployments.settings import DeploymentSettings
from hopsartifacts.deployments.state import component_name
from hopsartifacts.deployments.versions import (
    artifact_users_of,
    find_deployment,
    read_deployment,
    read_sound,
    users_of,
)
from hopsartifacts.errors import (
    CollectedErrors,
    InvalidDeploymentError,
    NotRunningError,
    StorageError,
)
from hopsartifacts.fixed_attributes import FixedAttributes
from hopsartifacts.names import deployment_name
from hopsartifacts.registry.model import Model
from hopsartifacts.registry.versions import while_live
from hopsartifacts.serving.contract import (
    UP,
    DeploymentKey,
    LogArchive,
    LogLine,
    ProcessUsage,
    RunState,
    StoredLog,
)
from hopsartifacts.serving.inference_log.access import (
    logged_traffic,
    newest_exchanges,
)
from hopsartifacts.serving.inference_log.exchanges import Exchanges, KnownFiles, Mark
from hopsartifacts.serving.traffic import Period, Traffic
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.damage import warn_of_damage

_NEAR_S, _FAR_S = 2.0, 10.0
"""How long keys are cached: for projects on a disk, and for others."""


class Current:
    """A cache of the keys of deployments by name; usable from any thread."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._known: dict[str, tuple[float, DeploymentKey]] = {}
        self._trust_s = _FAR_S if storage.local_path("") is None else _NEAR_S

    def key(self, name: str) -> tuple[DeploymentKey, bool]:
        """Return the key, and whether it was just read; raises as ``read``."""
        known = self._known.get(name)
        if known is not None and time.monotonic() - known[0] < self._trust_s:
            return known[1], False
        return self.read(name), True

    def read(self, name: str) -> DeploymentKey:
        """Read the key from the project; if no deployment has the name, an empty key.

        If the project does not answer, the last key that was read is returned, so that
        a running deployment keeps answering.

        Raises:
            StorageError: the project does not answer, and no key was read before.
        """
        began = time.monotonic()
        try:
            sealed = find_deployment(self._storage, name)
        except StorageError:
            known = self._known.get(name)
            if known is None:
                raise
            return known[1]
        if sealed is None:
            self._known.pop(name, None)
            return no_key(name)
        key = sealed.key
        self._known[name] = began, key
        return key


class ModelServing(FixedAttributes):
    """All deployments of a project."""

    def __init__(self, context: ProjectContext) -> None:
        self._context = context
        self._current = Current(context.storage)

    @property
    def project_name(self) -> str:
        """The name of the project."""
        return self._context.project

    def create_predictor(  # noqa: PLR0913, PLR0917 - Hopsworks' signature
        self,
        model: Model,
        name: str | None = None,
        artifact_version: str | int | None = None,
        serving_tool: str | None = None,
        script_file: str | PathLike[str] | None = None,
        config_file: str | PathLike[str] | None = None,
        resources: Any = None,
        inference_logger: InferenceLogger | Mapping[str, Any] | str | None = None,
        inference_batcher: InferenceBatcher | Mapping[str, Any] | None = None,
        transformer: Transformer | Mapping[str, Any] | None = None,
        api_protocol: str = "REST",
        environment: str | None = None,
        *,
        description: str | None = None,
        files: Iterable[str | PathLike[str]] = (),
        environment_lock: str | PathLike[str] | None = None,
        env_vars: Mapping[str, str] | None = None,
        golden_request: Any = None,
    ) -> Predictor:
        """Return a predictor: what a deployment runs. Nothing is stored yet.

        Args:
            model: a saved model version.
            name: name of the deployment; by default that of the model, without the
                characters that a deployment's name cannot have.
            artifact_version: by default the lowest version with the same files, which
                is created if there is none (0 without files); ``"CREATE"`` for a new
                one; ``"MODEL-ONLY"`` for 0; or a number.
            serving_tool: ``"KSERVE"`` (the default) or ``"DEFAULT"``: which features
                may be used. Both run on this machine.
            script_file: predictor script: a path on this machine, or in the project
                (``Resources/predictor.py``, ``/Projects/<project>/Resources/…``).
            config_file: a file for the scripts, found at ``CONFIG_FILE_PATH``.
            resources: ``PredictorResources(…)`` or a dict.
            inference_logger: ``InferenceLogger(…)``, a dict of its arguments, or a
                mode.
            inference_batcher: ``InferenceBatcher(…)`` or a dict.
            transformer: ``ms.create_transformer(…)`` or a dict.
            api_protocol: ``"REST"`` or ``"GRPC"``.
            environment: name of the Python environment; used only by a cluster.
            description: a sentence for people.
            files: more files or folders for the artifact. By-products of tools in
                folders are left out: ``__pycache__``, ``*.pyc``,
                ``.ipynb_checkpoints``, ``.DS_Store``, ``._*``, ``Thumbs.db`` and
                ``desktop.ini``.
            environment_lock: the packages that must be installed where it starts: the
                path of a ``requirements.txt`` with ``==``, a ``uv.lock`` or an
                ``environment.yml``, or its text; ``ms.freeze_environment()`` makes one.
            env_vars: environment variables of the scripts, as texts. They are stored
                unencrypted: do not put secrets there.
            golden_request: rows or a whole request, or ``GoldenRequest(…)`` with the
                answer that a version must give before it is ready.

        Raises:
            InvalidNameError: the name is not valid.
            InvalidDeploymentError: a setting is not valid, or the rules forbid the
                combination.
            ModelNotFoundError: the model was not saved yet.
        """
        # All parameters by name: a new setting needs no line here.
        given = {k: it for k, it in locals().items() if k not in {"self", "model"}}
        settings = DeploymentSettings.of(**given)
        if not isinstance(model, Model):
            raise InvalidDeploymentError(
                f"model is a {type(model).__name__}: give what mr.get_model(name) "
                "returns"
            )
        return new_predictor(self._context, model.manifest, settings)

    def predictor_of(self, model: Model, settings: DeploymentSettings) -> Predictor:
        """Return a predictor with *settings*, for a caller that saves it at once.

        The rules for combinations are checked by the save, together with the files.

        Raises:
            ModelNotFoundError: the model was not saved yet.
        """
        return unchecked_predictor(self._context, model.manifest, settings)

    def create_transformer(
        self, script_file: str | PathLike[str], resources: Any = None
    ) -> Transformer:
        """Return a transformer; see ``Transformer``."""
        return Transformer(script_file, resources)

    def create_deployment(
        self,
        predictor: Predictor,
        name: str | None = None,
        environment: str | None = None,
    ) -> Deployment:
        """Return a deployment; nothing is stored before its ``save``.

        Args:
            predictor: what it runs.
            name: by default the predictor's.
            environment: by default the predictor's. (Hopsworks 4.1 ignores it.)

        Raises:
            InvalidDeploymentError: *predictor* is not a predictor.
            InvalidNameError: the name is not valid.
        """
        if not isinstance(predictor, Predictor):
            raise InvalidDeploymentError(
                f"predictor is a {type(predictor).__name__}: give what "
                "ms.create_predictor(model) returns"
            )
        return Deployment(self._context, predictor.renamed(name, environment))

    def get_deployment(self, name: str) -> Deployment:
        """Return a saved deployment.

        Raises:
            DeploymentNotFoundError: no deployment has this name. (Hopsworks returns
                None.)
        """
        state = read_deployment(self._context.storage, deployment_name(name))
        return self._deployment(state)

    def get_deployments(
        self, model: Model | str | None = None, status: str | None = None
    ) -> list[Deployment]:
        """Return all saved deployments, sorted by name.

        If the log of one cannot be read, a ``DamagedLogWarning`` names it, and the
        others are returned.

        Args:
            model: only those of this model (any version), or of this model version if
                a ``Model`` is given.
            status: only those in this state; upper and lower case are the same. (In
                Hopsworks this always fails.)
        """

        def read(state: Deployed) -> Deployment | None:
            return self._deployment(state) if _runs(state, model) else None

        storage = self._context.storage
        found, damaged = read_sound(storage, read, checks_artifacts=True)
        warn_of_damage("deployment", damaged)
        listed = [deployment for deployment in found.values() if deployment]
        if status is None:
            return listed
        return [
            deployment
            for deployment in listed
            if deployment.get_state().status.lower() == status.lower()
        ]

    def follow_run(
        self,
        sealed: Deployed,
        component: str = "predictor",
        tail: int = 10,
        *,
        after: str = "",
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Iterator[LogLine]:
        """Yield the lines of a deployment's log as they are written.

        Args:
            sealed: the deployment, as ``read_deployment`` returns it.
            component: ``predictor`` or ``transformer``.
            tail: how many of the existing lines are returned first.
            after: the ``position`` of a line: continue after that line instead.
            is_wanted: called regularly; the lines end when it returns False.

        Raises:
            InvalidInputError: the component does not exist.
        """
        known = component_name(component)
        return self._context.backend().follow_logs(
            sealed.key, known, tail, after=after, is_wanted=is_wanted
        )

    def ask(self, name: str, request: dict[str, Any]) -> Any:
        """Send *request* unchanged to the deployment *name*; return the answer's JSON.

        Unlike ``deployment.predict``, this does not check or complete the request. The
        name is looked up in the project every few seconds.

        Raises:
            NotRunningError: it does not run, or no deployment has this name.
            PredictionError: the model server answered with an error.
        """
        key, is_new = self._current.key(deployment_name(name))
        try:
            return self._context.backend().predict(key, request)
        except NotRunningError:
            newest = key if is_new else self._current.read(name)
            if newest == key:
                raise
            return self._context.backend().predict(newest, request)

    def run_state(self, name: str) -> RunState:
        """Return the state of the processes of the deployment *name*.

        For frequent calls: while the deployment runs, the name is looked up in the
        project only every few seconds. If no deployment has the name, the state is
        ``Created``.

        Raises:
            InvalidNameError: the name is not valid for a deployment.
        """
        key, is_new = self._current.key(deployment_name(name))
        state = self._context.backend().state(key)
        if state.status in UP or is_new:
            return state
        return self._context.backend().state(self._current.read(name))

    def state_of(self, sealed: Keyed) -> RunState:
        """Return the state of the processes of a deployment; reads no storage."""
        return self._context.backend().state(sealed.key)

    def progress_of(self, sealed: Keyed) -> RunProgress | None:
        """Return how far the newest start, update or stop is; None if there is none."""
        return newest_progress(self._context.backend().history(sealed.key))

    def traffic_of(self, key: DeploymentKey, period: Period) -> Traffic:
        """Return how many requests a deployment answered where it runs."""
        return self._context.backend().traffic(key, period)

    def logged_traffic_of(
        self, sealed: Deployed, period: Period, known: KnownFiles
    ) -> Traffic:
        """Return how many requests are in the inference log; see ``logged_traffic``."""
        return logged_traffic(self._context.storage, sealed.key, period, known)

    def logged_exchanges_of(
        self,
        sealed: Deployed,
        known: KnownFiles,
        *,
        limit: int,
        before: Mark | None = None,
    ) -> Exchanges:
        """Return logged requests with their answers; see ``newest_exchanges``."""
        spool = self._context.backend().inference_log_spool(sealed.key)
        return newest_exchanges(
            self._context.storage,
            sealed.key,
            spool,
            known,
            limit=limit,
            before=before,
        )

    def usage_of(self, sealed: Deployed) -> list[ProcessUsage]:
        """Return what the processes of *sealed* use now; empty if nothing runs."""
        return self._context.backend().usage(sealed.key)

    def log_archives(self, name: str) -> list[LogArchive]:
        """Return the logs of all runs under a name, newest first.

        Runs of deployments that were deleted are included, if their logs are kept.

        Raises:
            InvalidNameError: the name is not valid for a deployment.
        """
        return self._context.backend().log_archives(deployment_name(name))

    def stored_log(
        self, name: str, archive: str, component: str = "predictor"
    ) -> StoredLog:
        """Return the log of one component in the run with the id *archive*.

        Raises:
            InvalidInputError: the component does not exist.
            NotFoundError: there is no such log.
        """
        known = component_name(component)
        return self._context.backend().stored_log(deployment_name(name), archive, known)

    def freeze_environment(self, path: str | Path | None = None) -> str:
        """Return the installed packages as an ``environment_lock``; see ``freeze``."""
        return freeze(path)

    def get_artifacts(self, model: Model) -> Artifacts:
        """Return the artifact versions of a model version."""
        manifest = model.manifest
        storage = self._context.storage
        name, version = manifest.model, manifest.version

        def users_of(artifact: int) -> list[str]:
            return artifact_users_of(storage, name, version, artifact)

        return Artifacts(
            ArtifactStore(storage, name, version),
            users_of,
            partial(while_live, storage, name, version),
        )

    def deploy(self, predictor: Predictor) -> Deployment:
        """Save a deployment of *predictor* and return it."""
        deployment = self.create_deployment(predictor)
        deployment.save()
        return deployment

    def check(
        self, predictor: Predictor, settings: DeploymentSettings
    ) -> DeploymentCheck:
        """Return what a save of *predictor* would do; see ``Predictor.check``."""
        return check_predictor(self._context, predictor, settings)

    def check_deployment(self, wanted: WantedDeployment, **how: Any) -> DeploymentCheck:
        """Return what a save of *wanted* would do; see ``check_deployment``."""
        return check_deployment(self._context, wanted, **how)

    def check_rollback(
        self, sealed: Deployed, version: int, refusals: CollectedErrors | None = None
    ) -> RollbackCheck:
        """Return what a rollback of *sealed* to a version would do; stores nothing."""
        return check_rollback(
            self._context, sealed, version, refusals or CollectedErrors()
        )

    def deploy_model(
        self,
        model: Model,
        *,
        why: str = "",
        ignore_environment: bool = False,
        **settings: Any,
    ) -> Deployment:
        """Save a deployment of *model*; *settings* as for ``create_predictor``.

        Args:
            model: a saved model version.
            why: the reason, for the history.
            ignore_environment: see ``Deployment.save``.
            settings: those of the deployment.
        """
        given = DeploymentSettings.of(**settings)
        predictor = unchecked_predictor(self._context, model.manifest, given)
        deployment = Deployment(self._context, predictor)
        deployment.save(why=why, ignore_environment=ignore_environment)
        return deployment

    def users_of(self, model: str, version: int) -> list[str]:
        """Return the names of the deployments that pin a model version."""
        return users_of(self._context.storage, model, version)

    def __repr__(self) -> str:
        project = self._context
        return f"ModelServing(project: {project.project!r}, url: {project.url!r})"

    def _deployment(self, state: Deployed) -> Deployment:
        predictor = sealed_predictor(self._context, state.current.specification)
        return Deployment(self._context, predictor, state)


def _runs(state: Deployed, model: Model | str | None) -> bool:
    pin = state.current.specification.model
    if isinstance(model, Model):
        return (pin.name, pin.version) == (model.name, model.version)
    return model is None or pin.name == model
