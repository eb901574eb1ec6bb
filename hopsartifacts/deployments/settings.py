"""The settings of a deployment: their names, their checks, and their specification.

A setting that is a text, a number, a yes or no, or one of some words is *plain*. A new
one is a field of ``PlainSettings`` here, and a field of the same name of
``Specification``, which is stored. The JSON API, the command line and bundles follow.
Python names it, too, so that editors and ``help()`` show it: as a parameter of
``ModelServing.create_predictor`` and ``Model.deploy``, and as an attribute in
``predictor``.

Another setting is a field of ``DeploymentSettings``, with its check in ``_CHECKS``. The
JSON API and the command line say in which form each gets it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from copy import deepcopy
from os import fspath
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo, fields, replace

from hopsartifacts.artifacts.documents import (
    ArtifactRecord,
    ArtifactSource,
    ArtifactVersion,
    RequestedVersion,
    checked_requested_version,
)
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments import rules
from hopsartifacts.deployments.artifact_files import (
    File,
    KeptFile,
    NewFile,
    ProjectPath,
    given_files,
    given_lock,
    given_path,
    shown_path,
    sources_of,
)
from hopsartifacts.deployments.documents import (
    ArtifactPin,
    ComponentSpecification,
    ModelPin,
    Specification,
)
from hopsartifacts.deployments.parts import (
    InferenceBatcher,
    InferenceLogger,
    PredictorResources,
    Transformer,
    checked_batcher,
    checked_logger,
    checked_text,
    checked_transformer,
    checked_variables,
    component_resources,
)
from hopsartifacts.deployments.requests import GoldenRequest, checked_golden
from hopsartifacts.errors import (
    HopsArtifactsError,
    InvalidDeploymentError,
    InvalidInputError,
)
from hopsartifacts.layout import Role
from hopsartifacts.names import deployment_name, plain_text
from hopsartifacts.registry.documents import Framework
from hopsartifacts.serving.contract import (
    COMPONENTS,
    Component,
    ComponentResources,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.values import plain

_ROLES: dict[str, Role] = {
    "config_file": "configfile",
    "environment_lock": "environment",
    "script_file": "predictor",
    "transformer_file": "transformer",
}
"""The settings that are one file of the artifact each."""

_STEPS: dict[Role, tuple[str, ...]] = {
    **{role: (name,) for name, role in _ROLES.items()},
    "transformer": ("transformer", "script_file"),
}
"""The names that lead to each of these files in the settings that a user gives."""


class PlainSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that are given in the same form everywhere.

    The type says all about a value: its kind (a text, number, bool, or upper-case words
    as a ``Literal``), its limits, such as ``Meta(ge=1)``, and its meaning in a
    sentence, which the command line and the OpenAPI document show.
    """

    description: Annotated[str, Meta(description="A sentence for people.")] | None = (
        None
    )
    serving_tool: Annotated[
        rules.ServingTool, Meta(description="Which features may be used.")
    ] = rules.DEFAULT_TOOL
    api_protocol: Annotated[
        rules.ApiProtocol, Meta(description="Protocol of the clients.")
    ] = "REST"
    environment: (
        Annotated[str, Meta(description="Name on a cluster; not used here.")] | None
    ) = None


class PlainSetting(msgspec.Struct, frozen=True, kw_only=True):
    """One field of ``PlainSettings``, for those that make a form of each.

    Attributes:
        name: its name in Python, in JSON and in the specification.
        annotation: its type with limits.
        default: what stands for it if nothing is given.
        kind: ``str``, ``int``, ``float`` or ``bool``.
        words: the possible texts; empty if any text is, or the type is not text.
        meaning: a sentence.
    """

    name: str
    annotation: Any
    default: Any
    kind: type
    words: tuple[str, ...]
    meaning: str

    @classmethod
    def of(cls, field: FieldInfo) -> "PlainSetting":
        """Return what the type of a field says."""
        found: dict[str, Any] = {"kind": str, "words": (), "meaning": ""}
        pending = [field.type]
        while pending:
            part = pending.pop()
            if get_origin(part) is Literal:
                found["words"] = get_args(part)
            elif isinstance(part, Meta):
                found["meaning"] = part.description
            elif part in {str, int, float, bool}:
                found["kind"] = part
            else:
                pending += get_args(part)
        return cls(
            name=field.name, annotation=field.type, default=field.default, **found
        )

    def checked(self, given: Any) -> Any:
        """Return the value that *given* stands for.

        Raises:
            InvalidDeploymentError: the type does not allow it.
        """
        if self.words:
            return self._word(given)
        if self.kind is str:
            given = checked_text(self.name, given)
        try:
            return msgspec.convert(plain(given, self.name), self.annotation)
        except (TypeError, msgspec.ValidationError) as error:
            reason = str(error).replace("`", "")
            raise InvalidDeploymentError(
                f"{self.name} {given!r} is not possible: {reason[:1].lower()}"
                f"{reason[1:]}. It means: {self.meaning}"
            ) from error

    def _word(self, given: Any) -> str:
        text = plain_text(given) or ""
        if text.upper() in self.words:
            return text.upper()
        raise InvalidDeploymentError(
            f"{self.name} {given!r}: use one of {', '.join(self.words)}"
        )


PLAIN = {it.name: PlainSetting.of(it) for it in fields(PlainSettings)}
"""All plain settings, by name."""


class DeploymentSettings(PlainSettings, frozen=True, kw_only=True):
    """All settings of a deployment, checked; those that are not given have defaults.

    ``of`` and ``changed`` make them from a user's arguments, and ``sealed`` from a
    saved specification. ``ModelServing.create_predictor`` describes each one.

    Attributes:
        name: None for the model's, without the characters that are not allowed.
        artifact_version: the given value; after a save the number. Setting a file
            removes a number.
        transformer_file: the transformer's script; not a setting that users give.
        is_kept: whether the artifact version is from the last save, and no file was set
            since then; not a setting that users give.
    """

    name: str | None = None
    artifact_version: RequestedVersion = None
    script_file: File | None = None
    config_file: File | None = None
    resources: ComponentResources = PredictorResources()
    inference_logger: InferenceLogger | None = None
    inference_batcher: InferenceBatcher | None = None
    transformer: Transformer | None = None
    files: tuple[File, ...] = ()
    environment_lock: File | None = None
    env_vars: dict[str, str] = {}
    golden_request: GoldenRequest | None = None
    transformer_file: File | None = None
    is_kept: bool = False

    @classmethod
    def of(cls, **given: Any) -> "DeploymentSettings":
        """Return the settings that a user gave by name.

        Raises:
            InvalidNameError: the name is not valid.
            InvalidDeploymentError: a setting is not valid.
        """
        return cls().changed(**given)

    @classmethod
    def sealed(
        cls, specification: Specification, artifact: Collection[ArtifactRecord]
    ) -> "DeploymentSettings":
        """Return the settings of *specification*; their files are in the artifact."""
        component = specification.transformer
        number = specification.artifact.version
        # The specification must not change with settings that change in place.
        settings = cls(**deepcopy(sealed_settings(specification)))
        pin = specification.model
        kept = [
            (file.role, KeptFile(pin.name, pin.version, number, file.path))
            for file in artifact
        ]
        single: dict[Role, KeptFile] = {
            role: file for role, file in kept if role != "file"
        }
        transformer, script = None, single.get("transformer")
        if component and script:
            shown = shown_path(script, "transformer") or ""
            transformer = Transformer(shown, component.resources)
        return replace(
            settings,
            artifact_version=number,
            transformer=transformer,
            files=tuple([file for role, file in kept if role == "file"]),
            is_kept=True,
            **{name: single.get(role) for name, role in _ROLES.items()},
        )

    def changed(self, **given: Any) -> "DeploymentSettings":
        """Return these settings with the given ones replaced; raises as ``of``.

        None and an empty tuple stand for the default.
        """
        settings, refused = self.changed_where_valid(**given)
        if refused:
            first, *others = refused.values()
            raise first.joined(others)
        return settings

    def changed_where_valid(
        self, **given: Any
    ) -> tuple["DeploymentSettings", dict[str, InvalidInputError]]:
        """Return these settings with those of the given ones that are valid.

        Returns:
            The settings; and the errors of the others, by name.
        """
        default, changes = DeploymentSettings(), dict[str, Any]()
        refused: dict[str, InvalidInputError] = {}
        for name, value in given.items():
            is_nothing = value is None or (isinstance(value, tuple) and not value)
            try:
                changes[name] = (
                    getattr(default, name) if is_nothing else _CHECKS[name](value)
                )
            except InvalidInputError as error:
                refused[name] = error.at(name)
        if "transformer" in changes:
            transformer = changes["transformer"]
            changes["transformer_file"] = (
                given_path(transformer.script_file) if transformer else None
            )
        if changes.keys() & {*_ROLES, "files"}:
            changes = {**self._without_number(), **changes}
        if "artifact_version" in changes:
            changes["is_kept"] = False
        return replace(self, **changes), refused

    def for_another_model(self) -> "DeploymentSettings":
        """Return these settings for a model version with other artifacts."""
        golden = self.golden_request
        return replace(
            self,
            **self._without_number(),
            # The recorded answer is that of the previous model version.
            golden_request=golden and GoldenRequest(golden.request),
        )

    def rechecked(self) -> "DeploymentSettings":
        """Return these settings, checked again, since some can change in place.

        Raises as ``of``.
        """
        changes: dict[str, Any] = {
            "env_vars": self.env_vars or None,
            "golden_request": self.golden_request,
        }
        if self.transformer is not None:
            shown = shown_path(self.transformer_file, "transformer")
            if fspath(self.transformer.script_file) != shown:
                changes["transformer"] = self.transformer
        return self.changed(**changes)

    def check_rules(self, framework: Framework, roles: Collection[Role]) -> None:
        """Refuse settings that cannot be combined.

        Args:
            framework: the framework of the model.
            roles: the roles of the artifact's files; see ``roles``.

        Raises:
            InvalidDeploymentError: the message names the rule, and what is allowed.
        """
        logger, batcher = self.inference_logger, self.inference_batcher
        used: dict[rules.Feature, bool] = {
            "transformer": "transformer" in roles,
            "batcher": batcher is not None,
            "batcher settings": bool(batcher and batcher.has_settings),
            "logger": logger is not None,
            "logger modes": bool(logger and logger.mode != "ALL"),
            "gRPC": self.api_protocol == "GRPC",
            "scale to zero": self.resources.num_instances == 0,
        }
        combination = rules.Combination(
            framework=framework,
            serving_tool=self.serving_tool,
            has_script="predictor" in roles,
            has_config_file="configfile" in roles,
            features=frozenset(feature for feature, is_used in used.items() if is_used),
        )
        rules.check(combination)

    def roles(self, store: ArtifactStore) -> set[Role]:
        """Return the roles of the files that the artifact will have.

        Raises:
            ArtifactNotFoundError: the requested version does not exist.
        """
        asked = self.artifact_version
        if isinstance(asked, int) and self.uses_sealed_files:
            return {file.role for file in store.get(asked).files}
        return {role for role, _ in self._all_files()}

    def paths_in_project(self) -> list[str]:
        """Return the paths of the files that are looked for only in the project."""
        files = (file for _, file in self._all_files())
        return [file.path for file in files if isinstance(file, ProjectPath)]

    def scripts(self) -> dict[Component, File]:
        """Return the scripts that the user gave, or kept, by component."""
        given = {"predictor": self.script_file, "transformer": self.transformer_file}
        return {it: file for it in COMPONENTS if (file := given[it]) is not None}

    @property
    def uses_sealed_files(self) -> bool:
        """Whether the artifact is a version that exists, with no file given besides."""
        is_number = isinstance(self.artifact_version, int)
        return is_number and not _any_new(self._all_files())

    def sources(self, storage: Storage, project: str) -> tuple[ArtifactSource, ...]:
        """Return the files to store; none if a sealed version is used unchanged.

        Raises:
            InvalidScriptError: a script is missing, not Python, or lacks its class.
        """
        if self.uses_sealed_files:
            return ()
        found: list[ArtifactSource] = []
        refused: list[HopsArtifactsError] = []
        for role, file in self._all_files():
            try:
                found += sources_of(storage, project, role, file)
            except InvalidInputError as error:
                refused.append(error.at(*self._steps_to(role, file)))
        if refused:
            raise refused[0].joined(refused[1:])
        return tuple(found)

    def _steps_to(self, role: Role, file: File) -> tuple[str | int, ...]:
        """Return the names that lead to a file in the settings."""
        return ("files", self.files.index(file)) if role == "file" else _STEPS[role]

    def specification(
        self, model: ModelPin, artifact_version: int, artifact: ArtifactVersion
    ) -> Specification:
        """Return the specification of these settings, which pins the two versions."""
        files = {file.role: file.path for file in artifact.files}
        transformer = None
        if script := files.get("transformer"):
            given = self.transformer.resources if self.transformer else None
            transformer = ComponentSpecification(
                script=script, resources=component_resources(given)
            )
        as_given = {it: getattr(self, it) for it in _SEALED_AS_GIVEN}
        # The user's dict can change in place.
        as_given["env_vars"] = dict(self.env_vars)
        return Specification(
            model=model,
            artifact=ArtifactPin(version=artifact_version, identity=artifact.identity),
            model_server=rules.MODEL_SERVERS[model.framework],
            predictor=ComponentSpecification(
                script=files.get("predictor"), resources=self.resources
            ),
            transformer=transformer,
            config_file=files.get("configfile"),
            environment_lock=files.get("environment"),
            **as_given,
        )

    def _without_number(self) -> dict[str, Any]:
        """Return the changes that remove a number from ``artifact_version``."""
        is_number = isinstance(self.artifact_version, int)
        asked = None if is_number else self.artifact_version
        return {"artifact_version": asked, "is_kept": False}

    def _all_files(self) -> list[tuple[Role, File]]:
        found: list[tuple[Role, File]] = []
        for name, role in _ROLES.items():
            file: File | None = getattr(self, name)
            if file is not None:
                found.append((role, file))
        found += [("file", file) for file in self.files]
        return found


def sealed_settings(specification: Specification) -> dict[str, Any]:
    """Return the settings in a specification by name, without the files."""
    as_given = {name: getattr(specification, name) for name in _SEALED_AS_GIVEN}
    return {"resources": specification.predictor.resources, **as_given}


def _any_new(files: Iterable[tuple[Role, File]]) -> bool:
    return any(isinstance(file, NewFile) for _, file in files)


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    **{name: setting.checked for name, setting in PLAIN.items()},
    "name": deployment_name,
    "artifact_version": checked_requested_version,
    "script_file": given_path,
    "config_file": given_path,
    "resources": component_resources,
    "inference_logger": checked_logger,
    "inference_batcher": checked_batcher,
    "transformer": checked_transformer,
    "files": given_files,
    "environment_lock": given_lock,
    "env_vars": checked_variables,
    "golden_request": checked_golden,
}
"""For each setting, a function from the user's argument to the checked value."""

FILE_SETTINGS = frozenset(
    {*_ROLES, "files", "transformer", "artifact_version"} - {"transformer_file"}
)
"""The settings that decide which files the artifact has."""

SETTINGS = tuple(_CHECKS)
"""The names of all settings."""

_SEALED_AS_GIVEN = tuple(
    name
    for name in SETTINGS
    if name in Specification.__struct_fields__ and name not in {*_ROLES, "transformer"}
)
"""The settings that a specification has under the same name and with the same value."""
