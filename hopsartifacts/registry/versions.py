"""Model versions as the log has them: read, tagged, described; each step one entry."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import (
    FORMAT,
    decode,
    encode,
    encode_pretty,
    is_checked,
    with_check,
)
from hopsartifacts.errors import (
    FormatError,
    IntegrityError,
    ModelNotFoundError,
    PathNotFoundError,
    StorageError,
)
from hopsartifacts.registry.documents import (
    Manifest,
    ModelState,
    VersionRecord,
    VersionStatus,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.log import Log

ModelLog = Log[ModelState]


class _Projection(msgspec.Struct, frozen=True, kw_only=True):
    """The readable copy of a manifest, and which entry it is of."""

    format: int
    entry: int
    sha256: str
    """Digest of the entry."""
    manifest: Manifest


def model_log(storage: Storage, model: str) -> ModelLog:
    """Return the log of *model*."""
    return Log(storage, layout.model_log(model), ModelState)


def model_state(storage: Storage, model: str) -> ModelState:
    """Return the newest state of *model*; empty if it never existed."""
    return model_log(storage, model).state()


def model_names(storage: Storage) -> list[str]:
    """Return the names of all models that ever had a version, sorted."""
    return [
        entry.name for entry in storage.list(layout.MODELS) if entry.kind == "directory"
    ]


def live_version(storage: Storage, model: str, version: int) -> VersionRecord:
    """Return the record of a version readers may see.

    Raises:
        ModelNotFoundError: there is none; the message says what there is.
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
            f"there is no model {model!r}{fate}: mr.list_models() names those there are"
        )
    raise ModelNotFoundError(
        f"model {model!r} has no version {version}{fate}: it has {_named(live)}"
    )


def read_manifest(storage: Storage, model: str, version: int) -> Manifest:
    """Return the manifest of a version by its log; raises as ``live_version``."""
    log = model_log(storage, model)
    return manifest_in(log, pick_live(log.state(), model, version))


def manifest_of(storage: Storage, model: str, record: VersionRecord) -> Manifest:
    """Return the manifest that *record* names; raises as ``manifest_bytes``."""
    return manifest_in(model_log(storage, model), record)


def manifest_in(log: ModelLog, record: VersionRecord) -> Manifest:
    """Return the manifest that *record* names; raises as ``manifest_bytes``.

    Where *log* has just read it, nothing is read.
    """
    where = layout.log_entry(log.path, record.seal)
    return decode(manifest_bytes(log, record), Manifest, where)


def manifest_bytes(log: ModelLog, record: VersionRecord) -> bytes:
    """Return the manifest that *record* names, as the sealing entry has it.

    Raises:
        IntegrityError: the entry is gone, or does not have it.
    """
    data = log.content(record.seal)
    if sha256_of(data) != record.sha256:
        raise IntegrityError(
            f"{layout.log_entry(log.path, record.seal)} does not hold the manifest "
            "that was sealed: restore it from a backup"
        )
    return data


def projected(log: ModelLog, record: VersionRecord) -> bytes:
    """Return the readable copy of the manifest that *record* names."""
    projection = _Projection(
        format=FORMAT,
        entry=record.seal,
        sha256=log.entry(record.seal).sha256,
        manifest=manifest_in(log, record),
    )
    return with_check(encode_pretty(projection).rstrip())


def project(log: ModelLog, version: int) -> None:
    """Write the readable copy of a version's manifest, if it is not there.

    Where that fails readers ask the log, and a repair writes it. If the version was
    deleted since the log was read, the copy shows what is gone: verify finds it, and
    gc takes it away.
    """
    record = log.seen_state().records[version]
    folder = log.path.rpartition("/")[0].rpartition("/")[2]
    path = layout.version_manifest(folder, version)
    with suppress(StorageError):
        if log.storage.create(path, projected(log, record)):
            log.storage.protect(path)


def sealed_manifest(storage: Storage, model: str, version: int) -> Manifest:
    """Return the manifest of a version, in one request unless something is odd.

    The copy beside the files has it; where there is none, or it was changed, the log
    is asked.

    Raises:
        ModelNotFoundError: there is no such version.
        IntegrityError: the log is damaged.
    """
    manifest = _projected_manifest(storage, model, version)
    return manifest or read_manifest(storage, model, version)


def latest_manifest(storage: Storage, model: str) -> Manifest:
    """Return the manifest of the newest version: two requests, or three.

    Raises:
        ModelNotFoundError: there is no version.
    """
    log = model_log(storage, model)
    state = log.state()
    newest = state.head.latest or 1
    return manifest_in(log, pick_live(state, model, newest))


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
    check: Callable[[str], None] = lambda _: None,
) -> None:
    """Replace the description of a version; what it was stays in the log.

    *check* gets the one that is replaced; if it raises, nothing is written.
    """

    def decide(state: ModelState, _: int) -> Draft[ModelState] | None:
        current = pick_live(state, model, version)
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

    def decide(state: ModelState, _: int) -> Draft[ModelState] | None:
        current = pick_live(state, model, version)
        tags = change(current.tags)
        if tags == current.tags:
            return None
        tagged = msgspec.structs.replace(current, tags=tags)
        return step(state, "tag", version, tagged)

    model_log(storage, model).append(decide)


def give_up(log: ModelLog, version: int, token: str) -> VersionStatus:
    """Give up the number that *token* reserved, if it has not sealed it.

    An entry says so; a writer that would still seal it finds that out.

    Returns:
        What became of the version, now or before.

    Raises:
        CommitUncertainError: the storage failed, and that cannot be said.
    """

    def decide(state: ModelState, _: int) -> Draft[ModelState] | None:
        current = state.records[version]
        if current.status != "reserved" or current.id != token:
            return None
        return step(state, "abort", version, retired(current, "aborted"))

    after = log.append(decide)
    return (after.state if after else ModelState.empty()).records[version].status


def retired(version: VersionRecord, status: VersionStatus) -> VersionRecord:
    """Return what stays of a version: its number is used up."""
    return VersionRecord(status=status, id=version.id)


def step(
    state: ModelState, kind: str, version: int, after: VersionRecord, **draft: Any
) -> Draft[ModelState]:
    """Return the draft of the entry that makes *version* be *after*."""
    op = {"kind": kind, "version": version}
    return Draft(op=op, state=state.replaced(version, after), **draft)


def sealed_digest(manifest: Manifest) -> str:
    """Return the digest of a manifest as its seal has it."""
    return sha256_of(encode(manifest))


def _projected_manifest(storage: Storage, model: str, version: int) -> Manifest | None:
    """Return the copy beside the files; None if it is not there or was changed."""
    path = layout.version_manifest(model, version)
    try:
        data = storage.read(path)
    except PathNotFoundError:
        return None
    manifest: Manifest | None = None
    if is_checked(data):
        with suppress(FormatError):  # of a later release: the log says so
            manifest = decode(data, _Projection, path).manifest
    if manifest and (manifest.model, manifest.version) == (model, version):
        return manifest
    return None


def _named(versions: list[int], most: int = 20) -> str:
    """Name versions in a message, the newest of them if they are many."""
    if len(versions) <= most:
        return ", ".join(map(str, versions))
    newest = ", ".join(map(str, versions[-most:]))
    return f"{len(versions)} versions, the newest of them {newest}"
