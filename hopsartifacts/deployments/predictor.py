"""A predictor as users hold it: settings until saved, one sealed version after."""

from collections.abc import Iterable
from copy import copy
from os import fspath
from pathlib import Path
from typing import Any

from hopsartifacts import layout
from hopsartifacts.artifacts.decision import Decision
from hopsartifacts.artifacts.documents import (
    ArtifactSource,
    ArtifactVersion,
    Asked,
)
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments import rules
from hopsartifacts.deployments.choice import ArtifactChoice
from hopsartifacts.deployments.documents import (
    ArtifactPin,
    ComponentSpecification,
    ModelPin,
    Specification,
)
from hopsartifacts.deployments.home import Home
from hopsartifacts.deployments.parts import (
    InferenceBatcher,
    InferenceLogger,
    Transformer,
    checked_batcher,
    checked_logger,
    checked_text,
)
from hopsartifacts.deployments.resources import ComponentResources, component_resources
from hopsartifacts.errors import (
    ArtifactNotFoundError,
    IntegrityError,
    InvalidDeploymentError,
)
from hopsartifacts.names import (
    default_deployment_name,
    deployment_name,
    version_number,
)
from hopsartifacts.registry.documents import Framework, Manifest
from hopsartifacts.registry.versions import live_version, read_manifest


class Predictor:
    """What a deployment runs: a model version, scripts, resources and protocol.

    Made by ``ms.create_predictor``; nothing is stored before ``deploy`` or a
    deployment's ``save``. Settings can be changed until then, and again for the next
    save. Scripts are read when they are saved.
    """

    def __init__(  # noqa: PLR0913 - Hopsworks' signature
        self,
        home: Home,
        model: Manifest,
        *,
        name: str | None = None,
        description: str | None = None,
        artifact_version: str | int | None = None,
        serving_tool: str | None = None,
        script_file: str | Path | None = None,
        config_file: str | Path | None = None,
        resources: Any = None,
        inference_logger: InferenceLogger | str | None = None,
        inference_batcher: InferenceBatcher | None = None,
        transformer: Transformer | None = None,
        api_protocol: str = "REST",
        environment: str | None = None,
        files: Iterable[str | Path] = (),
    ) -> None:
        self._home = home
        self._model = model
        self._name = deployment_name(
            default_deployment_name(self._model.model) if name is None else name
        )
        self._serving_tool = rules.serving_tool(serving_tool)
        self._api_protocol = rules.api_protocol(api_protocol)
        self._resources = component_resources(resources)
        self.description = description
        self.environment = environment
        self._logger = checked_logger(inference_logger)
        self._batcher = checked_batcher(inference_batcher)
        self._choice = ArtifactChoice()
        self._choice.put("predictor", script_file)
        self._choice.put("configfile", config_file)
        self._choice.put_files(files)
        self.transformer = transformer
        self._choice.ask(artifact_version)
        # What a sealed version holds is looked up when it is needed, not now.
        if not isinstance(self._choice.asked, int):
            self._check_rules()

    @classmethod
    def sealed(
        cls,
        home: Home,
        model: Manifest,
        specification: Specification,
        artifact: ArtifactVersion,
    ) -> "Predictor":
        """Return the predictor of a saved deployment version."""
        predictor = cls(
            home,
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
            AlreadyExistsError: the name belongs to a deployment of another model
                version, or has a twin.
        """
        return self._home.saver.deploy(self)

    def explain(self) -> Decision:
        """Say which artifact version a save would get now, and why; stores nothing.

        Raises as ``deploy``.
        """
        self._check_rules()
        return self._store().decide(self._sources(), self._choice.asked)

    def seal(self) -> tuple[Specification, ArtifactVersion, Decision]:
        """Save the artifact and return what pins it; raises as ``deploy``."""
        model = live_version(self._home.storage, self.model_name, self.model_version)
        self._check_rules()
        store = self._store()
        try:
            decision = store.save(self._sources(), self._choice.asked)
            artifact = store.get(decision.version)
        except (ArtifactNotFoundError, IntegrityError):
            # If the model was deleted meanwhile, that is what to say.
            live_version(self._home.storage, self.model_name, self.model_version)
            raise
        pin = ModelPin(
            name=self.model_name,
            version=self.model_version,
            id=model.id,
            framework=self.model_framework,
            manifest=model.sha256 or "",
        )
        return self._specification(pin, decision.version, artifact), artifact, decision

    def renamed(self, name: str | None, environment: str | None) -> "Predictor":
        """Return a predictor of its own for a deployment, so that two do not share."""
        twin = copy(self)
        twin._name = self._name if name is None else deployment_name(name)  # noqa: SLF001 - a twin
        twin._choice = self._choice.copy()  # noqa: SLF001 - a twin
        twin._transformer = copy(self._transformer)  # noqa: SLF001 - a twin
        twin.environment = environment or self.environment
        return twin

    @property
    def name(self) -> str:
        """Name of the deployment; cannot change once it is saved."""
        return self._name

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return self._model.model

    @property
    def model_version(self) -> int:
        """Version of the model; set it to deploy another one at the next save.

        Raises:
            ModelNotFoundError: on setting: there is no such version.
        """
        return self._model.version

    @model_version.setter
    def model_version(self, version: int) -> None:
        if version != self._model.version:
            number = version_number(version)
            self._model = read_manifest(self._home.storage, self.model_name, number)
            self._choice.ask_anew()

    @property
    def model_framework(self) -> Framework:
        """Framework of the model; TORCH stays TORCH (Hopsworks says PYTHON)."""
        return self._model.framework

    @property
    def model_path(self) -> str:
        """``/Projects/<project>/Models/<name>``."""
        return layout.absolute(self._home.project, layout.model_dir(self.model_name))

    @property
    def model_server(self) -> rules.ModelServer:
        """Model server, inferred from the framework."""
        return rules.MODEL_SERVERS[self.model_framework]

    @property
    def artifact_version(self) -> Asked:
        """Artifact version: what was asked for, and after a save the number."""
        return self._choice.asked

    @artifact_version.setter
    def artifact_version(self, asked: str | int | None) -> None:
        self._choice.ask(asked)

    @property
    def artifact_files_path(self) -> str | None:
        """Folder of the artifact's files in the project; None before a save."""
        asked = self._choice.asked
        if not isinstance(asked, int):
            return None
        path = layout.artifact_dir(self.model_name, self.model_version, asked)
        return layout.absolute(self._home.project, path)

    @property
    def script_file(self) -> str | None:
        """Predictor script; its base name once saved. Setting it asks anew."""
        return self._choice.shown("predictor")

    @script_file.setter
    def script_file(self, path: str | Path | None) -> None:
        self._choice.put("predictor", path)

    @property
    def config_file(self) -> str | None:
        """Configuration file; its base name once saved. Setting it asks anew."""
        return self._choice.shown("configfile")

    @config_file.setter
    def config_file(self, path: str | Path | None) -> None:
        self._choice.put("configfile", path)

    @property
    def files(self) -> tuple[str, ...]:
        """Additional artifact files. Setting them asks anew."""
        return self._choice.shown_files()

    @files.setter
    def files(self, paths: Iterable[str | Path]) -> None:
        self._choice.put_files(paths)

    @property
    def transformer(self) -> Transformer | None:
        """Transformer. A new script asks anew (in Hopsworks it does not)."""
        return self._transformer

    @transformer.setter
    def transformer(self, transformer: Transformer | None) -> None:
        if transformer is not None and not isinstance(transformer, Transformer):
            raise InvalidDeploymentError(
                f"transformer is a {type(transformer).__name__}: use "
                "ms.create_transformer(script_file)"
            )
        self._transformer = transformer
        script = transformer.script_file if transformer else None
        self._choice.put("transformer", script)

    @property
    def resources(self) -> ComponentResources:
        """Resources of the predictor."""
        return self._resources

    @resources.setter
    def resources(self, resources: Any) -> None:
        self._resources = component_resources(resources)

    @property
    def requested_instances(self) -> int:
        """Instances of predictor and transformer together."""
        transformer = self._transformer
        more = transformer.resources.num_instances if transformer else 0
        return self._resources.num_instances + more

    @property
    def serving_tool(self) -> rules.ServingTool:
        """``KSERVE`` or ``DEFAULT``: which feature set may be used."""
        return self._serving_tool

    @serving_tool.setter
    def serving_tool(self, tool: str | None) -> None:
        self._serving_tool = rules.serving_tool(tool)

    @property
    def api_protocol(self) -> rules.ApiProtocol:
        """``REST`` or ``GRPC``."""
        return self._api_protocol

    @api_protocol.setter
    def api_protocol(self, protocol: str | None) -> None:
        self._api_protocol = rules.api_protocol(protocol)

    @property
    def inference_logger(self) -> InferenceLogger | None:
        """What is logged, None for nothing; a mode's name is taken too."""
        return self._logger

    @inference_logger.setter
    def inference_logger(self, logger: InferenceLogger | str | None) -> None:
        self._logger = checked_logger(logger)

    @property
    def inference_batcher(self) -> InferenceBatcher | None:
        """How requests are put together, None for not at all."""
        return self._batcher

    @inference_batcher.setter
    def inference_batcher(self, batcher: InferenceBatcher | None) -> None:
        self._batcher = checked_batcher(batcher)

    def __repr__(self) -> str:
        return f"Predictor(name: {self._name!r}, model: {self.model_name!r})"

    def _store(self) -> ArtifactStore:
        return ArtifactStore(self._home.storage, self.model_name, self.model_version)

    def _follow_transformer(self) -> None:
        """Take over what was changed on the transformer itself since it was set."""
        if self._transformer is None:
            return
        script = fspath(self._transformer.script_file)
        if script != self._choice.shown("transformer"):
            self._choice.put("transformer", script)

    def _sources(self) -> tuple[ArtifactSource, ...]:
        return self._choice.sources(self._home.storage, self._home.project)

    def _check_rules(self) -> None:
        self._follow_transformer()
        checked_text("description", self.description)
        checked_text("environment", self.environment)
        roles = self._choice.roles(self._store())
        used: dict[rules.Feature, bool] = {
            "transformer": "transformer" in roles,
            "batcher": self._batcher is not None,
            "batcher settings": bool(self._batcher and self._batcher.has_settings),
            "logger": self._logger is not None,
            "logger modes": bool(self._logger and self._logger.mode != "ALL"),
            "gRPC": self._api_protocol == "GRPC",
            "scale to zero": self._resources.num_instances == 0,
        }
        combination = rules.Combination(
            framework=self.model_framework,
            serving_tool=self._serving_tool,
            has_script="predictor" in roles,
            has_config_file="configfile" in roles,
            features=frozenset(feature for feature, is_used in used.items() if is_used),
        )
        rules.check(combination)

    def _specification(
        self, model: ModelPin, number: int, artifact: ArtifactVersion
    ) -> Specification:
        transformer = artifact.file("transformer")
        return Specification(
            name=self._name,
            description=self.description,
            model=model,
            artifact=ArtifactPin(version=number, identity=artifact.identity),
            model_server=self.model_server,
            serving_tool=self._serving_tool,
            api_protocol=self._api_protocol,
            predictor=ComponentSpecification(
                script=artifact.file("predictor"), resources=self._resources
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
            inference_logger=self._logger,
            inference_batcher=self._batcher,
            environment=self.environment,
        )
