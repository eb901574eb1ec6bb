"""The project: a location in a file system, with its model registry and deployments."""

import atexit
import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from hopsartifacts import layout
from hopsartifacts.bundles.values import Choice, Chosen, ExportReport, ImportReport
from hopsartifacts.catalog import catalog
from hopsartifacts.context import ProjectContext, project_name
from hopsartifacts.datasets import DatasetApi
from hopsartifacts.deployments.handle import ModelServing
from hopsartifacts.deployments.launch import placed
from hopsartifacts.fixed_attributes import FixedAttributes
from hopsartifacts.guard.doctor import DoctorReport, examine
from hopsartifacts.guard.gc import GRACE_S, GcReport, collect
from hopsartifacts.guard.repair import RepairReport, repair
from hopsartifacts.guard.restoration import Source
from hopsartifacts.guard.verify import VerifyReport, verify
from hopsartifacts.machine.posix import delete_folder
from hopsartifacts.machine.progress import NO_CALLBACK, Callback
from hopsartifacts.registry.handle import ModelRegistry
from hopsartifacts.serving.contract import ServingBackend
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.cache import Cache
from hopsartifacts.store.root import check_root

DEFAULT_URL = "hopsartifacts-project"
URL_VARIABLE = "HOPSARTIFACTS_URL"


def login(
    url: str | os.PathLike[str] | None = None,
    *,
    storage_options: Mapping[str, Any] | None = None,
    storage: Storage | None = None,
    cache: Cache | None = None,
    unsafe_single_writer: bool = False,
) -> "Project":
    """Open the project at *url*; the first write creates it.

    Args:
        url: a directory, ``s3://bucket/…`` or another URL from ``docs/backends.md``.
            Defaults to ``$HOPSARTIFACTS_URL``, then to ``./hopsartifacts-project``.
        storage_options: options for the fsspec file system: endpoint, credentials,
            profile.
        storage: a custom back end instead of a URL; see
            ``hopsartifacts.storage.contract``.
        cache: the local cache for files of a remote project that deployments on this
            machine use; see ``Cache``.
        unsafe_single_writer: allow file systems that cannot create a file only if it is
            absent. You must make sure that only one writer runs at a time. It has no
            effect on other file systems.

    Raises:
        InvalidInputError: the URL cannot be used.
        FormatError: the project was written by a later release.
    """
    if storage is None:
        # fsspec is imported late: it takes half of the package's import time.
        from hopsartifacts.storage.connect import connect  # noqa: PLC0415 - late

        chosen = url or os.environ.get(URL_VARIABLE) or DEFAULT_URL
        storage = connect(
            chosen, storage_options, unsafe_single_writer=unsafe_single_writer
        )
    check_root(storage)
    return Project(storage, cache=cache)


class Project(FixedAttributes):
    """An open project; ``login`` returns one."""

    def __init__(
        self,
        storage: Storage,
        *,
        backend: ServingBackend | None = None,
        cache: Cache | None = None,
    ) -> None:
        self._storage = storage
        self._given_cache = cache
        self._given_backend = backend

    @property
    def name(self) -> str:
        """The last part of the URL, as in ``/Projects/<name>/…``."""
        return project_name(self._storage)

    @property
    def url(self) -> str:
        """The canonical URL, which is equal for equal locations."""
        return self._storage.url

    @property
    def storage(self) -> Storage:
        """The storage back end."""
        return self._storage

    def get_model_registry(self) -> ModelRegistry:
        """Return the model registry of this project."""
        return ModelRegistry(self._context)

    def get_model_serving(self) -> ModelServing:
        """Return the API for deployments of this project."""
        return self._serving

    def get_dataset_api(self) -> DatasetApi:
        """Return the API for the user's own files, such as in ``Resources``."""
        return DatasetApi(self._storage, self.name)

    def catalog(self, kind: str = "models") -> Any:
        """Return a ``pyarrow.Table`` of everything in the project.

        Args:
            kind: ``models`` has one row per model version, with everything else nested
                in it; ``metrics``, ``artifacts`` and ``deployments`` have one row per
                metric, artifact version or deployment.

        Raises:
            InvalidInputError: *kind* is none of these, or pyarrow is not installed.
            IntegrityError: a log is damaged.
        """
        return catalog(self._storage, kind)

    def export_bundle(
        self,
        path: str | os.PathLike[str],
        models: Iterable[Chosen] | Chosen | None = None,
        deployments: Iterable[str] | str | None = None,
        *,
        artifacts: bool = True,
        overwrite: bool = False,
    ) -> ExportReport:
        """Write models, artifacts and deployments to one file, for another project.

        Without *models* and *deployments* the whole project is exported. Every file is
        checked against its digest. The bundle gets its name when it is complete.

        Args:
            path: the local file to write; ``.tar``, or ``.tar.gz`` to compress it.
            models: names (all their versions), ``(name, version)`` pairs, or models.
            deployments: names; the active version of each is exported, with the model
                version and artifact that it runs.
            artifacts: export all artifact versions of the model versions. If false,
                export only those that the deployments run.
            overwrite: replace an existing file.

        Raises:
            AlreadyExistsError: *path* exists.
            ModelNotFoundError: a model or version does not exist.
            DeploymentNotFoundError: a deployment does not exist.
            IntegrityError: a stored file differs from its digest.
            InvalidInputError: there is nothing to export.
            StorageError: the file cannot be written.
        """
        # Imported late: the modules for archives take 10 ms to import.
        from hopsartifacts.bundles.exports import export_bundle  # noqa: PLC0415 - late

        choice = Choice(models=models, deployments=deployments, artifacts=artifacts)
        return export_bundle(
            self._storage, path, choice, project=self.name, overwrite=overwrite
        )

    def import_bundle(
        self,
        path: str | os.PathLike[str],
        *,
        strict_numbers: bool = False,
        digest: str | None = None,
    ) -> ImportReport:
        """Store the contents of a bundle; existing versions are left unchanged.

        A model version keeps its number unless another version has it here; then it
        gets the next free number. Deployments are saved but not started. After an
        interruption, call this again: it continues after the last complete version.

        Args:
            path: a bundle written by ``export_bundle``.
            strict_numbers: refuse, before anything is stored, if a model version
                cannot keep its number.
            digest: the ``digest`` from the export's report; refuse any other bundle.

        Raises:
            InvalidBundleError: it is damaged, truncated or unsafe; nothing was stored.
            FormatError: a later release wrote it.
            AlreadyExistsError: a number (if strict) or a name is already in use here.
            SourceChangedError: the file changed during the import.
        """
        # As in ``export_bundle``.
        from hopsartifacts.bundles.imports import import_bundle  # noqa: PLC0415 - late

        return import_bundle(
            self._storage, path, strict_numbers=strict_numbers, digest=digest
        )

    def verify(
        self,
        *,
        callback: Callback = NO_CALLBACK,
        executor: Executor | None = None,
        path: str = "",
    ) -> VerifyReport:
        """Check every managed file against its recorded digest.

        Args:
            callback: receives the progress in bytes: any of ``fsspec.callbacks``.
            executor: runs the reading and hashing in batches: any
                ``concurrent.futures.Executor``, such as a process pool, or a Dask or
                Ray cluster whose workers can reach the project. Threads by default.
            path: check only this file or folder, such as ``Models/iris/1``.

        Raises:
            InvalidInputError: *path* is not in a managed folder.
            PathNotFoundError: there is nothing at *path*, and nothing should be.
            StorageError: the storage does not respond.
        """
        return verify(self._storage, callback, executor, self._relative(path))

    def repair(
        self,
        *,
        sources: Sequence[Source] = (),
        bundle: str | os.PathLike[str] | None = None,
        callback: Callback = NO_CALLBACK,
        executor: Executor | None = None,
        path: str = "",
        dry_run: bool = False,
    ) -> RepairReport:
        """Restore damaged managed files from intact copies; nothing is deleted.

        Script, configuration, schema, example and manifest files are restored from the
        log. Model files are restored from an identical file of another version, or from
        an earlier version of the object if the bucket keeps them. Replaced and extra
        files are moved aside, and so are damaged files without an intact copy. The
        report names those; their version does not start until they are restored.

        Args:
            sources: further sources: functions that take a ``Digest`` and return its
                bytes in chunks, or None. The bytes are checked.
            bundle: a bundle written by ``export_bundle``, used after all *sources*.
            callback: as in ``verify``, which runs first.
            executor: as in ``verify``.
            path: repair only this file or folder, such as ``Models/iris/1``.
            dry_run: change nothing; only report what would be done.

        Raises:
            InvalidInputError: *path* is not in a managed folder.
            PathNotFoundError: there is nothing at *path*, and nothing should be.
            StorageError: the storage does not respond.
            InvalidBundleError: the bundle is damaged or unsafe; nothing was changed.
        """
        where = self._relative(path)
        if bundle is None:
            return repair(
                self._storage, sources, callback, executor, where, dry_run=dry_run
            )
        # As in ``export_bundle``.
        from hopsartifacts.bundles.reader import BundleReader  # noqa: PLC0415 - late

        with BundleReader.open(bundle) as reader:
            reader.check()
            places = [*sources, reader.find]
            return repair(
                self._storage, places, callback, executor, where, dry_run=dry_run
            )

    def gc(self, *, dry_run: bool = False, grace_s: float = GRACE_S) -> GcReport:
        """Delete data that no version needs any more, and report the bytes freed.

        It deletes the remains of deleted and abandoned versions, the data of writers
        that stopped, and unfinished uploads. Version numbers stay used. Writers and
        other collections may run meanwhile. Files moved aside by a repair are kept.
        Files that cannot be deleted, for example because they belong to another user,
        are listed with the reason in the report's ``stuck``.

        Args:
            dry_run: only report what would be deleted.
            grace_s: keep unfinished data younger than this many seconds, since a writer
                may still be using it.

        Raises:
            InvalidInputError: the grace period is negative.
        """
        return collect(self._storage, grace_s=grace_s, dry_run=dry_run)

    def doctor(self) -> DoctorReport:
        """Test the guarantees that the store needs from the back end.

        The tests race real writers, in threads and in separate processes; they create
        and delete small objects. The verdict is stored in the project. After a negative
        verdict no project can be created at this URL until this is run again.
        """
        return examine(self._storage)

    def __repr__(self) -> str:
        return f"Project({self.url!r})"

    def _relative(self, path: str) -> str:
        return layout.relative(self.name, path) if path else ""

    @cached_property
    def _context(self) -> ProjectContext:
        return ProjectContext(
            storage=self._storage,
            project=self.name,
            registry=self.get_model_registry,
            serving=self.get_model_serving,
            backend=lambda: self._backend,
            cache=lambda: self._cache,
            catalog=partial(catalog, self._storage),
            export=self.export_bundle,
        )

    @cached_property
    def _serving(self) -> ModelServing:
        return ModelServing(self._context)

    @cached_property
    def _backend(self) -> ServingBackend:
        if self._given_backend is not None:
            return self._given_backend
        from hopsartifacts.serving.local import LocalBackend  # noqa: PLC0415 - late

        is_shared = self._storage.capabilities.is_shared
        return LocalBackend(
            self.name,
            self.url,
            logs_dir=self._storage.local_path(layout.serving_logs_dir()),
            run_root=None if is_shared else self._scratch_folder() / "run",
            storage=self._storage,
            placed=partial(placed, self._storage, lambda: self._cache),
        )

    @cached_property
    def _cache(self) -> Cache:
        if self._given_cache is not None:
            return self._given_cache
        # A storage that other processes cannot see needs no lasting cache.
        is_shared = self._storage.capabilities.is_shared
        return Cache(None if is_shared else self._scratch_folder() / "cache")

    def _scratch_folder(self) -> Path:
        project = hashlib.sha256(self.url.encode()).hexdigest()[:16]
        return _private_folder(os.getpid()) / project


@cache
def _private_folder(pid: int) -> Path:
    """Create a temporary folder for this process, removed when it ends."""
    folder = Path(tempfile.mkdtemp(prefix="hopsartifacts-"))

    def remove() -> None:
        if os.getpid() == pid:  # a forked child inherits the exit handlers
            with suppress(OSError):
                delete_folder(folder)

    atexit.register(remove)
    return folder
