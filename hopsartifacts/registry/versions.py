"""Model versions: reserved, filled, sealed, deleted; each step one log entry.

A number is reserved under the writer's token before anything lies under it, and a
version is there once the entry that carries its manifest is. What fails before the
reservation leaves nothing; what fails after it uses the number up.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import Hasher, sha256_of
from hopsartifacts.documents import decode, encode
from hopsartifacts.errors import (
    AlreadyExistsError,
    ConflictError,
    HopsArtifactsError,
    IntegrityError,
    InUseError,
    ModelNotFoundError,
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
from hopsartifacts.registry.sources import Source
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.identity import new_token, now, user
from hopsartifacts.store.log import Draft, Log
from hopsartifacts.store.root import check_claim, claim_name


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


def model_log(storage: Storage, model: str) -> Log[ModelState]:
    """Return the log of *model*."""
    return Log(storage, layout.model_log(model), ModelState)


def model_state(storage: Storage, model: str) -> ModelState:
    """Return the newest state of *model*; empty if it never existed."""
    head = model_log(storage, model).head()
    return head.state if head else ModelState()


def model_names(storage: Storage) -> list[str]:
    """Return the names of all models that ever had a version, sorted."""
    return [
        entry.name for entry in storage.list(layout.MODELS) if entry.kind == "directory"
    ]


def live_version(storage: Storage, model: str, version: int) -> VersionState:
    """Return the state of a version readers may see.

    Raises:
        ModelNotFoundError: there is none; the message says what there is.
    """
    return pick_live(model_state(storage, model), model, version)


def pick_live(state: ModelState, model: str, version: int) -> VersionState:
    """Return *version* of *state*; raises as ``live_version``."""
    live = state.live()
    if version in live:
        return live[version]
    if not live:
        raise ModelNotFoundError(
            f"there is no model {model!r}: mr.list_models() names those there are"
        )
    known = ", ".join(map(str, live))
    was = state.versions.get(version)
    fate = f" (it was {was.status})" if was else ""
    raise ModelNotFoundError(
        f"model {model!r} has no version {version}{fate}: it has {known}"
    )


def read_manifest(storage: Storage, model: str, version: int) -> Manifest:
    """Return the sealed manifest of a version; raises as ``live_version``."""
    return manifest_of(storage, model, live_version(storage, model, version))


def manifest_of(storage: Storage, model: str, state: VersionState) -> Manifest:
    """Return the manifest that *state* pins; raises as ``manifest_bytes``."""
    data = manifest_bytes(storage, model, state)
    return decode(data, Manifest, layout.model_log(model))


def manifest_bytes(storage: Storage, model: str, state: VersionState) -> bytes:
    """Return the manifest that *state* pins as it was sealed.

    Raises:
        IntegrityError: the log entry does not hold what was sealed.
    """
    log = model_log(storage, model)
    data = bytes(log.entry(state.seal or 0).body.payload)
    if sha256_of(data) != state.sha256:
        raise IntegrityError(
            f"log entry {layout.log_entry(log.path, state.seal or 0)} does not hold "
            "the manifest that was sealed: restore it from a backup"
        )
    return data


def save_version(storage: Storage, new: NewVersion) -> Manifest:
    """Store *new* and return its manifest; whole on return, or not there.

    Raises:
        AlreadyExistsError: the requested number was used, or the name has a twin.
        SourceChangedError: the user's files changed while they were read.
        ConflictError: something not ours lies where the version would go.
    """
    log = model_log(storage, new.model)
    claim = layout.model_name_claim(new.model)
    check_claim(storage, claim, new.model, "model")
    _number(model_state(storage, new.model), new)
    token = new_token()
    staging = layout.staging_dir(token)
    try:
        records = tuple(_stage(storage, staging, new))
        new.source.check_unchanged()
        claim_name(storage, claim, new.model, "model")
        version = _reserve(log, new, token)
        manifest = Manifest(
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
        try:
            _place(storage, staging, manifest)
            _seal(log, manifest, new.tags)
        except BaseException as error:
            is_sealed = _settle(storage, staging, log, manifest)
            # An interrupt goes on, whatever it came after.
            if not is_sealed or not isinstance(error, Exception):
                raise
    finally:
        with suppress(StorageError):
            storage.delete_tree(staging)
    # It is committed: a manifest that is missing is found and written by a repair.
    with suppress(StorageError):
        project_manifest(storage, manifest)
    return manifest


def project_manifest(storage: Storage, manifest: Manifest) -> None:
    """Write the manifest beside the files for outside readers; anybody may redo it."""
    path = layout.version_manifest(manifest.model, manifest.version)
    storage.create(path, encode(manifest))


def embedded_files(manifest: Manifest) -> dict[str, bytes]:
    """Return the small files a manifest carries, by their paths in the project."""
    folder = layout.version_dir(manifest.model, manifest.version)
    named = {
        layout.INPUT_EXAMPLE: manifest.input_example,
        layout.MODEL_SCHEMA: manifest.model_schema,
    }
    return {
        f"{folder}/{name}": file.text.encode() for name, file in named.items() if file
    }


def set_tags(
    storage: Storage,
    model: str,
    version: int,
    change: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    """Replace the tags of a version by what *change* makes of them."""

    def decide(state: ModelState | None, _: int) -> Draft[ModelState] | None:
        current = pick_live(state or ModelState(), model, version)
        tags = change(current.tags)
        if tags == current.tags:
            return None
        tagged = msgspec.structs.replace(current, tags=tags)
        return _step(state, "tag", version, tagged)

    model_log(storage, model).append(decide)


def delete_version(
    storage: Storage, model: str, version: int, users: Callable[[], list[str]]
) -> None:
    """Delete a version for good, unless *users* names somebody who needs it.

    The version is first marked, then *users* is asked, and a deployment that is
    saved looks for the mark afterwards: of the two at least one sees the other.

    Raises:
        ModelNotFoundError: there is no such version.
        InUseError: *users* named somebody; nothing was deleted.
    """
    live_version(storage, model, version)
    _refuse_used(users(), model, version)
    while not _delete_unused(storage, model, version, users):
        pass  # somebody deployed it and withdrew the mark: ask again
    # It is deleted: files that stay behind are found by verify.
    with suppress(StorageError):
        storage.delete_tree(layout.version_dir(model, version))


def withdraw_deletion(storage: Storage, model: str, version: int) -> None:
    """Take the mark of a deletion off that waits, or was left by a crash.

    Whoever put it there asks for users again, and finds the caller among them.

    Raises:
        ModelNotFoundError: there is no such version (any more).
    """
    _mark(model_log(storage, model), model, version, "sealed")


def _delete_unused(
    storage: Storage, model: str, version: int, users: Callable[[], list[str]]
) -> bool:
    """Return False if the mark was withdrawn before the version could be deleted."""
    log = model_log(storage, model)
    marked = _mark(log, model, version, "deleting")
    try:
        _refuse_used(users(), model, version)
    except BaseException:
        withdraw_deletion(storage, model, version)
        raise
    is_withdrawn = False

    def decide(state: ModelState | None, seq: int) -> Draft[ModelState] | None:
        nonlocal is_withdrawn
        withdrawal = {"kind": "sealed", "version": version}
        between = range(marked + 1, seq)
        is_withdrawn = any(log.entry(n).body.op == withdrawal for n in between)
        current = pick_live(state or ModelState(), model, version)
        if is_withdrawn:
            return None
        return _step(state, "delete", version, _retired(current, "deleted"))

    log.append(decide)
    return not is_withdrawn


def _refuse_used(users: list[str], model: str, version: int) -> None:
    if users:
        raise InUseError(
            f"model {model!r} version {version} is used by {', '.join(users)}: delete "
            "the deployment, or deploy another version in its place, first"
        )


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


def _stage(storage: Storage, staging: str, new: NewVersion) -> Iterator[FileRecord]:
    for file in new.source.files:
        hasher = Hasher()
        target = f"{staging}/{layout.FILES}/{file.path}"
        storage.write(target, hasher.through(file.chunks()))
        yield FileRecord(path=file.path, digest=hasher.digest())
    embedded = [
        (layout.INPUT_EXAMPLE, new.input_example),
        (layout.MODEL_SCHEMA, new.model_schema),
    ]
    for name, content in embedded:
        if content:
            storage.write(f"{staging}/{name}", [content.text.encode()])


def _reserve(log: Log[ModelState], new: NewVersion, token: str) -> int:
    number = 0

    def decide(state: ModelState | None, _: int) -> Draft[ModelState]:
        nonlocal number
        number = _number(state or ModelState(), new)
        reserved = VersionState(status="reserved", id=token)
        return _step(state, "reserve", number, reserved, token=token)

    log.append(decide)
    return number


def _place(storage: Storage, staging: str, manifest: Manifest) -> None:
    folder = layout.version_dir(manifest.model, manifest.version)
    if not storage.move_tree(staging, folder):
        raise ConflictError(
            f"{folder!r} holds files that no version owns; move them away with "
            "project.repair(), then save again (this number is used up)"
        )
    storage.protect(layout.files_dir(manifest.model, manifest.version))
    for path in embedded_files(manifest):
        storage.protect(path)


def _seal(log: Log[ModelState], manifest: Manifest, tags: dict[str, Any]) -> None:
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
            sha256=sha256_of(encode(manifest)),
            framework=manifest.framework,
            metrics=manifest.metrics,
            tags=tags,
        )
        return _step(state, "seal", manifest.version, sealed, payload=manifest)

    log.append(decide)


def _settle(
    storage: Storage, staging: str, log: Log[ModelState], manifest: Manifest
) -> bool:
    """Give a reservation up, unless its seal turns out to have been committed.

    Returns:
        True if the version is sealed after all.
    """

    def decide(state: ModelState | None, _: int) -> Draft[ModelState] | None:
        current = (state or ModelState()).versions[manifest.version]
        if current.status != "reserved" or current.id != manifest.id:
            return None
        return _step(state, "abort", manifest.version, _retired(current, "aborted"))

    try:
        head = log.append(decide)
        current = (head.state if head else ModelState()).versions[manifest.version]
        # What was moved out of our staging folder is ours; what else lies there is not.
        if current.status == "aborted" and storage.stat(staging) is None:
            storage.delete_tree(layout.version_dir(manifest.model, manifest.version))
    except HopsArtifactsError:
        # The first failure is the one to report; the number stays reserved.
        return False
    return current.status == "sealed"


def _mark(log: Log[ModelState], model: str, version: int, status: VersionStatus) -> int:
    """Return the number of a log entry at which the version has *status*."""

    def decide(state: ModelState | None, _: int) -> Draft[ModelState] | None:
        current = pick_live(state or ModelState(), model, version)
        if current.status == status:
            return None
        marked = msgspec.structs.replace(current, status=status)
        return _step(state, status, version, marked)

    head = log.append(decide)
    return head.seq if head else 0


def _retired(version: VersionState, status: VersionStatus) -> VersionState:
    return VersionState(status=status, id=version.id)


def _step(
    state: ModelState | None,
    kind: str,
    version: int,
    after: VersionState,
    **draft: Any,
) -> Draft[ModelState]:
    op = {"kind": kind, "version": version}
    return Draft(op=op, state=(state or ModelState()).replaced(version, after), **draft)
