"""The project's files and folders as one tree, as a client sees it.

Below ``Models`` and ``Deployments`` it shows what the logs contain, not what is stored
there: sealed versions with files and artifacts, and below each deployment version the
files of its artifact version, where newer clients look for them. Every caller also
sees their own unfinished uploads. All else is the user's own files, without links.

Both APIs convert the paths of their clients with ``inside``.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from hopsartifacts import layout
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.datasets import own
from hopsartifacts.deployments.versions import find_deployment, read_sound
from hopsartifacts.errors import (
    AlreadyExistsError,
    ArtifactNotFoundError,
    InvalidInputError,
    InvalidNameError,
    ManagedPathError,
    ModelNotFoundError,
    PathNotFoundError,
)
from hopsartifacts.names import (
    deployment_name,
    is_unicode,
    is_version,
    model_name,
)
from hopsartifacts.registry.versions import model_state, sealed_manifest
from hopsartifacts.rest.files.content import Content, local_file, stored
from hopsartifacts.rest.files.sealed_tree import (
    Item,
    SealedTree,
    artifact_at,
    artifact_versions,
    model_version,
)
from hopsartifacts.rest.uploads import Uploads
from hopsartifacts.storage.contract import FileInfo, Storage
from hopsartifacts.store.damage import log_damage

DATASETS = (layout.DEPLOYMENTS, layout.LOGS, layout.MODELS, layout.RESOURCES)
"""Folders that every project has, even if they are empty."""

GetContent = Callable[[], Content]

_PROJECTS = "Projects"
_LIMIT_BYTES = 1024
"""The longest path that every storage accepts, as the key of an object."""


def inside(project: str, path: str) -> str:
    """Return *path*, decoded once, as a path in this project; empty for its root.

    Accepts all forms that ``layout.relative`` does, and those of clients that cut off
    the first character of ``/Projects/<project>/Resources/a``.

    Raises:
        InvalidNameError: it leads out of the project, or breaks the file name rule.
    """
    if not is_unicode(path) or len(path.encode()) > _LIMIT_BYTES:
        raise InvalidNameError(
            f"path {path[:80]!r} is too long, or not UTF-8: give at most "
            f"{_LIMIT_BYTES} bytes of UTF-8"
        )
    is_cut = path.partition("/")[0] == _PROJECTS
    return layout.relative(project, f"/{path}" if is_cut else path)


def users_own(project: str, path: str) -> str:
    """Return *path* as a path in this project that users may change.

    Raises:
        InvalidNameError: as ``inside``; or it is directly in the project.
        ManagedPathError: it is managed.
    """
    found = inside(project, path)
    if found == "" or layout.is_managed(found):
        raise ManagedPathError(
            f"{found or 'the project'!r} is managed: change models and deployments "
            "instead"
        )
    return found if found in DATASETS else layout.in_folder(found)


def check_makeable(path: str) -> None:
    """Check that *path* is not a folder that every project has.

    Raises:
        AlreadyExistsError: it is one.
    """
    if _is_permanent(path):
        raise AlreadyExistsError(f"{path or 'the project'!r} exists in every project")


def check_removable(path: str) -> None:
    """Check that *path* is not a folder that every project has.

    Raises:
        ManagedPathError: it is one.
    """
    if _is_permanent(path):
        raise ManagedPathError(
            f"{path or 'the project'!r} cannot be removed: remove the files and "
            "folders in it"
        )


def _is_permanent(path: str) -> bool:
    return path == "" or path in DATASETS


class Tree:
    """The tree as one caller sees it; paths are relative to the project."""

    def __init__(self, storage: Storage, uploads: Uploads, owner: str) -> None:
        self._storage = storage
        self._uploads = uploads
        self._owner = owner

    def look(self, path: str) -> Item | None:
        """Return the file or folder at *path*; None if there is none."""
        if _is_permanent(path):
            return _folder(path)
        if not layout.is_managed(path):
            entry = own.look_unlinked(self._storage, path)
            return _item(entry) if entry and _is_own(entry) else None
        unfinished = self._uploads.stat(path, self._owner)
        if unfinished:
            return _item(unfinished, is_unfinished=True)
        if tree := self._sealed(path):
            return tree.look(path)
        return _folder(path) if self._is_top(path) else None

    def get(self, path: str) -> Item:
        """Return the file or folder at *path*.

        Raises:
            PathNotFoundError: there is none.
        """
        item = self.look(path)
        if item is None:
            raise PathNotFoundError(f"{path!r} does not exist")
        return item

    def children(self, path: str) -> list[Item]:
        """Return the content of a folder, sorted by path.

        A model without versions is an empty folder: clients list it to find the next
        version number.

        Raises:
            PathNotFoundError: *path* does not exist.
            InvalidInputError: it is a file.
        """
        if path == "":
            return self._datasets()
        if path == layout.MODELS:
            return self._models()
        listed = self._listed(path)
        if listed is not None:
            return self._with_unfinished(path, listed)
        if not self.get(path).is_folder:
            raise InvalidInputError(f"{path!r} is a file: list the folder it is in")
        if not layout.is_managed(path):
            return list(map(_item, self._own(path)))
        if tree := self._sealed(path):
            return tree.children(path)
        return self._with_unfinished(path, ())

    def content(self, path: str) -> Content:
        """Return the content of a file.

        Raises:
            PathNotFoundError: it is not an existing file.
            IntegrityError: it differs from what was sealed.
        """
        if path and not layout.is_managed(path):
            entry = own.look_unlinked(self._storage, path)
            if entry and entry.kind == "file":
                return stored(self._storage, path, entry.size_bytes)
        elif location := self._uploads.local_file(path, self._owner):
            return local_file(location)
        elif (tree := self._sealed(path)) and (file := tree.files.get(path)):
            return file.content()
        raise PathNotFoundError(f"{path!r} does not exist, or is not a file")

    def walk(self, path: str) -> Iterator[Item]:
        """Yield all items below a folder, each folder before its content.

        Raises:
            PathNotFoundError: *path* does not exist.
            InvalidInputError: it is a file.
        """
        for item, _ in self.contents(path):
            yield item

    def contents(self, path: str) -> Iterator[tuple[Item, GetContent | None]]:
        """Yield all items as ``walk`` does, and what returns the content of each file.

        The log of a version is read once for all its files.
        """
        if not self.get(path).is_folder:
            raise InvalidInputError(f"{path!r} is a file: name the folder it is in")
        # Not recursive: a tree may be deeper than Python's stack.
        pending = [path]
        while pending:
            folder, below = pending.pop(), []
            if tree := self._sealed(folder):
                for item, file in tree.walk(folder):
                    yield item, file.content if file else None
                    if _is_artifacts(item.path):
                        below.append(item.path)
            else:
                children: list[Item] = []
                with suppress(PathNotFoundError):  # removed meanwhile
                    children = self.children(folder)
                for item in children:
                    yield item, None if item.is_folder else self._getter(item.path)
                    if item.is_folder:
                        below.append(item.path)
            pending += below[::-1]

    def _getter(self, path: str) -> GetContent:
        return lambda: self.content(path)

    def _datasets(self) -> list[Item]:
        found = {name: _folder(name) for name in DATASETS}
        found |= {entry.path: _item(entry) for entry in self._own("")}
        return [found[name] for name in sorted(found)]

    def _models(self) -> list[Item]:
        """Return the folders of all models, and the user's own files next to them."""
        entries = self._storage.list(layout.MODELS)
        names = (it.name for it in entries if it.kind == "directory")
        folders = self._with_unfinished(layout.MODELS, filter(_is_model, names))
        files = map(_item, filter(_is_own, entries))
        return sorted([*folders, *files], key=lambda item: item.path)

    def _own(self, folder: str) -> list[FileInfo]:
        """Return the user's own files and folders in *folder*, without links."""
        return list(filter(_is_own, own.children(self._storage, folder)))

    def _is_top(self, path: str) -> bool:
        """Return whether *path* is the folder of an existing model or deployment."""
        match path.split("/"):
            case [layout.MODELS, model] if _is_model(model):
                return self._storage.stat(path) is not None
            case [layout.DEPLOYMENTS, name] if _is_deployment(name):
                return find_deployment(self._storage, name) is not None
        return False

    def _listed(self, path: str) -> Iterable[str] | None:
        """Return the folder's names that are in logs; None for other folders."""
        match path.split("/"):
            case [layout.MODELS, model] if _is_model(model):
                live = model_state(self._storage, model).live()
                return map(str, {*live, *self._uploads.numbers(model, self._owner)})
            case [layout.DEPLOYMENTS]:
                found, damaged = read_sound(self._storage, lambda it: it.name)
                log_damage("deployment", damaged)
                return found
            case [layout.DEPLOYMENTS, name] if _is_deployment(name):
                state = find_deployment(self._storage, name)
                return map(str, state.versions) if state else None
        return None

    def _with_unfinished(self, path: str, names: Iterable[str]) -> list[Item]:
        found = {name: _folder(f"{path}/{name}") for name in names}
        for entry in self._uploads.list(path, self._owner):
            found.setdefault(entry.name, _item(entry, is_unfinished=True))
        return [found[name] for name in sorted(found)]

    def _sealed(self, path: str) -> SealedTree | None:
        """Return the sealed version that *path* is in; None if it is in none."""
        match path.split("/"):
            case [layout.MODELS, model, number, *rest] if _is_model(
                model
            ) and is_version(number):
                return self._model_version(model, int(number), rest)
            case [layout.DEPLOYMENTS, name, number, *_] if _is_deployment(
                name
            ) and is_version(number):
                return self._deployed(name, int(number))
        return None

    def _model_version(
        self, model: str, number: int, rest: list[str]
    ) -> SealedTree | None:
        try:
            manifest = sealed_manifest(self._storage, model, number)
        except ModelNotFoundError:
            return None
        if rest and rest[0] == layout.ARTIFACTS:
            return artifact_versions(self._storage, manifest)
        return model_version(self._storage, manifest)

    def _deployed(self, name: str, number: int) -> SealedTree | None:
        state = find_deployment(self._storage, name)
        version = state.versions.get(number) if state else None
        if version is None:
            return None
        model, artifact = version.specification.model, version.specification.artifact
        store = ArtifactStore(self._storage, model.name, model.version)
        top = layout.deployment_version_dir(name, number)
        try:
            return artifact_at(store, artifact.version, top, version.created)
        except ArtifactNotFoundError:
            return None


def _is_artifacts(path: str) -> bool:
    """Return whether *path* is the folder of the artifact versions of a version."""
    match path.split("/"):
        case [layout.MODELS, _, number, layout.ARTIFACTS]:
            return is_version(number)
    return False


def _is_own(entry: FileInfo) -> bool:
    """Return whether it is a file or folder of the user's own."""
    is_folder = entry.kind == "directory"
    is_either = is_folder or entry.kind == "file"
    return is_either and not layout.is_managed(entry.path, is_folder=is_folder)


def _folder(path: str) -> Item:
    return Item(path=path, is_folder=True)


def _item(entry: FileInfo, *, is_unfinished: bool = False) -> Item:
    return Item(
        path=entry.path,
        is_folder=entry.kind == "directory",
        size_bytes=entry.size_bytes if entry.kind == "file" else 0,
        modified=entry.modified,
        is_unfinished=is_unfinished,
    )


def _is_model(name: str) -> bool:
    try:
        model_name(name)
    except InvalidNameError:
        return False
    return True


def _is_deployment(name: str) -> bool:
    try:
        deployment_name(name)
    except InvalidNameError:
        return False
    return True
