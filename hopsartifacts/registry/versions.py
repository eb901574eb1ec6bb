"""Model versions in the log: reading, tagging, describing, giving up, deleting.

A reader with a version number reads only the copy of the manifest next to the files.
So a deletion removes that copy first, while the version is only marked. From then on
such readers read the log.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from hopsartifacts import documents, layout
from hopsartifacts.digests import sha256_of
from hopsartifacts.errors import (
    ConflictError,
    FormatError,
    IntegrityError,
    InUseError,
    ModelNotFoundError,
    PathNotFoundError,
    StorageError,
)
from hopsartifacts.machine.identity import new_token
from hopsartifacts.registry.documents import (
    Manifest,
    ModelState,
    Tags,
    VersionRecord,
    VersionStatus,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.damage import Damaged, read_each_sound
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.log import Log
from hopsartifacts.store.pages import damaged
from hopsartifacts.store.two_phase_delete import Target, delete, withdraw

ModelLog = Log[ModelState]
_NAMED = 20
"""The most versions that a message lists."""


class _Projection(msgspec.Struct, frozen=True, kw_only=True):
    """The readable copy of a manifest, and the entry that it was copied from."""

    format: int
    entry: int
    sha256: str
    """Digest of the object that stores the entry."""
    manifest: Manifest


def model_log(storage: Storage, model: str) -> ModelLog:
    """Return the log of *model*."""
    return Log(storage, layout.model_log(model), ModelState)


def model_state(storage: Storage, model: str) -> ModelState:
    """Read the newest state of *model*; it is empty if the model never existed."""
    return model_log(storage, model).state()


def model_names(storage: Storage) -> list[str]:
    """Return the names of all models that ever had a version, sorted."""
    return [
        entry.name for entry in storage.list(layout.MODELS) if entry.kind == "directory"
    ]


def latest_records(
    storage: Storage,
) -> tuple[dict[str, tuple[int, VersionRecord]], Damaged]:
    """Read the newest version of each model; models without versions are left out.

    The logs are read at the same time, each with two requests.

    Returns:
        The number and record of the newest version, by name of the model; and the
        models whose log cannot be read; both sorted.
    """

    def latest(name: str) -> tuple[int, VersionRecord] | None:
        state = model_state(storage, name)
        number = state.head.latest
        return (number, state.records[number]) if number else None

    found, damaged = read_each_sound(storage, model_names(storage), latest)
    return {name: it for name, it in found.items() if it}, damaged


def live_version(storage: Storage, model: str, version: int) -> VersionRecord:
    """Return the record of a version that readers see.

    Raises:
        ModelNotFoundError: it does not exist; the message lists those that do.
    """
    return pick_live(model_state(storage, model), model, version)


def pick_live(state: ModelState, model: str, version: int) -> VersionRecord:
    """Return the record of *version* in *state*; raises as ``live_version``."""
    was = state.records.get(version)
    if was and was.is_live:
        return was
    fate = f" (it was {was.status})" if was else ""
    live = list(state.live())
    if not live:
        raise ModelNotFoundError(
            f"there is no model {model!r}{fate}: mr.list_models() lists all models"
        )
    named = ", ".join(map(str, live[-_NAMED:]))
    if len(live) > _NAMED:
        named = f"{len(live)} versions, the newest of them {named}"
    raise ModelNotFoundError(
        f"model {model!r} has no version {version}{fate}: it has {named}"
    )


@contextmanager
def while_live(storage: Storage, model: str, version: int) -> Iterator[None]:
    """Distinguish damage below a version from the deletion of that version.

    Raises:
        ModelNotFoundError: something is missing because the version was deleted.
    """
    try:
        yield
    except IntegrityError:
        live_version(storage, model, version)
        raise


def read_manifest(storage: Storage, model: str, version: int) -> Manifest:
    """Read the manifest of a version from the log; raises as ``live_version``."""
    log = model_log(storage, model)
    return manifest_in(log, pick_live(log.state(), model, version))


def manifest_of(storage: Storage, model: str, record: VersionRecord) -> Manifest:
    """Return the manifest of *record*; raises as ``manifest_in``."""
    return manifest_in(model_log(storage, model), record)


def manifest_in(log: ModelLog, record: VersionRecord) -> Manifest:
    """Return the manifest of *record* from *log*.

    Raises:
        IntegrityError: the entry is missing, or does not contain this manifest.
    """
    data = log.content(record.seal)
    if sha256_of(data) != record.sha256:
        raise damaged(
            log.path, record.seal, "does not contain the manifest that was sealed"
        )
    return log.document(record.seal, Manifest)


def projected(log: ModelLog, record: VersionRecord) -> bytes:
    """Return the readable copy of the manifest of *record*."""
    projection = _Projection(
        format=documents.FORMAT,
        entry=record.seal,
        sha256=log.entry(record.seal).sha256,
        manifest=manifest_in(log, record),
    )
    return documents.with_check(documents.encode_pretty(projection).rstrip())


def project(log: ModelLog, version: int) -> None:
    """Write the readable copy of a version's manifest.

    A copy of another version, which the log has lost, is moved to quarantine. If
    writing fails, readers use the log, and a repair writes the copy. If the version was
    deleted since the log was read, the copy is left over: ``verify`` reports it, and
    ``gc`` deletes it.
    """
    record = log.seen_state().records[version]
    folder = log.path.rpartition("/")[0].rpartition("/")[2]
    path = layout.version_manifest(folder, version)
    with suppress(StorageError):
        data = projected(log, record)
        if not log.storage.create(path, data) and log.storage.read(path) != data:
            log.storage.move(path, layout.quarantine_path(new_token(), path))
            log.storage.create(path, data)
        log.storage.protect(path)


def sealed_manifest(storage: Storage, model: str, version: int) -> Manifest:
    """Return the manifest of a version, usually with one request.

    It is read from the copy next to the files. If the copy is missing or was changed,
    the log is read.

    Raises:
        ModelNotFoundError: the version does not exist.
        IntegrityError: the log is damaged.
    """
    path = layout.version_manifest(model, version)
    # If the copy is from a later release, reading the log says so.
    with suppress(PathNotFoundError, FormatError):
        data = storage.read(path)
        if documents.is_checked(data):
            manifest = documents.decode(data, _Projection, path).manifest
            if (manifest.model, manifest.version) == (model, version):
                return manifest
    return read_manifest(storage, model, version)


def latest_manifest(storage: Storage, model: str) -> Manifest:
    """Return the manifest of the newest version, with two or three requests.

    Raises:
        ModelNotFoundError: the model has no version.
    """
    log = model_log(storage, model)
    state = log.state()
    return manifest_in(log, pick_live(state, model, state.head.latest or 1))


def embedded_files(manifest: Manifest) -> dict[str, bytes]:
    """Return the small files that a manifest contains, by path in the project."""
    folder = layout.version_dir(manifest.model, manifest.version)
    named = manifest.embedded.items()
    return {f"{folder}/{name}": file.text.encode() for name, file in named}


def describe(
    storage: Storage,
    model: str,
    version: int,
    description: str,
    check: Callable[[str], None] = lambda _: None,
) -> None:
    """Replace the description of a version; the log keeps the previous one.

    *check* is called with the previous description; if it raises, nothing is written.
    """

    def changed(record: VersionRecord) -> VersionRecord:
        check(record.description)
        return msgspec.structs.replace(record, description=description)

    _edit(storage, model, version, "describe", changed)


def set_tags(
    storage: Storage, model: str, version: int, change: Callable[[Tags], Tags]
) -> None:
    """Replace the tags of a version by the result of *change*."""

    def changed(record: VersionRecord) -> VersionRecord:
        return msgspec.structs.replace(record, tags=change(record.tags))

    _edit(storage, model, version, "tag", changed)


def _edit(
    storage: Storage,
    model: str,
    version: int,
    kind: str,
    changed: Callable[[VersionRecord], VersionRecord],
) -> None:
    """Replace the record of a live version by an entry of *kind*, if it differs."""

    def decide(state: ModelState, _: int) -> Draft[ModelState] | None:
        current = pick_live(state, model, version)
        after = changed(current)
        if documents.is_same_json(after, current):
            return None
        return step(state, kind, version, after)

    model_log(storage, model).append(decide)


def give_up(log: ModelLog, version: int, token: str) -> VersionStatus:
    """Give up the number that *token* reserved, unless its version is committed.

    This is a log entry, so a writer that still tries to commit the version is refused.
    Returns the status of the version afterwards.

    Raises:
        CommitUncertainError: the storage failed and the outcome is unknown.
    """

    def decide(state: ModelState, _: int) -> Draft[ModelState] | None:
        current = state.records[version]
        if current.status != "reserved" or current.id != token:
            return None
        return step(state, "abort", version, retired(current, "aborted"))

    log.append(decide)
    return log.seen_state().records[version].status


def delete_given_up(storage: Storage, model: str, version: int) -> None:
    """Delete the files of a number that was given up.

    A copy of a manifest there proves that the log has lost a version with this number:
    then nothing is deleted.
    """
    if storage.stat(layout.version_manifest(model, version)) is None:
        storage.delete_tree(layout.version_dir(model, version))


def delete_version(
    storage: Storage, model: str, version: int, users: Callable[[], list[str]]
) -> None:
    """Delete a version permanently, unless a deployment or an alias needs it.

    *users* returns the names of the deployments that use the version.

    Raises:
        ModelNotFoundError: the version does not exist.
        InUseError: it is in use; the message names the users. Nothing was deleted.
        ConflictError: its folder also holds files of another version, which the log
            has lost. Nothing was deleted.
    """
    record = live_version(storage, model, version)
    if not storage.capabilities.moves_trees:
        with suppress(IntegrityError):  # a damaged version can be deleted as well
            _refuse_strays(storage, model, manifest_of(storage, model, record))
    try:
        delete(
            _target(storage, model, version),
            lambda: _refuse(users(), model, version),
            hide=lambda: storage.delete_tree(layout.version_manifest(model, version)),
        )
    except InUseError:
        # The version was not deleted: restore the copy of its manifest.
        log = model_log(storage, model)
        if log.state().is_live(version):
            project(log, version)
        raise
    # The version is deleted. verify() and gc() find files that are left.
    with suppress(StorageError):
        storage.delete_tree(layout.version_dir(model, version))


def _refuse_strays(storage: Storage, model: str, manifest: Manifest) -> None:
    """Refuse files that may be those of a version that the log has lost."""
    folder = layout.files_dir(model, manifest.version)
    named = {f"{folder}/{file.path}" for file in manifest.files}
    for entry in storage.find(folder):
        if entry.path not in named:
            raise ConflictError(
                f"{entry.path!r} is not a file of model {model!r} version "
                f"{manifest.version}, and may belong to a version that the log has "
                "lost: move it to quarantine with project.repair(), then delete again"
            )


def withdraw_deletion(log: ModelLog, model: str, version: int) -> None:
    """Remove a deletion mark: the caller has begun to use the version.

    Raises as ``live_version``.
    """
    log.refresh()
    if withdraw(_target(log.storage, model, version), log):
        project(log, version)


def retired(version: VersionRecord, status: VersionStatus) -> VersionRecord:
    """Return the tombstone of a version, whose number stays used."""
    return VersionRecord(status=status, id=version.id)


def step(
    state: ModelState, kind: str, version: int, after: VersionRecord, **draft: Any
) -> Draft[ModelState]:
    """Return the draft of an entry that changes the record of *version* to *after*."""
    op = {"kind": kind, "version": version}
    return Draft(op=op, state=state.replaced(version, after), **draft)


def sealed_digest(manifest: Manifest) -> str:
    """Return the digest of a manifest in its encoded form."""
    return sha256_of(documents.encode(manifest))


def _target(storage: Storage, model: str, version: int) -> Target[ModelState]:
    def marked(state: ModelState, mark: int) -> ModelState:
        current = pick_live(state, model, version)
        status = "deleting" if mark else "sealed"
        after = msgspec.structs.replace(current, status=status, mark=mark)
        return state.replaced(version, after)

    def deleted(state: ModelState) -> ModelState:
        current = pick_live(state, model, version)
        aliases = [f"alias {alias!r}" for alias in state.aliases_of(version)]
        _refuse(aliases, model, version)
        return state.replaced(version, retired(current, "deleted"))

    return Target(
        log=lambda: model_log(storage, model),
        op={"version": version},
        mark=lambda state: pick_live(state, model, version).mark,
        marked=marked,
        deleted=deleted,
    )


def _refuse(users: list[str], model: str, version: int) -> None:
    if users:
        raise InUseError(
            f"model {model!r} version {version} is used by {', '.join(users)}: first "
            "delete each of them, or let it use another version"
        )
