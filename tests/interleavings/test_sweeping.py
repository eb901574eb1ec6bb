"""No order of two writers, a sweeper and a crash loses bytes that were committed."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import ArtifactState
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.errors import ConflictError
from hopsartifacts.guard.gc import GcReport, collect
from hopsartifacts.project import Project
from hopsartifacts.registry.documents import VersionStatus
from hopsartifacts.registry.sources import source
from hopsartifacts.registry.versions import ModelLog, give_up
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.log import Log
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
    check_models,
    save_artifact,
    save_model,
)

Outcomes = dict[str, Outcome]
Explore = Callable[..., Explored]
SWEEPER = "sweeper"


def sweep(storage: Storage) -> GcReport:
    """Take every writer for gone at once."""
    return collect(storage, grace_s=0, dry_run=False)


def without_sweeper(outcomes: Outcomes) -> Outcomes:
    swept = outcomes[SWEEPER]
    assert swept.value is not None or swept.is_stopped, swept.error
    return {name: it for name, it in outcomes.items() if name != SWEEPER}


def check_swept_models(storage: Storage, outcomes: Outcomes) -> None:
    check_models(storage, without_sweeper(outcomes))


def matters(method: str, path: str) -> bool:
    """Tell whether a call touches what writers and the sweeper of models share."""
    if "/_log" in path:
        return method in {"create", "first", "read"}
    if method == "create" and "/Files/" in path:
        return True
    if method == "list":
        return path in {layout.MODELS, layout.STAGING}
    return method in {"write", "move_tree", "delete_tree"} and (
        path.startswith((layout.MODELS, layout.STAGING))
    )


def saving(
    folder: Path,
    *,
    moves_trees: bool,
    is_claimed: bool = False,
    **limits: int | None,
) -> Scenario:
    sources = {}
    for name in ("left", "right"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "weights").write_text(name)
        sources[name] = source(folder / name)
    savers = {
        name: partial(save_model, it, None, is_claimed=is_claimed)
        for name, it in sources.items()
    }
    return Scenario(
        actors={**savers, SWEEPER: sweep},
        check=check_swept_models,
        halts=matters,
        moves_trees=moves_trees,
        **limits,  # type: ignore[arg-type]  # crashes and switches
    )


@pytest.mark.parametrize("moves_trees", [True, False], ids=["staged", "in place"])
def test_a_swept_version_is_whole_or_not_there(
    explored: Explore, tmp_path: Path, moves_trees: bool
) -> None:
    scenario = saving(tmp_path, moves_trees=moves_trees, crashes=1, switches=2)
    explored(scenario, at_least=1000)


def with_first_version(folder: Path) -> dict[str, bytes]:
    """Return what is there when version 1 was saved, which was filled in place."""
    (folder / "first").mkdir()
    (folder / "first" / "weights").write_text("setup")  # as its token says
    begun = DictStorage(moves_trees=False)
    registry = Project(begun).get_model_registry()
    registry.python.create_model(MODEL).save(folder / "first")
    return begun.files


def test_two_writers_the_sweeper_and_a_crash_in_every_order(
    explored: Explore, tmp_path: Path
) -> None:
    """However often each is held up for the others; filled in place, as on S3."""
    scenario = saving(tmp_path, moves_trees=False, crashes=1)
    scenario.files = with_first_version(tmp_path)
    explored(scenario, at_least=70_000)


@pytest.mark.parametrize("is_claimed", [False, True], ids=["", "claimed before"])
@pytest.mark.parametrize("moves_trees", [True, False], ids=["staged", "in place"])
def test_one_writer_and_the_sweeper_in_every_order(
    explored: Explore, tmp_path: Path, moves_trees: bool, is_claimed: bool
) -> None:
    scenario = saving(
        tmp_path, moves_trees=moves_trees, is_claimed=is_claimed, crashes=1
    )
    actors = {name: it for name, it in scenario.actors.items() if name != "right"}
    scenario.actors = actors
    explored(scenario, at_least=100)


TAGGER = "tagger"


def tag_first(storage: Storage) -> str:
    """Change what the log says of a version, on the page of those that are saved."""
    Project(storage).get_model_registry().get_model(MODEL, 1).set_tag("a", 1)
    return "tagged"


def check_tagged_models(storage: Storage, outcomes: Outcomes) -> None:
    tagged = outcomes[TAGGER]
    tags = Project(storage).get_model_registry().get_model(MODEL, 1).get_tags()
    assert tagged.error is None
    assert tagged.is_stopped or tags == {"a": 1}
    others = {name: it for name, it in outcomes.items() if name != TAGGER}
    check_swept_models(storage, others)


def test_a_tag_is_kept_beside_a_save_and_the_sweeper(
    explored: Explore, tmp_path: Path
) -> None:
    scenario = saving(tmp_path, moves_trees=False, crashes=1, switches=3)
    scenario.actors = {
        name: it for name, it in scenario.actors.items() if name != "right"
    } | {TAGGER: tag_first}
    scenario.files = with_first_version(tmp_path)
    scenario.check = check_tagged_models
    explored(scenario, at_least=1000)


def check_swept_artifacts(storage: Storage, outcomes: Outcomes) -> None:
    writers = without_sweeper(outcomes)
    check_artifacts_of(storage, writers)


def check_artifacts_of(storage: Storage, outcomes: Outcomes) -> None:
    path = layout.artifact_log(MODEL, 1)
    log = Log(storage, path, ArtifactState)
    log.audit()
    made = [entry for entry in log.entries() if entry.op["kind"] == "create"]
    store = ArtifactStore(storage, MODEL, 1)
    versions = [number for number in store.versions() if number]
    assert versions == list(range(1, len(made) + 1))
    for number in versions:
        for path, chunks in store.read(number).items():
            data, [known] = b"".join(chunks()), store.get(number).files
            assert path == known.path
            assert len(data) == known.digest.size_bytes
    for outcome in outcomes.values():
        if outcome.value is not None:
            assert outcome.value.version in versions


@pytest.fixture
def big_payloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hopsartifacts.artifacts.payloads.INLINE_LIMIT_BYTES", 0)


@pytest.fixture
def with_model(tmp_path: Path) -> dict[str, bytes]:
    storage = DictStorage()
    (tmp_path / "weights").write_text("w")
    Project(storage).get_model_registry().sklearn.create_model(MODEL).save(tmp_path)
    return storage.files


def making(
    files: dict[str, bytes], names: tuple[str, ...], **limits: int | bool | None
) -> Scenario:
    writers = {n: partial(save_artifact, n[:1].encode(), None) for n in names}
    return Scenario(
        actors={**writers, SWEEPER: sweep},
        check=check_swept_artifacts,
        files=files,
        halts=lambda method, path: "/Artifacts/" in path and matters(method, path),
        **limits,  # type: ignore[arg-type]  # crashes, switches, moves_trees
    )


@pytest.mark.usefixtures("big_payloads")
@pytest.mark.parametrize("moves_trees", [True, False], ids=["staged", "in place"])
@pytest.mark.parametrize("names", [("x1", "x2"), ("x1", "y2")])
@pytest.mark.parametrize(("crashes", "switches"), [(0, 3), (1, 2)])
def test_a_swept_artifact_is_whole_or_not_there(
    explored: Explore,
    with_model: dict[str, bytes],
    moves_trees: bool,
    names: tuple[str, ...],
    crashes: int,
    switches: int,
) -> None:
    scenario = making(
        with_model, names, crashes=crashes, switches=switches, moves_trees=moves_trees
    )
    explored(scenario, at_least=500)


def test_explorer_finds_a_sweeper_that_deletes_without_an_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hopsartifacts.guard.gc.give_up", lambda *_: "aborted")
    with pytest.raises(ViolationError):
        explore(saving(tmp_path, moves_trees=False, switches=2))


def test_explorer_finds_a_writer_that_does_not_look_at_what_it_moved_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hopsartifacts.registry.save.check_arrived", lambda *_: None)
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "more").write_text("more")

    def check(storage: Storage, outcomes: Outcomes) -> None:
        for name, outcome in without_sweeper(outcomes).items():
            if outcome.value is not None:
                for file in outcome.value.files:
                    folder = layout.files_dir(MODEL, outcome.value.version)
                    entry = storage.stat(f"{folder}/{file.path}")
                    assert entry is not None, name
            assert not outcome.error or isinstance(outcome.error, ConflictError)

    scenario = saving(tmp_path, moves_trees=True, switches=3)
    scenario.check = check
    with pytest.raises(ViolationError):
        explore(scenario)


@pytest.mark.usefixtures("big_payloads")
def test_explorer_finds_a_sweeper_that_takes_payloads_without_an_entry(
    with_model: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hopsartifacts.guard.gc.give_up_payload", lambda *_: True)
    with pytest.raises(ViolationError):
        explore(making(with_model, ("x1", "y2"), switches=2, moves_trees=False))


def test_explorer_finds_a_sweeper_that_deletes_before_its_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_first(log: ModelLog, version: int, token: str) -> VersionStatus:
        log.storage.delete_tree(layout.version_dir(MODEL, version))
        return give_up(log, version, token)

    monkeypatch.setattr("hopsartifacts.guard.gc.give_up", delete_first)
    with pytest.raises(ViolationError):
        explore(saving(tmp_path, moves_trees=False, switches=3))
