"""A predictor as users hold it: settings until saved, one sealed version after."""

from copy import copy
from typing import Any

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
from hopsartifacts.registry.documents import Framework, Manifest
from hopsartifacts.registry.versions import live_version, pick_live, read_manifest


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
        store = self.checked_store(Logs(self._draft.context.storage))
        decision = store.decide(self._sources(), self.artifact_version)
        return self._told(decision)

    def prepare(self, logs: Logs) -> PreparedArtifact:
        """Read the scripts and files, and refuse what ``seal`` would refuse.

        Nothing is stored. Raises as ``deploy``.
        """
        state = logs.model(self.model_name).seen_state()
        pick_live(state, self.model_name, self.model_version)
        store = self.checked_store(logs)
        prepared = prepare(self._sources())
        store.decide(prepared, self.artifact_version)
        return prepared

    def seal(
        self, logs: Logs, prepared: PreparedArtifact
    ) -> tuple[Specification, ArtifactVersion, Decision]:
        """Save the artifact and return what pins it; raises as ``deploy``."""
        name, version = self.model_name, self.model_version
        model = pick_live(logs.model(name).seen_state(), name, version)
        store = self._store(logs)
        try:
            decision = store.save(prepared, self.artifact_version)
            artifact = store.get(decision.version)
        except (ArtifactNotFoundError, IntegrityError):
            # If the model was deleted meanwhile, that is what to say.
            live_version(logs.storage, name, version)
            raise
        if decision.is_new:
            _warn_of_imports(prepared.sources)
        pin = ModelPin(
            name=name,
            version=version,
            id=model.id,
            framework=self.model_framework,
            manifest=model.sha256 or "",
        )
        specification = self._settings.specification(
            self.name, pin, decision.version, artifact
        )
        return specification, artifact, self._told(decision)

    def checked_store(self, logs: Logs) -> ArtifactStore:
        """Return where the artifacts are, after a look whether the rules are kept.

        Raises:
            InvalidDeploymentError: the rules forbid the combination.
            ArtifactNotFoundError: the artifact version asked for does not exist.
        """
        store = self._store(logs)
        self._draft.settings = self._settings.rechecked()
        self._settings.check_rules(self.model_framework, self._settings.roles(store))
        return store

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

    def _told(self, decision: Decision) -> Decision:
        """Return *decision*; it says so if its number is that of the last save."""
        if not self._settings.is_kept:
            return decision
        return replace(decision, is_kept=True, asked=None)

    def _store(self, logs: Logs) -> ArtifactStore:
        pin = self.model_name, self.model_version
        return ArtifactStore(logs.storage, *pin, log=logs.artifacts(*pin))

    def _sources(self) -> tuple[ArtifactSource, ...]:
        context = self._draft.context
        return self._settings.sources(context.storage, context.project)


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
    if settings.name is None:
        settings = settings.changed(name=default_deployment_name(model.model))
    predictor = Predictor(DeploymentDraft(context, model, settings))
    # What a sealed version holds is looked up when it is needed, not now.
    if not isinstance(settings.artifact_version, int):
        predictor.checked_store(Logs(context.storage))
    return predictor


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
