"""No order of storage calls, crashes and lost answers breaks a promise of the log."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from hopsartifacts import layout
from hopsartifacts.artifacts.decision import Decision
from hopsartifacts.artifacts.documents import (
    CREATE,
    ArtifactSource,
    ArtifactState,
    RequestedVersion,
)
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.versions import live_deployments
from hopsartifacts.errors import (
    CommitUncertainError,
    ConflictError,
    InUseError,
    ModelNotFoundError,
    StorageError,
)
from hopsartifacts.guard.gc import collect
from hopsartifacts.project import Project
from hopsartifacts.registry.documents import Manifest
from hopsartifacts.registry.reservations import claim_version
from hopsartifacts.registry.save import NewVersion, save_version
from hopsartifacts.registry.sources import Source, source
from hopsartifacts.registry.versions import (
    manifest_of,
    model_log,
    model_state,
    sealed_manifest,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Draft, Head, LogEntry, State
from hopsartifacts.store.log import Log
from tests.interleavings.explorer import (
    DictStorage,
    Explored,
    Outcome,
    Scenario,
    ViolationError,
    explore,
)
from tests.small_pages import make_pages_small
from tests.stateful.backend import StatesOnly

Outcomes = dict[str, Outcome]
MODEL = "m"


class Given(msgspec.Struct, frozen=True):
    """What a number was given for."""

    what: str


class Counter(State[Head, Given]):
    """Numbers given so far."""

    head_type = Head
    record_type = Given

    def given(self) -> dict[str, int]:
        """Return the numbers by what they were given for, lowest first."""
        return {it.what: number for number, it in self.records.items()}


COUNTER_LOG = "Models/m/_log"


def take_number(what: str, storage: Storage) -> int:
    """Give *what* its number, once, in the log's own terms."""

    def decide(state: Counter, _: int) -> Draft[Counter] | None:
        if what in state.given():
            return None
        number = state.head.last + 1
        op = {"what": what, "version": number}
        return Draft(op=op, state=state.changed(number, Given(what)))

    newest = Log(storage, COUNTER_LOG, Counter).append(decide)
    assert newest is not None
    return newest.state.given()[what]


def check_counter(
    before: list[str], expected: set[str], storage: Storage, outcomes: Outcomes
) -> None:
    log = Log(storage, COUNTER_LOG, Counter)
    log.audit()
    entries = list(log.entries())
    given = log.state().given()
    # One number per commit, in the order of commits, each once.
    assert [entry.op["what"] for entry in entries] == list(given)
    assert list(given.values()) == list(range(1, len(entries) + 1))
    assert list(given)[: len(before)] == before
    assert set(given) <= expected | set(before)
    for name, outcome in outcomes.items():
        what = name.rstrip("'")
        if outcome.value is not None:
            assert given[what] == outcome.value
        elif outcome.error:
            assert isinstance(outcome.error, StorageError)
    if all(outcome.value is not None for outcome in outcomes.values()):
        assert set(given) == expected | set(before)


def counted(before: list[str]) -> dict[str, bytes]:
    """Return the files of a log that has given a number to each of *before*."""
    storage = DictStorage()
    for what in before:
        take_number(what, storage)
    return storage.files


@pytest.mark.parametrize(
    ("names", "crashes", "failures"),
    [
        (("a", "b"), 1, 2),
        (("a", "a'"), 1, 2),
        (("a", "b", "c"), 1, 0),
        (("a", "a'", "b"), 0, 1),
    ],
)
@pytest.mark.parametrize("before", [0, 3, 4, 7])
def test_log_loses_nothing_and_gives_no_number_twice(
    explored: Callable[..., Explored],
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, ...],
    crashes: int,
    failures: int,
    before: int,
) -> None:
    """Also where the next number opens a page, or a book: both have two members."""
    make_pages_small(monkeypatch)
    first = [f"first{number}" for number in range(before)]
    whats = {name.rstrip("'") for name in names}
    scenario = Scenario(
        actors={name: partial(take_number, name.rstrip("'")) for name in names},
        check=partial(check_counter, first, whats),
        files=counted(first),
        crashes=crashes,
        failures=failures,
    )
    explored(scenario, at_least=100)


def save_artifact(
    content: bytes, asked: RequestedVersion, storage: Storage
) -> Decision:
    script = ArtifactSource(
        role="file", name="predict.py", chunks=lambda: iter([content])
    )
    return ArtifactStore(storage, MODEL, 1).save((script,), asked)


def check_artifacts(
    asked: RequestedVersion, storage: Storage, outcomes: Outcomes
) -> None:
    """Names of actors begin with the content that they save."""
    path = layout.artifact_log(MODEL, 1)
    log = Log(storage, path, ArtifactState)
    log.audit()
    entries = list(log.entries())
    store = ArtifactStore(storage, MODEL, 1)
    versions = [number for number in store.versions() if number]
    assert versions == list(range(1, len(entries) + 1))
    contents = {n: store_content(store, n) for n in versions}
    if asked is None:
        assert len(set(contents.values())) == len(contents)
    returned: list[int] = []
    for name, outcome in outcomes.items():
        if outcome.value is not None:
            assert contents[outcome.value.version] == name[:1].encode()
            returned += [outcome.value.version] if outcome.value.is_new else []
        elif outcome.error:
            check_failure(outcome.error, {entry.token for entry in entries}, name)
    assert len(set(returned)) == len(returned)
    undecided = [it for it in outcomes.values() if it.value is None]
    committed = len(versions) - len(returned)
    assert committed <= len(undecided)


def store_content(store: ArtifactStore, number: int) -> bytes:
    [readers] = store.read(number).values()
    return b"".join(readers())


def check_failure(error: Exception, tokens: set[str], actor: str) -> None:
    """A failure tells the truth: uncertain, or nothing was committed."""
    assert isinstance(error, StorageError)
    if not isinstance(error, CommitUncertainError):
        assert not any(token.startswith(actor) for token in tokens)


@pytest.mark.parametrize("asked", [None, CREATE])
@pytest.mark.parametrize("names", [("x1", "x2"), ("x1", "y2")])
@pytest.mark.parametrize(("crashes", "failures"), [(1, 0), (0, 1)])
def test_artifacts_are_exact(
    explored: Callable[..., Explored],
    names: tuple[str, ...],
    asked: RequestedVersion,
    crashes: int,
    failures: int,
) -> None:
    scenario = Scenario(
        actors={n: partial(save_artifact, n[:1].encode(), asked) for n in names},
        check=partial(check_artifacts, asked),
        crashes=crashes,
        failures=failures,
    )
    explored(scenario, at_least=25)


def changes_models(method: str, path: str) -> bool:
    """Tell whether a call touches what those share that change and read models.

    Besides the logs: the copies of manifests, and bytes that are deleted.
    """
    is_log = "/_log" in path and method in {"create", "read", "first"}
    is_copy = method == "create" and path.endswith(layout.MANIFEST)
    return is_log or is_copy or method == "delete_tree" or path == layout.DEPLOYMENTS


def save_model(
    source: Source, requested: int | None, storage: Storage, *, is_claimed: bool = False
) -> Manifest:
    new = NewVersion(
        model=MODEL,
        framework="PYTHON",
        description="",
        source=source,
        requested=requested,
        metrics={"loss": 1.5},
        tags={"by": source.root.name},
    )
    claim = claim_version(storage, MODEL, requested) if is_claimed else None
    return save_version(storage, new, claim=claim)


def check_models(storage: Storage, outcomes: Outcomes) -> None:
    log = model_log(storage, MODEL)
    log.audit()
    records = dict(log.state().records)
    assert set(records) == set(range(1, len(records) + 1))
    owners = {known.id: number for number, known in records.items()}
    assert len(owners) == len(records)
    check_numbers(storage)
    live = {number: it for number, it in records.items() if it.is_live}
    for record in live.values():
        check_files(storage, manifest_of(storage, MODEL, record))
    sealed = {it.id: number for number, it in live.items()}
    tokens = {log.entry(it.seal).token for it in live.values()}
    for name, outcome in outcomes.items():
        mine = [number for owner, number in sealed.items() if owner.startswith(name)]
        assert len(mine) <= 1
        error = outcome.error
        if outcome.value is not None:
            assert mine == [outcome.value.version]
        elif isinstance(error, CommitUncertainError):
            assert bool(mine) == (error.token in tokens)
        elif error is not None:
            assert isinstance(error, StorageError | ConflictError)
            assert mine == []


def check_numbers(storage: Storage) -> None:
    """A reader that knows the number sees what the log says."""
    for number, record in model_state(storage, MODEL).records.items():
        if record.is_live:
            manifest = sealed_manifest(storage, MODEL, number)
            assert manifest == manifest_of(storage, MODEL, record)
        else:
            assert is_unknown(storage, number), f"{number} is {record.status}"


def check_numbers_after_gc(storage: Storage) -> None:
    """Where a version is deleted just before its copy comes, gc takes that away."""
    for number, record in model_state(storage, MODEL).records.items():
        if record.is_live:
            manifest = sealed_manifest(storage, MODEL, number)
            assert manifest == manifest_of(storage, MODEL, record)
    report = collect(storage, grace_s=0, dry_run=False)
    assert report.ok, str(report)
    check_numbers(storage)


def is_unknown(storage: Storage, number: int) -> bool:
    """Tell whether a reader that knows the number finds no version."""
    try:
        sealed_manifest(storage, MODEL, number)
    except ModelNotFoundError:
        return True
    return False


def check_files(storage: Storage, manifest: Manifest) -> None:
    folder = layout.files_dir(MODEL, manifest.version)
    owner = manifest.id.rstrip("0123456789")
    assert [entry.path for entry in storage.find(folder)] == [f"{folder}/weights"]
    assert storage.read(f"{folder}/weights") == owner.encode()


@pytest.mark.parametrize("requested", [None, 1])
@pytest.mark.parametrize(
    ("crashes", "failures", "switches"),
    [(0, 0, None), (1, 0, 3), (0, 1, 2), (0, 2, 1)],
)
def test_model_versions_are_whole_and_their_savers_own(
    explored: Callable[..., Explored],
    tmp_path: Path,
    requested: int | None,
    crashes: int,
    failures: int,
    switches: int | None,
) -> None:
    sources = {}
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text(name)
        sources[name] = source(tmp_path / name)
    scenario = Scenario(
        actors={n: partial(save_model, it, requested) for n, it in sources.items()},
        check=check_models,
        halts=changes_models,
        switches=switches,
        crashes=crashes,
        failures=failures,
    )
    explored(scenario, at_least=80)


def delete_first(storage: Storage) -> str:
    """Delete version 1 as soon as it is there, or fail."""
    Project(storage, backend=StatesOnly()).get_model_registry().get_model(
        MODEL, 1
    ).delete()
    return "deleted"


def check_saved_or_deleted(storage: Storage, outcomes: Outcomes) -> None:
    log = model_log(storage, MODEL)
    log.audit()
    deleter, saver = outcomes["deleter"], outcomes["left"]
    record = log.state().records.get(1)
    assert deleter.error is None or isinstance(deleter.error, ModelNotFoundError)
    assert saver.error is None
    if deleter.value:
        assert record is not None
        assert record.status == "deleted"
    elif record and saver.value is not None and not deleter.is_stopped:
        assert record.status == "sealed"
    if record and record.is_live:
        check_files(storage, manifest_of(storage, MODEL, record))
    check_numbers_after_gc(storage)


@pytest.mark.parametrize("crashes", [0, 1])
@pytest.mark.parametrize("moves_trees", [True, False], ids=["staged", "in place"])
def test_a_version_that_is_deleted_at_once_is_seen_by_no_reader(
    explored: Callable[..., Explored], tmp_path: Path, crashes: int, moves_trees: bool
) -> None:
    """Also by none that knows its number, once gc was there."""
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "weights").write_text("left")
    files = source(tmp_path / "left")
    scenario = Scenario(
        actors={"left": partial(save_model, files, None), "deleter": delete_first},
        check=check_saved_or_deleted,
        halts=changes_models,
        crashes=crashes,
        moves_trees=moves_trees,
    )
    explored(scenario, at_least=30)


def test_explorer_finds_a_copy_that_is_never_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was written after its version was deleted."""
    (tmp_path / "weights").write_text("left")
    scenario = Scenario(
        actors={
            "left": partial(save_model, source(tmp_path), None),
            "deleter": delete_first,
        },
        check=check_saved_or_deleted,
        halts=changes_models,
    )
    explore(scenario)
    monkeypatch.setattr("hopsartifacts.guard.gc._leftovers", lambda *_: ())
    with pytest.raises(ViolationError):
        explore(scenario)


@pytest.mark.parametrize(("crashes", "failures"), [(0, 0), (1, 0), (0, 1)])
def test_claims_are_one_savers_each(
    explored: Callable[..., Explored], tmp_path: Path, crashes: int, failures: int
) -> None:
    savers: dict[str, Callable[[Storage], Manifest]] = {}
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text(name)
        files = source(tmp_path / name)
        savers[name] = partial(save_model, files, None, is_claimed=True)
    scenario = Scenario(
        actors=dict(savers),
        check=check_models,
        switches=2,
        crashes=crashes,
        failures=failures,
    )
    explored(scenario, at_least=100)


@pytest.fixture
def with_model(tmp_path: Path) -> dict[str, bytes]:
    storage = DictStorage()
    (tmp_path / "weights").write_text("w")
    Project(storage).get_model_registry().sklearn.create_model(MODEL).save(tmp_path)
    return storage.files


def deploy(name: str, storage: Storage) -> str:
    project = Project(storage, backend=StatesOnly())
    model = project.get_model_registry().get_model(MODEL, 1)
    return str(model.deploy(name).name)


def delete_model(storage: Storage) -> str:
    project = Project(storage, backend=StatesOnly())
    project.get_model_registry().get_model(MODEL, 1).delete()
    return "deleted"


def check_fence(storage: Storage, outcomes: Outcomes) -> None:
    model_log(storage, MODEL).audit()
    is_deleted = 1 not in model_state(storage, MODEL).live()
    deployed = set(live_deployments(storage))
    if is_deleted:
        assert not deployed
    for name, outcome in outcomes.items():
        if "deleter" in name:
            expected = InUseError | ModelNotFoundError
            assert (
                outcome.value
                or outcome.is_stopped
                or (isinstance(outcome.error, expected))
            )
            assert not outcome.value or is_deleted
        elif outcome.value:
            assert name in deployed
        else:
            assert outcome.is_stopped or isinstance(outcome.error, ModelNotFoundError)
            assert outcome.is_stopped or name not in deployed
    if not any(it.is_stopped or it.error for it in outcomes.values()):
        raise AssertionError("deployed and deleted")
    check_numbers_after_gc(storage)


@pytest.mark.parametrize(
    ("names", "crashes", "switches"),
    [
        (("deleter", "d"), 0, None),
        (("deleter", "d"), 1, 4),
        (("deleter", "d", "e"), 0, 2),
        (("deleter", "deleter too", "d"), 0, 2),
        (("deleter", "deleter too", "d"), 1, 1),
    ],
)
def test_a_model_is_deleted_or_deployed(
    explored: Callable[..., Explored],
    with_model: dict[str, bytes],
    names: tuple[str, ...],
    crashes: int,
    switches: int | None,
) -> None:
    scenario = Scenario(
        actors={
            name: delete_model if "deleter" in name else partial(deploy, name)
            for name in names
        },
        check=check_fence,
        files=with_model,
        halts=changes_models,
        crashes=crashes,
        switches=switches,
    )
    explored(scenario, at_least=100)


def create_without_a_token(
    create: Callable[[], bool], look: Callable[[], LogEntry | None], *_: str
) -> LogEntry | None:
    """Take a lost answer for a lost race, and go on to the next name."""
    try:
        if create():
            return None
    except StorageError:
        pass
    found = look()
    if found is None:
        raise StorageError("nothing was stored")
    other = msgspec.structs.replace(found.body, token="another")  # noqa: S106 - no secret
    return msgspec.structs.replace(found, body=other)


@pytest.mark.parametrize("asked", [None, CREATE])
def test_explorer_finds_a_create_that_looks_first_and_then_writes(
    asked: RequestedVersion,
) -> None:
    scenario = Scenario(
        actors={n: partial(save_artifact, n[:1].encode(), asked) for n in ("x1", "y2")},
        check=partial(check_artifacts, asked),
        is_create_atomic=False,
    )
    with pytest.raises(ViolationError):
        explore(scenario)


def test_explorer_finds_a_log_without_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = Scenario(
        actors={"x1": partial(save_artifact, b"x", CREATE)},
        check=partial(check_artifacts, CREATE),
        failures=1,
    )
    explore(scenario)
    monkeypatch.setattr("hopsartifacts.store.log.create_once", create_without_a_token)
    with pytest.raises(ViolationError):
        explore(scenario)


def test_explorer_finds_a_deployment_that_does_not_look_back(
    monkeypatch: pytest.MonkeyPatch, with_model: dict[str, bytes]
) -> None:
    monkeypatch.setattr(
        "hopsartifacts.deployments.versions.keep_parts", lambda *_: None
    )
    # Readers do not see a deployment without its model, so look below them.
    monkeypatch.setattr("hopsartifacts.deployments.deployed.is_served", lambda *_: True)
    scenario = Scenario(
        actors={"deleter": delete_model, "d": partial(deploy, "d")},
        check=check_fence,
        files=with_model,
        halts=changes_models,
    )
    with pytest.raises(ViolationError):
        explore(scenario)
