"""Repair: what was edited comes back from the log, what it replaces is moved aside.

Nothing is ever deleted here, and nothing is guessed: a file that no log holds the
bytes of is named, not touched.
"""

from datetime import UTC, datetime

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import digest_of
from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.guard.inventory import Inventory
from hopsartifacts.guard.verify import inspect
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.checking import Finding
from hopsartifacts.store.identity import new_token


class Repaired(msgspec.Struct, frozen=True, kw_only=True):
    """One finding that was undone, and how."""

    finding: Finding
    action: str

    def __str__(self) -> str:
        return f"{self.finding.path}: {self.action}"


class RepairReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a repair did and could not do; ``str()`` lists it."""

    repaired: tuple[Repaired, ...]
    unrepaired: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is as sealed now."""
        return not self.unrepaired

    def __str__(self) -> str:
        lines = [f"{len(self.repaired)} repaired", *map(str, self.repaired)]
        if self.unrepaired:
            lines += [f"{len(self.unrepaired)} cannot be repaired here"]
            lines += map(str, self.unrepaired)
        return "\n  ".join(lines)


def repair(storage: Storage) -> RepairReport:
    """Verify, and undo every difference that can be undone."""
    report, inventory = inspect(storage)
    when = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ") + f"-{new_token()[:8]}"
    repaired: list[Repaired] = []
    unrepaired: list[Finding] = []
    for finding in report.findings:
        try:
            action = _undo(storage, inventory, finding, when)
        except HopsArtifactsError as error:
            detail = f"{finding.detail}; repair failed: {error}"
            unrepaired.append(msgspec.structs.replace(finding, detail=detail))
            continue
        if action:
            repaired.append(Repaired(finding=finding, action=action))
        else:
            unrepaired.append(finding)
    for folder in inventory.read_only_folders:
        if any(done.finding.path.startswith(f"{folder}/") for done in repaired):
            storage.protect(folder)
    return RepairReport(repaired=tuple(repaired), unrepaired=tuple(unrepaired))


def _undo(
    storage: Storage, inventory: Inventory, finding: Finding, when: str
) -> str | None:
    """Return what was done, None if nothing can be."""
    path = finding.path
    if finding.kind == "unprotected":
        storage.protect(path)
        return "made read-only"
    if finding.kind in {"extra", "leftover"}:
        return f"moved to {_move_aside(storage, path, when)}"
    restorer = inventory.restorers.get(path)
    if finding.kind == "damaged" or restorer is None:
        return None
    data = b"".join(restorer())
    if digest_of(data) != inventory.sealed[path]:
        return None
    aside = _move_aside(storage, path, when) if finding.kind == "changed" else None
    _unprotect_above(storage, inventory, path)
    if not storage.create(path, data):
        return None
    return "restored" + (f"; the changed one is now {aside}" if aside else "")


def _move_aside(storage: Storage, path: str, when: str) -> str:
    target = layout.quarantine_path(when, path)
    entry = storage.stat(path)
    if entry and entry.kind == "directory":
        storage.move_tree(path, target)
    elif entry:
        storage.move(path, target)
    # Else it went with its folder.
    return target


def _unprotect_above(storage: Storage, inventory: Inventory, path: str) -> None:
    """Open the read-only folders above *path*; the repair closes them again."""
    for top in inventory.read_only_folders:
        if path.startswith(f"{top}/"):
            folder = path.rpartition("/")[0]
            while folder.startswith(top):
                if storage.stat(folder):
                    storage.unprotect(folder)
                folder = folder.rpartition("/")[0]
