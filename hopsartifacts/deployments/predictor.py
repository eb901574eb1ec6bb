"""The settings as attributes, and a predictor as users hold it.

A predictor is described by settings until it is saved, and by one sealed version after.
"""

from collections.abc import Iterable, Mapping
from copy import copy
from functools import partial
from os import PathLike
from typing import Any

import msgspec
from msgspec.structs import replace

from hopsartifacts import layout
from hopsartifacts.artifacts.decision import Decision
from hopsartifacts.artifacts.documents import (
    ArtifactSource,
    ArtifactVersion,
    RequestedVersion,
)
from hopsartifacts.artifacts.payloads import PreparedArtifact, prepare
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.context import ProjectContext
from hopsartifacts.deployments import rules
from hopsartifacts.deployments.artifact_files import shown_path
from hopsartifacts.deployments.deployed import Logs
from hopsartifacts.deployments.documents import ModelPin, Specification
from hopsartifacts.deployments.parts import (
    InferenceBatcher,
    InferenceLogger,
    Transformer,
)
from hopsartifacts.deployments.requests import GoldenRequest
from hopsartifacts.deployments.scripts import MissingImportWarning, missing_modules
from hopsartifacts.deployments.settings import SETTINGS, DeploymentSettings
from hopsartifacts.errors import (
    ArtifactNotFoundError,
    CollectedErrors,
    IntegrityError,
    InvalidDeploymentError,
    warn,
)
from hopsartifacts.fixed_attributes import FixedAttributes
from hopsartifacts.names import default_deployment_name, version_number
from hopsartifacts.registry.documents import Framework, Manifest, VersionRecord
from hopsartifacts.registry.versions import live_version, pick_live, read_manifest
from hopsartifacts.serving.contract import (
    ComponentResources,
)


class DeploymentDraft:
    """A deployment before it is saved: its model version and its settings."""

    def __init__(
        self,
        context: ProjectContext,
        model: Manifest,
        settings: DeploymentSettings,
    ) -> None:
        self.context = context
        self.model = model
        self.settings = settings

    def change(self, **given: Any) -> None:
        """Set some settings; raises as ``DeploymentSettings.of``."""
        self.settings = self.settings.changed(**given)

    def change_model(self, version: object) -> None:
        """Change to another version of the model.

        Raises:
            ModelNotFoundError: the version does not exist.
        """
        if version != self.model.version:
            number = version_number(version)
            storage, name = self.context.storage, self.model.model
            self.model = read_manifest(storage, name, number)
            self.settings = self.settings.for_another_model()


class SettingAttributes(FixedAttributes):
    """The settings as attributes; each is checked when it is set.

    What is set is stored by the next save.
    """

    _draft: DeploymentDraft

    def change(self, **settings: Any) -> None:
        """Set several settings at once; the next save stores them.

        Args:
            settings: values as ``ms.create_predictor`` takes them, by name. None stands
                for the default.

        Raises:
            InvalidDeploymentError: there is no such setting, or a value makes no sense;
                nothing was changed.
        """
        known = {*SETTINGS} - {"name"}
        if unknown := settings.keys() - known:
            raise InvalidDeploymentError(
                f"a deployment has no setting {min(unknown)!r} that can be changed: "
                f"use one of {', '.join(sorted(known))}"
            )
        self._draft.change(**settings)

    @property
    def name(self) -> str:
        """Name of the deployment; cannot change once it is saved."""
        return self._settings.name or ""

    @property
    def description(self) -> str | None:
        """A sentence for people."""
        return self._settings.description

    @description.setter
    def description(self, description: str | None) -> None:
        self._draft.change(description=description)

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return self._draft.model.model

    @property
    def model_version(self) -> int:
        """Version of the model; if you set it, the next save deploys that version.

        Raises:
            ModelNotFoundError: the version that is set does not exist.
        """
        return self._draft.model.version

    @model_version.setter
    def model_version(self, version: int) -> None:
        self._draft.change_model(version)

    @property
    def model_path(self) -> str:
        """``/Projects/<project>/Models/<name>``."""
        project = self._draft.context.project
        return layout.absolute(project, layout.model_dir(self.model_name))

    @property
    def model_server(self) -> rules.ModelServer:
        """Model server, inferred from the framework."""
        return rules.MODEL_SERVERS[self._draft.model.framework]

    @property
    def artifact_version(self) -> RequestedVersion:
        """Artifact version: the given value, and after a save the number."""
        return self._settings.artifact_version

    @artifact_version.setter
    def artifact_version(self, asked: str | int | None) -> None:
        self._draft.change(artifact_version=asked)

    @property
    def artifact_files_path(self) -> str | None:
        """Folder of the artifact's files in the project; None before a save."""
        asked = self._settings.artifact_version
        if not isinstance(asked, int):
            return None
        path = layout.artifact_dir(self.model_name, self.model_version, asked)
        return layout.absolute(self._draft.context.project, path)

    @property
    def script_file(self) -> str | None:
        """Predictor script; its base name once saved.

        Setting it clears a number in ``artifact_version``.
        """
        return shown_path(self._settings.script_file, "predictor")

    @script_file.setter
    def script_file(self, path: str | PathLike[str] | None) -> None:
        self._draft.change(script_file=path)

    @property
    def config_file(self) -> str | None:
        """Configuration file; its base name once saved.

        Setting it clears a number in ``artifact_version``.
        """
        return shown_path(self._settings.config_file, "configfile")

    @config_file.setter
    def config_file(self, path: str | PathLike[str] | None) -> None:
        self._draft.change(config_file=path)

    @property
    def files(self) -> tuple[str, ...]:
        """Additional artifact files.

        Setting them clears a number in ``artifact_version``.
        """
        return tuple(file.path for file in self._settings.files)

    @files.setter
    def files(self, paths: Iterable[str | PathLike[str]]) -> None:
        self._draft.change(files=paths)

    @property
    def resources(self) -> ComponentResources:
        """Resources of the predictor."""
        return self._settings.resources

    @resources.setter
    def resources(self, resources: Any) -> None:
        self._draft.change(resources=resources)

    @property
    def requested_instances(self) -> int:
        """Instances of predictor and transformer together."""
        transformer = self.transformer
        more = transformer.resources.num_instances if transformer else 0
        return self.resources.num_instances + more

    @property
    def transformer(self) -> Transformer | None:
        """Transformer.

        A new script clears a number in ``artifact_version`` (not in Hopsworks).
        """
        return self._settings.transformer

    @transformer.setter
    def transformer(self, transformer: Transformer | Mapping[str, Any] | None) -> None:
        self._draft.change(transformer=transformer)

    @property
    def inference_logger(self) -> InferenceLogger | None:
        """Inference logger; None for no logging. The name of a mode can be set, too."""
        return self._settings.inference_logger

    @inference_logger.setter
    def inference_logger(
        self, logger: InferenceLogger | Mapping[str, Any] | str | None
    ) -> None:
        self._draft.change(inference_logger=logger)

    @property
    def inference_batcher(self) -> InferenceBatcher | None:
        """Inference batcher, which combines requests; None for none."""
        return self._settings.inference_batcher

    @inference_batcher.setter
    def inference_batcher(
        self, batcher: InferenceBatcher | Mapping[str, Any] | None
    ) -> None:
        self._draft.change(inference_batcher=batcher)

    @property
    def serving_tool(self) -> rules.ServingTool:
        """``KSERVE`` or ``DEFAULT``: which feature set may be used."""
        return self._settings.serving_tool

    @serving_tool.setter
    def serving_tool(self, tool: str | None) -> None:
        self._draft.change(serving_tool=tool)

    @property
    def api_protocol(self) -> rules.ApiProtocol:
        """``REST`` or ``GRPC``."""
        return self._settings.api_protocol

    @api_protocol.setter
    def api_protocol(self, protocol: str | None) -> None:
        self._draft.change(api_protocol=protocol)

    @property
    def environment(self) -> str | None:
        """Name of the Python environment; it is stored, but used only by a cluster."""
        return self._settings.environment

    @environment.setter
    def environment(self, name: str | None) -> None:
        self._draft.change(environment=name)

    @property
    def environment_lock(self) -> str | None:
        """Environment lock, which the environment must match at the start.

        Setting it clears a number in ``artifact_version``.

        The path of a ``requirements.txt``, ``uv.lock`` or ``environment.yml``, or its
        text. After a save it is the base name of the file.
        """
        return shown_path(self._settings.environment_lock, "environment")

    @environment_lock.setter
    def environment_lock(self, lock: str | PathLike[str] | None) -> None:
        self._draft.change(environment_lock=lock)

    @property
    def env_vars(self) -> dict[str, str]:
        """Environment variables of the scripts; do not put secrets there."""
        return self._settings.env_vars

    @env_vars.setter
    def env_vars(self, variables: Mapping[str, str] | None) -> None:
        self._draft.change(env_vars=variables)

    @property
    def golden_request(self) -> GoldenRequest | None:
        """Golden request, whose answer a version must give before it is ready.

        If only the request is set, ``deployment.record_golden`` records the answer.
        """
        return self._settings.golden_request

    @golden_request.setter
    def golden_request(self, request: Any) -> None:
        self._draft.change(golden_request=request)

    @property
    def _settings(self) -> DeploymentSettings:
        return self._draft.settings


class PreparedDeployment(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment that has passed all checks, with its files read.

    Nothing is stored yet.
    """

    model: VersionRecord
    """The model version that will be pinned."""
    artifacts: ArtifactStore
    """The artifacts of that version, as read for the checks."""
    artifact: PreparedArtifact
    decision: Decision


class Predictor(SettingAttributes):
    """What a deployment runs: a model version, scripts, resources and protocol.

    Returned by ``ms.create_predictor``. ``deploy``, or a deployment's ``save``, stores
    it. Settings can be changed before and between saves. Scripts are read at each save.
    """

    def __init__(self, draft: DeploymentDraft) -> None:
        self._draft = draft

    @property
    def model_framework(self) -> Framework:
        """Framework of the model; TORCH stays TORCH (Hopsworks says PYTHON)."""
        return self._draft.model.framework

    def deploy(self) -> Any:
        """Create a deployment with this predictor and save it.

        Returns:
            The saved ``Deployment``, not started.

        Raises:
            InvalidScriptError: a script is missing, not Python, or lacks its class.
            InvalidDeploymentError: the rules forbid the combination, or the requested
                artifact version does not fit.
            ArtifactNotFoundError: the requested artifact version does not exist.
            AlreadyExistsError: a deployment of another model has the name, or one
                has a name that a cluster does not distinguish from it.
        """
        return self._draft.context.serving().deploy(self)

    def check(self) -> Any:
        """Return what ``deploy`` would do now, and all that is wrong; stores nothing.

        Unlike ``deploy``, this does not raise an error for what is wrong. The result
        is a ``DeploymentCheck``: its ``is_valid`` says whether ``deploy`` would
        succeed, and ``print`` shows it as text.
        """
        return self._draft.context.serving().check(self, self._settings)

    def explain(self) -> Decision:
        """Explain which artifact version a save would get now; stores nothing.

        Raises as ``deploy``.
        """
        return self.prepare(Logs(self._draft.context.storage)).decision

    def prepare(self, logs: Logs) -> PreparedDeployment:
        """Check everything, read the scripts and files, and decide on the artifact.

        Nothing is stored. Raises as ``deploy``; the error has all problems.
        """
        refusals = CollectedErrors()
        prepared = self.prepare_where_valid(logs, refusals)
        if refusals.errors:
            refusals.check()
        assert prepared is not None  # noqa: S101 - otherwise there was a refusal
        return prepared

    def prepare_where_valid(
        self, logs: Logs, refusals: CollectedErrors
    ) -> PreparedDeployment | None:
        """Prepare the deployment as ``prepare`` does, and collect all refusals.

        Returns:
            The deployment; None if it cannot be known which artifact it would have. The
            rules may forbid a deployment that is returned.

        Raises:
            ModelNotFoundError: its model version was deleted.
        """
        draft, model = self._draft, self._draft.model
        settings = refusals.of(draft.settings.rechecked)
        if settings is None:
            return None
        draft.settings = settings
        record = logs.model(model.model).decided(
            lambda state: pick_live(state, model.model, model.version)
        )
        artifacts = logs.artifact_store(model.model, model.version)
        roles = refusals.of(partial(settings.roles, artifacts), "artifact_version")
        if roles is not None:
            refusals.of(partial(settings.check_rules, model.framework, roles))
        context, asked = draft.context, settings.artifact_version
        sources = refusals.of(
            partial(settings.sources, context.storage, context.project)
        )
        artifact = None if sources is None else refusals.of(partial(prepare, sources))
        if roles is None or artifact is None:
            return None
        decide = partial(artifacts.decide, artifact, asked)
        decision = refusals.of(decide, "artifact_version")
        if decision is None:
            return None
        if settings.is_kept:
            # The number is from the last save: the user did not request it.
            decision = replace(decision, is_kept=True, asked=None)
        return PreparedDeployment(
            model=record, artifacts=artifacts, artifact=artifact, decision=decision
        )

    def seal(
        self, prepared: PreparedDeployment
    ) -> tuple[Specification, ArtifactVersion, Decision]:
        """Save the artifact; return its specification. Raises as ``deploy``."""
        draft, model = self._draft, self._draft.model
        settings, artifacts = draft.settings, prepared.artifacts
        try:
            decision = artifacts.carry_out(prepared.decision, prepared.artifact)
            artifact = artifacts.get(decision.version)
        except (ArtifactNotFoundError, IntegrityError):
            # If the model was deleted meanwhile, raise that error instead.
            live_version(draft.context.storage, model.model, model.version)
            raise
        if decision.is_new:
            _warn_of_imports(prepared.artifact.sources)
        pin = self._pin(prepared)
        specification = settings.specification(pin, decision.version, artifact)
        return specification, artifact, decision

    def foreseen(self, prepared: PreparedDeployment) -> Specification:
        """Return the specification that ``seal`` would return now; stores nothing.

        Raises:
            ArtifactNotFoundError: its artifact version was deleted meanwhile.
        """
        decision, artifact = prepared.decision, prepared.artifact
        version = (
            ArtifactVersion(identity=artifact.identity, files=artifact.records)
            if decision.is_new
            else prepared.artifacts.get(decision.version)
        )
        pin = self._pin(prepared)
        return self._settings.specification(pin, decision.version, version)

    def _pin(self, prepared: PreparedDeployment) -> ModelPin:
        model = self._draft.model
        return ModelPin(
            name=model.model,
            version=model.version,
            id=prepared.model.id,
            framework=model.framework,
            manifest=prepared.model.sha256 or "",
        )

    def keep(self, specification: Specification, artifact: ArtifactVersion) -> None:
        """Take over a saved specification; its files are read from the artifact now."""
        self._draft.settings = DeploymentSettings.sealed(specification, artifact.files)

    def renamed(self, name: str | None, environment: str | None) -> "Predictor":
        """Return a copy, since two deployments must not share settings."""
        draft, settings = self._draft, self._settings
        own = replace(settings, transformer=copy(settings.transformer)).changed(
            name=settings.name if name is None else name,
            environment=environment or settings.environment,
            env_vars=settings.env_vars,
        )
        return Predictor(DeploymentDraft(draft.context, draft.model, own))

    def __repr__(self) -> str:
        return f"Predictor(name: {self.name!r}, model: {self.model_name!r})"


def _warn_of_imports(sources: tuple[ArtifactSource, ...]) -> None:
    scripts = {
        it.name: b"".join(it.chunks())
        for it in sources
        if it.role in {"predictor", "transformer"}
    }
    if missing := missing_modules(scripts, (it.path for it in sources)):
        warn(
            f"not installed here: {'; '.join(map(str, missing))}. The deployment is "
            "saved, but starts only where these are installed or among its files",
            MissingImportWarning,
        )


def new_predictor(
    context: ProjectContext, model: Manifest, settings: DeploymentSettings
) -> Predictor:
    """Return the predictor that *settings* describe.

    Raises:
        InvalidDeploymentError: the rules forbid the combination.
    """
    # The files of a sealed version are read when they are needed, not now.
    if not isinstance(settings.artifact_version, int):
        artifacts = ArtifactStore(context.storage, model.model, model.version)
        settings.check_rules(model.framework, settings.roles(artifacts))
    return unchecked_predictor(context, model, settings)


def unchecked_predictor(
    context: ProjectContext, model: Manifest, settings: DeploymentSettings
) -> Predictor:
    """Return a predictor like ``new_predictor``, for a caller that saves it at once."""
    if settings.name is None:
        settings = replace(settings, name=default_deployment_name(model.model))
    return Predictor(DeploymentDraft(context, model, settings))


def sealed_predictor(
    context: ProjectContext, specification: Specification
) -> Predictor:
    """Return the predictor of a saved deployment version.

    Raises:
        ModelNotFoundError: its model version was deleted.
        ArtifactNotFoundError: its artifact version was deleted.
    """
    pin = specification.model
    manifest = read_manifest(context.storage, pin.name, pin.version)
    store = ArtifactStore(context.storage, pin.name, pin.version)
    artifact = store.get(specification.artifact.version)
    settings = DeploymentSettings.sealed(specification, artifact.files)
    return Predictor(DeploymentDraft(context, manifest, settings))
