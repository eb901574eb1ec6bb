"""Verify: every managed file against its seal, by size, bytes, kind and mode."""

import time
from collections.abc import Iterator
from concurrent.futures import Executor

import msgspec

from hopsartifacts import layout
from hopsartifacts.deployments.versions import deployment_names
from hopsartifacts.guard.batches import compared
from hopsartifacts.guard.inventory import Inventory, take_inventory
from hopsartifacts.registry.versions import model_names
from hopsartifacts.storage.contract import Entry, Storage
from hopsartifacts.store.checking import Finding
from hopsartifacts.store.progress import NO_CALLBACK, Callback

_PASSING = frozenset({"missing", "unprotected", "leftover"})
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
    knows before. What may only be under way, like a folder that is written after its
    entry, is looked at a second time.
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
        *_missing(there),
        *compared(storage, files, callback, executor),
        *_unexpected(storage, inventory, listed),
        *_open_folders(storage, inventory),
    ]
    report = VerifyReport(
        findings=tuple(sorted(_lasting(storage, findings))),
        files=len(inventory.sealed),
        size_bytes=sum(digest.size_bytes for digest in inventory.sealed.values()),
    )
    return report, inventory


def _missing(there: dict[str, Entry | None]) -> Iterator[Finding]:
    for path, entry in there.items():
        if entry is None:
            yield Finding(path=path, kind="missing", detail="not there")


def _unexpected(
    storage: Storage, inventory: Inventory, listed: dict[str, Entry]
) -> Iterator[Finding]:
    busy = tuple(f"{folder}/" for folder in inventory.busy)
    retired = tuple(f"{folder}/" for folder in inventory.retired)
    for path in listed.keys() - inventory.sealed.keys():
        if path.startswith(busy) or path in inventory.seals:
            continue
        if _is_log_entry(inventory, path) or not layout.is_managed(path):
            continue
        if storage.stat(path) is None:
            continue
        if path.startswith(retired):
            detail = "its version was deleted or given up"
            yield Finding(path=path, kind="leftover", detail=detail)
        else:
            detail = "no version has such a file"
            yield Finding(path=path, kind="extra", detail=detail)


def _open_folders(storage: Storage, inventory: Inventory) -> Iterator[Finding]:
    if not storage.capabilities.has_modes:
        return
    for folder in inventory.read_only_folders:
        entry = storage.stat(folder)
        if entry and entry.kind == "directory" and not entry.is_read_only:
            detail = "its mode allows adding files"
            yield Finding(path=folder, kind="unprotected", detail=detail)


def _lasting(storage: Storage, findings: list[Finding]) -> Iterator[Finding]:
    """Yield the findings that are still so after a moment."""
    if any(finding.kind in _PASSING for finding in findings):
        time.sleep(_SECOND_LOOK_S)
    for finding in findings:
        if finding.kind not in _PASSING:
            yield finding
            continue
        entry = storage.stat(finding.path)
        is_so = {
            "missing": entry is None,
            "unprotected": entry is not None and not entry.is_read_only,
            "leftover": entry is not None,
        }
        if is_so[finding.kind]:
            yield finding


def _is_log_entry(inventory: Inventory, path: str) -> bool:
    folder, _, name = path.rpartition("/")
    # Entries that came after we looked are as good as those before.
    return folder in inventory.logs and layout.log_entry_seq(name) is not None
