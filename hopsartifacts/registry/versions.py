"""Model versions as the log has them: read, tagged, described; each step one entry."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import decode
from hopsartifacts.errors import IntegrityError, ModelNotFoundError
from hopsartifacts.names import is_version
from hopsartifacts.registry import format_1
from hopsartifacts.registry.documents import (
    LIVE,
    Manifest,
    ModelState,
    VersionState,
    VersionStatus,
)
from hopsartifacts.registry.log import ModelLog
from hopsartifacts.registry.seals import find_seal
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.identity import new_token


def model_log(storage: Storage, model: str) -> ModelLog:
    """Return the log of *model*."""
    return ModelLog(storage, model)


def model_state(storage: Storage, model: str) -> ModelState:
    """Return the newest state of *model*; empty if it never existed."""
    return model_log(storage, model).state()


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
    was = state.versions.get(version)
    fate = f" (it was {was.status})" if was else ""
    if not live:
        raise ModelNotFoundError(
            f"there is no model {model!r}{fate}: mr.list_models() names those there are"
        )
    known = ", ".join(map(str, live))
    raise ModelNotFoundError(
        f"model {model!r} has no version {version}{fate}: it has {known}"
    )


def read_manifest(storage: Storage, model: str, version: int) -> Manifest:
    """Return the sealed manifest of a version; raises as ``live_version``."""
    log = model_log(storage, model)
    return manifest_in(log, version, pick_live(log.state(), model, version))


def manifest_of(
    storage: Storage, model: str, version: int, state: VersionState
) -> Manifest:
    """Return the manifest that *state* pins; raises as ``manifest_bytes``."""
    return manifest_in(model_log(storage, model), version, state)


def manifest_in(log: ModelLog, version: int, state: VersionState) -> Manifest:
    """Return the manifest that *state* pins; raises as ``manifest_bytes``.

    Where *log* has just read it, nothing is read.
    """
    data = log.newest_manifest(version)
    if data is None or sha256_of(data) != state.sha256:
        data = manifest_bytes(log, version, state)
    return decode(data, Manifest, layout.version_seal(log.model, version))


def manifest_bytes(log: ModelLog, version: int, state: VersionState) -> bytes:
    """Return the manifest that *state* pins, from where it was sealed.

    Raises:
        IntegrityError: what was sealed is not there any more.
    """
    if state.seal:  # as format 1 seals
        return logged_manifest(log, version, state)
    seal = log.seal(version)
    where = layout.version_seal(log.model, version)
    return _as_sealed(bytes(seal.manifest) if seal else b"", state, where)


def logged_manifest(log: ModelLog, version: int, state: VersionState) -> bytes:
    """Return the manifest that *state* pins, as the log has it.

    Raises:
        IntegrityError: it does not have it.
    """
    if state.seal:
        where = layout.log_entry(log.path, state.seal)
        return _as_sealed(bytes(log.entry(state.seal).body.payload), state, where)
    return _as_sealed(log.copy_of(version, state) or b"", state, log.path)


def _as_sealed(data: bytes, state: VersionState, where: str) -> bytes:
    if sha256_of(data) != state.sha256:
        raise IntegrityError(
            f"{where} does not hold the manifest that was sealed: project.repair() "
            "restores it if the log has a copy; else restore it from a backup"
        )
    return data


def sealed_manifest(storage: Storage, model: str, version: int) -> Manifest:
    """Return the manifest of a version, in one request unless something is odd.

    Its seal has it; the log is asked where the seal says so, or there is none, or where
    the seal of a deleted version cannot be replaced in one step.

    Raises:
        ModelNotFoundError: there is no such version.
        IntegrityError: its seal is damaged.
    """
    if not storage.capabilities.replaces_in_one_step:
        return read_manifest(storage, model, version)
    seal = find_seal(storage, model, version)
    if seal is None:
        manifest = format_1.sealed_manifest(storage, model, version)
        return manifest or read_manifest(storage, model, version)
    if seal.is_buried or seal.fate.status not in LIVE:
        return read_manifest(storage, model, version)
    data = _as_sealed(bytes(seal.manifest), seal.fate, seal.path)
    return decode(data, Manifest, seal.path)


def latest_manifest(storage: Storage, model: str) -> Manifest:
    """Return the manifest of the newest version, in two requests where all is well.

    Raises:
        ModelNotFoundError: there is no version.
    """
    # Whatever is sealed has files in a folder with its number.
    names = [entry.name for entry in storage.list(layout.model_dir(model))]
    newest = max((int(name) for name in names if is_version(name)), default=0)
    if newest:
        # Else, it is being saved, or was deleted or given up.
        with suppress(ModelNotFoundError):
            return sealed_manifest(storage, model, newest)
    log = model_log(storage, model)
    state = log.state()
    newest = max(state.live(), default=1)
    return manifest_in(log, newest, pick_live(state, model, newest))


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


def describe(
    storage: Storage,
    model: str,
    version: int,
    description: str,
    check: Callable[[str | None], None] = lambda _: None,
) -> None:
    """Replace the description of a version; what it was stays in the log.

    *check* gets the one that is replaced, None if it is the manifest's; if it raises,
    nothing is written.
    """

    def decide(state: ModelState | None, _: int) -> Draft[ModelState] | None:
        current = pick_live(state or ModelState(), model, version)
        check(current.description)
        if description == current.description:
            return None
        described = msgspec.structs.replace(current, description=description)
        return step(state, "describe", version, described)

    model_log(storage, model).append(decide)


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


def give_up(log: ModelLog, version: int, token: str) -> VersionStatus:
    """Give up the number that *token* reserved, if it has not sealed it.

    A seal says so; whoever would have used the number finds it there.

    Returns:
        What became of the version, now or before.

    Raises:
        CommitUncertainError: the storage failed, and that cannot be said.
    """
    head = log.seen()
    current = (head.state if head else ModelState()).versions[version]
    if current.status == "reserved" and current.id == token:
        fate = retired(current, "aborted")
        if log.commit_seal(version, fate, new_token()).fate == fate:
            return "aborted"
        head = log.head()
    return (head.state if head else ModelState()).versions[version].status


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
