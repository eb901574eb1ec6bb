"""The settings of a deployment as attributes, of the predictor and the deployment."""

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import RequestedVersion
from hopsartifacts.deployments import rules
from hopsartifacts.deployments.artifact_files import shown_path
from hopsartifacts.deployments.golden import GoldenRequest
from hopsartifacts.deployments.parts import (
    ComponentResources,
    InferenceBatcher,
    InferenceLogger,
    Transformer,
)
from hopsartifacts.deployments.settings import DeploymentDraft, DeploymentSettings
from hopsartifacts.fixed_attributes import FixedAttributes


class SettingAttributes(FixedAttributes):
    """The settings as attributes; each is checked when it is set.

    What is set is stored by the next save.
    """

    _draft: DeploymentDraft

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
