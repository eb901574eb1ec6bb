"""Model serving as users hold it: create, find and list deployments."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from hopsartifacts.artifacts.handle import Artifacts
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.context import ProjectContext
from hopsartifacts.deployments.deployed import Deployed, no_key
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
from hopsartifacts.deployments.settings import DeploymentSettings
from hopsartifacts.deployments.state import component_name
from hopsartifacts.deployments.versions import (
    artifact_users_of,
    find_deployment,
    read_deployment,
    read_sound,
    users_of,
)
from hopsartifacts.errors import InvalidDeploymentError, NotRunningError, StorageError
from hopsartifacts.fixed_attributes import FixedAttributes
from hopsartifacts.names import deployment_name
from hopsartifacts.registry.model import Model
from hopsartifacts.registry.versions import while_live
from hopsartifacts.serving.contract import UP, DeploymentKey, LogLine, RunState
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.damage import warn_of_damage

_NEAR_S, _FAR_S = 2.0, 10.0
"""For how long what was read is used again: on a disk, and elsewhere."""


class Current:
    """The keys of deployments by their names; usable from any thread."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._known: dict[str, tuple[float, DeploymentKey]] = {}
        self._trust_s = _FAR_S if storage.local_path("") is None else _NEAR_S

    def key(self, name: str) -> tuple[DeploymentKey, bool]:
        """Return the key, and whether it was read just now; raises as ``read``."""
        known = self._known.get(name)
        if known is not None and time.monotonic() - known[0] < self._trust_s:
            return known[1], False
        return self.read(name), True

    def read(self, name: str) -> DeploymentKey:
        """Read the key from the project; an empty one for a name that is not there.

        If the project does not answer, the key that was read last is returned, so that
        a running deployment keeps answering.

        Raises:
            StorageError: the project does not answer, and the name was never read.
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
        """Name of the project."""
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
        """Describe what a deployment runs; nothing is stored before it is saved.

        Args:
            model: a saved model version.
            name: name of the deployment; by default the model's without what a
                deployment's name cannot have.
            artifact_version: nothing for the lowest version that holds the same files,
                made if need be (0 without files); ``"CREATE"`` for a new one;
                ``"MODEL-ONLY"`` for 0; or a number.
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
            environment: name of the Python environment, kept for a cluster.
            description: a sentence for people.
            files: more files or folders for the artifact. Of folders,
                what tools make is left out: ``__pycache__``, ``*.pyc``,
                ``.ipynb_checkpoints``, ``.DS_Store``, ``._*``, ``Thumbs.db`` and
                ``desktop.ini``.
            environment_lock: what has to be installed where it starts: a path of a
                ``requirements.txt`` with ``==``, ``uv.lock`` or ``environment.yml``, or
                its text; ``ms.freeze_environment()`` makes one.
            env_vars: environment variables of the scripts, as texts. They are stored
                as they are: no place for secrets.
            golden_request: rows or a whole request, or ``GoldenRequest(…)`` with the
                answer that a version has to give before it is ready.

        Raises:
            InvalidNameError: the name is outside its rule.
            InvalidDeploymentError: the rules forbid the combination, or a setting
                makes no sense.
            ModelNotFoundError: the model was not saved yet.
        """
        # Every parameter, by its name: a new setting needs no line here.
        given = {k: it for k, it in locals().items() if k not in {"self", "model"}}
        settings = DeploymentSettings.of(**given)
        return self.predictor_of(model, settings)

    def predictor_of(self, model: Model, settings: DeploymentSettings) -> Predictor:
        """Return what ``create_predictor`` returns, of settings that are one value.

        Raises:
            InvalidDeploymentError: the rules forbid the combination.
            ModelNotFoundError: the model was not saved yet.
        """
        if not isinstance(model, Model):
            raise InvalidDeploymentError(
                f"model is a {type(model).__name__}: give what mr.get_model(name) "
                "returns"
            )
        return new_predictor(self._context, model.manifest, settings)

    def create_transformer(
        self, script_file: str | PathLike[str], resources: Any = None
    ) -> Transformer:
        """Describe a transformer; see ``Transformer``."""
        return Transformer(script_file, resources)

    def create_deployment(
        self,
        predictor: Predictor,
        name: str | None = None,
        environment: str | None = None,
    ) -> Deployment:
        """Describe a deployment; nothing is stored before ``save``.

        Args:
            predictor: what it runs.
            name: by default the predictor's.
            environment: by default the predictor's. (Hopsworks 4.1 ignores it.)

        Raises:
            InvalidDeploymentError: *predictor* is no predictor.
            InvalidNameError: the name is outside its rule.
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
            DeploymentNotFoundError: there is none of this name. (Hopsworks returns
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
            status: only those in this state, in any case. (In Hopsworks this always
                fails.)
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
        """Return the lines of a deployment's log as they come, until a caller stops.

        Args:
            sealed: the deployment, as ``read_deployment`` returns it.
            component: ``predictor`` or ``transformer``.
            tail: how many of the lines that are there already.
            after: the ``mark`` of a line: go on behind that one instead.
            is_wanted: asked now and then; it ends when this says no.

        Raises:
            InvalidInputError: no such component.
        """
        known = component_name(component)
        return self._context.backend().follow_logs(
            sealed.key, known, tail, after=after, is_wanted=is_wanted
        )

    def ask(self, name: str, request: dict[str, Any]) -> Any:
        """Send *request* to the deployment *name* as it is; return the answer's JSON.

        What ``deployment.predict`` checks and completes is left to the model server.
        Which deployment has the name is read of the project every few seconds.

        Raises:
            NotRunningError: it does not run, or there is none of this name.
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
        """Return what runs of the deployment *name*, as known where deployments run.

        For callers that ask often: which deployment has the name is read of the
        project every few seconds while it runs. A name that no deployment has is
        ``Created``.

        Raises:
            InvalidNameError: no deployment can be called so.
        """
        key, is_new = self._current.key(deployment_name(name))
        state = self._context.backend().state(key)
        if state.status in UP or is_new:
            return state
        return self._context.backend().state(self._current.read(name))

    def state_of(self, sealed: Deployed) -> RunState:
        """Return what runs of a deployment that was just read; reads no storage."""
        return self._context.backend().state(sealed.key)

    def freeze_environment(self, path: str | Path | None = None) -> str:
        """Return what is installed here as an ``environment_lock``; see ``freeze``."""
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

    def deploy_model(self, model: Model, **settings: Any) -> Deployment:
        """Save a deployment of *model*; *settings* as for ``create_predictor``."""
        given = DeploymentSettings.of(**settings)
        predictor = unchecked_predictor(self._context, model.manifest, given)
        deployment = Deployment(self._context, predictor)
        deployment.save()
        return deployment

    def users_of(self, model: str, version: int) -> list[str]:
        """Name the deployments that pin a model version."""
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
