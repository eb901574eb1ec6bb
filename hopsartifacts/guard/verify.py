"""Verify: every managed file against its seal, by size, bytes, kind and mode."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor

import msgspec

from hopsartifacts import layout
from hopsartifacts.deployments.versions import deployment_names
from hopsartifacts.guard.batches import compared
from hopsartifacts.guard.inventory import Inventory, take_inventory
from hopsartifacts.registry.versions import model_names
from hopsartifacts.storage.contract import Entry, Storage
from hopsartifacts.store.checking import VANISHED, Finding, check_file
from hopsartifacts.store.progress import NO_CALLBACK, Callback

_SECOND_LOOK_S = 0.25


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found; ``str()`` lists it."""

    findings: tuple[Finding, ...]
    files: int
    """How many files were compared with a seal."""
    size_bytes: int
    """How many bytes were read for it."""

    @property
    def ok(self) -> bool:
        """Whether everything is as sealed."""
        return not self.findings

    def __str__(self) -> str:
        checked = f"{self.files} files ({self.size_bytes} bytes) checked"
        if self.ok:
            return f"{checked}: all as sealed"
        lines = [f"{checked}: {len(self.findings)} differ", *map(str, self.findings)]
        return "\n  ".join(lines)


def verify(
    storage: Storage,
    callback: Callback = NO_CALLBACK,
    executor: Executor | None = None,
) -> VerifyReport:
    """Compare everything under the managed folders with the logs.

    Raises:
        StorageError: the storage does not answer; that is no finding.
    """
    return inspect(storage, callback, executor)[0]


def inspect(
    storage: Storage,
    callback: Callback = NO_CALLBACK,
    executor: Executor | None = None,
) -> tuple[VerifyReport, Inventory]:
    """Return what ``verify`` finds and the inventory it went by.

    Files are listed before the logs are read: whatever a writer puts down, its log
    knows before. Nothing is reported on the word of one look: see ``_lasting``.
    """
    listed = {
        entry.path: entry
        for folder in (layout.MODELS, layout.DEPLOYMENTS)
        for entry in storage.find(folder)
    }
    models, deployments = set(model_names(storage)), set(deployment_names(storage))
    inventory = take_inventory(storage, models, deployments)
    there = {path: listed.get(path) or storage.stat(path) for path in inventory.sealed}
    files = [(it, inventory.sealed[path]) for path, it in there.items() if it]
    findings = [
        *inventory.damaged,
        *_missing(there, inventory),
        *compared(storage, files, callback, executor),
        *_unexpected(storage, inventory, listed),
        *_open_folders(storage, inventory),
    ]
    report = VerifyReport(
        findings=tuple(sorted(_lasting(storage, findings, models, deployments))),
        files=len(inventory.sealed),
        size_bytes=sum(digest.size_bytes for digest in inventory.sealed.values()),
    )
    return report, inventory


def _missing(there: dict[str, Entry | None], inventory: Inventory) -> Iterator[Finding]:
    for path, entry in there.items():
        if entry is None:
            is_logged = path in inventory.restorers
            hint = ", but in the log: a repair writes it" if is_logged else ""
            yield Finding(path=path, kind="missing", detail=f"not there{hint}")


def _unexpected(
    storage: Storage, inventory: Inventory, listed: dict[str, Entry]
) -> Iterator[Finding]:
    for path in listed.keys() - inventory.sealed.keys():
        finding = _intruder(inventory, path)
        if finding and storage.stat(path):
            yield finding


def _intruder(inventory: Inventory, path: str) -> Finding | None:
    """Say what a file is that no seal names; None if it may be there."""
    if _lies_in(path, inventory.busy):
        return None
    if _is_log_entry(inventory, path) or not layout.is_managed(path):
        return None
    if _lies_in(path, inventory.retired):
        detail = "its version was deleted or given up"
        return Finding(path=path, kind="leftover", detail=detail)
    return Finding(path=path, kind="extra", detail="no version has such a file")


def _lies_in(path: str, folders: Iterable[str]) -> bool:
    return path.startswith(tuple(f"{folder}/" for folder in folders))


def _open_folders(storage: Storage, inventory: Inventory) -> Iterator[Finding]:
    if not storage.capabilities.has_modes:
        return
    for folder in inventory.read_only_folders:
        entry = storage.stat(folder)
        if entry and entry.kind == "directory" and not entry.is_read_only:
            detail = "its mode allows adding files"
            yield Finding(path=folder, kind="unprotected", detail=detail)


def _lasting(
    storage: Storage,
    findings: list[Finding],
    models: set[str],
    deployments: set[str],
) -> list[Finding]:
    """Return the findings that are still so after a moment.

    What others do meanwhile looks like damage: a version that is deleted loses its
    files, and a folder may be written after its entry. So the files are looked at once
    more and then the logs of their owners, which know of a deletion before a byte goes.
    As long as fewer findings are left each time, something is under way, and is waited
    for.
    """
    while findings:
        time.sleep(_SECOND_LOOK_S)
        before = len(findings)
        looks = {it.path: storage.stat(it.path) for it in findings}
        owners = {tuple(path.split("/")[:2]) for path in looks}
        fresh = take_inventory(
            storage,
            {name for name in models if (layout.MODELS, name) in owners},
            {name for name in deployments if (layout.DEPLOYMENTS, name) in owners},
        )
        again = (_again(storage, it, looks[it.path], fresh) for it in findings)
        findings = [it for it in again if it]
        if len(findings) == before:
            break
    return findings


def _again(
    storage: Storage, finding: Finding, entry: Entry | None, fresh: Inventory
) -> Finding | None:
    """Return what is left of a finding, by what its file and its log say now."""
    path, kind = finding.path, finding.kind
    if kind == "damaged":
        return finding if path in {it.path for it in fresh.damaged} else None
    if kind in {"extra", "leftover"}:
        is_there = entry is not None and path not in fresh.sealed
        return _intruder(fresh, path) if is_there else None
    if kind == "unprotected" and path in fresh.read_only_folders:
        return finding if entry and not entry.is_read_only else None
    # Else its version was deleted.
    return _of_sealed(storage, finding, entry, fresh) if path in fresh.sealed else None


def _of_sealed(
    storage: Storage, finding: Finding, entry: Entry | None, fresh: Inventory
) -> Finding | None:
    if entry is None:
        return finding if finding.kind != "unprotected" else None
    if finding.kind in {"missing", "unprotected"} or finding.detail == VANISHED:
        return next(check_file(storage, entry, fresh.sealed[finding.path]), None)
    return finding


def _is_log_entry(inventory: Inventory, path: str) -> bool:
    log = layout.log_of(path)
    # Entries that came after we looked are as good as those before.
    return log in inventory.logs and layout.log_entry_seq(log, path) is not None
