"""A predictor as users hold it: settings until saved, one sealed version after."""

from copy import copy
from typing import Any

from msgspec.structs import replace

from hopsartifacts.artifacts.decision import Decision
from hopsartifacts.artifacts.documents import ArtifactSource, ArtifactVersion
from hopsartifacts.artifacts.payloads import Prepared, prepare
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.context import ProjectContext
from hopsartifacts.deployments.documents import (
    ArtifactPin,
    ComponentSpecification,
    ModelPin,
    Specification,
)
from hopsartifacts.deployments.imports import MissingImportWarning, missing_modules
from hopsartifacts.deployments.logs import Logs
from hopsartifacts.deployments.parts import Transformer
from hopsartifacts.deployments.resources import component_resources
from hopsartifacts.deployments.settings import Settings
from hopsartifacts.errors import ArtifactNotFoundError, IntegrityError
from hopsartifacts.names import deployment_name
from hopsartifacts.notices import warn
from hopsartifacts.registry.documents import Manifest, VersionRecord
from hopsartifacts.registry.versions import live_version, pick_live, read_manifest


class Predictor(Settings):
    """What a deployment runs: a model version, scripts, resources and protocol.

    Made by ``ms.create_predictor``; nothing is stored before ``deploy`` or a
    deployment's ``save``. Settings can be changed until then, and again for the next
    save. Scripts are read when they are saved.
    """

    @classmethod
    def sealed(
        cls,
        context: ProjectContext,
        model: Manifest,
        specification: Specification,
        artifact: ArtifactVersion,
    ) -> "Predictor":
        """Return the predictor of a saved deployment version."""
        predictor = cls(
            context,
            model,
            name=specification.name,
            description=specification.description,
            artifact_version=specification.artifact.version,
            serving_tool=specification.serving_tool,
            resources=specification.predictor.resources,
            inference_logger=specification.inference_logger,
            inference_batcher=specification.inference_batcher,
            api_protocol=specification.api_protocol,
            environment=specification.environment,
            env_vars=specification.env_vars,
            golden_request=specification.golden_request,
        )
        predictor.keep(specification, artifact)
        return predictor

    def keep(self, specification: Specification, artifact: ArtifactVersion) -> None:
        """Hold what was sealed: files from now on come from the artifact."""
        self._choice.keep(specification, artifact)
        sealed = specification.transformer
        name = self._choice.shown("transformer")
        self._transformer = (
            Transformer(name, sealed.resources) if name and sealed else None
        )

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
        return self._context.serving().deploy(self)

    def explain(self) -> Decision:
        """Say which artifact version a save would get now, and why; stores nothing.

        Raises as ``deploy``.
        """
        store = self._store(Logs(self._context.storage))
        self._check_rules(store)
        decision = store.decide(self._sources(), self._choice.asked)
        return self._told(decision)

    def prepare(self, logs: Logs) -> Prepared:
        """Read the scripts and files, and refuse what ``seal`` would refuse.

        Nothing is stored. Raises as ``deploy``.
        """
        state = logs.model(self.model_name).seen_state()
        pick_live(state, self.model_name, self.model_version)
        store = self._store(logs)
        self._check_rules(store)
        prepared = prepare(self._sources())
        store.decide(prepared, self._choice.asked)
        return prepared

    def seal(
        self, logs: Logs, prepared: Prepared
    ) -> tuple[Specification, ArtifactVersion, Decision]:
        """Save the artifact and return what pins it; raises as ``deploy``."""
        state = logs.model(self.model_name).seen_state()
        model = pick_live(state, self.model_name, self.model_version)
        store = self._store(logs)
        try:
            decision = store.save(prepared, self._choice.asked)
            artifact = store.get(decision.version)
        except (ArtifactNotFoundError, IntegrityError):
            # If the model was deleted meanwhile, that is what to say.
            live_version(self._context.storage, self.model_name, self.model_version)
            raise
        if decision.is_new:
            _warn_of_imports(prepared.sources)
        specification = self._specification(model, decision.version, artifact)
        return specification, artifact, self._told(decision)

    def renamed(self, name: str | None, environment: str | None) -> "Predictor":
        """Return a predictor of its own for a deployment, so that two do not share."""
        twin = copy(self)
        twin._name = self._name if name is None else deployment_name(name)  # noqa: SLF001 - a twin
        twin._choice = self._choice.copy()  # noqa: SLF001 - a twin
        twin._transformer = copy(self._transformer)  # noqa: SLF001 - a twin
        twin.environment = environment or self.environment
        twin.env_vars = self.env_vars
        return twin

    def __repr__(self) -> str:
        return f"Predictor(name: {self._name!r}, model: {self.model_name!r})"

    def _told(self, decision: Decision) -> Decision:
        """Return *decision*; it says so if its number is that of the last save."""
        if not self._choice.is_kept:
            return decision
        return replace(decision, is_kept=True, asked=None)

    def _sources(self) -> tuple[ArtifactSource, ...]:
        return self._choice.sources(self._context.storage, self._context.project)

    def _specification(
        self, model: VersionRecord, number: int, artifact: ArtifactVersion
    ) -> Specification:
        transformer = artifact.file("transformer")
        return Specification(
            name=self._name,
            description=self.description,
            model=ModelPin(
                name=self.model_name,
                version=self.model_version,
                id=model.id,
                framework=self.model_framework,
                manifest=model.sha256 or "",
            ),
            artifact=ArtifactPin(version=number, identity=artifact.identity),
            model_server=self.model_server,
            serving_tool=self.serving_tool,
            api_protocol=self.api_protocol,
            predictor=ComponentSpecification(
                script=artifact.file("predictor"), resources=self.resources
            ),
            transformer=ComponentSpecification(
                script=transformer,
                resources=component_resources(
                    self._transformer and self._transformer.resources
                ),
            )
            if transformer
            else None,
            config_file=artifact.file("configfile"),
            inference_logger=self.inference_logger,
            inference_batcher=self.inference_batcher,
            environment=self.environment,
            environment_lock=artifact.file("environment"),
            env_vars=dict(self.env_vars),
            golden_request=self.golden_request,
        )


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
    return Predictor.sealed(context, manifest, specification, artifact)
