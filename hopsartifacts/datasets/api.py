"""The user's own files in a project, under Hopsworks' names; managed ones refused."""

from pathlib import Path

from hopsartifacts import layout
from hopsartifacts.datasets import own
from hopsartifacts.datasets.archives import unpack, unpacked_path, zipped_folder
from hopsartifacts.datasets.sealed import sealed_digest
from hopsartifacts.errors import (
    AlreadyExistsError,
    InvalidInputError,
    ManagedPathError,
    PathNotFoundError,
)
from hopsartifacts.names import file_path
from hopsartifacts.registry.sources import source
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.aside import check_free
from hopsartifacts.store.checking import verified
from hopsartifacts.store.local_paths import user_path
from hopsartifacts.store.root import mark_root
from hopsartifacts.store.transfer import fetch


class DatasetApi:
    """Files of the project: scripts and data under ``Resources`` and beside it.

    Paths are relative to the project, with or without a slash in front, or start with
    ``/Projects/<project>/`` or ``hdfs:///Projects/<project>/``. What lies under
    ``Models`` and ``Deployments`` can be read, but not changed; only files directly in
    ``Models`` that have a dot in their name are the user's.
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
        """Copy a file or folder of this machine into the folder *upload_path*.

        Returns:
            Its path in the project (``Resources/predictor.py``).

        Raises:
            ManagedPathError: the target is managed.
            AlreadyExistsError: it exists, and *overwrite* is not given; or a folder is
                where a file is to be.
            InvalidInputError: there is nothing to upload, or a file or a link is on the
                way to the target.
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

        What is sealed is compared with its seal, unless the project lies on this
        machine's disk, where ``project.verify`` does.

        Returns:
            Where it lies.

        Raises:
            PathNotFoundError: there is no such file.
            IntegrityError: it is not what was sealed.
            AlreadyExistsError: it exists here, and *overwrite* is not given.
            InvalidInputError: a device, a pipe or a socket is there.
        """
        inside = layout.relative(self._project, path)
        target = user_path(local_path) if local_path else Path.cwd()
        if target.is_dir():
            target /= inside.rpartition("/")[2]
        check_free(target, overwrite=overwrite)
        fetch(self._storage, inside, target, sealed_digest(self._storage, inside))
        return str(target)

    def read_content(self, path: str) -> bytes:
        """Return the bytes of a file, compared with its seal as in ``download``.

        Raises:
            PathNotFoundError: there is no such file.
            IntegrityError: it is not what was sealed.
        """
        inside = layout.relative(self._project, path)
        digest = sealed_digest(self._storage, inside)
        data = self._storage.read(inside)
        return b"".join(verified([data], digest, inside)) if digest else data

    def exists(self, path: str) -> bool:
        """Tell whether a file or folder exists."""
        return own.look(self._storage, layout.relative(self._project, path)) is not None

    def list(self, path: str = "") -> list[str]:
        """Return the paths of what a folder holds, sorted."""
        inside = layout.relative(self._project, path)
        return [
            entry.path
            for entry in own.children(self._storage, inside)
            if entry.path != layout.INTERNAL
        ]

    def mkdir(self, path: str) -> str:
        """Make a folder, and those above it.

        Returns:
            Its path in the project.

        Raises:
            ManagedPathError: the path is managed.
            AlreadyExistsError: something is there.
            InvalidInputError: a file or a link is on the way to it.
        """
        inside = layout.relative(self._project, path)
        self._check_writable(path, inside, is_folder=True)
        own.make_folder(self._storage, inside)
        return inside

    def copy(
        self, source_path: str, destination_path: str, overwrite: bool = False
    ) -> None:
        """Copy a file or folder of the user's to another place in the project.

        Raises:
            ManagedPathError: one of the paths is managed.
            PathNotFoundError: there is nothing to copy.
            AlreadyExistsError: the destination exists, and *overwrite* is not given.
            InvalidInputError: the destination is within the source, or a link is.
        """
        source = self._writable(source_path)
        target = self._writable(destination_path, like=source)
        self._make_way(source, target, overwrite)
        own.copy(self._storage, source, target)

    def move(
        self, source_path: str, destination_path: str, overwrite: bool = False
    ) -> None:
        """Move a file or folder of the user's to another place; raises as ``copy``."""
        source = self._writable(source_path)
        target = self._writable(destination_path, like=source)
        self._make_way(source, target, overwrite)
        own.move(self._storage, source, target)

    def zip(self, remote_path: str, destination_path: str | None = None) -> str:
        """Pack a file or folder of the user's into ``<its name>.zip``.

        The archive is put beside it, or into the folder *destination_path*.

        Returns:
            The path of the archive.

        Raises:
            ManagedPathError: one of the paths is managed.
            PathNotFoundError: there is nothing to pack.
            AlreadyExistsError: there is such an archive.
            InvalidInputError: a link is in the way.
        """
        source = self._writable(remote_path)
        entry = own.look_unlinked(self._storage, source)
        if entry is None:
            raise PathNotFoundError(f"{remote_path!r} does not exist")
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
        """Unpack an archive into a folder beside it, named as it is up to a dot.

        Nothing is stored unless the archive is safe: no path that leads elsewhere, no
        link, no twins, not more than bounds allow.

        Returns:
            The path of the folder.

        Raises:
            ManagedPathError: the path is managed.
            PathNotFoundError: there is no such archive.
            AlreadyExistsError: there is such a folder.
            InvalidInputError: it is no zip archive, damaged or unsafe.
        """
        source = self._writable(remote_path)
        target = unpacked_path(source)
        self._check_writable(target, target, is_folder=True)
        unpack(self._storage, source, target)
        return target

    def remove(self, path: str) -> None:
        """Delete a file or folder of the user's.

        Raises:
            ManagedPathError: it is managed.
            PathNotFoundError: it does not exist.
        """
        inside = self._writable(path)
        if own.look(self._storage, inside) is None:
            raise PathNotFoundError(f"{path!r} does not exist")
        own.remove(self._storage, inside)

    def _make_way(self, source: str, target: str, overwrite: bool) -> None:
        """Delete what is to be overwritten, if there is something to replace it.

        Raises:
            AlreadyExistsError: a folder is there, and a file would take its place.
            InvalidInputError: a file would lie directly in the project.
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
                    f"{target!r} is a folder, which a file does not replace: name the "
                    f"file in it, like '{target}/{entry.name}'"
                )
            own.remove(self._storage, target)

    def _target_folder(self, path: str) -> str:
        """Return a folder relative to the project in which some files may be put."""
        inside = layout.relative(self._project, path)
        if inside != layout.MODELS:
            self._check_writable(path, inside)
        return inside

    def _writable(self, path: str, like: str = "") -> str:
        """Return *path* relative to the project, if the user may change what is there.

        With *like* the question is whether he may put there what is at that path.
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
