"""Model versions as the log has them: read, tagged, deleted; each step one entry."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import decode, encode
from hopsartifacts.errors import (
    IntegrityError,
    InUseError,
    ModelNotFoundError,
    StorageError,
)
from hopsartifacts.registry.documents import (
    Manifest,
    ModelState,
    VersionState,
    VersionStatus,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.log import Log


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
        return step(state, "tag", version, tagged)

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
        return step(state, "delete", version, retired(current, "deleted"))

    log.append(decide)
    return not is_withdrawn


def _refuse_used(users: list[str], model: str, version: int) -> None:
    if users:
        raise InUseError(
            f"model {model!r} version {version} is used by {', '.join(users)}: delete "
            "the deployment, or deploy another version in its place, first"
        )


def _mark(log: Log[ModelState], model: str, version: int, status: VersionStatus) -> int:
    """Return the number of a log entry at which the version has *status*."""

    def decide(state: ModelState | None, _: int) -> Draft[ModelState] | None:
        current = pick_live(state or ModelState(), model, version)
        if current.status == status:
            return None
        marked = msgspec.structs.replace(current, status=status)
        return step(state, status, version, marked)

    head = log.append(decide)
    return head.seq if head else 0


def retired(version: VersionState, status: VersionStatus) -> VersionState:
    """Return what stays of a version: its number is used up."""
    return VersionState(status=status, id=version.id)


def step(
    state: ModelState | None,
    kind: str,
    version: int,
    after: VersionState,
    **draft: Any,
) -> Draft[ModelState]:
    """Return the draft of the entry that makes *version* be *after*."""
    op = {"kind": kind, "version": version}
    return Draft(op=op, state=(state or ModelState()).replaced(version, after), **draft)
