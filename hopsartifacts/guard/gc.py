"""Garbage collection: deletes what, by the logs, can never be used again.

If a writer may still be using something, a log entry first revokes it, and then it is
deleted; or it is moved away in one step, and writers check what they move in. So a
writer that only seemed to be dead fails safely and can start again. The grace period
avoids such failures; correctness does not depend on clocks.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial

import msgspec

from hopsartifacts import layout
from hopsartifacts.artifacts.versions import artifact_log, give_up_payload
from hopsartifacts.deployments.deployed import Logs
from hopsartifacts.deployments.versions import deployment_names
from hopsartifacts.errors import (
    ConflictError,
    FormatError,
    HopsArtifactsError,
    IntegrityError,
    InvalidInputError,
    ModelNotFoundError,
    StorageError,
)
from hopsartifacts.machine.identity import new_token
from hopsartifacts.machine.workers import each_result
from hopsartifacts.names import is_version
from hopsartifacts.registry.documents import VersionRecord
from hopsartifacts.registry.versions import (
    ModelLog,
    give_up,
    model_log,
    model_names,
    while_live,
)
from hopsartifacts.storage.contract import FileInfo, Storage

GRACE_S = 24 * 3600.0


class Garbage(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A file or folder that can no longer be used: its path, kind and size."""

    path: str
    detail: str
    size_bytes: int

    def __str__(self) -> str:
        return f"{self.path}: {self.size_bytes} bytes ({self.detail})"


class Stuck(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Garbage that could not be freed, and the reason."""

    garbage: Garbage
    reason: str

    def __str__(self) -> str:
        return f"{self.garbage}: {self.reason}"


class GcReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was freed, or would be; ``str()`` lists it."""

    freed: tuple[Garbage, ...]
    kept: tuple[Garbage, ...]
    """Garbage younger than the grace period."""
    stuck: tuple[Stuck, ...] = ()
    """Garbage that could not be freed; the rest was freed anyway."""
    dry_run: bool

    @property
    def ok(self) -> bool:
        """Whether all due garbage was freed."""
        return not self.stuck

    @property
    def size_bytes(self) -> int:
        """How many bytes were freed, or would be."""
        return sum(it.size_bytes for it in self.freed)

    def __str__(self) -> str:
        verb = "would be freed" if self.dry_run else "freed"
        lines = [f"{self.size_bytes} bytes {verb}", *map(str, self.freed)]
        if self.kept:
            lines.append(f"{len(self.kept)} kept, younger than the grace period")
            lines += map(str, self.kept)
        if self.stuck:
            lines.append(f"{len(self.stuck)} could not be freed")
            lines += map(str, self.stuck)
        return "\n  ".join(lines)


class FoundGarbage(msgspec.Struct, frozen=True, kw_only=True):
    """Garbage, with its last modification and the function that discards it."""

    garbage: Garbage
    modified: float | None
    """None if no writer can be using it, so that its age does not matter."""
    discard: Callable[[], None]
    is_written_for: bool = False
    """Whether ``discard`` must write something before it deletes."""


def collect(storage: Storage, *, grace_s: float, dry_run: bool) -> GcReport:
    """Delete everything that can no longer be used.

    Garbage that is deleted without writing goes first, as the disk may be full. Garbage
    that cannot be freed is named in the report and does not stop the rest.

    Raises:
        InvalidInputError: the grace period is negative.
    """
    if not grace_s >= 0:
        raise InvalidInputError(f"grace_s={grace_s!r}: give seconds, 0 or more")
    oldest_kept = _clock(storage, dry_run=dry_run) - grace_s
    freed, kept, stuck = list[Garbage](), list[Garbage](), list[Stuck]()
    everything = _all_garbage(storage, stuck)
    for found in sorted(everything, key=lambda it: it.is_written_for):
        if found.modified is not None and found.modified > oldest_kept:
            kept.append(found.garbage)
            continue
        try:
            if not dry_run:
                found.discard()
        except HopsArtifactsError as error:
            stuck.append(Stuck(garbage=found.garbage, reason=str(error)))
        else:
            freed.append(found.garbage)
    return GcReport(
        freed=tuple(sorted(freed)),
        kept=tuple(sorted(kept)),
        stuck=tuple(sorted(stuck)),
        dry_run=dry_run,
    )


def _clock(storage: Storage, *, dry_run: bool) -> float:
    """Return the time by the clock that timestamps the files.

    It is measured by writing an empty file. If that fails, as on a full disk, the local
    clock is used: the grace period only avoids useless work of slow writers.
    """
    if dry_run:  # which writes nothing
        return time.time()
    path, entry = layout.probe(new_token()), None
    with suppress(StorageError):
        try:
            storage.write(path, [b""])
            entry = storage.stat(path)
        finally:
            storage.delete_tree(path)
    modified = entry.modified if entry else None
    return time.time() if modified is None else modified


def _all_garbage(storage: Storage, stuck: list[Stuck]) -> Iterator[FoundGarbage]:
    """Yield the garbage; add each owner with a damaged log to *stuck*."""

    def of_owner(
        of: Callable[[Storage, str], list[FoundGarbage]], folder: str, name: str
    ) -> list[FoundGarbage]:
        try:
            return of(storage, name)
        except (IntegrityError, FormatError) as error:
            garbage = Garbage(
                path=folder, detail="its log cannot be read", size_bytes=0
            )
            stuck.append(Stuck(garbage=garbage, reason=str(error)))
            return []

    workers = storage.capabilities.workers
    models = each_result(
        lambda name, _: of_owner(_of_model, layout.model_dir(name), name),
        model_names(storage),
        workers,
    )
    deployments = each_result(
        lambda name, _: of_owner(_of_deployment, layout.deployment_dir(name), name),
        deployment_names(storage),
        workers,
    )
    for found in (*models, *deployments):
        yield from found
    yield from _of_writers(storage)
    yield from _of_uploads(storage)


def _of_model(storage: Storage, model: str) -> list[FoundGarbage]:
    log = model_log(storage, model)
    found: list[FoundGarbage] = []
    for number, version in log.state().records.items():
        if version.is_live:
            # If it is deleted meanwhile, the next gc deletes what is left of it.
            with (
                suppress(ModelNotFoundError),
                while_live(storage, model, number),
            ):
                found += _of_artifacts(storage, model, number)
        elif version.status == "reserved":
            # A copy of the manifest proves that it was sealed, and the log has lost
            # that.
            if not storage.stat(layout.version_manifest(model, number)):
                found.append(_reservation(log, model, number, version))
        else:
            found += _leftovers(storage, model, number, version.status)
    return found


def _reservation(
    log: ModelLog, model: str, number: int, version: VersionRecord
) -> FoundGarbage:
    storage, folder = log.storage, layout.version_dir(model, number)
    entries = list(storage.find(folder))
    began = storage.stat(layout.log_entry(log.path, version.reserved))

    def discard() -> None:
        # Record the outcome first. If the version is sealed after all, its files stay.
        fate = give_up(model_log(storage, model), number, version.id)
        if fate in {"aborted", "deleted"}:
            storage.delete_tree(folder)

    detail = "its writer reserved it and did not finish"
    return FoundGarbage(
        garbage=_garbage(folder, detail, entries),
        modified=_newest([*entries, *([began] if began else [])]),
        discard=discard,
        is_written_for=True,
    )


def _leftovers(
    storage: Storage, model: str, number: int, status: str
) -> Iterator[FoundGarbage]:
    top = layout.version_dir(model, number)
    children = _by_child(top, storage.find(top))
    if status == "aborted" and layout.version_manifest(model, number) in children:
        # It was sealed: the log has lost that, and has given its number again.
        return
    for folder, below in children.items():
        yield FoundGarbage(
            garbage=_garbage(folder, f"its version was {status}", below),
            modified=None,
            discard=_deleter(storage, folder),
        )


def _of_artifacts(storage: Storage, model: str, number: int) -> list[FoundGarbage]:
    log = artifact_log(storage, model, number)
    state = log.state()
    found: list[FoundGarbage] = []
    for entry in storage.list(layout.artifacts_dir(model, number)):
        version = int(entry.name) if is_version(entry.name) else 0
        if version in state.records and not state.records[version].is_live:
            found += _leftover(storage, entry, "its version was deleted")
    used = {artifact.payload for artifact in state.live().values()}
    payloads = layout.artifact_payload(model, number, "").rstrip("/")
    there = {it.name for it in storage.list(payloads) if _below(storage, it)}
    for token in (there | state.head.staged.keys()) - used:
        began = storage.stat(
            layout.log_entry(log.path, state.head.staged.get(token, 1))
        )
        found.append(_payload(storage, model, number, token, began))
    return found


def _payload(
    storage: Storage, model: str, number: int, token: str, began: FileInfo | None
) -> FoundGarbage:
    folder = layout.artifact_payload(model, number, token)
    entries = list(storage.find(folder))

    def discard() -> None:
        # Record the outcome first. If the payload is used after all, it stays.
        if give_up_payload(storage, model, number, token):
            storage.delete_tree(folder)

    detail = "its writer has not made an artifact version of it"
    return FoundGarbage(
        garbage=_garbage(folder, detail, entries),
        modified=_newest([*entries, *([began] if began else [])]),
        discard=discard,
        is_written_for=True,
    )


def _of_deployment(storage: Storage, name: str) -> list[FoundGarbage]:
    state = Logs(storage).deployment(name).seen_state()
    found: list[FoundGarbage] = []
    for entry in storage.list(layout.deployment_dir(name)):
        number = int(entry.name) if is_version(entry.name) else 0
        # Higher numbers were added after the log was read.
        if 0 < number <= state.head.last and not state.is_kept(number):
            found += _leftover(storage, entry, "its version was deleted")
    return found


def _of_writers(storage: Storage) -> Iterator[FoundGarbage]:
    """Yield the temporary files of writers, each under a separate token."""
    for folder in (layout.STAGING, layout.TEMPORARY, layout.PROBES):
        for entry in storage.list(folder):
            below = _below(storage, entry)
            if not below:
                continue
            moves = entry.kind == "directory" and folder == layout.STAGING
            yield FoundGarbage(
                garbage=_garbage(entry.path, "its writer has not used it", below),
                modified=_newest(below),
                discard=_deleter(storage, entry.path, is_moved_first=moves),
            )


def _of_uploads(storage: Storage) -> Iterator[FoundGarbage]:
    """Yield unfinished uploads to managed folders."""
    for folder in layout.MANAGED:
        for entry in storage.unfinished(folder):
            yield FoundGarbage(
                garbage=_garbage(entry.path, "its upload was never finished", [entry]),
                modified=_newest([entry]),
                discard=partial(storage.discard_unfinished, entry),
            )


def _leftover(storage: Storage, entry: FileInfo, detail: str) -> list[FoundGarbage]:
    below = _below(storage, entry)
    if not below:
        return []
    discard = _deleter(storage, entry.path)
    garbage = _garbage(entry.path, detail, below)
    return [FoundGarbage(garbage=garbage, modified=None, discard=discard)]


def _below(storage: Storage, entry: FileInfo) -> list[FileInfo]:
    """Return the files below *entry*, or an empty folder itself where folders exist.

    Some object stores keep listing folders that are empty.
    """
    below = list(storage.find(entry.path))
    is_real = entry.kind != "directory" or storage.capabilities.moves_trees
    return below or ([entry] if is_real else [])


def _deleter(
    storage: Storage, path: str, *, is_moved_first: bool = False
) -> Callable[[], None]:
    def discard() -> None:
        target = path
        if is_moved_first and storage.capabilities.moves_trees:
            # Move the whole folder at once, so a slow writer never moves in a part of
            # it.
            target = layout.staging_dir(new_token())
            if not storage.move_tree(path, target):
                raise ConflictError(f"{target!r} exists unexpectedly: try again")
        storage.delete_tree(target)

    return discard


def _garbage(path: str, detail: str, entries: Iterable[FileInfo]) -> Garbage:
    size_bytes = sum(entry.size_bytes for entry in entries if entry.kind == "file")
    return Garbage(path=path, detail=detail, size_bytes=size_bytes)


def _newest(entries: Iterable[FileInfo]) -> float:
    # An entry of unknown age counts as new.
    now = time.time()
    times = (entry.modified for entry in entries)
    return max((now if it is None else it for it in times), default=0.0)


def _by_child(folder: str, entries: Iterable[FileInfo]) -> dict[str, list[FileInfo]]:
    found: dict[str, list[FileInfo]] = {}
    for entry in entries:
        name = entry.path.removeprefix(f"{folder}/").split("/", 1)[0]
        found.setdefault(f"{folder}/{name}", []).append(entry)
    return found
