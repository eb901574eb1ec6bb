"""A predictor as users hold it: settings until saved, one sealed version after."""

from copy import copy
from typing import Any

import msgspec
from msgspec.structs import replace

from hopsartifacts.artifacts.decision import Decision
from hopsartifacts.artifacts.documents import ArtifactSource, ArtifactVersion
from hopsartifacts.artifacts.payloads import PreparedArtifact, prepare
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.context import ProjectContext
from hopsartifacts.deployments.attributes import DeploymentDraft, SettingAttributes
from hopsartifacts.deployments.deployed import Logs
from hopsartifacts.deployments.documents import ModelPin, Specification
from hopsartifacts.deployments.scripts import MissingImportWarning, missing_modules
from hopsartifacts.deployments.settings import DeploymentSettings
from hopsartifacts.errors import ArtifactNotFoundError, IntegrityError
from hopsartifacts.names import default_deployment_name
from hopsartifacts.notices import warn
from hopsartifacts.registry.documents import Framework, Manifest, VersionRecord
from hopsartifacts.registry.versions import live_version, pick_live, read_manifest


class PreparedDeployment(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment that passed all checks and whose files were read.

    Nothing of it is stored yet.
    """

    model: VersionRecord
    """The model version that it pins."""
    artifacts: ArtifactStore
    """The artifacts of that version, as they were read for the checks."""
    artifact: PreparedArtifact
    decision: Decision


class Predictor(SettingAttributes):
    """What a deployment runs: a model version, scripts, resources and protocol.

    Made by ``ms.create_predictor``; nothing is stored before ``deploy`` or a
    deployment's ``save``. Settings can be changed until then, and again for the next
    save. Scripts are read when they are saved.
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
            InvalidDeploymentError: the rules forbid the combination, or the artifact
                version asked for does not fit.
            ArtifactNotFoundError: the artifact version asked for does not exist.
            AlreadyExistsError: the name belongs to a deployment of another model, or
                has a twin.
        """
        return self._draft.context.serving().deploy(self)

    def explain(self) -> Decision:
        """Say which artifact version a save would get now, and why; stores nothing.

        Raises as ``deploy``.
        """
        return self.prepare(Logs(self._draft.context.storage)).decision

    def prepare(self, logs: Logs) -> PreparedDeployment:
        """Check everything, read the scripts and files, and decide on the artifact.

        Nothing is stored. Raises as ``deploy``.
        """
        draft, model = self._draft, self._draft.model
        draft.settings = settings = draft.settings.rechecked()
        record = logs.model(model.model).decided(
            lambda state: pick_live(state, model.model, model.version)
        )
        artifacts = logs.artifact_store(model.model, model.version)
        settings.check_rules(model.framework, settings.roles(artifacts))
        context = draft.context
        artifact = prepare(settings.sources(context.storage, context.project))
        decision = artifacts.decide(artifact, settings.artifact_version)
        if settings.is_kept:
            # The number is that of the last save: no one asked for it.
            decision = replace(decision, is_kept=True, asked=None)
        return PreparedDeployment(
            model=record, artifacts=artifacts, artifact=artifact, decision=decision
        )

    def seal(
        self, prepared: PreparedDeployment
    ) -> tuple[Specification, ArtifactVersion, Decision]:
        """Save the artifact and return what pins it; raises as ``deploy``."""
        draft, model = self._draft, self._draft.model
        settings, artifacts = draft.settings, prepared.artifacts
        try:
            decision = artifacts.carry_out(prepared.decision, prepared.artifact)
            artifact = artifacts.get(decision.version)
        except (ArtifactNotFoundError, IntegrityError):
            # If the model was deleted meanwhile, that is what to say.
            live_version(draft.context.storage, model.model, model.version)
            raise
        if decision.is_new:
            _warn_of_imports(prepared.artifact.sources)
        pin = ModelPin(
            name=model.model,
            version=model.version,
            id=prepared.model.id,
            framework=model.framework,
            manifest=prepared.model.sha256 or "",
        )
        specification = settings.specification(pin, decision.version, artifact)
        return specification, artifact, decision

    def keep(self, specification: Specification, artifact: ArtifactVersion) -> None:
        """Hold what was sealed: files from now on come from the artifact."""
        self._draft.settings = DeploymentSettings.sealed(specification, artifact.files)

    def renamed(self, name: str | None, environment: str | None) -> "Predictor":
        """Return a predictor of its own for a deployment, so that two do not share."""
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
            "saved, and starts only where that is installed or among its files",
            MissingImportWarning,
        )


def new_predictor(
    context: ProjectContext, model: Manifest, settings: DeploymentSettings
) -> Predictor:
    """Return the predictor that *settings* describe.

    Raises:
        InvalidDeploymentError: the rules forbid the combination.
    """
    # What a sealed version holds is looked up when it is needed, not now.
    if not isinstance(settings.artifact_version, int):
        artifacts = ArtifactStore(context.storage, model.model, model.version)
        settings.check_rules(model.framework, settings.roles(artifacts))
    return unchecked_predictor(context, model, settings)


def unchecked_predictor(
    context: ProjectContext, model: Manifest, settings: DeploymentSettings
) -> Predictor:
    """Return what ``new_predictor`` returns, for a caller that saves it at once."""
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
