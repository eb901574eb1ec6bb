"""What the latest verifications found, about each managed file and folder.

It is kept in the server's own folder, so it survives a restart. It is what this server
has found: verifications by other programs are not known here. A verification of one
folder is kept beside an earlier one of everything; for each file the newest counts.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Literal

import msgspec

from hopsartifacts import layout
from hopsartifacts.errors import StorageError
from hopsartifacts.names import is_version
from hopsartifacts.rest.own_folder import write_private
from hopsartifacts.store.checks import Finding, FindingKind

_MOST = 500
"""The most verifications that are kept."""

IntegrityState = Literal["intact", "not_checked"] | FindingKind


class Integrity(msgspec.Struct, frozen=True, kw_only=True):
    """What the last verification found.

    Attributes:
        state: ``intact``, ``not_checked``, or the kind of the finding. A folder has the
            first finding below it.
        checked: when that verification started; null if there was none.
        detail: what differs; empty if nothing does.
    """

    state: IntegrityState
    checked: datetime | None = None
    detail: str = ""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """One verification.

    Attributes:
        path: the file or folder that was verified; empty for everything.
        started: when it started.
        files: number of files compared.
        findings: what differed.
        versions: the folders of the versions whose files were compared.
    """

    path: str
    started: datetime
    files: int
    findings: tuple[Finding, ...]
    versions: frozenset[str]

    def covers(self, path: str) -> bool:
        """Return whether the file or folder *path* is in it as a whole."""
        return self.path in {"", path} or path.startswith(f"{self.path}/")

    def touches(self, path: str) -> bool:
        """Return whether a part of the folder *path*, or all of it, is in it."""
        return self.covers(path) or path == "" or self.path.startswith(f"{path}/")

    def at(self, path: str) -> Iterator[Finding]:
        """Yield the findings at and below *path*, and those of a log above it."""
        for finding in self.findings:
            is_below = path in {"", finding.path} or finding.path.startswith(f"{path}/")
            if is_below or path.startswith(f"{finding.path}/"):
                yield finding


class _File(msgspec.Struct, frozen=True):
    url: str
    kept: list[Verification]


class Verifications:
    """The verifications of one project, newest first.

    Args:
        url: URL of the project.
        file: where they are kept; None for nowhere.
    """

    def __init__(self, url: str, file: Path | None) -> None:
        self._url = url
        self._file = file
        self._lock = Lock()
        self._kept: list[Verification] = []
        if file is not None:
            with suppress(OSError, msgspec.MsgspecError):
                found = msgspec.json.decode(file.read_bytes(), type=_File)
                if found.url == url:
                    self._kept = found.kept

    def all(self) -> list[Verification]:
        """Return all that are kept, newest first."""
        with self._lock:
            return list(self._kept)

    def add(self, new: Verification) -> None:
        """Keep *new*; forget those of which it has verified everything again."""
        with self._lock:
            older = (it for it in self._kept if not new.covers(it.path))
            self._kept = [new, *older][:_MOST]
            if self._file is not None:
                data = msgspec.json.encode(_File(self._url, self._kept))
                with suppress(StorageError):
                    write_private(self._file, data)

    def findings(self, path: str = "") -> list[tuple[Finding, datetime]]:
        """Return what differs at and below *path*, with the time, sorted by path."""
        kept = self.all()
        found: dict[str, tuple[Finding, datetime]] = {}
        for number, it in enumerate(kept):
            for finding in it.at(path):
                if not any(newer.covers(finding.path) for newer in kept[:number]):
                    found.setdefault(finding.path, (finding, it.started))
        return [found[name] for name in sorted(found)]

    def of(self, path: str) -> Integrity:
        """Return what is known about the managed file or folder *path*."""
        if differing := self.findings(path):
            finding, started = differing[0]
            return Integrity(state=finding.kind, checked=started, detail=finding.detail)
        version = version_folder(path)
        for it in self.all():
            if it.covers(path) and (version is None or version in it.versions):
                return Integrity(state="intact", checked=it.started)
        return Integrity(state="not_checked")


def verification(
    path: str, started: datetime, findings: Sequence[Finding], sealed: Sequence[str]
) -> Verification:
    """Return the verification of *path*, which compared the files *sealed*."""
    versions = {version_folder(it) for it in sealed}
    return Verification(
        path=path,
        started=started.astimezone(UTC),
        files=len(sealed),
        findings=tuple(findings),
        versions=frozenset(it for it in versions if it is not None),
    )


def version_folder(path: str) -> str | None:
    """Return the folder of the version that *path* is in; None if it is above them.

    This is the version of a model, of an artifact, or of a deployment.
    """
    parts = path.split("/")
    match parts:
        case [layout.MODELS, _, number, layout.ARTIFACTS, artifact, *_] if is_version(
            number
        ) and is_version(artifact):
            return "/".join(parts[:5])
        case [layout.MODELS, _, number, layout.ARTIFACTS, *_] if is_version(number):
            return None
        case [layout.MODELS | layout.DEPLOYMENTS, _, number, *_] if is_version(number):
            return "/".join(parts[:3])
    return None
