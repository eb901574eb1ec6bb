"""Access to the user's own files in a project; managed files can only be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hopsartifacts import layout
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.datasets import own
from hopsartifacts.datasets.archives import unpack, unpacked_path, zipped_folder
from hopsartifacts.digests import Digest
from hopsartifacts.errors import (
    AlreadyExistsError,
    ArtifactNotFoundError,
    IntegrityError,
    InvalidInputError,
    ManagedPathError,
    ModelNotFoundError,
    PathNotFoundError,
)
from hopsartifacts.fixed_attributes import FixedAttributes
from hopsartifacts.machine.atomic_write import check_free
from hopsartifacts.machine.local_paths import user_path
from hopsartifacts.machine.progress import NO_CALLBACK, Callback
from hopsartifacts.names import file_path, is_version
from hopsartifacts.registry.sources import source
from hopsartifacts.registry.versions import sealed_manifest
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.checks import verified
from hopsartifacts.store.root import mark_root
from hopsartifacts.store.transfer import fetch


class DatasetApi(FixedAttributes):
    """Files of the project: scripts and data in ``Resources`` and other folders.

    Paths are relative to the project, with or without a leading slash, or start with
    ``/Projects/<project>/`` or ``hdfs:///Projects/<project>/``. Files in ``Models`` and
    ``Deployments`` are managed: they can be read, but not changed. Only files directly
    in ``Models`` with a dot in their name belong to the user.
    """

    def __init__(self, storage: Storage, project: str) -> None:
        self._storage = storage
        self._project = project

    def upload(
        self,
        local_path: str | Path,
        upload_path: str = layout.RESOURCES,
        overwrite: bool = False,
    ) -> str:
        """Copy a local file or folder into the folder *upload_path* of the project.

        Returns:
            Its path in the project (``Resources/predictor.py``).

        Raises:
            ManagedPathError: the target is managed.
            AlreadyExistsError: a target file exists and *overwrite* is not set, or is
                a folder.
            InvalidInputError: there is nothing to upload, or a parent of the target is
                a file or a link.
        """
        location = user_path(local_path)
        folder = self._target_folder(upload_path)
        if not location.exists():
            raise InvalidInputError(f"{str(local_path)!r} does not exist")
        target = file_path(f"{folder}/{location.resolve().name}")
        self._check_writable(target, target, is_folder=location.is_dir())
        files = {
            f"{target}/{file.path}" if location.is_dir() else target: file
            for file in source(location).files
        }
        own.check_files(self._storage, files, overwrite=overwrite)
        mark_root(self._storage)
        for path, file in files.items():
            self._storage.write(path, file.chunks())
        return target

    def download(
        self,
        path: str,
        local_path: str | Path | None = None,
        overwrite: bool = False,
    ) -> str:
        """Copy one file to this machine, by default into the working directory.

        A sealed file is compared with its digest, unless the project is on a local
        disk; ``project.verify`` checks such a project.

        Returns:
            The local path of the copy.

        Raises:
            PathNotFoundError: the file does not exist, or is a folder.
            IntegrityError: the file differs from its sealed digest.
            AlreadyExistsError: the local file exists and *overwrite* is not set.
            InvalidInputError: the local path is a device, a pipe or a socket.
        """
        inside = layout.relative(self._project, path)
        target = user_path(local_path) if local_path else Path.cwd()
        if target.is_dir():
            target /= inside.rpartition("/")[2]
        check_free(target, overwrite=overwrite)
        with self._naming_folders(inside):
            fetch(self._storage, inside, target, _sealed_digest(self._storage, inside))
        return str(target)

    def read_content(self, path: str) -> bytes:
        """Return the bytes of a file; a sealed one is checked as in ``download``.

        Raises:
            PathNotFoundError: the file does not exist, or is a folder.
            IntegrityError: the file differs from its sealed digest.
        """
        inside = layout.relative(self._project, path)
        digest = _sealed_digest(self._storage, inside)
        with self._naming_folders(inside):
            data = self._storage.read(inside)
        return b"".join(verified([data], digest, inside)) if digest else data

    def exists(self, path: str) -> bool:
        """Return whether a file or folder exists."""
        return own.look(self._storage, layout.relative(self._project, path)) is not None

    def list(self, path: str = "") -> list[str]:
        """Return the sorted paths of the files and folders in a folder."""
        inside = layout.relative(self._project, path)
        return [
            entry.path
            for entry in own.children(self._storage, inside)
            if entry.path != layout.INTERNAL
        ]

    def mkdir(self, path: str) -> str:
        """Make a folder and its parents.

        Returns:
            Its path in the project.

        Raises:
            ManagedPathError: the path is managed.
            AlreadyExistsError: the path exists.
            InvalidInputError: a parent is a file or a link.
        """
        inside = layout.relative(self._project, path)
        self._check_writable(path, inside, is_folder=True)
        own.make_folder(self._storage, inside)
        return inside

    def copy(
        self,
        source_path: str,
        destination_path: str,
        overwrite: bool = False,
        *,
        callback: Callback = NO_CALLBACK,
    ) -> None:
        """Copy a file or folder of the user to another path in the project.

        Args:
            source_path: the file or folder to copy.
            destination_path: the path of the copy.
            overwrite: delete what exists at the destination first.
            callback: receives the total number of bytes and the progress.

        Raises:
            ManagedPathError: one of the paths is managed.
            PathNotFoundError: the source does not exist.
            AlreadyExistsError: the destination exists and *overwrite* is not set, or is
                a folder and the source a file.
            InvalidInputError: the destination is within the source, or the source
                contains a link.
        """
        source = self._writable(source_path)
        target = self._writable(destination_path, like=source)
        self._make_way(source, target, overwrite, is_copy=True)
        own.copy(self._storage, source, target, callback)

    def move(
        self, source_path: str, destination_path: str, overwrite: bool = False
    ) -> None:
        """Move a file or folder of the user; paths and errors as for ``copy``."""
        source = self._writable(source_path)
        target = self._writable(destination_path, like=source)
        self._make_way(source, target, overwrite, is_copy=False)
        own.move(self._storage, source, target)

    def zip(self, remote_path: str, destination_path: str | None = None) -> str:
        """Pack a file or folder of the user into ``<its name>.zip``.

        The archive is written to the same folder, or to the folder *destination_path*.

        Returns:
            The path of the archive.

        Raises:
            ManagedPathError: one of the paths is managed.
            PathNotFoundError: there is nothing to pack.
            AlreadyExistsError: the archive exists.
            InvalidInputError: the folder contains a link, or a parent of the archive is
                a link or a file.
        """
        source = self._writable(remote_path)
        entry = own.look_unlinked(self._storage, source)
        if entry is None:
            raise PathNotFoundError(f"{remote_path!r} does not exist: look at the path")
        above, _, name = source.rpartition("/")
        given = destination_path
        folder = above if given is None else self._target_folder(given)
        target = file_path(f"{folder}/{name}.zip" if folder else f"{name}.zip")
        layout.in_folder(target)
        self._check_writable(target, target)
        own.check_free(self._storage, target)
        mark_root(self._storage)
        self._storage.write(target, zipped_folder(self._storage, entry))
        return target

    def unzip(self, remote_path: str) -> str:
        """Unpack an archive into a sibling folder with its name up to the first dot.

        Nothing is stored unless the archive is safe: no path outside the folder, no
        links, no two members with the same name, and within the size limits.

        Returns:
            The path of the folder.

        Raises:
            ManagedPathError: the path is managed.
            PathNotFoundError: the archive does not exist.
            AlreadyExistsError: the folder exists.
            InvalidInputError: the file is not a zip archive, or is damaged or unsafe.
        """
        source = self._writable(remote_path)
        target = unpacked_path(source)
        self._check_writable(target, target, is_folder=True)
        unpack(self._storage, source, target)
        return target

    def remove(self, path: str) -> None:
        """Delete a file or folder of the user.

        Raises:
            ManagedPathError: the path is managed.
            PathNotFoundError: it does not exist.
        """
        inside = self._writable(path)
        if own.look(self._storage, inside) is None:
            raise PathNotFoundError(f"{path!r} does not exist")
        own.remove(self._storage, inside)

    @contextmanager
    def _naming_folders(self, path: str) -> Iterator[None]:
        """Explain a missing file, within the block, if *path* is a folder."""
        try:
            yield
        except PathNotFoundError as error:
            if not self._is_folder(path):
                raise
            raise PathNotFoundError(
                f"{path!r} is a folder, and only files are copied or read: take the "
                f"files that list({path!r}) returns one by one, or first pack a folder "
                f"of your own with zip({path!r})"
            ) from error

    def _make_way(
        self, source: str, target: str, overwrite: bool, *, is_copy: bool
    ) -> None:
        """Delete *target* if it may be overwritten, and nothing else is in the way.

        Raises:
            AlreadyExistsError: *target* is a folder and *source* is a file.
            InvalidInputError: the file would be directly in the project's root; or as
                for ``copy``.
        """
        entry = own.look(self._storage, source)
        if entry is None:
            return
        is_folder = entry.kind == "directory"
        if not is_folder:
            layout.in_folder(target)
        is_apart = not f"{source}/".startswith(f"{target}/")
        if overwrite and is_apart:
            if not is_folder and self._is_folder(target):
                raise AlreadyExistsError(
                    f"{target!r} is a folder, which a file cannot replace: name the "
                    f"file in it, like '{target}/{entry.name}'"
                )
            own.check_apart(self._storage, source, target)
            own.check_above(self._storage, target)
            if is_copy and is_folder:
                own.check_unlinked(self._storage, source)
            own.remove(self._storage, target)

    def _target_folder(self, path: str) -> str:
        """Return *path* relative to the project, if some files may be put into it.

        Raises:
            ManagedPathError: the folder is managed.
        """
        inside = layout.relative(self._project, path)
        if inside != layout.MODELS:
            self._check_writable(path, inside)
        return inside

    def _writable(self, path: str, like: str = "") -> str:
        """Return *path* relative to the project, if the user may change it.

        With *like*, check whether the user may put the item at that path there.

        Raises:
            ManagedPathError: the path is managed.
        """
        inside = layout.relative(self._project, path)
        is_folder = layout.is_managed(inside, is_folder=True) and (
            self._is_folder(inside) or self._is_folder(like)
        )
        self._check_writable(path, inside, is_folder=is_folder)
        return inside

    def _is_folder(self, path: str) -> bool:
        entry = own.look(self._storage, path) if path else None
        return entry is not None and entry.kind == "directory"

    @staticmethod
    def _check_writable(given: str, inside: str, *, is_folder: bool = False) -> None:
        if layout.is_managed(inside, is_folder=is_folder):
            raise ManagedPathError(
                f"{given!r} is managed and changes only through models and "
                f"deployments: use a folder of your own, like {layout.RESOURCES!r}"
            )


def _sealed_digest(storage: Storage, path: str) -> Digest | None:
    """Return the digest that is pinned for a file, if any; None on a local disk.

    Raises:
        IntegrityError: the file is in the folder of a sealed version, but not part of
            the version.
    """
    if storage.local_path("") is not None:
        return None
    try:
        sealed = _sealed_files(storage, path)
    except (ModelNotFoundError, ArtifactNotFoundError):
        return None  # not saved yet, or deleted
    if sealed and path not in sealed:
        entry = storage.stat(path)
        if entry and entry.kind == "file":
            raise IntegrityError(
                f"{path!r} is not part of the version in its folder, and was not "
                "read: project.repair() moves it into quarantine; see project.verify()"
            )
    return sealed.get(path)


def _sealed_files(storage: Storage, path: str) -> dict[str, Digest]:
    """Return the digests of the sealed files of the version that *path* belongs to.

    Raises:
        ModelNotFoundError: the model version does not exist.
        ArtifactNotFoundError: the artifact version does not exist.
    """
    match path.split("/"):
        case [layout.MODELS, model, version, layout.ARTIFACTS, artifact, *_] if (
            is_version(version) and is_version(artifact)
        ):
            numbers = int(version), int(artifact)
            folder = layout.artifact_dir(model, *numbers)
            files = ArtifactStore(storage, model, numbers[0]).get(numbers[1]).files
            return {f"{folder}/{file.path}": file.digest for file in files}
        case [layout.MODELS, model, version, layout.FILES, *_] if is_version(version):
            folder = layout.files_dir(model, int(version))
            records = sealed_manifest(storage, model, int(version)).files
            return {f"{folder}/{record.path}": record.digest for record in records}
    return {}
