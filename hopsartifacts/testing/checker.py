"""What readers see of a project, and whether it has lost nothing.

    checked = check(storage)
    assert checked.ok, checked

The check follows the whole history of the logs: every committed version is complete,
every number was assigned once and in order, and the history of every log and alias
is complete. Unfinished files after a crash are not flaws; neither are missing copies
that can be restored from the log.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import ArtifactState
from hopsartifacts.artifacts.versions import artifact_log
from hopsartifacts.deployments.deployed import Logs
from hopsartifacts.deployments.documents import DeploymentState
from hopsartifacts.deployments.versions import deployment_names
from hopsartifacts.documents import encode
from hopsartifacts.errors import FormatError, IntegrityError, ModelNotFoundError
from hopsartifacts.guard.verify import verify
from hopsartifacts.registry.aliases import alias_history
from hopsartifacts.registry.documents import ModelState
from hopsartifacts.registry.handle import ModelRegistry
from hopsartifacts.registry.versions import model_log, model_names, model_state
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.checks import Finding
from hopsartifacts.store.entries import State
from hopsartifacts.store.log import Log
from hopsartifacts.store.log_audit import LogAudit
from hopsartifacts.store.root import owner_of
from hopsartifacts.testing.jobs import ALIAS, project_at

View = dict[str, Any]
Footprint = dict[str, int]
"""The size of every file, by path."""
Marks = Mapping[int, str | None]
"""The identity behind each number; None for a retired one."""

_HARMLESS = frozenset({"leftover", "unprotected"})
_PROJECTIONS = (f"/{layout.MANIFEST}", f"/{layout.DEPLOYMENT}")


def view(storage: Storage) -> View:
    """Return everything that can be read, in full.

    Tokens and times are left out, because they differ between two runs of one job.
    """
    project = project_at(storage)
    mr, ms = project.get_model_registry(), project.get_model_serving()
    models, artifacts = {}, {}
    for name in mr.list_models():
        for model in mr.get_models(name):
            key = f"{name}/{model.version}"
            again = mr.get_model(name, model.version)
            assert again.id == model.id
            models[key] = {
                "files": _downloaded(model.download),
                "metrics": model.training_metrics,
                "tags": model.get_tags(),
                "example": model.input_example,
                "schema": model.model_schema,
                "description": model.description,
            }
            listed = ms.get_artifacts(model)
            artifacts[key] = {
                **{number: listed.read(number) for number in listed.list()},
                **dict.fromkeys(_deleted_artifacts(storage, name, model.version)),
            }
    deployments = {}
    for deployment in ms.get_deployments():
        pin = deployment.specification
        deployments[deployment.name] = {
            "version": deployment.version,
            "model": f"{pin.model.name}/{pin.model.version}",
            "artifact": pin.artifact,
            "description": pin.description,
            "versions": [it.version for it in deployment.get_versions()],
            "history": [(it.version, it.cause) for it in deployment.get_history()],
        }
    return {
        "models": models,
        "artifacts": artifacts,
        "deployments": deployments,
        "deleted": _deleted(storage),
        "aliases": {name: _aliases(mr, name) for name in mr.list_models()},
    }


def footprint(storage: Storage) -> Footprint:
    """Return all stored files, including those that readers do not see."""
    return {entry.path: entry.size_bytes for entry in storage.find("")}


def _deleted(storage: Storage) -> list[str]:
    return [
        f"{name}/{number}"
        for name in model_names(storage)
        for number, version in model_state(storage, name).records.items()
        if version.status == "deleted"
    ]


def _deleted_artifacts(
    storage: Storage, name: str, version: int | None
) -> tuple[int, ...]:
    records = artifact_log(storage, name, version or 0).state().records
    return tuple(number for number, it in records.items() if not it.is_live)


def _aliases(mr: ModelRegistry, name: str) -> dict[str, Any]:
    """Return the target and the history of each alias, and of the deleted ``ALIAS``."""
    return {
        alias: (mr.get_aliases(name).get(alias), _alias_history(mr, name, alias))
        for alias in (ALIAS, *mr.get_aliases(name))
    }


def _alias_history(
    mr: ModelRegistry, name: str, alias: str
) -> list[tuple[int | None, str]]:
    return [(it.version, it.why) for it in mr.get_alias_history(name, alias)]


def _downloaded(download: Callable[[Path], str]) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        top = Path(download(Path(folder, "files")))
        return {
            path.relative_to(top).as_posix(): path.read_bytes()
            for path in sorted(top.rglob("*"))
            if path.is_file()
        }


def check_deployments_start(storage: Storage) -> None:
    """Start each deployment, which checks every byte that it would run."""
    ms = project_at(storage).get_model_serving()
    for deployment in ms.get_deployments():
        deployment.start()
        if deployment.artifact_version:
            with tempfile.TemporaryDirectory() as folder:
                deployment.download_artifact_files(folder)


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a check; ``str()`` lists it."""

    flaws: tuple[str, ...]
    """Every broken promise, with its location."""
    numbers: dict[str, tuple[int, ...]]
    """All numbers ever assigned, by the log that assigned them."""
    entries: int
    """How many log entries were read."""

    @property
    def ok(self) -> bool:
        """Whether every promise holds."""
        return not self.flaws

    def __str__(self) -> str:
        checked = f"checked logs: {len(self.numbers)}, entries: {self.entries}"
        if self.ok:
            return f"{checked}; all intact"
        return "\n  ".join([f"{checked}; flaws: {len(self.flaws)}", *self.flaws])


def check(storage: Storage, *, has_chosen_numbers: bool = False) -> Checked:
    """Check the project on *storage*, without changing it.

    Args:
        storage: use a separate connection, to see what other processes see.
        has_chosen_numbers: whether callers requested model versions by number, so that
            there may be gaps between them.

    Raises:
        StorageError: the storage cannot be read.
    """
    flaws = [str(finding) for finding in verify(storage).findings if _is_flaw(finding)]
    numbers: dict[str, tuple[int, ...]] = {}
    entries = 0
    for log, kind, marks in _logs(storage):
        is_dense = marks is not _model_marks or not has_chosen_numbers
        history = _History(log.path, is_dense=is_dense)
        try:
            retold = LogAudit(kind, log.path)
            for entry in log.entries():
                retold.take(entry.body)
                state = log.snapshot(entry).state
                history.take(entry.seq, entry.token, marks(state))
        except (IntegrityError, FormatError) as error:
            history.flaws.append(str(error))
        flaws += history.flaws
        numbers[log.path] = tuple(sorted(history.marks))
        entries += len(history.tokens)
    for name in model_names(storage):
        flaws += _broken_histories(storage, name)
    flaws += _unclaimed(storage)
    return Checked(flaws=tuple(flaws), numbers=numbers, entries=entries)


class _History:
    """The history of one log, read entry by entry."""

    def __init__(self, path: str, *, is_dense: bool) -> None:
        self.flaws: list[str] = []
        self.marks: Marks = {}
        self.tokens: set[str] = set()
        self._path = path
        self._is_dense = is_dense

    def take(self, seq: int, token: str, after: Marks) -> None:
        """Compare an entry with the earlier ones."""
        where = layout.log_entry(self._path, seq)
        if token in self.tokens:
            self.flaws.append(f"{where}: its attempt was already committed")
        self.tokens.add(token)
        for number, mark in self.marks.items():
            if number not in after:
                self.flaws.append(f"{where}: number {number} is missing")
            elif after[number] not in {mark, None}:
                self.flaws.append(f"{where}: number {number} was assigned twice")
        added = after.keys() - self.marks.keys()
        following = max(self.marks, default=0) + 1
        is_odd = len(added) > 1 or (self._is_dense and bool(added - {following}))
        if is_odd:
            self.flaws.append(
                f"{where}: assigns {sorted(added)} instead of {following}"
            )
        self.marks = after


def _logs(
    storage: Storage,
) -> Iterator[tuple[Log[Any], type[State[Any, Any]], Callable[[Any], Marks]]]:
    logs = Logs(storage)
    for name in model_names(storage):
        yield logs.model(name), ModelState, _model_marks
        for version in _live_versions(storage, name):
            yield logs.artifacts(name, version), ArtifactState, _artifact_marks
    for name in deployment_names(storage):
        yield logs.deployment(name), DeploymentState, _deployment_marks


def _live_versions(storage: Storage, name: str) -> list[int]:
    try:
        return list(model_state(storage, name).live())
    except (IntegrityError, FormatError):
        return []  # reported when the log itself was read


def _model_marks(state: ModelState) -> Marks:
    return {
        number: it.id if it.is_live or it.status == "reserved" else None
        for number, it in state.records.items()
    }


def _artifact_marks(state: ArtifactState) -> Marks:
    return {
        number: it.identity if it.is_live else None
        for number, it in state.records.items()
    }


def _deployment_marks(state: DeploymentState) -> Marks:
    return {
        number: encode(it).decode() if state.is_kept(number) else None
        for number, it in state.records.items()
    }


def _broken_histories(storage: Storage, model: str) -> Iterator[str]:
    """Compare the history of aliases that users see with the committed entries."""
    log = model_log(storage, model)
    made: dict[str, list[int]] = {}
    try:
        for entry in log.entries():
            if entry.op["kind"] == "alias":
                made.setdefault(entry.op["alias"], []).insert(0, entry.seq)
        state = model_state(storage, model)
        for alias in made.keys() | state.aliases.keys():
            shown = [it.entry for it in alias_history(storage, model, alias)]
            committed = made.get(alias, [])
            if shown != committed:
                yield (
                    f"{log.path}: the history of alias {alias!r} shows entries "
                    f"{shown}, but {committed} were committed"
                )
    except (IntegrityError, FormatError, ModelNotFoundError):
        return  # reported when the log itself was read
    for alias, record in state.aliases.items():
        if record.version is not None and not state.is_live(record.version):
            yield (
                f"{log.path}: alias {alias!r} points at version {record.version}, "
                "which does not exist"
            )


def _unclaimed(storage: Storage) -> Iterator[str]:
    for name in model_names(storage):
        owner = owner_of(storage, layout.model_name_claim(name))
        if owner != name:
            yield f"{layout.model_dir(name)}: the name is claimed by {owner!r}"


def _is_flaw(finding: Finding) -> bool:
    if finding.kind == "missing":
        # Files that can be restored from the log may be missing until then.
        is_artifact = "/Artifacts/" in finding.path and "_payload" not in finding.path
        return not is_artifact and not finding.path.endswith(_PROJECTIONS)
    return finding.kind not in _HARMLESS
