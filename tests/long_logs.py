"""Logs as long as years of saving make them: real entries, without any files.

Every entry is committed by the real log, on a storage that is a dictionary, so that
tens of thousands of them take less than a minute.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec.structs import replace

from hopsartifacts import Project
from hopsartifacts.artifacts.documents import ArtifactSource
from hopsartifacts.artifacts.versions import ArtifactStore, artifact_log
from hopsartifacts.documents import decode
from hopsartifacts.errors import PathNotFoundError
from hopsartifacts.layout import log_of
from hopsartifacts.machine.identity import new_token, now
from hopsartifacts.registry.aliases import set_alias
from hopsartifacts.registry.documents import (
    Manifest,
    ModelHead,
    ModelState,
    VersionRecord,
)
from hopsartifacts.registry.reservations import reserve
from hopsartifacts.registry.versions import (
    ModelLog,
    manifest_in,
    model_log,
    sealed_digest,
    set_tags,
    step,
)
from hopsartifacts.storage.contract import FileInfo
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.store.entries import Draft, unpacked
from hopsartifacts.store.pages import Book, home_of, is_named
from tests.in_place import InPlace

MODEL = "m"
ALIAS = "champion"
_OFTEN = 10
"""After so many versions an alias moves, and some version gets another tag."""
ENTRIES_A_VERSION = 2 + 2 / _OFTEN


class Dictionary(MemoryStorage):
    """A storage that keeps the entries of one log, and nothing else."""

    def __init__(self) -> None:
        super().__init__("dictionary")
        self.entries: dict[str, bytes] = {}

    def create(self, path: str, data: bytes) -> bool:
        return log_of(path) is None or self.entries.setdefault(path, data) is data

    def write(self, path: str, chunks: object) -> None:
        """Forget it: what is asked for lies in entries."""

    def read(self, path: str) -> bytes:
        if path not in self.entries:
            raise PathNotFoundError(path)
        return self.entries[path]

    def stat(self, path: str) -> FileInfo | None:
        data = self.entries.get(path)
        if data is None:
            return None
        return FileInfo(path=path, kind="file", size_bytes=len(data))

    def find(self, path: str) -> Iterator[FileInfo]:
        del path
        yield from ()

    def first(self, path: str) -> str | None:
        del path
        return next(reversed(self.entries), None)


def model_entries(versions: int) -> dict[str, bytes]:
    """Return the log of a model by the paths of its entries, in their order."""
    storage, pattern = Dictionary(), _saved()
    chance = random.Random(0)  # noqa: S311 - to be repeatable
    for first in range(1, versions + 1, _OFTEN):
        log = model_log(storage, MODEL)
        last = min(first + _OFTEN - 1, versions)
        for version in range(first, last + 1):
            _save(log, version, pattern)
        set_alias(storage, MODEL, ALIAS, last, "the best up to now")
        set_tags(storage, MODEL, chance.randint(1, last), _tagged(last))
    return storage.entries


def listed_entries(versions: int) -> dict[str, bytes]:
    """Return a log that one entry made that long, which no save does.

    Lists cannot tell, as they only read the records. It takes a tenth of the time.
    """
    storage, (_, record) = Dictionary(), _saved()
    log = model_log(storage, MODEL)

    def seal_all(state: ModelState, seq: int) -> Draft[ModelState]:
        for version in range(1, versions + 1):
            metrics = {"loss": 1 / version, "auc": 1 - 1 / version}
            it = replace(
                record, id=new_token(), reserved=seq, seal=seq, metrics=metrics
            )
            state = state.replaced(version, it)
        return Draft(op={"kind": "seal", "version": versions}, state=state)

    log.append(seal_all)
    return storage.entries


def named_by_newest(entries: dict[str, bytes], *others: int) -> dict[str, bytes]:
    """Return the newest entry, those it names and *others*: nobody needs the rest.

    Where one of those that were left out is read, it is missed.
    """
    paths = list(entries)
    log = log_of(paths[-1]) or ""
    body = unpacked(entries[paths[-1]], log, len(paths)).body
    named = {body.seq, decode(bytes(body.head), ModelHead, log).sealed or body.seq}
    for book in body.tree.values():
        for _, page in [] if isinstance(book, int) else book.items():
            raws = [] if isinstance(page, int) else page.values()
            named |= {page} if isinstance(page, int) else set()
            named |= {home_of(raw) for raw in raws if is_named(raw)}
    named |= {it for it in body.index.values() if isinstance(it, int)}
    assert all(isinstance(book, Book) for book in body.tree.values())
    return {
        paths[seq - 1]: entries[paths[seq - 1]] for seq in sorted({*named, *others})
    }


def artifact_entries(versions: int) -> dict[str, bytes]:
    """Return the log of the artifacts of version 1, in the order of its entries."""
    storage = Dictionary()
    for number in range(1, versions + 1):
        if number % _OFTEN == 1:
            log = artifact_log(storage, MODEL, 1)
        artifacts = ArtifactStore(storage, MODEL, 1, log)
        assert artifacts.save(script(number), None).version == number
    return storage.entries


def script(number: int) -> tuple[ArtifactSource, ...]:
    """Return the files of an artifact, others for each number."""
    code = f"class Predictor:\n    def predict(self, inputs): return {number}\n"
    return (
        ArtifactSource(
            role="predictor", name="p.py", chunks=lambda: iter([code.encode()])
        ),
    )


def _tagged(last: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda _: {"stage": f"tried after {last}"}


def _saved() -> tuple[Manifest, VersionRecord]:
    """Return what a real save of five files leaves: a manifest and its record."""
    project = Project(InPlace(f"pattern/{new_token()}"))
    with TemporaryDirectory() as folder:
        for number in range(5):
            Path(folder, f"{number}.bin").write_bytes(b"%d" % number)
        creator = project.get_model_registry().python
        creator.create_model(MODEL, description="retrained").save(folder)
    log = model_log(project.storage, MODEL)
    record = log.state().records[1]
    return manifest_in(log, record), record


def _save(log: ModelLog, version: int, pattern: tuple[Manifest, VersionRecord]) -> None:
    """Commit what a save commits."""
    token = new_token()
    assert reserve(log, MODEL, None, token) == version
    metrics = {"loss": 1 / version, "auc": 1 - 1 / version, "rows": 7 * version}
    manifest = replace(
        pattern[0], version=version, id=token, created=now(), metrics=metrics
    )

    def seal(state: ModelState, seq: int) -> Draft[ModelState]:
        sealed = replace(
            pattern[1],
            id=token,
            reserved=state.records[version].reserved,
            seal=seq,
            sha256=sealed_digest(manifest),
            created=manifest.created,
            metrics=metrics,
        )
        return step(state, "seal", version, sealed, content=manifest)

    log.append(seal)
