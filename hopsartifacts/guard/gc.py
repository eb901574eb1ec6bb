"""Garbage: what nobody can ever use again, told by the logs, and deleted.

Whatever a writer may still be at work on is taken from it by a log entry first, and
deleted afterwards; or it is moved away in one step, and writers look at what they moved
in. So a writer that only seemed to be gone is refused, and loses nothing but its turn.
The grace period spares it that; right or wrong does not depend on clocks.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial

import msgspec

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import ArtifactState
from hopsartifacts.deployments.documents import DeploymentState
from hopsartifacts.deployments.versions import deployment_log, deployment_names
from hopsartifacts.errors import (
    ConflictError,
    HopsArtifactsError,
    InvalidInputError,
    StorageError,
)
from hopsartifacts.guard.retiring import abort_reservation, condemn
from hopsartifacts.names import is_version
from hopsartifacts.registry.documents import LIVE, ModelState
from hopsartifacts.registry.format_1 import gravestone
from hopsartifacts.registry.versions import model_log, model_names
from hopsartifacts.storage.contract import Entry, Storage
from hopsartifacts.store.compaction import compact, compactable_bytes
from hopsartifacts.store.entries import Head, State
from hopsartifacts.store.identity import new_token
from hopsartifacts.store.log import Log
from hopsartifacts.store.workers import each_result

GRACE_S = 24 * 3600.0


class Garbage(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Something nobody can use: where, what it is, and how much."""

    path: str
    detail: str
    size_bytes: int

    def __str__(self) -> str:
        return f"{self.path}: {self.size_bytes} bytes ({self.detail})"


class Stuck(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Garbage that could not be freed, and why."""

    garbage: Garbage
    reason: str

    def __str__(self) -> str:
        return f"{self.garbage}: {self.reason}"


class GcReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was freed, or would be; ``str()`` lists it."""

    freed: tuple[Garbage, ...]
    kept: tuple[Garbage, ...]
    """What is younger than the grace period."""
    stuck: tuple[Stuck, ...] = ()
    """What could not be freed; the rest was freed all the same."""
    dry_run: bool

    @property
    def ok(self) -> bool:
        """Whether everything was freed that was to be."""
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


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Garbage, when it was last touched, and how it is got rid of."""

    garbage: Garbage
    modified: float | None
    """None: nobody can be at work on it, so its age does not matter."""
    discard: Callable[[], None]
    is_written_for: bool = False
    """``discard`` has to write something before it deletes."""


def collect(storage: Storage, *, grace_s: float, dry_run: bool) -> GcReport:
    """Delete what nobody can use any more, and compact the logs.

    What can be deleted without writing anything goes first, as the disk may be full.
    What cannot be freed is named in the report, and does not stop the rest.

    Raises:
        InvalidInputError: the grace period is negative.
    """
    if not grace_s >= 0:
        raise InvalidInputError(f"grace_s={grace_s!r}: give seconds, 0 or more")
    oldest_kept = _clock(storage, dry_run=dry_run) - grace_s
    freed, kept, stuck = list[Garbage](), list[Garbage](), list[Stuck]()
    for found in sorted(_all_garbage(storage), key=lambda it: it.is_written_for):
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
    """Return the time by the clock that stamps the files.

    An empty file is written to learn it. Where that fails, as on a full disk, the clock
    of this machine has to do: the grace period is a courtesy to slow writers.
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


def _all_garbage(storage: Storage) -> Iterator[Found]:
    workers = storage.capabilities.workers
    models = each_result(
        lambda name, _: _of_model(storage, name), model_names(storage), workers
    )
    deployments = each_result(
        lambda name, _: _of_deployment(storage, name),
        deployment_names(storage),
        workers,
    )
    for found in (*models, *deployments):
        yield from found
    yield from _of_writers(storage)
    yield from _of_uploads(storage)


def _of_model(storage: Storage, model: str) -> list[Found]:
    log = model_log(storage, model)
    head = log.head()
    if head is None:
        return []
    found = _log_states(log, head)
    for number, version in head.state.versions.items():
        if version.status in LIVE:
            found += _of_artifacts(storage, model, number)
        elif version.status == "reserved":
            found.append(_reservation(storage, model, number, log, head))
        else:
            found += _leftovers(storage, model, number, version.status)
            found += _dead_seal(storage, number, version.status, log)
    return found


def _reservation(
    storage: Storage,
    model: str,
    number: int,
    log: Log[ModelState],
    head: Head[ModelState],
) -> Found:
    version = head.state.versions[number]
    folder = layout.version_dir(model, number)
    entries = list(storage.find(folder))
    # Where a reservation does not know its entry, it is as late as it can be.
    modified = log.modified(version.reserved or head.seq)
    # What does not say its age is taken for new.
    reserved = time.time() if modified is None else modified

    def discard() -> None:
        if abort_reservation(storage, model, number, version.id):
            storage.delete_tree(folder)

    detail = "its writer has reserved it and not come to an end"
    return Found(
        garbage=_garbage(folder, detail, entries),
        modified=max(reserved, _newest(entries)),
        discard=discard,
        is_written_for=True,
    )


def _leftovers(
    storage: Storage, model: str, number: int, status: str
) -> Iterator[Found]:
    grave = layout.version_manifest(model, number)
    top = layout.version_dir(model, number)
    entries = {entry.path: entry for entry in storage.find(top)}
    buried = entries.pop(grave, None)
    if buried and buried.size_bytes != len(gravestone(model, number)):
        entries[grave] = buried
    for folder, below in _by_child(top, entries.values()).items():
        yield Found(
            garbage=_garbage(folder, f"its version was {status}", below),
            modified=None,
            discard=_deleter(storage, folder),
        )


def _dead_seal(
    storage: Storage, number: int, status: str, log: Log[ModelState]
) -> Iterator[Found]:
    """Yield the seal of a deleted version where it could not be buried."""
    if status != "deleted" or storage.capabilities.replaces_in_one_step:
        return
    entry = log.listed.get(layout.seal_name(number))
    if entry:
        yield Found(
            garbage=_garbage(entry.path, "its version was deleted", [entry]),
            modified=None,
            discard=_deleter(storage, entry.path),
        )


def _of_artifacts(storage: Storage, model: str, number: int) -> list[Found]:
    log = Log(storage, layout.artifact_log(model, number), ArtifactState)
    head = log.head()
    state = head.state if head else ArtifactState()
    found = _log_states(log, head) if head else []
    top = layout.artifacts_dir(model, number)
    used = {artifact.payload for artifact in state.versions.values()}
    for entry in storage.list(top):
        if is_version(entry.name) and int(entry.name) in state.deleted:
            found += _leftover(storage, entry, "its version was deleted")
    for entry in storage.list(layout.artifact_payload(model, number, "").rstrip("/")):
        if entry.name not in used and _below(storage, entry):
            found.append(_payload(storage, model, number, entry.name))
    return found


def _payload(storage: Storage, model: str, number: int, token: str) -> Found:
    folder = layout.artifact_payload(model, number, token)
    entries = list(storage.find(folder))

    def discard() -> None:
        if condemn(storage, model, number, token):
            storage.delete_tree(folder)

    detail = "its writer has not made an artifact version of it"
    return Found(
        garbage=_garbage(folder, detail, entries),
        modified=_newest(entries),
        discard=discard,
        is_written_for=True,
    )


def _of_deployment(storage: Storage, name: str) -> list[Found]:
    log = deployment_log(storage, name)
    head = log.head()
    if head is None:
        return []
    state: DeploymentState = head.state
    found = _log_states(log, head)
    for entry in storage.list(layout.deployment_dir(name)):
        number = int(entry.name) if is_version(entry.name) else 0
        # Higher ones have come since the log was read.
        if 0 < number <= state.last and number not in state.versions:
            found += _leftover(storage, entry, "its version was deleted")
    return found


def _of_writers(storage: Storage) -> Iterator[Found]:
    """Yield what writers put aside, each under a token of its own."""
    for folder in (layout.STAGING, layout.TEMPORARY, layout.PROBES):
        for entry in storage.list(folder):
            below = _below(storage, entry)
            if not below:
                continue
            moves = entry.kind == "directory" and folder == layout.STAGING
            yield Found(
                garbage=_garbage(entry.path, "its writer has not used it", below),
                modified=_newest(below),
                discard=_deleter(storage, entry.path, is_moved_first=moves),
            )


def _of_uploads(storage: Storage) -> Iterator[Found]:
    """Yield what was begun to be sent to managed places and never came to an end."""
    for folder in layout.MANAGED:
        for entry in storage.unfinished(folder):
            yield Found(
                garbage=_garbage(entry.path, "its upload was never finished", [entry]),
                modified=_newest([entry]),
                discard=partial(storage.discard_unfinished, entry),
            )


def _log_states(log: Log[State], head: Head[State]) -> list[Found]:
    gain = compactable_bytes(log, head)
    if not gain:
        return []

    def discard() -> None:
        compact(log)

    detail = "states of old log entries"
    garbage = Garbage(path=log.path, detail=detail, size_bytes=gain)
    return [Found(garbage=garbage, modified=None, discard=discard, is_written_for=True)]


def _leftover(storage: Storage, entry: Entry, detail: str) -> list[Found]:
    below = _below(storage, entry)
    if not below:
        return []
    discard = _deleter(storage, entry.path)
    garbage = _garbage(entry.path, detail, below)
    return [Found(garbage=garbage, modified=None, discard=discard)]


def _below(storage: Storage, entry: Entry) -> list[Entry]:
    """Return what lies at a place: an empty folder itself, where there are such.

    Some object stores go on listing folders in which nothing is left.
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
            # All at once, so that a slow writer never moves a part of it in.
            target = layout.staging_dir(new_token())
            if not storage.move_tree(path, target):
                raise ConflictError(f"{target!r} is there, though nobody made it")
        storage.delete_tree(target)

    return discard


def _garbage(path: str, detail: str, entries: Iterable[Entry]) -> Garbage:
    size_bytes = sum(entry.size_bytes for entry in entries if entry.kind == "file")
    return Garbage(path=path, detail=detail, size_bytes=size_bytes)


def _newest(entries: Iterable[Entry]) -> float:
    # What does not say its age is taken for new.
    now = time.time()
    times = (entry.modified for entry in entries)
    return max((now if it is None else it for it in times), default=0.0)


def _by_child(folder: str, entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        name = entry.path.removeprefix(f"{folder}/").split("/", 1)[0]
        found.setdefault(f"{folder}/{name}", []).append(entry)
    return found
