"""Filling the volume of a pod with the files of a version.

Files of a model on a mounted volume are checked where they are and not copied: the
containers of the pod can read them there, and models may be large. Scripts are always
copied: their folder in the project may be incomplete, and only a writer may mend it.
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import structs

from hopsartifacts import layout
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.launch import check_in_place
from hopsartifacts.digests import Digest
from hopsartifacts.errors import (
    HopsArtifactsError,
    InvalidInputError,
    PathNotFoundError,
    StorageError,
)
from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.machine.posix import make_folders
from hopsartifacts.machine.workers import Stop, each
from hopsartifacts.pods.fetching.model_parts import (
    is_foreign,
    model_folder,
    model_links,
    model_parts,
)
from hopsartifacts.pods.fetching.version import PinnedVersion
from hopsartifacts.serving.contract import Component, Launch
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.store.checks import check_folder
from hopsartifacts.store.transfer import download, keep, part_of

LAUNCH_FILE = "launch.json"
_UNFINISHED = re.compile(r"\.[0-9a-f]{32}\.part")
"""The names of unfinished files: see ``store.transfer``."""


def fill(
    storage: Storage, pinned: PinnedVersion, folder: Path, component: Component
) -> Launch:
    """Fetch what *component* needs into *folder*; return the launch that it wrote.

    Files that are there already, complete and right, are kept; an unfinished one is
    continued. The launch is written last, and none is there before.

    Args:
        storage: that of the project.
        pinned: the version and its files.
        folder: the folder of the volume, which may not exist yet.
        component: a transformer gets no model files.

    Raises:
        IntegrityError: a file in the project differs from what is pinned.
        PathNotFoundError: a file of the model is missing in the project.
        InvalidInputError: *folder* contains other files.
        StorageError: the store failed, or *folder* cannot be written or is full.
    """
    with _writing(folder):
        make_folders(folder)
        (folder / LAUNCH_FILE).unlink(missing_ok=True)
    model_path, notes = folder / layout.FILES, list[str]()
    if component == "predictor":
        model_path = _fill_model(storage, pinned, folder, notes)
    launch = Launch(
        **structs.asdict(pinned.sealed),
        model_files_path=str(model_path),
        artifact_files_path=str(_fill_artifact(storage, pinned, folder)),
        notes=tuple(notes),
    )
    data = msgspec.json.encode(launch, order="deterministic")
    with written_aside(folder / LAUNCH_FILE, is_durable=False, mode=0o644) as file:
        file.write(msgspec.json.format(data) + b"\n")
    return launch


def _fill_model(
    storage: Storage, pinned: PinnedVersion, folder: Path, notes: list[str]
) -> Path:
    """Place the model's files; return their folder, and add what to note of them."""
    sealed, files = pinned.sealed, pinned.model_files
    with _writing(folder):
        for it in folder.iterdir():
            if is_foreign(sealed, files, it.name):
                raise _not_ours(it)
    source = layout.files_dir(sealed.model, sealed.model_version)
    mounted = storage.local_path(source)
    if mounted is not None:
        notes.extend(check_in_place(storage, source, files, is_strict=True))
        for name, target in model_links(sealed, files, mounted):
            _link(folder / name, target)
        return mounted
    for part in model_parts(sealed, files):
        missing = _missing(part.target, part.files, folder)
        target = folder / part.target
        download(storage, part.source, missing, target, is_strict=True)
    return folder / model_folder(sealed, files)


def _link(link: Path, target: Path) -> None:
    with _writing(link):
        if not (link.is_symlink() and link.readlink() == target):
            link.symlink_to(target, target_is_directory=True)


def _fill_artifact(storage: Storage, pinned: PinnedVersion, folder: Path) -> Path:
    """Copy the scripts to the volume, and compare all parts of their digests."""
    sealed = pinned.sealed
    model, version, number = (
        sealed.model,
        sealed.model_version,
        sealed.artifact_version,
    )
    target = f"{layout.ARTIFACTS}/{number}"
    missing = _missing(target, pinned.artifact_files, folder)
    source = layout.artifact_dir(model, version, number)

    def one(path: str, _: Stop) -> None:
        stored, local = f"{source}/{path}", folder / target / path
        try:
            keep(storage.chunks(stored), stored, local, missing[path])
        except PathNotFoundError:
            # Its writer may have been killed before it wrote the folder.
            committed = ArtifactStore(storage, model, version).read(number)[path]()
            keep(committed, stored, local, missing[path])

    each(one, missing, min(storage.capabilities.workers, len(missing)))
    return folder / target


def _missing(
    target: str, files: Mapping[str, Digest], folder: Path
) -> dict[str, Digest]:
    """Return the files that are not in the volume yet, or are not as they should be.

    Raises:
        InvalidInputError: there are files of others.
        StorageError: there is not enough room for what is missing.
    """
    parts = {path: part_of(folder / target / path, it) for path, it in files.items()}
    with _writing(folder / target):
        make_folders(folder / target)
        findings = check_folder(LocalStorage(folder), target, files)
        for it in findings:
            if it.kind == "extra":
                _remove_unfinished(folder / it.path, {*parts.values()})
    paths = [
        it.path.removeprefix(f"{target}/")
        for it in findings
        if it.kind not in {"extra", "unprotected"}
    ]
    needed = sum(files[path].size_bytes for path in paths)
    for path in paths:
        with suppress(OSError):
            needed -= parts[path].stat().st_size
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StorageError(
            f"{str(folder)!r} needs {needed} bytes more, but only {free} are free "
            "there: give the volume more room"
        )
    return {path: files[path] for path in paths}


def _remove_unfinished(extra: Path, wanted: set[Path]) -> None:
    if not _UNFINISHED.fullmatch(extra.name):
        raise _not_ours(extra)
    if extra not in wanted:
        extra.unlink(missing_ok=True)


def _not_ours(path: Path) -> InvalidInputError:
    return InvalidInputError(
        f"{str(path)!r} is not part of the version, and a server could load it too: "
        "give an empty folder"
    )


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Convert failures of the local disk to our errors."""
    try:
        yield
    except HopsArtifactsError:
        raise
    except OSError as error:
        raise StorageError(f"cannot write {str(path)!r}: {error.strerror}") from error
