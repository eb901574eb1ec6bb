"""No order of storage calls loses a change to a page that was closed long ago."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hopsartifacts import layout
from hopsartifacts.documents import FORMAT, encode_pretty, with_check
from hopsartifacts.errors import CommitUncertainError, ModelNotFoundError, StorageError
from hopsartifacts.project import Project
from hopsartifacts.registry import versions as deletion
from hopsartifacts.registry.documents import Manifest, ModelState
from hopsartifacts.registry.save import _Saving
from hopsartifacts.registry.sources import source
from hopsartifacts.registry.versions import (
    _Projection,
    manifest_of,
    model_log,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import LogEntry, Snapshot
from hopsartifacts.store.log import Log
from hopsartifacts.store.two_phase_delete import Target
from hopsartifacts.store.two_phase_delete import delete as delete_target
from tests.interleavings.explorer import (
    DictStorage,
    Explored,
    Outcome,
    Scenario,
    ViolationError,
    explore,
)
from tests.interleavings.test_commits import (
    MODEL,
    changes_models,
    check_fence,
    check_models,
    check_numbers,
    delete_model,
    deploy,
    save_model,
)
from tests.small_pages import make_pages_small
from tests.stateful.backend import StatesOnly

Outcomes = dict[str, Outcome]
Actor = Callable[[Storage], object]
BEFORE = 7
"""So many versions are there: four pages in two books, where each has two members."""


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    make_pages_small(monkeypatch)


@pytest.fixture
def with_versions(tmp_path: Path, small_pages: None) -> dict[str, bytes]:  # noqa: ARG001 - a fixture
    storage = DictStorage()
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "weights").write_text("first")
    for _ in range(BEFORE):
        registry = Project(storage).get_model_registry()
        registry.sklearn.create_model(MODEL).save(tmp_path / "first")
    return storage.files


def tag(version: int, name: str, storage: Storage) -> str:
    model = Project(storage).get_model_registry().get_model(MODEL, version)
    model.set_tag(name, name)
    return "tagged"


def delete(version: int, storage: Storage) -> str:
    project = Project(storage, backend=StatesOnly())
    project.get_model_registry().get_model(MODEL, version).delete()
    return "deleted"


def save(folder: Path, storage: Storage) -> Manifest:
    return save_model(source(folder), None, storage)


def check_pages(
    tags: dict[str, int], deleted: dict[str, int], storage: Storage, outcomes: Outcomes
) -> None:
    """What was answered is in the log, whatever the others have done to its page."""
    log = model_log(storage, MODEL)
    log.audit()
    check_numbers(storage)
    records = log.state().records
    assert list(records)[:BEFORE] == list(range(1, BEFORE + 1))
    for number, record in records.items():
        known = {name for name, version in tags.items() if version == number}
        assert number > BEFORE or set(record.tags) <= known
        if record.is_live:
            manifest = manifest_of(storage, MODEL, record)
            assert manifest.version == number
            files = layout.files_dir(MODEL, number)
            assert storage.stat(f"{files}/{manifest.files[0].path}")
    for name, outcome in outcomes.items():
        gone = name in tags and tags[name] in deleted.values()
        if isinstance(outcome.error, StorageError):
            is_uncertain = isinstance(outcome.error, CommitUncertainError)
            assert (
                is_uncertain or name not in tags or name not in records[tags[name]].tags
            )
        elif outcome.error:
            assert gone
            assert isinstance(outcome.error, ModelNotFoundError)
        elif name in deleted and outcome.value:
            assert records[deleted[name]].status == "deleted"
        elif name in tags and outcome.value and not gone:
            assert records[tags[name]].tags[name] == name
        elif isinstance(outcome.value, Manifest):
            assert records[outcome.value.version].is_live


def changing(
    files: dict[str, bytes],
    folder: Path,
    tags: dict[str, int],
    deleted: dict[str, int],
    *,
    saves: bool = False,
    **limits: int | None,
) -> Scenario:
    actors: dict[str, Actor] = {
        **{name: partial(tag, version, name) for name, version in tags.items()},
        **{name: partial(delete, version) for name, version in deleted.items()},
    }
    if saves:
        actors["saver"] = partial(save, folder / "first")
    return Scenario(
        actors=actors,
        check=partial(check_pages, tags, deleted),
        files=files,
        halts=changes_models,
        **limits,  # type: ignore[arg-type]  # crashes, failures and switches
    )


@pytest.mark.parametrize(
    ("tags", "deleted", "saves", "limits"),
    [
        ({"a": 1, "b": 1}, {}, False, {"crashes": 1, "failures": 1}),
        ({"a": 2, "b": 3}, {}, False, {"crashes": 1, "failures": 1}),
        ({"a": 1, "b": 2, "c": 5}, {}, False, {"crashes": 1}),
        ({"a": 2}, {"d": 3}, False, {"crashes": 1}),
        ({"a": 3}, {"d": 3}, False, {"crashes": 1}),
        ({"a": 2}, {"d": 3}, True, {"switches": 3}),
        ({}, {"d": 7}, True, {"crashes": 1}),
        ({}, {"d": 1, "e": 2}, True, {"switches": 2}),
        ({"a": 1}, {}, True, {"failures": 1, "switches": 3}),
    ],
)
def test_changes_to_old_pages_are_all_kept(
    explored: Callable[..., Explored],
    with_versions: dict[str, bytes],
    tmp_path: Path,
    tags: dict[str, int],
    deleted: dict[str, int],
    saves: bool,
    limits: dict[str, int],
) -> None:
    """Beside a save that opens a page in a new book, and deletions of the latest."""
    scenario = changing(with_versions, tmp_path, tags, deleted, saves=saves, **limits)
    explored(scenario, at_least=30)


def test_explorer_finds_a_page_of_the_old_view_kept_after_a_lost_race(
    monkeypatch: pytest.MonkeyPatch, with_versions: dict[str, bytes], tmp_path: Path
) -> None:
    scenario = changing(with_versions, tmp_path, {"a": 2, "b": 3}, {})
    explore(scenario)
    snapshot = Log.snapshot

    def with_pages_it_had(
        log: Log[ModelState], entry: LogEntry
    ) -> Snapshot[ModelState]:
        found = snapshot(log, entry)
        if log._seen:
            found.state.records._pages = log._seen.state.records._pages
        return found

    monkeypatch.setattr(Log, "snapshot", with_pages_it_had)
    with pytest.raises(ViolationError):
        explore(scenario)


def on_a_mount(files: dict[str, bytes], *, late: int, **limits: int | None) -> Scenario:
    """Return who deploys and who deletes, where listings may be from a cache."""
    return Scenario(
        actors={"deleter": delete_model, "d": partial(deploy, "d")},
        check=check_fence,
        files=files,
        halts=lambda method, path: (
            changes_models(method, path) or (method == "stat" and "/_log/" in path)
        ),
        late=late,
        **limits,  # type: ignore[arg-type]  # crashes and switches
    )


@pytest.mark.parametrize(("late", "switches"), [(1, 3), (2, 2), (100, 1)])
def test_a_mount_that_lists_late_lets_nobody_delete_what_is_deployed(
    explored: Callable[..., Explored],
    with_versions: dict[str, bytes],
    late: int,
    switches: int,
) -> None:
    scenario = on_a_mount(with_versions, late=late, switches=switches)
    explored(scenario, at_least=100)


def test_explorer_finds_a_late_listing_that_is_trusted(
    monkeypatch: pytest.MonkeyPatch, with_versions: dict[str, bytes]
) -> None:
    def listed(log: Log[ModelState]) -> int:
        first = log.storage.first(log.path)
        return (layout.log_entry_seq(log.path, first) or 0) if first else 0

    scenario = on_a_mount(with_versions, late=2, switches=2)
    monkeypatch.setattr(Log, "newest_seq", listed)
    with pytest.raises(ViolationError):
        explore(scenario)


def saving_alone(folder: Path) -> Scenario:
    (folder / "left").mkdir()
    (folder / "left" / "weights").write_text("left")
    return Scenario(
        actors={"left": partial(save_model, source(folder / "left"), None)},
        check=check_models,
        halts=changes_models,
        crashes=1,
    )


def test_explorer_finds_a_copy_of_a_manifest_before_its_seal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scenario = saving_alone(tmp_path)
    explore(scenario)
    seal = _Saving._seal

    def seal_after_the_copy(saving: _Saving, manifest: Manifest) -> None:
        copy = _Projection(format=FORMAT, entry=2, sha256="", manifest=manifest)
        path = layout.version_manifest(manifest.model, manifest.version)
        saving._storage.create(path, with_check(encode_pretty(copy).rstrip()))
        seal(saving, manifest)

    monkeypatch.setattr(_Saving, "_seal", seal_after_the_copy)
    with pytest.raises(ViolationError):
        explore(scenario)


def deleting(files: dict[str, bytes], folder: Path) -> Scenario:
    return changing(files, folder, {}, {"d": 3}, crashes=1)


def test_explorer_finds_bytes_that_are_deleted_before_the_entry(
    monkeypatch: pytest.MonkeyPatch, with_versions: dict[str, bytes], tmp_path: Path
) -> None:
    explore(deleting(with_versions, tmp_path))

    def delete_bytes_first(
        target: Target[ModelState],
        refuse_used: Callable[[], None],
        *,
        hide: Callable[[], None],
    ) -> None:
        storage = target.log().storage
        storage.delete_tree(layout.files_dir(MODEL, target.op["version"]))
        delete_target(target, refuse_used, hide=hide)

    monkeypatch.setattr(deletion, "delete", delete_bytes_first)
    with pytest.raises(ViolationError):
        explore(deleting(with_versions, tmp_path))


def test_explorer_finds_a_deletion_that_leaves_the_copy_of_the_manifest(
    monkeypatch: pytest.MonkeyPatch, with_versions: dict[str, bytes], tmp_path: Path
) -> None:
    def delete_and_show(
        target: Target[ModelState],
        refuse_used: Callable[[], None],
        *,
        hide: Callable[[], None],
    ) -> None:
        del hide
        delete_target(target, refuse_used)

    monkeypatch.setattr(deletion, "delete", delete_and_show)
    with pytest.raises(ViolationError):
        explore(deleting(with_versions, tmp_path))
