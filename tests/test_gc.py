"""What nobody can use any more is freed, and nothing else, whoever is at work."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hopsartifacts import Model, ModelServing, Project, layout
from hopsartifacts.errors import (
    ConflictError,
    HopsArtifactsError,
    InvalidInputError,
    ModelNotFoundError,
    StorageRefusedError,
)
from hopsartifacts.registry.versions import model_state
from hopsartifacts.storage.contract import Capabilities, Storage
from hopsartifacts.testing.faults import Fault, FaultyStorage, StorageCall
from tests.in_place import InPlace

SaveModel = Callable[..., Model]
MakeFiles = Callable[..., Path]
NAME = "my_model"
SCRIPT = "class Predictor:\n    def predict(self, inputs): return inputs\n"
BIG = 300 * 1024


class Killed(BaseException):
    """The writer is gone: not even its cleaning up runs."""


class OneByOne(FaultyStorage):
    """A faulty storage to which files are sent one after another."""

    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, workers=1)


@pytest.fixture(params=["staged", "in place"])
def anywhere(request: pytest.FixtureRequest, project: Project) -> Project:
    if request.param == "staged":
        return project
    return Project(InPlace(f"in-place/{time.time_ns()}"))


def paths(storage: Storage) -> set[str]:
    return {entry.path for entry in storage.find("")}


def killed_at(storage: Storage, matches: Callable[[StorageCall], bool]) -> Storage:
    """Return *storage* for a writer that is gone at the first call that matches."""
    gone = False

    def die(_: StorageCall) -> None:
        nonlocal gone
        gone = True
        raise Killed

    def plan(call: StorageCall) -> Fault | None:
        return Fault(before=die) if gone or matches(call) else None

    return FaultyStorage(storage, plan)


def save_and_die(project: Project, files: Path, at: int) -> None:
    """Save, and be gone before entry *at* of the model's log is created."""
    path = layout.log_entry(layout.model_log(NAME), at)
    storage = killed_at(
        project.storage, lambda call: call.method == "create" and call.path == path
    )
    registry = Project(storage).get_model_registry()
    with suppress(Killed):
        registry.python.create_model(NAME).save(files)


def test_a_clean_project_holds_no_garbage(
    save_model: SaveModel, project: Project, make_script: Callable[..., Path]
) -> None:
    model = save_model()
    model.deploy(script_file=make_script(SCRIPT))
    before = paths(project.storage)
    report = project.gc(grace_s=0)
    assert (report.freed, report.kept, report.size_bytes) == ((), (), 0)
    assert str(report) == "0 bytes freed"
    assert paths(project.storage) == before


def test_a_writer_that_is_gone_leaves_nothing_behind(
    anywhere: Project, make_files: MakeFiles
) -> None:
    """Its number is given up first, so that a writer that was only slow finds out."""
    files = make_files({"weights": b"w" * 1000, "more": b"m"})
    mr = anywhere.get_model_registry()
    mr.python.create_model(NAME).save(files)
    before = paths(anywhere.storage)
    # Killed at the seal: the number is reserved and all bytes are there.
    save_and_die(anywhere, files, at=4)
    kept = anywhere.gc()
    assert kept.freed == ()
    assert len(kept.kept) == 1
    assert "younger than the grace period" in str(kept)

    shown = anywhere.gc(dry_run=True, grace_s=0)
    assert [it.path for it in shown.freed] == [f"Models/{NAME}/2"]
    assert shown.size_bytes == 1001
    assert "1001 bytes would be freed" in str(shown)
    assert paths(anywhere.storage) > before

    assert anywhere.gc(grace_s=0).freed == shown.freed
    left = paths(anywhere.storage) - before
    assert {layout.log_of(path) for path in left} == {f"Models/{NAME}/_log"}
    assert anywhere.gc(grace_s=0).freed == ()
    assert anywhere.verify().ok
    assert mr.python.create_model(NAME).save(files).version == 3


def test_what_was_put_aside_is_freed(
    project: Project, save_model: SaveModel, make_files: MakeFiles
) -> None:
    save_model()
    before = paths(project.storage)
    save_and_die(project, make_files({"weights": b"w"}), at=3)
    for folder in ("tmp", "probes", "staging/x"):
        project.storage.write(f".hopsartifacts/{folder}/left", [b"12345"])
    report = project.gc(grace_s=0)
    assert len(report.freed) == 4
    assert report.size_bytes == 16
    assert paths(project.storage) == before


def test_payloads_of_writers_that_are_gone_are_freed(
    anywhere: Project, tmp_path: Path, make_files: MakeFiles
) -> None:
    """No entry names them yet, so only their place says whose they are."""
    model = anywhere.get_model_registry().python.create_model(NAME)
    model.save(make_files({"weights": b"w"}))
    big, script = tmp_path / "big.bin", tmp_path / "predict.py"
    big.write_bytes(b"b" * BIG)
    script.write_text(SCRIPT)

    log = layout.artifact_log(NAME, 1)

    def makes_an_artifact(call: StorageCall) -> bool:
        # The entry before it only lets the writer put bytes down.
        return call.method == "create" and call.path == layout.log_entry(log, 2)

    def deploy(storage: Storage, name: str) -> Any:
        mine = Project(storage).get_model_registry().get_model(NAME, 1)
        return mine.deploy(name, script_file=script, files=[big])

    with suppress(Killed):
        deploy(killed_at(anywhere.storage, makes_an_artifact), "a")
    report = anywhere.gc(grace_s=0)
    assert report.size_bytes == BIG + len(SCRIPT)
    assert "has not made an artifact version" in str(report)
    assert deploy(anywhere.storage, "a").artifact_version == 1
    assert anywhere.gc(grace_s=0).freed == ()
    assert anywhere.verify().ok


def test_a_slow_writer_of_a_version_is_refused_and_clears_up(
    anywhere: Project, make_files: MakeFiles
) -> None:
    seal = layout.log_entry(layout.model_log(NAME), 2)

    def sweep(_: StorageCall) -> None:
        anywhere.gc(grace_s=0)

    def plan(call: StorageCall) -> Fault | None:
        is_seal = call.method == "create" and call.path == seal
        return Fault(before=sweep) if is_seal else None

    slow = Project(FaultyStorage(anywhere.storage, plan)).get_model_registry()
    with pytest.raises(ConflictError, match="aborted while it was being saved"):
        slow.python.create_model(NAME).save(make_files({"weights": b"w"}))
    assert not [it for it in paths(anywhere.storage) if "/Files/" in it]
    assert model_state(anywhere.storage, NAME).records[1].status == "aborted"
    assert anywhere.gc(grace_s=0).freed == ()


def test_a_slow_writer_whose_staging_was_swept_is_refused(
    project: Project, make_files: MakeFiles
) -> None:
    def sweep(_: StorageCall) -> None:
        project.gc(grace_s=0)

    def plan(call: StorageCall) -> Fault | None:
        is_second = call.method == "write" and call.path.endswith("/second")
        return Fault(before=sweep) if is_second else None

    slow = Project(OneByOne(project.storage, plan)).get_model_registry()
    with pytest.raises(ConflictError, match="save again"):
        slow.python.create_model(NAME).save(make_files({"first": b"1", "second": b"2"}))
    with pytest.raises(ModelNotFoundError):
        project.get_model_registry().get_model(NAME)
    project.gc(grace_s=0)
    assert project.verify().ok


def test_a_slow_writer_whose_whole_staging_was_swept_is_refused(
    project: Project, make_files: MakeFiles
) -> None:
    def plan(call: StorageCall) -> Fault | None:
        is_reserving = call.method == "create" and "_log/" in call.path
        return Fault(before=sweep) if is_reserving else None

    def sweep(_: StorageCall) -> None:
        project.gc(grace_s=0)

    slow = Project(FaultyStorage(project.storage, plan)).get_model_registry()
    with pytest.raises(ConflictError, match="save again"):
        slow.python.create_model(NAME).save(make_files({"first": b"1", "second": b"2"}))
    with pytest.raises(ModelNotFoundError):
        project.get_model_registry().get_model(NAME)
    assert project.verify().ok


def test_a_slow_writer_of_an_artifact_begins_again(
    anywhere: Project, tmp_path: Path, make_files: MakeFiles
) -> None:
    """Its payload was deleted: it must not commit bytes that are gone."""
    big, script = tmp_path / "big.bin", tmp_path / "predict.py"
    big.write_bytes(b"b" * BIG)
    script.write_text(SCRIPT)
    anywhere.get_model_registry().python.create_model(NAME).save(
        make_files({"weights": b"w"})
    )
    swept: list[Any] = []
    making = layout.log_entry(layout.artifact_log(NAME, 1), 2)

    def sweep(_: StorageCall) -> None:
        if not swept:
            swept.append(anywhere.gc(grace_s=0))

    def plan(call: StorageCall) -> Fault | None:
        is_commit = call.method == "create" and call.path == making
        return Fault(before=sweep) if is_commit else None

    slow = Project(FaultyStorage(anywhere.storage, plan)).get_model_registry()
    deployment = slow.get_model(NAME, 1).deploy("d", script_file=script, files=[big])
    assert len(swept[0].freed) == 1
    assert deployment.artifact_version == 1
    assert anywhere.verify().ok
    files = anywhere.get_model_serving().get_artifacts(slow.get_model(NAME, 1)).read(1)
    assert files["big.bin"] == b"b" * BIG


def test_what_a_deletion_left_is_freed(
    anywhere: Project,
    make_files: MakeFiles,
    ms: ModelServing,  # noqa: ARG001
) -> None:
    model = anywhere.get_model_registry().python.create_model(NAME)
    model.save(make_files({"weights": b"w" * 100}))
    gone = killed_at(
        anywhere.storage,
        lambda it: it.method == "delete_tree" and it.path == f"Models/{NAME}/1",
    )
    with suppress(Killed):
        Project(gone).get_model_registry().get_model(NAME, 1).delete()
    with pytest.raises(ModelNotFoundError):
        anywhere.get_model_registry().get_model(NAME, 1)
    report = anywhere.gc()
    assert report.size_bytes == 100
    assert "its version was deleted" in str(report)
    assert list(anywhere.storage.find(f"Models/{NAME}/1")) == []
    assert anywhere.verify().ok


@pytest.mark.parametrize("grace", [-1, float("nan")])
def test_a_grace_period_is_not_negative(project: Project, grace: float) -> None:
    with pytest.raises(InvalidInputError, match="grace_s"):
        project.gc(grace_s=grace)


def test_a_dry_run_writes_nothing(anywhere: Project, make_files: MakeFiles) -> None:
    files = make_files({"weights": b"w"})
    save_and_die(anywhere, files, at=2)
    before = paths(anywhere.storage)
    anywhere.gc(dry_run=True, grace_s=0)
    assert paths(anywhere.storage) == before


def test_two_sweep_at_once(anywhere: Project, make_files: MakeFiles) -> None:
    files = make_files({"weights": b"w"})
    save_and_die(anywhere, files, at=2)
    # Other files: the same would be continued.
    files = make_files({"weights": b"other"})
    save_and_die(anywhere, files, at=3)
    calls: list[int] = []

    def other(_: StorageCall) -> None:
        if not calls:
            calls.append(1)
            anywhere.gc(grace_s=0)

    def plan(call: StorageCall) -> Fault | None:
        return Fault(before=other) if call.method == "create" else None

    Project(FaultyStorage(anywhere.storage, plan)).gc(grace_s=0)
    assert calls
    assert not [it for it in paths(anywhere.storage) if "/Files/" in it]
    with pytest.raises(HopsArtifactsError):
        anywhere.get_model_registry().get_model(NAME)


def test_a_version_that_its_log_has_lost_is_kept(
    project: Project, save_model: SaveModel
) -> None:
    """Its number is given again, and given up, as its files lie in the way."""
    save_model(NAME)
    save_model(NAME)
    log = layout.model_log(NAME)
    for seq in (4, 3):
        project.storage.delete_tree(layout.log_entry(log, seq))
    before = paths(project.storage)
    with pytest.raises(ConflictError, match="contains files that belong to no version"):
        save_model(NAME)
    assert not project.gc(grace_s=0).freed
    assert paths(project.storage) >= before
    # A repair moves them aside, as it does with all that no version has.
    assert project.repair().ok
    assert f"{layout.version_dir(NAME, 2)}/manifest.json" not in paths(project.storage)


@pytest.mark.parametrize("is_dry", [True, False], ids=["dry", "for real"])
def test_a_damaged_log_does_not_keep_the_rest(
    project: Project,
    save_model: SaveModel,
    make_files: MakeFiles,
    is_dry: bool,
) -> None:
    for name in ("damaged", "other"):
        save_model(name)
    save_model("other", framework="sklearn").deploy("d")
    save_and_die(project, make_files(), at=2)
    newest = layout.log_entry(layout.model_log("damaged"), 9)
    project.storage.write(newest, [b""])
    project.storage.write(layout.log_entry(layout.deployment_log("d"), 9), [b""])
    report = project.gc(grace_s=0, dry_run=is_dry)
    stuck = {it.garbage.path: it.reason for it in report.stuck}
    assert stuck.keys() == {"Deployments/d", "Models/damaged"}
    assert newest in stuck["Models/damaged"]
    assert not report.ok
    assert [it.path for it in report.freed] == [layout.version_dir(NAME, 1)]
    assert project.get_model_registry().get_model("damaged", 1).version == 1


def full_while(storage: Storage, folder: str) -> Storage:
    """Return *storage* on a disk that has no room for entries of a log.

    It has some again as soon as *folder* is empty.
    """

    def refuse(call: StorageCall) -> None:
        raise StorageRefusedError(f"cannot create {call.path!r}: the disk is full")

    def plan(call: StorageCall) -> Fault | None:
        is_entry = call.method == "create" and layout.log_of(call.path)
        is_full = is_entry and any(storage.find(folder))
        return Fault(before=refuse) if is_full else None

    return FaultyStorage(storage, plan)


def test_a_save_that_a_full_disk_refuses_leaves_nothing_behind(
    project: Project, make_files: MakeFiles
) -> None:
    """The entry that gives the number up needs room, which the files take."""
    files = make_files({"weights": b"w" * 1000})
    project.get_model_registry().python.create_model(NAME).save(files)
    folder = layout.version_dir(NAME, 2)
    registry = Project(full_while(project.storage, folder)).get_model_registry()
    with pytest.raises(StorageRefusedError, match="nothing was stored"):
        registry.python.create_model(NAME).save(files)
    assert list(project.storage.find(folder)) == []
    assert project.gc(grace_s=0).freed == ()
    assert registry.python.create_model(NAME).save(files).version == 3
    assert project.verify().ok


def test_a_deployment_that_a_full_disk_refuses_leaves_nothing_behind(
    project: Project, tmp_path: Path, make_files: MakeFiles
) -> None:
    project.get_model_registry().python.create_model(NAME).save(make_files({"w": b""}))
    big, script = tmp_path / "big.bin", tmp_path / "predict.py"
    big.write_bytes(b"b" * BIG)
    script.write_text(SCRIPT)
    folder = layout.artifact_payload(NAME, 1, "").rstrip("/")
    storage = full_while(project.storage, folder)
    model = Project(storage).get_model_registry().get_model(NAME, 1)
    with pytest.raises(StorageRefusedError, match="nothing was stored"):
        model.deploy(script_file=script, files=[big])
    left = [it for it in project.storage.find(folder) if it.kind == "file"]
    assert left == []
    assert project.gc(grace_s=0).freed == ()
    assert project.verify().ok
