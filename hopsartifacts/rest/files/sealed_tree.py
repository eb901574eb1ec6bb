"""The sealed files of a model version or artifact version, as a tree."""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import ArtifactVersion
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.digests import Digest
from hopsartifacts.registry.documents import Manifest
from hopsartifacts.registry.versions import embedded_files
from hopsartifacts.rest.files.content import Content, checked, held, sealed
from hopsartifacts.storage.contract import Storage


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder in the format for clients.

    Attributes:
        path: path in the project.
        modified: in seconds since the epoch, or as text (RFC 3339); None if unknown.
        is_unfinished: whether it belongs to an upload that is not saved yet.
    """

    path: str
    is_folder: bool
    size_bytes: int = 0
    modified: float | str | None = None
    is_unfinished: bool = False

    @property
    def name(self) -> str:
        """Base name."""
        return self.path.rpartition("/")[2]


class SealedFile(msgspec.Struct, frozen=True):
    """A file's size, and a function that returns its content."""

    size_bytes: int
    content: Callable[[], Content]


class SealedTree(msgspec.Struct, frozen=True, kw_only=True):
    """Files below one folder, and folders that exist even without files.

    Attributes:
        top: path of the folder in the project.
        created: when it was sealed.
        files: the files by path in the project.
        folders: paths of folders in the project.
    """

    top: str
    created: str
    files: Mapping[str, SealedFile]
    folders: frozenset[str] = frozenset()

    def look(self, path: str) -> Item | None:
        """Return the file or folder at *path*; None if there is none."""
        if file := self.files.get(path):
            return self._file(path, file)
        if path == self.top or next(self._below(path), None) or path in self.folders:
            return self._folder(path)
        return None

    def children(self, path: str) -> list[Item]:
        """Return the files and folders directly below *path*."""
        start = len(path) + 1
        names = {below[start:].partition("/")[0] for below in self._below(path)}
        found = (f"{path}/{name}" for name in sorted(names))
        return [
            self._file(one, self.files[one]) if one in self.files else self._folder(one)
            for one in found
        ]

    def walk(self, path: str) -> Iterator[tuple[Item, SealedFile | None]]:
        """Yield all items below *path*, each folder before its content.

        Each comes with its file; None for a folder.
        """
        start, yielded = len(path) + 1, set[str]()
        for one in sorted({*self._below(path)}):
            file = self.files.get(one)
            ends = [at for at in range(start, len(one)) if one[at] == "/"]
            for end in ends if file else [*ends, len(one)]:
                if (folder := one[:end]) not in yielded:
                    yielded.add(folder)
                    yield self._folder(folder), None
            if file:
                yield self._file(one, file), file

    def _below(self, path: str) -> Iterator[str]:
        prefix = f"{path}/"
        for paths in (self.files, self.folders):
            for one in paths:
                if one.startswith(prefix):
                    yield one

    def _file(self, path: str, file: SealedFile) -> Item:
        size = file.size_bytes
        return Item(path=path, is_folder=False, size_bytes=size, modified=self.created)

    def _folder(self, path: str) -> Item:
        return Item(path=path, is_folder=True, modified=self.created)


def model_version(storage: Storage, manifest: Manifest) -> SealedTree:
    """Return the files of a model version; its artifacts folder is empty here."""
    top = layout.version_dir(manifest.model, manifest.version)
    folder = layout.files_dir(manifest.model, manifest.version)
    files: dict[str, SealedFile] = {}
    for record in manifest.files:
        path, digest = f"{folder}/{record.path}", record.digest
        files[path] = SealedFile(digest.size_bytes, _stored(storage, path, digest))
    for path, data in embedded_files(manifest).items():
        files[path] = SealedFile(len(data), _held(data))
    artifacts = layout.artifacts_dir(manifest.model, manifest.version)
    return SealedTree(
        top=top,
        created=manifest.created,
        files=files,
        folders=frozenset({folder, artifacts}),
    )


def artifact_versions(storage: Storage, manifest: Manifest) -> SealedTree:
    """Return the files of all artifact versions of a model version."""
    model, version = manifest.model, manifest.version
    store = ArtifactStore(storage, model, version)
    files: dict[str, SealedFile] = {}
    folders = set()
    for number, artifact in store.versions().items():
        folder = layout.artifact_dir(model, version, number)
        folders.add(folder)
        files |= _artifact(store, artifact, number, folder)
    return SealedTree(
        top=layout.artifacts_dir(model, version),
        created=manifest.created,
        files=files,
        folders=frozenset(folders),
    )


def artifact_at(
    store: ArtifactStore, number: int, top: str, created: str
) -> SealedTree:
    """Return the files of one artifact version, as if they were in the folder *top*.

    Raises:
        ArtifactNotFoundError: the version does not exist.
    """
    files = _artifact(store, store.get(number), number, top)
    return SealedTree(top=top, created=created, files=files)


def _artifact(
    store: ArtifactStore, artifact: ArtifactVersion, number: int, folder: str
) -> dict[str, SealedFile]:
    found = {}
    for file in artifact.files:
        size = file.digest.size_bytes
        content = _of_artifact(store, number, file.path, size)
        found[f"{folder}/{file.path}"] = SealedFile(size, content)
    return found


def _stored(storage: Storage, path: str, digest: Digest) -> Callable[[], Content]:
    return lambda: sealed(storage, path, digest)


def _held(data: bytes) -> Callable[[], Content]:
    return lambda: held(data)


def _of_artifact(
    store: ArtifactStore, number: int, path: str, size_bytes: int
) -> Callable[[], Content]:
    return lambda: checked(size_bytes, store.read(number)[path])
