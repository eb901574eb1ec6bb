"""The files of an artifact, read from the user's paths or from a sealed artifact."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import ArtifactSource
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.environment import check_lock, name_of_text
from hopsartifacts.deployments.scripts import check_script
from hopsartifacts.errors import (
    InvalidDeploymentError,
    InvalidModelError,
    InvalidNameError,
    InvalidScriptError,
    NotFoundError,
)
from hopsartifacts.layout import Role
from hopsartifacts.machine.local_paths import user_path
from hopsartifacts.names import folded, is_unicode
from hopsartifacts.registry.sources import BY_PRODUCTS, is_by_product, source
from hopsartifacts.storage.contract import Storage

_WORDS: Mapping[Role, tuple[str, str]] = {
    "configfile": ("config_file", "config.yaml"),
    "environment": ("environment_lock", "requirements.txt"),
    "file": ("file", "data.json"),
}
"""The argument and an example for each role of a file that is not a script."""


class UserPath(msgspec.Struct, frozen=True):
    """A path that the user gave: on this machine, or in the project."""

    path: str


class ProjectPath(msgspec.Struct, frozen=True):
    """A path in the project, never on this machine.

    It can be given instead of a path. The server uses it, as the files of its clients
    are not on its own disk.
    """

    path: str

    def __fspath__(self) -> str:
        return self.path


class InlineFile(msgspec.Struct, frozen=True):
    """A file given by its content and its name."""

    name: str
    data: bytes

    @property
    def path(self) -> str:
        """The name, in the same attribute as the paths of the other kinds of files."""
        return self.name

    def __fspath__(self) -> str:
        return self.name


class KeptFile(msgspec.Struct, frozen=True):
    """A file of an artifact version that is sealed already."""

    model: str
    model_version: int
    artifact: int
    path: str


NewFile = UserPath | ProjectPath | InlineFile
File = NewFile | KeptFile


def given_path(path: str | os.PathLike[str] | None) -> NewFile | None:
    """Return the path that a user passed, checked; None if it is None or empty."""
    if path is None or path == "":
        return None
    if isinstance(path, ProjectPath | InlineFile):
        return path
    if not isinstance(path, str | os.PathLike):
        raise InvalidDeploymentError(f"{path!r} is not a path: give the name of a file")
    text = os.fspath(path)
    return UserPath(str.__str__(text))


def given_lock(lock: str | os.PathLike[str] | None) -> NewFile | None:
    """Return the environment lock that a user passed as a path or as its text."""
    if isinstance(lock, str) and ("\n" in lock or "==" in lock):
        if not is_unicode(lock):
            raise InvalidDeploymentError("environment lock: it is not valid Unicode")
        return InlineFile(name_of_text(lock), lock.encode())
    return given_path(lock)


def given_files(
    paths: str | os.PathLike[str] | Iterable[Any] | None,
) -> tuple[NewFile, ...]:
    """Return the additional files that a user passed: one or several."""
    several = [paths] if isinstance(paths, str | os.PathLike) else paths or ()
    return tuple(file for path in several if (file := given_path(path)))


def shown_path(file: File | None, role: Role) -> str | None:
    """Return the path as the user gave it, or the base name of a sealed file.

    Hopsworks shows scripts in the same way.
    """
    if not isinstance(file, KeptFile):
        return file.path if file else None
    return file.path.rpartition("/")[2].removeprefix(f"{role}-")


def sources_of(
    storage: Storage, project: str, role: Role, file: File
) -> Iterator[ArtifactSource]:
    """Yield the artifact files of *file*; of a folder, all files below it.

    A relative path is searched on this machine first, then in the project.

    Raises:
        InvalidScriptError: it does not exist, or is a script that cannot be served.
        InvalidNameError: a file name breaks the rules.
    """
    for each in unchecked_sources(storage, project, role, file):
        if role in {"configfile", "file"} or isinstance(file, KeptFile):
            yield each
            continue
        # Read only once, so that the bytes that were checked are those that are stored.
        data = b"".join(each.chunks())
        if role == "predictor" or role == "transformer":  # noqa: PLR1714 - narrows
            check_script(role, each.name, data)
        else:
            check_lock(each.name, data)
        yield ArtifactSource(role=role, name=each.name, chunks=_reader(data))


def unchecked_sources(
    storage: Storage, project: str, role: Role, file: File
) -> list[ArtifactSource]:
    """Return the files that ``sources_of`` yields, also scripts that cannot be served.

    Raises:
        InvalidScriptError: the file does not exist.
    """
    if isinstance(file, KeptFile):
        return [_kept(storage, role, file)]
    if isinstance(file, InlineFile):
        chunks = _reader(file.data)
        return [ArtifactSource(role=role, name=file.name, chunks=chunks)]
    local = _local(role, file.path) if isinstance(file, UserPath) else []
    return local or list(_in_project(storage, project, role, file))


def _kept(storage: Storage, role: Role, file: KeptFile) -> ArtifactSource:
    store = ArtifactStore(storage, file.model, file.model_version)
    prefix = "" if role == "file" else f"{role}-"
    return ArtifactSource(
        role=role,
        name=file.path.removeprefix(prefix),
        chunks=lambda: store.read(file.artifact)[file.path](),  # noqa: PLW0108 - late
    )


def _local(role: Role, path: str) -> list[ArtifactSource]:
    location = user_path(path)
    if not location.exists():
        return []
    if role == "file" and location.is_dir():
        top = f"{location.resolve().name}/"
    elif location.is_file():
        top = ""
    else:
        word, _ = _WORDS.get(role, (role, ""))
        raise InvalidScriptError(f"{word} {path!r} is not a file: give one")
    try:
        listed = source(location).files
    except InvalidModelError as error:
        raise InvalidDeploymentError(f"artifact file {path!r}: {error}") from error
    if top:
        # With these by-products the same scripts would become another artifact version.
        listed = tuple(file for file in listed if not is_by_product(file.path))
        if not listed:
            raise InvalidDeploymentError(
                f"artifact folder {path!r} contains only files that tools make "
                f"({', '.join(BY_PRODUCTS)}), which are left out: give a folder with "
                "scripts or data"
            )
    names = [top + (file.path if top else location.name) for file in listed]
    return [
        ArtifactSource(role=role, name=name, chunks=file.chunks)
        for name, file in zip(names, listed, strict=True)
    ]


def _in_project(
    storage: Storage, project: str, role: Role, file: UserPath | ProjectPath
) -> Iterator[ArtifactSource]:
    try:
        path = layout.relative(project, file.path)
        entry = storage.stat(path)
    except InvalidNameError:
        path, entry = file.path, None
    if sealed := _sealed(storage, path):
        yield _kept(storage, role, sealed)
        return
    if entry and isinstance(file, ProjectPath) and _is_hidden(storage, path):
        entry = None
    if entry is None or entry.kind != "file":
        raise InvalidScriptError(_missing(project, role, file))
    yield ArtifactSource(
        role=role, name=entry.name, chunks=lambda: storage.chunks(path)
    )


def _sealed(storage: Storage, path: str) -> KeptFile | None:
    """Return the file of an artifact version that *path* leads to, if it exists.

    It is read from the version, and keeps the name under which it was given.
    """
    found = layout.artifact_file_at(path)
    if found is None:
        return None
    model, version, artifact, name = found
    try:
        files = ArtifactStore(storage, model, version).get(artifact).files
    except (NotFoundError, InvalidNameError):
        return None
    is_there = any(file.path == name for file in files)
    return KeptFile(model, version, artifact, name) if is_there else None


def _is_hidden(storage: Storage, path: str) -> bool:
    """Return whether the path is managed by the store, or passes through a link."""
    parts = path.split("/")[:-1]
    if parts and folded(parts[0]) == folded(layout.INTERNAL):
        return True
    folders = ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    found = (storage.stat(folder) for folder in folders)
    return any(entry is not None and entry.kind == "link" for entry in found)


def _missing(project: str, role: Role, file: UserPath | ProjectPath) -> str:
    word, name = _WORDS.get(role, (role, f"{role}.py"))
    example = repr(layout.absolute(project, f"Resources/{name}"))
    if isinstance(file, ProjectPath):
        return (
            f"{word} {file.path!r} does not exist in project {project!r}: upload it "
            f"first, and give its path there, like {example}"
        )
    return (
        f"{word} {file.path!r} does not exist, neither in {str(Path.cwd())!r} nor in "
        f"project {project!r}: give the path of a file on this machine, or one like "
        f"{example}"
    )


def _reader(data: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: iter([data])
