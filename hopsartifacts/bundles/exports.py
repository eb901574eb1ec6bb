"""Export of bundles: choosing the content, and writing checked bytes atomically."""

import gzip
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from msgspec.structs import replace

from hopsartifacts import layout
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.bundles.archive import ending, header, padding
from hopsartifacts.bundles.documents import (
    CONTENTS,
    BundleContents,
    BundledArtifact,
    BundledDeployment,
    BundledModel,
    member_name,
    write_contents,
)
from hopsartifacts.bundles.values import Choice, ExportReport
from hopsartifacts.deployments.deployed import Deployed, fate_of
from hopsartifacts.deployments.versions import live_deployments, read_deployment
from hopsartifacts.digests import Digest, Hasher, sha256_of
from hopsartifacts.errors import (
    HopsArtifactsError,
    IntegrityError,
    InvalidInputError,
    ModelNotFoundError,
    NotFoundError,
)
from hopsartifacts.machine.atomic_write import check_free, written_aside
from hopsartifacts.machine.identity import now, writer
from hopsartifacts.machine.local_paths import file_path
from hopsartifacts.names import deployment_name, model_name, version_number
from hopsartifacts.registry.model import Model
from hopsartifacts.registry.versions import (
    manifest_of,
    model_names,
    model_state,
    pick_live,
)
from hopsartifacts.storage.contract import Storage

PACKED = (".gz", ".tgz")
_TRIES = 4
"""How often the project is listed if versions are deleted in the meantime."""
Opener = Callable[[], Iterator[bytes]]


class _Gathered:
    """The content of a bundle, and the location of each file's bytes.

    Attributes:
        models: the model versions by name and number.
        deployments: the deployments; ``models`` includes the versions that they pin.
        blobs: for each digest, the path of its bytes and a function that reads them.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.models: dict[tuple[str, int], BundledModel] = {}
        self.deployments: list[BundledDeployment] = []
        self.blobs: dict[Digest, tuple[str, Opener]] = {}

    def add_model(self, name: str, version: int, artifacts: set[int] | None) -> None:
        """Add a model version with the artifacts numbered *artifacts*; None adds all.

        Raises:
            ModelNotFoundError: the version does not exist.
        """
        model = model_state(self.storage, name)
        state = pick_live(model, name, version)
        manifest = manifest_of(self.storage, name, state)
        folder = layout.files_dir(name, version)
        for file in manifest.files:
            path = f"{folder}/{file.path}"
            self.blobs.setdefault(file.digest, (path, self._opener(path)))
        store = ArtifactStore(self.storage, name, version)
        self.models[name, version] = BundledModel(
            manifest=manifest,
            tags=state.tags,
            aliases=tuple(model.aliases_of(version)),
            description=None
            if state.description == manifest.description
            else state.description,
            artifacts=tuple(
                self._artifact(store, number)
                for number in store.versions()
                if number and (artifacts is None or number in artifacts)
            ),
        )

    def _artifact(self, store: ArtifactStore, number: int) -> BundledArtifact:
        sealed = store.get(number)
        readers = store.read(number)
        folder = layout.artifact_dir(store.model, store.version, number)
        for file in sealed.files:
            where = f"{folder}/{file.path}"
            self.blobs.setdefault(file.digest, (where, readers[file.path]))
        return BundledArtifact(
            version=number, identity=sealed.identity, files=sealed.files
        )

    def _opener(self, path: str) -> Opener:
        return lambda: self.storage.chunks(path)


def export_bundle(
    storage: Storage,
    path: str | os.PathLike[str],
    choice: Choice,
    *,
    project: str,
    overwrite: bool = False,
) -> ExportReport:
    """Write a bundle; see ``Project.export_bundle`` for choices and errors."""
    target, choice = file_path(path), _settled(choice)
    check_free(target, overwrite=overwrite)
    while True:
        try:
            return _exported(storage, target, choice, project, overwrite=overwrite)
        except _DeletedError:
            # The next attempt omits it, or fails if the caller chose it explicitly.
            continue


def _exported(
    storage: Storage, target: Path, choice: Choice, project: str, *, overwrite: bool
) -> ExportReport:
    gathered = _gather_with_retries(storage, choice)
    contents = BundleContents(
        created=now(),
        writer=writer(),
        project=project,
        models=tuple(gathered.models[key] for key in sorted(gathered.models)),
        deployments=tuple(gathered.deployments),
        members=tuple(gathered.blobs),
    )
    first = write_contents(contents)
    with (
        written_aside(target, overwrite=overwrite) as plain,
        _packed(target, plain) as file,
    ):
        size = _add(file, CONTENTS, len(first), [first])
        for digest, (where, opener) in gathered.blobs.items():
            checked = _checked(storage, where, digest, opener)
            size += _add(file, member_name(digest), digest.size_bytes, checked)
        file.write(ending(size))
    return ExportReport(
        path=str(target),
        models=tuple(sorted(gathered.models)),
        deployments=tuple(it.specification.name for it in gathered.deployments),
        members=len(contents.members),
        size_bytes=sum(digest.size_bytes for digest in contents.members),
        digest=sha256_of(first),
    )


def _gather_with_retries(storage: Storage, choice: Choice) -> _Gathered:
    for _ in range(_TRIES - 1):
        try:
            return _gather(storage, choice)
        except (IntegrityError, NotFoundError):
            # A version may have been deleted between two reads.
            continue
    return _gather(storage, choice)


def _checked(
    storage: Storage, where: str, digest: Digest, opener: Opener
) -> Iterator[bytes]:
    hasher, size = Hasher(), 0
    try:
        for chunk in opener():
            size += len(chunk)
            if size > digest.size_bytes:
                break
            hasher.update(chunk)
            yield chunk
    except NotFoundError as error:
        raise _differs(storage, where) from error
    if size > digest.size_bytes or hasher.digest() != digest:
        raise _differs(storage, where)


class _DeletedError(HopsArtifactsError):
    """A version was deleted during its export."""


def _differs(storage: Storage, where: str) -> HopsArtifactsError:
    if fate_of(storage, where) != "live":
        return _DeletedError(where)
    return IntegrityError(
        f"{where!r} differs from what was saved; nothing was exported: see "
        "project.verify() and project.repair()"
    )


def _add(file: IO[bytes], name: str, size_bytes: int, chunks: Iterable[bytes]) -> int:
    before = header(name, size_bytes)
    file.write(before)
    for chunk in chunks:
        file.write(chunk)
    after = padding(size_bytes)
    file.write(after)
    return len(before) + size_bytes + len(after)


@contextmanager
def _packed(target: Path, file: IO[bytes]) -> Iterator[IO[bytes]]:
    if target.suffix.lower() not in PACKED:
        yield file
        return
    with gzip.GzipFile("", "wb", 6, fileobj=file, mtime=0) as packed:
        yield cast("IO[bytes]", packed)


def _settled(choice: Choice) -> Choice:
    """Return *choice* with its iterables as lists, which can be read more than once.

    Raises:
        InvalidInputError: a value is neither a name or model nor an iterable of them.
    """
    models, deployments = choice.models, choice.deployments
    return replace(
        choice,
        models=None if models is None else _listed("models", models),
        deployments=None
        if deployments is None
        else _listed("deployments", deployments),
    )


def _gather(storage: Storage, choice: Choice) -> _Gathered:
    """Return the current content for *choice*, a return value of ``settled``.

    Raises:
        ModelNotFoundError: a model or version does not exist.
        DeploymentNotFoundError: a deployment does not exist.
        InvalidInputError: there is nothing to export, or an item is not a name, a pair
            or a model.
    """
    gathered = _Gathered(storage)
    states = _deployments(storage, choice)
    named, found = _named(choice), _found(storage, choice)
    used: dict[tuple[str, int], set[int]] = {}
    for state in states:
        pin = state.current.specification.model
        number = state.current.specification.artifact.version
        used.setdefault((pin.name, pin.version), set()).add(number)
        gathered.deployments.append(
            BundledDeployment(
                version=state.active,
                specification=state.current.specification,
                tags=state.tags,
            )
        )
    for name, version in sorted({*named, *found, *used}):
        some = None if choice.artifacts else used.get((name, version), set())
        try:
            gathered.add_model(name, version, some)
        except ModelNotFoundError:
            # Omit a version that was only listed and has been deleted since.
            if (name, version) in {*named, *used}:
                raise
    if not gathered.models:
        raise InvalidInputError("there is nothing to export: the project has no model")
    return gathered


def _deployments(storage: Storage, choice: Choice) -> list[Deployed]:
    if choice.deployments is None:
        is_all = choice.models is None
        return list(live_deployments(storage).values()) if is_all else []
    unique = sorted({deployment_name(name) for name in choice.deployments})
    return [read_deployment(storage, name) for name in unique]


def _named(choice: Choice) -> list[tuple[str, int]]:
    """Return the versions that the caller chose by number."""
    named: list[tuple[str, int]] = []
    for item in _listed("models", choice.models or ()):
        if isinstance(item, Model):
            named.append((item.manifest.model, item.manifest.version))
        elif not isinstance(item, str):
            named.append(_pair(item))
    return named


def _found(storage: Storage, choice: Choice) -> list[tuple[str, int]]:
    """Return all live versions of the models that the caller chose without number."""
    if choice.models is None:
        names = model_names(storage) if choice.deployments is None else []
        return [pair for name in names for pair in _all_versions(storage, name)]
    found: list[tuple[str, int]] = []
    for item in _listed("models", choice.models):
        if isinstance(item, str):
            versions = _all_versions(storage, model_name(item))
            if not versions:
                pick_live(model_state(storage, item), item, 1)
            found += versions
    return found


def _listed(what: str, given: Any) -> list[Any]:
    if isinstance(given, str | Model):
        return [given]
    try:
        return list(given)
    except TypeError as error:
        raise InvalidInputError(f"{what} is {given!r}: give a list") from error


def _pair(item: Any) -> tuple[str, int]:
    try:
        name, version = item
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"models has {item!r}: give names, (name, version) pairs or saved models"
        ) from error
    return model_name(name), version_number(version)


def _all_versions(storage: Storage, name: str) -> list[tuple[str, int]]:
    return [(name, number) for number in model_state(storage, name).live()]
