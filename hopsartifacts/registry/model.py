"""The user's API of a model version, and of tags, which deployments have too."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec

from hopsartifacts import layout
from hopsartifacts.context import ProjectContext
from hopsartifacts.errors import (
    AlreadyExistsError,
    IntegrityError,
    InvalidModelError,
    ModelNotFoundError,
    PathNotFoundError,
    warn,
)
from hopsartifacts.fixed_attributes import FixedAttributes
from hopsartifacts.machine.local_paths import local_folder, user_path
from hopsartifacts.machine.progress import NO_CALLBACK, Callback
from hopsartifacts.names import alias_name, model_name, tag_name, version_number
from hopsartifacts.registry import given, versions
from hopsartifacts.registry.aliases import set_alias
from hopsartifacts.registry.difference import ModelDifference, compare_versions
from hopsartifacts.registry.documents import Framework, Manifest, Tags, VersionRecord
from hopsartifacts.registry.save import NewVersion, save_version
from hopsartifacts.registry.schema import ModelSchema, schema_text
from hopsartifacts.registry.sources import source
from hopsartifacts.store.transfer import download


class Tagged(ABC):
    """The base class of saved objects whose tags can be changed after saving."""

    def add_tag(self, name: str, value: Any) -> None:
        """Set the tag *name* to *value*, any JSON value; replace an existing value.

        Raises:
            InvalidNameError: the name breaks its rule.
            InvalidModelError: *value* cannot be written as JSON.
            NotFoundError: the tagged object was deleted, or never saved.
        """
        tag, checked = tag_name(name), given.checked_tag(name, value)
        self._change_tags(lambda tags: {**tags, tag: checked})

    set_tag = add_tag

    def get_tag(self, name: str) -> Any:
        """Return the value of a tag; None if it is not set."""
        return self.get_tags().get(name)

    @abstractmethod
    def get_tags(self) -> Tags:
        """Return the current tags.

        Raises:
            NotFoundError: the tagged object was deleted, or never saved.
        """

    def delete_tag(self, name: str) -> None:
        """Remove a tag; do nothing if it is not set."""
        self._change_tags(lambda tags: {tag: tags[tag] for tag in tags if tag != name})

    @abstractmethod
    def _change_tags(self, change: Callable[[Tags], Tags]) -> None:
        """Replace the tags by the result of *change*."""


class Model(FixedAttributes, Tagged):
    """One version of a model.

    Create one with ``mr.<framework>.create_model`` (nothing is stored until ``save``),
    or get a saved one with ``mr.get_model``. A saved version never changes, except for
    its tags, aliases and description.
    """

    def __init__(  # noqa: PLR0913 - Hopsworks' signature
        self,
        context: ProjectContext,
        framework: Framework,
        name: str,
        *,
        version: int | None = None,
        metrics: Mapping[str, Any] | None = None,
        description: str | None = None,
        input_example: Any = None,
        model_schema: ModelSchema | Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        self._context = context
        self._framework: Framework = framework
        self._name = model_name(name)
        self._version = None if version is None else given.positive_version(version)
        self._requested = self._version
        self._metrics = given.checked_metrics(metrics)
        self._description = given.checked_description(description, name)
        self._example = given.embedded(given.example_text(input_example))
        self._schema = given.embedded(schema_text(model_schema))
        self._tags = {
            tag_name(tag): given.checked_tag(tag, it)
            for tag, it in (tags or {}).items()
        }
        self._manifest: Manifest | None = None
        self._state: VersionRecord | None = None
        self._is_fetched = False

    @classmethod
    def sealed(cls, context: ProjectContext, manifest: Manifest) -> "Model":
        """Return the saved version that *manifest* describes."""
        model = cls(
            context,
            manifest.framework,
            manifest.model,
            version=manifest.version,
            description=manifest.description,
        )
        model._adopt(manifest)
        model._is_fetched = True
        return model

    @classmethod
    def listed(
        cls, context: ProjectContext, name: str, version: int, state: VersionRecord
    ) -> "Model":
        """Return a saved version, created from its record; reads the manifest later."""
        framework = state.framework or "PYTHON"
        model = cls(context, framework, name, version=version)
        model._state = state
        model._metrics = state.metrics
        model._is_fetched = True
        return model

    def save(
        self,
        model_path: str | Path,
        await_registration: int = 480,  # noqa: ARG002 - kept for Hopsworks' callers
        keep_original_files: bool = True,  # noqa: ARG002 - as above
        upload_configuration: dict[str, Any] | None = None,  # noqa: ARG002 - as above
        *,
        callback: Callback = NO_CALLBACK,
    ) -> "Model":
        """Store the file or folder *model_path* as a version of this model.

        The version exists completely when this returns, and not at all if it raises.
        Your files are copied and not changed. Empty folders are not stored. After the
        last file is stored, every file is read again and compared with the stored
        bytes. Files that the newest version contains are not uploaded again, except
        those of up to 64 KiB in a bucket; nor, in a bucket, files that an interrupted
        save of the same *model_path* has uploaded.

        Saving again, for example by running a notebook cell twice, creates the next
        version, and this object then represents that version. If you asked for a
        version number, saving again fails.

        Args:
            model_path: a file, or a folder whose tree becomes ``Files``. Links to files
                are followed. Every file is saved; a warning names those that tools
                made: ``.git``, ``__pycache__``, ``*.pyc``, ``.ipynb_checkpoints``,
                ``.DS_Store``, ``._*``, ``Thumbs.db`` and ``desktop.ini``.
            await_registration: no effect, like the next two: files are never moved.
            keep_original_files: no effect.
            upload_configuration: no effect.
            callback: receives the total number of bytes and the progress, in fsspec's
                protocol (``fsspec.callbacks.TqdmCallback``).

        Returns:
            This model, with ``version`` and ``id`` set.

        Raises:
            InvalidInputError: *model_path* is not a path.
            InvalidModelError: there is no file to save, or one cannot be stored.
            InvalidNameError: a file name breaks the rules.
            AlreadyExistsError: the version was used, the name is too close to another,
                or this object was fetched instead of created.
            SourceChangedError: a file changed while it was read.
        """
        if self._is_fetched:
            raise AlreadyExistsError(
                f"this is model {self._name!r} version {self._version}, which is saved "
                f"already: use mr.{self._framework.lower()}.create_model("
                f"{self._name!r}).save(path) to save the next version"
            )
        location = user_path(model_path)
        self._refuse_project_inside(location)
        listed = source(location)
        if by_products := listed.by_products():
            warn(
                f"{str(location)!r} contains {', '.join(by_products)}: saved with the "
                "model, like every other file",
                UserWarning,
            )
        new = NewVersion(
            model=self._name,
            framework=self._framework,
            description=self._description,
            source=listed,
            requested=self._requested,
            metrics=self._metrics,
            tags=self._tags,
            input_example=self._example,
            model_schema=self._schema,
        )
        manifest = save_version(self._context.storage, new, callback)
        self._state = None
        self._adopt(manifest)
        return self

    def download(
        self, local_path: str | Path | None = None, *, callback: Callback = NO_CALLBACK
    ) -> str:
        """Copy the model files to this machine and verify every byte.

        A file gets its name when it is complete. After a failure, call this again with
        the same *local_path* to continue where it stopped.

        Args:
            local_path: the folder to fill; by default a new temporary folder.
            callback: receives the progress in bytes: any of ``fsspec.callbacks``,
                such as ``TqdmCallback``.

        Returns:
            The folder that contains the files.

        Raises:
            IntegrityError: a stored file differs from its digest.
            ModelNotFoundError: the version was deleted, or never saved.
            StorageError: the storage failed repeatedly, or the local disk failed.
        """
        manifest = self._sealed()
        self._record()
        target = local_folder(local_path, self._name, str(manifest.version))
        folder = layout.files_dir(self._name, manifest.version)
        sealed = {file.path: file.digest for file in manifest.files}
        try:
            download(self._context.storage, folder, sealed, target, callback=callback)
        except (IntegrityError, PathNotFoundError):
            self._record()  # raises if the version was deleted meanwhile
            raise
        return str(target)

    def export(
        self, path: str | Path, *, artifacts: bool = True, overwrite: bool = False
    ) -> Any:
        """Write this version and its artifacts to one file; return an ``ExportReport``.

        See ``Project.export_bundle`` for the arguments and errors.
        """
        self._sealed()
        return self._context.export(
            path, models=[self], artifacts=artifacts, overwrite=overwrite
        )

    def delete(self) -> None:
        """Delete this version with its files; its number is never reused.

        Raises:
            InUseError: a deployment or an alias uses it; nothing was deleted.
            ModelNotFoundError: it was deleted before, or never saved.
        """
        version = self._sealed().version

        def users() -> list[str]:
            return self._context.serving().users_of(self._name, version)

        versions.delete_version(self._context.storage, self._name, version, users)

    def deploy(  # noqa: PLR0913, PLR0917 - Hopsworks' signature
        self,
        name: str | None = None,
        description: str | None = None,
        artifact_version: str | int | None = None,
        serving_tool: str | None = None,
        script_file: str | PathLike[str] | None = None,
        config_file: str | PathLike[str] | None = None,
        resources: Any = None,
        inference_logger: Any = None,
        inference_batcher: Any = None,
        transformer: Any = None,
        api_protocol: str = "REST",
        environment: str | None = None,
        *,
        files: Any = (),
        environment_lock: str | PathLike[str] | None = None,
        env_vars: Mapping[str, str] | None = None,
        golden_request: Any = None,
    ) -> Any:
        """Save a deployment of this version; return the ``Deployment``, not started.

        See ``ModelServing.create_predictor`` for the arguments and errors.
        """
        # All parameters by name: a new setting needs no line here.
        settings = {name: it for name, it in locals().items() if name != "self"}
        return self._context.serving().deploy_model(self, **settings)

    def diff(self, first: int) -> ModelDifference:
        """Return how this version differs from version *first*.

        The result names metrics, tags, files and settings that differ, and tells
        whether callers of *first* can call this version with the same inputs.

        Raises:
            ModelNotFoundError: one of the two was deleted, or never saved.
            InvalidNameError: *first* is not a version number.
        """
        pair = (version_number(first), self._sealed().version)
        log = versions.model_log(self._context.storage, self._name)
        state = log.state()
        records = [versions.pick_live(state, self._name, number) for number in pair]
        old, new = [(versions.manifest_in(log, it), it) for it in records]
        return compare_versions(old, new)

    def get_tags(self) -> Tags:
        """Return the current tags.

        Raises:
            ModelNotFoundError: the version was deleted, or never saved.
        """
        return dict(self._record().tags)

    def set_alias(self, alias: str, why: str = "") -> None:
        """Point *alias* (such as ``champion``) at this version.

        Args:
            alias: 1 to 64 letters, digits, ``_``, ``-`` and ``.``, first a letter; not
                ``latest``.
            why: the reason, for the alias's history.

        Raises:
            InvalidNameError: the alias breaks its rule.
            ModelNotFoundError: the version was deleted, or never saved.
        """
        version = self._sealed().version
        name, reason = alias_name(alias), given.checked_reason(why)
        set_alias(self._context.storage, self._name, name, version, reason)

    @property
    def aliases(self) -> list[str]:
        """The aliases that point at this version now, sorted."""
        version = self._sealed().version
        state = versions.model_state(self._context.storage, self._name)
        versions.pick_live(state, self._name, version)
        return state.aliases_of(version)

    def set_description(self, description: str) -> None:
        """Replace the description; the manifest keeps the one given at ``save``.

        Raises:
            InvalidModelError: it is not text.
            ModelNotFoundError: the version was deleted, or never saved.
        """
        version, text = self._sealed().version, given.checked_description(description)
        versions.describe(self._context.storage, self._name, version, text)
        self._state = None

    @property
    def id(self) -> str | None:
        """The version's unique ID, never reused; None before ``save``."""
        saved = self._state or self._manifest
        return saved.id if saved else None

    @property
    def name(self) -> str:
        """The model's name."""
        return self._name

    @property
    def version(self) -> int | None:
        """The version number; None before ``save`` unless you asked for one."""
        return self._version

    @property
    def framework(self) -> Framework:
        """``TENSORFLOW``, ``TORCH``, ``PYTHON``, ``SKLEARN`` or ``LLM``."""
        return self._framework

    @property
    def description(self) -> str:
        """The description, as it was when this object last read it."""
        if not self.id:
            return self._description
        self._state = self._state or self._record()
        return self._state.description

    @property
    def training_metrics(self) -> dict[str, float | int]:
        """The metrics given when the model was created, by name."""
        return dict(self._metrics)

    @property
    def created(self) -> str | None:
        """The time of the save (RFC 3339, UTC); None before ``save``."""
        if self._state:
            return self._state.created
        return self._sealed().created if self.id else None

    @property
    def creator(self) -> str | None:
        """The user who saved it; None before ``save``."""
        if self._state:
            return self._state.creator
        return self._sealed().creator if self.id else None

    @property
    def file_count(self) -> int:
        """The number of its files, without example and schema.

        Raises:
            ModelNotFoundError: the model was not saved yet.
        """
        return self._state.files if self._state else len(self._sealed().files)

    @property
    def size_bytes(self) -> int:
        """The size of all its files; raises as ``file_count``."""
        return self._state.size_bytes if self._state else self._sealed().size_bytes

    @property
    def project_name(self) -> str:
        """The name of the project that it belongs to."""
        return self._context.project

    @property
    def input_example(self) -> Any:
        """The input example as plain values; None if there is none."""
        if self.id:
            self._sealed()
        return msgspec.json.decode(self._example.text) if self._example else None

    @property
    def model_schema(self) -> Any:
        """The model schema as a dict; None if there is none."""
        if self.id:
            self._sealed()
        return msgspec.json.decode(self._schema.text) if self._schema else None

    @property
    def model_path(self) -> str:
        """``/Projects/<project>/Models/<name>``."""
        return layout.absolute(self.project_name, layout.model_dir(self._name))

    @property
    def version_path(self) -> str:
        """``/Projects/<project>/Models/<name>/<version>``."""
        return f"{self.model_path}/{self._sealed().version}"

    @property
    def model_files_path(self) -> str:
        """``/Projects/<project>/Models/<name>/<version>/Files``."""
        return f"{self.version_path}/{layout.FILES}"

    @property
    def manifest(self) -> Manifest:
        """The saved description of this version, with size and digests of every file.

        Raises:
            ModelNotFoundError: the model was not saved yet.
        """
        return self._sealed()

    def __repr__(self) -> str:
        return (
            f"Model(name: {self._name!r}, version: {self._version!r}, "
            f"framework: {self._framework!r})"
        )

    def _adopt(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._version = manifest.version
        self._metrics = manifest.metrics
        self._example = manifest.input_example
        self._schema = manifest.model_schema

    def _sealed(self) -> Manifest:
        if self._manifest is None and self._state and self._version:
            storage = self._context.storage
            self._adopt(versions.manifest_of(storage, self._name, self._state))
        if self._manifest is None:
            raise ModelNotFoundError(
                f"model {self._name!r} was not saved yet: call save(model_path) first"
            )
        return self._manifest

    def _record(self) -> VersionRecord:
        """Read the record of this version; raise if it was deleted."""
        version = self._sealed().version
        return versions.live_version(self._context.storage, self._name, version)

    def _change_tags(self, change: Callable[[Tags], Tags]) -> None:
        version = self._sealed().version
        versions.set_tags(self._context.storage, self._name, version, change)

    def _refuse_project_inside(self, location: Path) -> None:
        root = self._context.storage.local_path("")
        if root is not None and root.is_relative_to(location.resolve()):
            raise InvalidModelError(
                f"model path {str(location)!r} contains the project itself "
                f"({str(root)!r}): save a folder that contains only the model"
            )
