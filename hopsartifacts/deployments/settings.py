"""The settings of a predictor: each is checked when it is set, all before a save."""

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import Any

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import Asked
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments import rules
from hopsartifacts.deployments.attributes import FixedAttributes
from hopsartifacts.deployments.choice import ArtifactChoice
from hopsartifacts.deployments.golden import GoldenRequest, checked_golden
from hopsartifacts.deployments.home import Home
from hopsartifacts.deployments.logs import Logs
from hopsartifacts.deployments.parts import (
    InferenceBatcher,
    InferenceLogger,
    Transformer,
    checked_batcher,
    checked_logger,
    checked_text,
    checked_transformer,
)
from hopsartifacts.deployments.resources import component_resources
from hopsartifacts.deployments.setting import Setting
from hopsartifacts.deployments.variables import checked_variables
from hopsartifacts.names import (
    default_deployment_name,
    deployment_name,
    version_number,
)
from hopsartifacts.registry.documents import Framework, Manifest
from hopsartifacts.registry.versions import read_manifest


class Settings(FixedAttributes):
    """What a predictor consists of; nothing is stored."""

    home: Home
    description: str | None
    environment: str | None
    serving_tool = Setting(
        rules.serving_tool, "``KSERVE`` or ``DEFAULT``: which feature set may be used."
    )
    api_protocol = Setting(rules.api_protocol, "``REST`` or ``GRPC``.")
    resources = Setting(component_resources, "Resources of the predictor.")
    inference_logger = Setting(
        checked_logger, "What is logged, None for nothing; a mode's name is taken too."
    )
    inference_batcher = Setting(
        checked_batcher, "How requests are put together, None for not at all."
    )
    env_vars = Setting(
        checked_variables, "Environment variables of the scripts; no place for secrets."
    )
    golden_request = Setting(
        checked_golden,
        "Request with the answer that a version has to give before it is ready; a "
        "request alone is asked by ``deployment.record_golden``.",
    )

    def __init__(  # noqa: PLR0913 - Hopsworks' signature
        self,
        home: Home,
        model: Manifest,
        *,
        name: str | None = None,
        description: str | None = None,
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
        environment_lock: str | PathLike[str] | None = None,
        env_vars: Mapping[str, str] | None = None,
        golden_request: Any = None,
        files: Iterable[str | PathLike[str]] = (),
    ) -> None:
        self.home = home
        self._model = model
        self._name = deployment_name(
            default_deployment_name(self._model.model) if name is None else name
        )
        self.serving_tool = serving_tool
        self.api_protocol = api_protocol
        self.resources = resources
        self.description = description
        self.environment = environment
        self.env_vars = env_vars
        self.golden_request = golden_request
        self.inference_logger = inference_logger
        self.inference_batcher = inference_batcher
        self._choice = ArtifactChoice()
        self._choice.put("predictor", script_file)
        self._choice.put("configfile", config_file)
        self._choice.put_lock(environment_lock)
        self._choice.put_files(files)
        self.transformer = transformer
        self._choice.ask(artifact_version)
        # What a sealed version holds is looked up when it is needed, not now.
        if not isinstance(self._choice.asked, int):
            self._check_rules(self._store(Logs(home.storage)))

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
            self._model = read_manifest(self.home.storage, self.model_name, number)
            self._choice.ask_anew()
            if self.golden_request:
                # What was recorded is the answer of the other version.
                self.golden_request = GoldenRequest(self.golden_request.request)

    @property
    def model_framework(self) -> Framework:
        """Framework of the model; TORCH stays TORCH (Hopsworks says PYTHON)."""
        return self._model.framework

    @property
    def model_path(self) -> str:
        """``/Projects/<project>/Models/<name>``."""
        return layout.absolute(self.home.project, layout.model_dir(self.model_name))

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
        return layout.absolute(self.home.project, path)

    @property
    def script_file(self) -> str | None:
        """Predictor script; its base name once saved. Setting it asks anew."""
        return self._choice.shown("predictor")

    @script_file.setter
    def script_file(self, path: str | PathLike[str] | None) -> None:
        self._choice.put("predictor", path)

    @property
    def config_file(self) -> str | None:
        """Configuration file; its base name once saved. Setting it asks anew."""
        return self._choice.shown("configfile")

    @config_file.setter
    def config_file(self, path: str | PathLike[str] | None) -> None:
        self._choice.put("configfile", path)

    @property
    def environment_lock(self) -> str | None:
        """Lock that the environment has to match at the start. Setting it asks anew.

        A path of ``requirements.txt``, ``uv.lock`` or ``environment.yml``, or its text;
        its base name once saved.
        """
        return self._choice.shown("environment")

    @environment_lock.setter
    def environment_lock(self, lock: str | PathLike[str] | None) -> None:
        self._choice.put_lock(lock)

    @property
    def files(self) -> tuple[str, ...]:
        """Additional artifact files. Setting them asks anew."""
        return self._choice.shown_files()

    @files.setter
    def files(self, paths: Iterable[str | PathLike[str]]) -> None:
        self._choice.put_files(paths)

    @property
    def transformer(self) -> Transformer | None:
        """Transformer. A new script asks anew (in Hopsworks it does not)."""
        return self._transformer

    @transformer.setter
    def transformer(self, transformer: Transformer | Mapping[str, Any] | None) -> None:
        self._transformer = checked_transformer(transformer)
        script = self._transformer.script_file if self._transformer else None
        self._choice.put("transformer", script)

    @property
    def requested_instances(self) -> int:
        """Instances of predictor and transformer together."""
        transformer = self._transformer
        more = transformer.resources.num_instances if transformer else 0
        return self.resources.num_instances + more

    def _store(self, logs: Logs) -> ArtifactStore:
        pin = self.model_name, self.model_version
        return ArtifactStore(logs.storage, *pin, log=logs.artifacts(*pin))

    def _follow_transformer(self) -> None:
        """Take over what was changed on the transformer itself since it was set."""
        if self._transformer is None:
            return
        script = self._transformer.script_file
        if fspath(script) != self._choice.shown("transformer"):
            self._choice.put("transformer", script)

    def _check_rules(self, store: ArtifactStore) -> None:
        self._follow_transformer()
        # These may have been changed in place.
        self.env_vars = self.env_vars
        self.golden_request = self.golden_request
        self.description = checked_text("description", self.description)
        self.environment = checked_text("environment", self.environment)
        roles = self._choice.roles(store)
        used: dict[rules.Feature, bool] = {
            "transformer": "transformer" in roles,
            "batcher": self.inference_batcher is not None,
            "batcher settings": bool(
                self.inference_batcher and self.inference_batcher.has_settings
            ),
            "logger": self.inference_logger is not None,
            "logger modes": bool(
                self.inference_logger and self.inference_logger.mode != "ALL"
            ),
            "gRPC": self.api_protocol == "GRPC",
            "scale to zero": self.resources.num_instances == 0,
        }
        combination = rules.Combination(
            framework=self.model_framework,
            serving_tool=self.serving_tool,
            has_script="predictor" in roles,
            has_config_file="configfile" in roles,
            features=frozenset(feature for feature, is_used in used.items() if is_used),
        )
        rules.check(combination)
