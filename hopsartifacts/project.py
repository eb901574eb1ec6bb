"""A project: one place in a file system, with its registry, serving and guard."""

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from functools import cache, cached_property, partial
from pathlib import Path, PurePosixPath
from typing import Any

from hopsartifacts import layout
from hopsartifacts.bundles.values import Choice, Chosen, ExportReport, ImportReport
from hopsartifacts.catalog.asking import catalog
from hopsartifacts.context import ProjectContext
from hopsartifacts.datasets import DatasetApi
from hopsartifacts.deployments.handle import ModelServing
from hopsartifacts.guard.doctor import DoctorReport, examine
from hopsartifacts.guard.gc import GRACE_S, GcReport, collect
from hopsartifacts.guard.repair import RepairReport, repair
from hopsartifacts.guard.restoring import Source
from hopsartifacts.guard.verify import VerifyReport, verify
from hopsartifacts.registry.handle import ModelRegistry
from hopsartifacts.serving.contract import ServingBackend
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.cache import Cache
from hopsartifacts.store.progress import NO_CALLBACK, Callback
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
    """Open the project at *url*; it is made by the first thing stored in it.

    Args:
        url: a directory, ``s3://bucket/…`` or any other of ``docs/backends.md``; by
            default ``$HOPSARTIFACTS_URL``, or else ``./hopsartifacts-project``.
        storage_options: what fsspec's file system takes: endpoint, credentials,
            profile.
        storage: a back end of your own instead of a URL; see
            ``hopsartifacts.storage.contract``.
        cache: where files of a remote project are kept that deployments of this
            machine use; see ``Cache``.
        unsafe_single_writer: use file systems that cannot tell two writers apart, and
            see to it that there is only one at a time; no effect on the others.

    Raises:
        InvalidInputError: the URL cannot be used.
        FormatError: the project was written by a later release.
    """
    if storage is None:
        # fsspec is imported late: it takes half of all the time to import.
        from hopsartifacts.storage.connect import connect  # noqa: PLC0415 - late

        chosen = url or os.environ.get(URL_VARIABLE) or DEFAULT_URL
        storage = connect(
            chosen, storage_options, unsafe_single_writer=unsafe_single_writer
        )
    check_root(storage)
    return Project(storage, cache=cache)


class Project:
    """What ``login`` returns."""

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
        """Last part of the URL, as in ``/Projects/<name>/…``."""
        # A URL has "my%20project" for "my project".
        root = self._storage.local_path("")
        path = root or PurePosixPath(self._storage.url.partition("://")[2])
        return path.name or "project"

    @property
    def url(self) -> str:
        """Canonical URL: equal for equal places."""
        return self._storage.url

    @property
    def storage(self) -> Storage:
        """The back end."""
        return self._storage

    def get_model_registry(self) -> ModelRegistry:
        """Return the model registry."""
        return ModelRegistry(self._context)

    def get_model_serving(self) -> ModelServing:
        """Return model serving."""
        return self._serving

    def get_dataset_api(self) -> DatasetApi:
        """Return the user's own files: ``Resources`` and whatever else."""
        return DatasetApi(self._storage, self.name)

    def catalog(self, kind: str = "models") -> Any:
        """Return a ``pyarrow.Table`` of everything in the project.

        Args:
            kind: ``models`` has one row per model version and everything else nested
                in it; ``metrics``, ``artifacts`` and ``deployments`` have one row for
                each of theirs.

        Raises:
            InvalidInputError: there is no such table, or pyarrow is not installed.
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
        """Write models, artifacts and deployments as one file for another site.

        Without *models* and *deployments* everything in the project. Every byte is
        compared with its seal; the file has its name once it is whole.

        Args:
            path: the file to write on this machine; ``.tar``, or ``.tar.gz`` to
                compress it.
            models: names (all their versions), ``(name, version)`` pairs, or models.
            deployments: names; the active version of each goes in, with the model
                version and artifact it runs.
            artifacts: put in all artifact versions of the model versions; without it
                only those that the deployments run.
            overwrite: replace a file that is there.

        Raises:
            AlreadyExistsError: *path* exists.
            ModelNotFoundError: there is no such model or version.
            DeploymentNotFoundError: there is no such deployment.
            IntegrityError: a stored file differs from its seal.
            InvalidInputError: there is nothing to export.
            StorageError: the file cannot be written.
        """
        # What archives need takes 10 ms to import.
        from hopsartifacts.bundles.exporting import export_bundle  # noqa: PLC0415 - late

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
        """Store what a bundle holds; what is there already is left as it is.

        A model version keeps its number unless that was given to another one here; then
        it gets the next. Deployments are saved, not started. If it is interrupted, run
        it again: whole versions are there, and it goes on behind them.

        Args:
            path: what ``export_bundle`` wrote.
            strict_numbers: refuse, before anything is stored, if a model version
                cannot keep its number.
            digest: the ``digest`` of the report of the export; refuse any other bundle.

        Raises:
            InvalidBundleError: it is damaged, truncated or unsafe; nothing was stored.
            FormatError: a later release wrote it.
            AlreadyExistsError: a number (if strict) or a name belongs to another here.
            SourceChangedError: somebody wrote to the file meanwhile.
        """
        # As in ``export_bundle``.
        from hopsartifacts.bundles.importing import import_bundle  # noqa: PLC0415 - late

        return import_bundle(
            self._storage, path, strict_numbers=strict_numbers, digest=digest
        )

    def verify(
        self,
        *,
        callback: Callback = NO_CALLBACK,
        executor: Executor | None = None,
    ) -> VerifyReport:
        """Compare every managed file with what was sealed, byte by byte.

        Args:
            callback: hears of the progress in bytes: any of ``fsspec.callbacks``.
            executor: runs the reading and hashing, in batches: any
                ``concurrent.futures.Executor``, like a pool of processes or a Dask
                or Ray cluster whose workers reach the project. By default threads.

        Raises:
            StorageError: the storage does not answer.
        """
        return verify(self._storage, callback, executor)

    def repair(
        self,
        *,
        sources: Sequence[Source] = (),
        bundle: str | os.PathLike[str] | None = None,
        callback: Callback = NO_CALLBACK,
        executor: Executor | None = None,
    ) -> RepairReport:
        """Undo every edit that can be undone; what is replaced is moved aside.

        Script, configuration, schema, example and manifest files come back from the
        log, model files from an identical file of another version or from an earlier
        version of the object, if the bucket keeps them. Extra files are moved aside,
        and so are changed files that no sound copy exists of: they are named, and
        their version does not start until they are back. Nothing is deleted.

        Args:
            sources: further places: functions that take a ``Digest`` and return its
                bytes in chunks, or None. What they give is checked.
            bundle: a file that ``export_bundle`` wrote, asked after all *sources*.
            callback: as in ``verify``, which comes first.
            executor: as in ``verify``.

        Raises:
            StorageError: the storage does not answer.
            InvalidBundleError: the bundle is damaged or unsafe; nothing was touched.
        """
        if bundle is None:
            return repair(self._storage, sources, callback, executor)
        # As in ``export_bundle``.
        from hopsartifacts.bundles.reading import BundleReader  # noqa: PLC0415 - late

        with BundleReader.open(bundle) as reader:
            reader.check()
            places = [*sources, reader.find]
            return repair(self._storage, places, callback, executor)

    def gc(self, *, dry_run: bool = False, grace_s: float = GRACE_S) -> GcReport:
        """Free what no version needs any more, and say how many bytes that were.

        That is: what deleted and given-up versions, writers that are gone and old log
        entries left behind. Numbers stay used. It is safe beside writers and beside
        itself. What was moved aside by a repair is not touched. What cannot be freed,
        as it is another user's, is in the report's ``stuck``, with the reason.

        Args:
            dry_run: only say what would be freed.
            grace_s: leave alone what a writer may still be at work on, if it is younger
                than this many seconds.

        Raises:
            InvalidInputError: the grace period is negative.
        """
        return collect(self._storage, grace_s=grace_s, dry_run=dry_run)

    def doctor(self) -> DoctorReport:
        """Try on the back end what the store is built on, and say what held.

        Writers are raced for real, in threads and in processes of their own; small
        objects are made and deleted. The verdict is kept in the project: until this
        is asked again nothing makes a project of a place that got a no.
        """
        return examine(self._storage)

    def __repr__(self) -> str:
        return f"Project({self.url!r})"

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
        )

    @cached_property
    def _cache(self) -> Cache:
        if self._given_cache is not None:
            return self._given_cache
        # What nobody else can see is of no use to anybody later.
        is_shared = self._storage.capabilities.is_shared
        return Cache(None if is_shared else self._scratch_folder() / "cache")

    def _scratch_folder(self) -> Path:
        project = hashlib.sha256(self.url.encode()).hexdigest()[:16]
        return _private_folder(os.getpid()) / project


@cache
def _private_folder(pid: int) -> Path:
    """Return a folder of this process, gone when it ends."""
    folder = Path(tempfile.mkdtemp(prefix="hopsartifacts-"))

    def remove() -> None:
        if os.getpid() == pid:  # a fork has the same exit handlers
            for inner, _, _ in os.walk(folder):  # what is cached is read-only
                Path(inner).chmod(0o700)
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder
