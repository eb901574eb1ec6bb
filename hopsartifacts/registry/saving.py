"""Saving a model version: reserve, fill, seal; whole afterwards, or not there.

A number is reserved under the writer's token before anything lies under it, and the
version is there once the entry that carries its manifest is. Where folders can be
moved, everything is prepared aside first, so that a failed save leaves nothing and
costs no number; elsewhere the reserved place itself is filled.
"""

from contextlib import suppress
from typing import Any

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import encode, with_check
from hopsartifacts.errors import (
    AlreadyExistsError,
    ConflictError,
    HopsArtifactsError,
    StorageError,
)
from hopsartifacts.registry.documents import (
    EmbeddedFile,
    FileRecord,
    Framework,
    Manifest,
    ModelState,
    VersionState,
    VersionStatus,
)
from hopsartifacts.registry.filling import fill
from hopsartifacts.registry.sources import Source
from hopsartifacts.registry.versions import (
    model_log,
    project_manifest,
    retired,
    step,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.identity import new_token, now, user
from hopsartifacts.store.log import Log
from hopsartifacts.store.moving import check_arrived
from hopsartifacts.store.root import check_claim, check_log_is_there, claim_name


class NewVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller wants to save as the next version of a model."""

    model: str
    framework: Framework
    description: str
    source: Source
    requested: int | None = None
    metrics: dict[str, float | int] = {}
    tags: dict[str, Any] = {}
    input_example: EmbeddedFile | None = None
    model_schema: EmbeddedFile | None = None


def save_version(storage: Storage, new: NewVersion) -> Manifest:
    """Store *new* and return its manifest; whole on return, or not there.

    Raises:
        AlreadyExistsError: the requested number was used, or the name has a twin.
        SourceChangedError: the user's files changed while they were read.
        ConflictError: something not ours lies where the version would go.
        IntegrityError: the model's log is gone, so its numbers are not known.
    """
    log = model_log(storage, new.model)
    head = log.head()
    is_staged = storage.capabilities.moves_trees
    if head is None:
        _open_log(storage, log, new.model, is_claimed=not is_staged)
    _number(head.state if head else ModelState(), new)
    token = new_token()
    staging = layout.staging_dir(token)
    records: tuple[FileRecord, ...] = ()
    try:
        if is_staged:
            records = _fill(storage, staging, new)
            if head is None:
                claim = layout.model_name_claim(new.model)
                claim_name(storage, claim, new.model, "model")
        version = _reserve(log, new, token)
        folder = layout.version_dir(new.model, version)
        try:
            if is_staged:
                _move_in(storage, staging, folder, records, new)
            else:
                records = _fill(storage, folder, new)
            manifest = _manifest(new, version, token, records)
            document = with_check(encode(manifest))
            _seal(log, manifest, document, new.tags)
        except BaseException as error:
            became = _settle(log, version, token)
            if became == "aborted":
                _delete_own(storage, staging, folder, new)
            # An interrupt goes on, whatever it came after.
            if became != "sealed" or not isinstance(error, Exception):
                raise
    finally:
        with suppress(StorageError):
            storage.delete_tree(staging)
    # It is committed: a manifest that is missing is found and written by a repair.
    with suppress(StorageError):
        project_manifest(storage, manifest, document)
    return manifest


def _open_log(
    storage: Storage, log: Log[ModelState], model: str, *, is_claimed: bool
) -> None:
    """See that a model without entries may have its first, or claim its name at once.

    What is staged first claims late, so that a failed save leaves nothing. Otherwise
    the place is reserved before anything is read, and one request tells all.
    """
    claim = layout.model_name_claim(model)
    if is_claimed and claim_name(storage, claim, model, "model"):
        return
    check_claim(storage, claim, model, "model")
    check_log_is_there(storage, log, claim)


def _number(state: ModelState, new: NewVersion) -> int:
    if new.requested is None:
        return state.next_version
    taken = state.versions.get(new.requested)
    if taken:
        fate = {"sealed": "exists", "reserved": "is being saved by somebody else"}
        raise AlreadyExistsError(
            f"model {new.model!r} version {new.requested} "
            f"{fate.get(taken.status, f'was used before and is {taken.status}')}; "
            "numbers are given once: leave out the version to get "
            f"{state.next_version}"
        )
    return new.requested


def _fill(storage: Storage, folder: str, new: NewVersion) -> tuple[FileRecord, ...]:
    """Write everything below *folder*, and see that the source held still."""
    records = fill(storage, folder, new.source.files)
    for name, content in _embedded(new).items():
        storage.write(f"{folder}/{name}", [content.text.encode()])
    new.source.check_unchanged()
    return records


def _embedded(new: NewVersion) -> dict[str, EmbeddedFile]:
    named = {
        layout.INPUT_EXAMPLE: new.input_example,
        layout.MODEL_SCHEMA: new.model_schema,
    }
    return {name: file for name, file in named.items() if file}


def _reserve(log: Log[ModelState], new: NewVersion, token: str) -> int:
    number = 0

    def decide(state: ModelState | None, seq: int) -> Draft[ModelState]:
        nonlocal number
        number = _number(state or ModelState(), new)
        reserved = VersionState(status="reserved", id=token, reserved=seq)
        return step(state, "reserve", number, reserved, token=token)

    log.append(decide)
    return number


def _move_in(
    storage: Storage,
    staging: str,
    folder: str,
    records: tuple[FileRecord, ...],
    new: NewVersion,
) -> None:
    if not storage.move_tree(staging, folder):
        raise ConflictError(
            f"{folder!r} holds files that no version owns; move them away with "
            "project.repair(), then save again (this number is used up)"
        )
    sizes = {f"{layout.FILES}/{it.path}": it.digest.size_bytes for it in records}
    sizes |= {name: file.digest.size_bytes for name, file in _embedded(new).items()}
    check_arrived(storage, folder, sizes)
    for name in (layout.FILES, *_embedded(new)):
        storage.protect(f"{folder}/{name}")


def _manifest(
    new: NewVersion, version: int, token: str, records: tuple[FileRecord, ...]
) -> Manifest:
    return Manifest(
        model=new.model,
        version=version,
        id=token,
        framework=new.framework,
        description=new.description,
        created=now(),
        creator=user(),
        files=records,
        metrics=new.metrics,
        input_example=new.input_example,
        model_schema=new.model_schema,
    )


def _seal(
    log: Log[ModelState], manifest: Manifest, document: bytes, tags: dict[str, Any]
) -> None:
    def decide(state: ModelState | None, seq: int) -> Draft[ModelState]:
        current = (state or ModelState()).versions[manifest.version]
        if current.status != "reserved" or current.id != manifest.id:
            raise ConflictError(
                f"model {manifest.model!r} version {manifest.version} was "
                f"{current.status} while it was being saved: save again"
            )
        sealed = VersionState(
            status="sealed",
            id=manifest.id,
            seal=seq,
            sha256=sha256_of(document),
            framework=manifest.framework,
            metrics=manifest.metrics,
            tags=tags,
        )
        payload = msgspec.Raw(document)
        return step(state, "seal", manifest.version, sealed, payload=payload)

    log.append(decide)


def _settle(log: Log[ModelState], version: int, token: str) -> VersionStatus | None:
    """Give a reservation up, unless its seal turns out to have been committed.

    Returns:
        What became of the version; None if that cannot be learned now.
    """

    def decide(state: ModelState | None, _: int) -> Draft[ModelState] | None:
        current = (state or ModelState()).versions[version]
        if current.status != "reserved" or current.id != token:
            return None
        return step(state, "abort", version, retired(current, "aborted"))

    try:
        head = log.append(decide)
    except HopsArtifactsError:
        # The first failure is the one to report; the number stays reserved.
        return None
    return (head.state if head else ModelState()).versions[version].status


def _delete_own(storage: Storage, staging: str, folder: str, new: NewVersion) -> None:
    """Delete what this save put under *folder*, and nothing else that lies there."""
    with suppress(StorageError):
        if not storage.capabilities.moves_trees:
            names = [f"{layout.FILES}/{file.path}" for file in new.source.files]
            for name in (*names, *_embedded(new)):
                storage.delete_tree(f"{folder}/{name}")
        elif storage.stat(staging) is None:
            # It was moved in, so all of it is ours.
            storage.delete_tree(folder)
