"""A version that is deleted while others look at it is gone, and nothing is damaged."""

import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import hopsartifacts
from hopsartifacts import Project, layout
from hopsartifacts.artifacts.documents import ArtifactSource
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.errors import ConflictError, ModelNotFoundError
from hopsartifacts.guard import verify as verifying
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.testing.faults import Fault, FaultyStorage, StorageCall
from hopsartifacts.testing.places import StorageSnapshot
from tests.in_place import InPlace

MakeFiles = Callable[..., Path]
Look = Callable[[Project, Path], object]
Work = Callable[[Project], None]

DELETED = "Models/m/2/"
QUARANTINE = ".hopsartifacts/quarantine"
SECONDS = 6.0
LARGE = 5 * 1024 * 1024


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "_SECOND_LOOK_S", 0.0)


@pytest.fixture(params=["local", "in place"])
def make(
    request: pytest.FixtureRequest, tmp_path: Path, make_files: MakeFiles
) -> Callable[[], Project]:
    """Make a project of two versions with the same files; the second has artifacts.

    What is said of those is long, so that each entry of their log has to be read.
    """
    folder = make_files({"a": b"a" * 100, "b/c": b"c"})

    def empty(number: object) -> Storage:
        if request.param == "local":
            return LocalStorage(tmp_path / f"project-{number}")
        return InPlace(f"{tmp_path.name}/{number}")

    first = empty("first")
    registry = hopsartifacts.login(storage=first).get_model_registry()
    for _ in range(2):
        registry.python.create_model("m", input_example=[1]).save(folder)
    for content in (b"1", b"2"):
        ArtifactStore(first, "m", 2).save(artifact(content), None)
    snapshot, numbers = StorageSnapshot(first), count()

    def made() -> Project:
        storage = empty(next(numbers))
        snapshot.put(storage)
        return hopsartifacts.login(storage=storage)

    return made


def artifact(content: bytes) -> tuple[ArtifactSource, ...]:
    return tuple(
        ArtifactSource(role="file", name=name, chunks=lambda: iter([content]))
        for name in ("a", "b", "c")
    )


def each_moment(
    make: Callable[[], Project],
    look: Look,
    tmp_path: Path,
    *,
    damage: Callable[[Project], None] = lambda _: None,
) -> list[tuple[Project, Any]]:
    """Look as often as there are calls, each time with the deletion at another one."""
    found: list[tuple[Project, Any]] = []
    moment, is_due = 0, True
    while is_due:
        moment += 1
        project = make()
        model = project.get_model_registry().get_model("m", 2)
        damage(project)
        is_due = False

        def delete(_: StorageCall, model: Any = model) -> None:
            nonlocal is_due
            is_due = True
            model.delete()

        faulty = FaultyStorage(project.storage, {moment: Fault(before=delete)})
        looking = hopsartifacts.login(storage=faulty)
        found.append((project, look(looking, tmp_path / f"target-{moment}")))
    assert moment > 5
    return found[:-1]


def paths(project: Project, below: str) -> list[str]:
    return [entry.path for entry in project.storage.find(below)]


def test_verify_finds_nothing(make: Callable[[], Project], tmp_path: Path) -> None:
    for project, report in each_moment(make, lambda it, _: it.verify(), tmp_path):
        assert report.ok, str(report)
        assert project.verify().ok


def test_repair_does_nothing(make: Callable[[], Project], tmp_path: Path) -> None:
    for project, report in each_moment(make, lambda it, _: it.repair(), tmp_path):
        assert (report.repaired, report.unrepaired) == ((), ())
        assert paths(project, QUARANTINE) == []
        assert paths(project, DELETED) == []
        assert project.verify().ok


def change(project: Project) -> None:
    project.storage.unprotect(f"{DELETED}Files")
    project.storage.write(f"{DELETED}Files/a", [b"changed"])


def lose(project: Project) -> None:
    project.storage.unprotect(f"{DELETED}Files")
    project.storage.delete_tree(f"{DELETED}Files/a")


def change_both(project: Project) -> None:
    """Then there is no copy to restore either from."""
    change(project)
    project.storage.unprotect("Models/m/1/Files")
    project.storage.write("Models/m/1/Files/a", [b"changed too"])


@pytest.mark.parametrize("damage", [change, lose, change_both])
def test_repair_writes_nothing_back_and_claims_nothing(
    make: Callable[[], Project], tmp_path: Path, damage: Callable[[Project], None]
) -> None:
    found = each_moment(make, lambda it, _: it.repair(), tmp_path, damage=damage)
    for project, report in found:
        assert paths(project, DELETED) == []
        assert not [it for it in report.unrepaired if "repair failed" in it.detail]
        aside = paths(project, QUARANTINE)
        for path in aside:
            assert path in str(report), f"{path} is not told"
        for done in report.repaired:
            told = done.action.rpartition(" ")[2]
            assert not told.startswith(QUARANTINE) or told in aside
        for finding in report.unrepaired:
            if "moved to" in finding.detail:
                told = finding.detail.partition("moved to ")[2].partition(";")[0]
                assert told in aside
    # Where it was deleted first, nothing of it was touched.
    project, report = found[0]
    assert not [path for path in paths(project, QUARANTINE) if DELETED in path]


def test_gc_frees_what_is_left_of_it_at_most(
    make: Callable[[], Project], tmp_path: Path
) -> None:
    for project, report in each_moment(make, lambda it, _: it.gc(grace_s=0), tmp_path):
        assert report.ok
        assert not project.gc(grace_s=0).freed
        assert project.verify().ok


def test_a_catalog_has_what_was_there_before_or_after(
    make: Callable[[], Project], tmp_path: Path
) -> None:
    def look(project: Project, _: Path) -> int:
        return int(project.catalog("artifacts").num_rows)

    for project, rows in each_moment(make, look, tmp_path):
        assert rows in {0, 2}
        assert project.catalog().num_rows == 1


def test_an_export_of_everything_leaves_it_out(
    make: Callable[[], Project], tmp_path: Path
) -> None:
    def export(project: Project, target: Path) -> object:
        return project.export_bundle(target)

    for _, report in each_moment(make, export, tmp_path):
        assert ("m", 1) in report.models
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_an_export_that_names_it_says_that_it_was_deleted(
    make: Callable[[], Project], tmp_path: Path
) -> None:
    def export(project: Project, target: Path) -> object:
        try:
            return project.export_bundle(target, models=[("m", 2)])
        except ModelNotFoundError as error:
            assert not target.exists()
            return str(error)

    found = each_moment(make, export, tmp_path)
    texts = [it for _, it in found if isinstance(it, str)]
    assert texts
    assert all("it was deleted" in text for text in texts)


def test_a_download_says_that_it_was_deleted(
    make: Callable[[], Project], tmp_path: Path
) -> None:
    def download(project: Project, target: Path) -> object:
        try:
            model = project.get_model_registry().get_model("m", 2)
            return model.download(target)
        except ModelNotFoundError as error:
            return str(error)

    found = each_moment(make, download, tmp_path)
    texts = [it for _, it in found if "deleted" in str(it)]
    assert texts


def with_late_copy(project: Project, tmp_path: Path) -> str:
    """Save version 3, which is deleted between its seal and the copy of its manifest.

    Returns:
        The path of the copy.
    """
    path = layout.version_manifest("m", 3)

    def delete(_: StorageCall) -> None:
        # Whoever deletes it has seen it in the log.
        project.get_model_registry().get_model("m").delete()

    def plan(call: StorageCall) -> Fault | None:
        is_copy = (call.method, call.path) == ("create", path)
        return Fault(before=delete) if is_copy else None

    slow = hopsartifacts.login(storage=FaultyStorage(project.storage, plan))
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / "weights").write_bytes(b"w")
    model = slow.get_model_registry().sklearn.create_model("m").save(tmp_path / "late")
    assert model.version == 3
    assert paths(project, "Models/m/3") == [path]
    return path


def test_a_copy_that_was_written_after_the_deletion_is_found_and_freed(
    make: Callable[[], Project], tmp_path: Path
) -> None:
    project = make()
    path = with_late_copy(project, tmp_path)
    assert [(it.kind, it.path) for it in project.verify().findings] == [
        ("leftover", path)
    ]
    assert [it.path for it in project.gc().freed] == [path]
    assert paths(project, "Models/m/3") == []
    assert project.verify().ok
    with pytest.raises(ModelNotFoundError, match="it was deleted"):
        project.get_model_registry().get_model("m", 3)


def test_a_reader_that_goes_by_such_a_copy_is_told_of_the_deletion(
    make: Callable[[], Project], tmp_path: Path
) -> None:
    project = make()
    with_late_copy(project, tmp_path)
    registry = project.get_model_registry()
    assert [it.version for it in registry.get_models("m")] == [1, 2]
    assert registry.get_model("m").version == 2
    shown = registry.get_model("m", 3)  # it has only read the copy
    with pytest.raises(ModelNotFoundError, match="it was deleted"):
        shown.download(tmp_path / "target")
    with pytest.raises(ModelNotFoundError, match="it was deleted"):
        shown.deploy()
    with pytest.raises(ModelNotFoundError, match="it was deleted"):
        project.export_bundle(tmp_path / "bundle.tar", models=[("m", 3)])


def test_the_only_version_that_was_deleted_is_named(
    make: Callable[[], Project], tmp_path: Path
) -> None:
    project = make()
    registry = project.get_model_registry()
    models = registry.get_models("m")
    for model in models:
        model.delete()
    with pytest.raises(ModelNotFoundError, match="it was deleted"):
        models[0].download(tmp_path / "target")


def test_beside_writers_that_save_and_delete(
    tmp_path: Path, make_files: MakeFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls of threads mix in orders that the tests above do not have."""
    monkeypatch.setattr(verifying, "_SECOND_LOOK_S", 0.25)
    folder = make_files({f"f{number}": b"%d" % number for number in range(20)})
    told: list[str] = []

    def write(name: str) -> Work:
        def work(project: Project) -> None:
            creator = project.get_model_registry().python
            model = creator.create_model(name, input_example=[1])
            model.save(folder)
            model.delete()

        return work

    def verify(project: Project) -> None:
        told.extend(map(str, project.verify().findings))

    def repair(project: Project) -> None:
        report = project.repair()
        told.extend(map(str, (*report.repaired, *report.unrepaired)))

    def export(project: Project) -> None:
        project.export_bundle(tmp_path / "bundle.tar", overwrite=True)

    project = hopsartifacts.login(tmp_path / "project")
    project.get_model_registry().python.create_model("kept").save(folder)
    works = [write("a"), write("a"), write("b"), verify, repair, export]
    beside_each_other(tmp_path / "project", works)
    assert told == []
    assert paths(project, QUARANTINE) == []
    assert project.verify().ok


def beside_each_other(url: Path, works: list[Work]) -> None:
    """Do all works over and over again at the same time, each on its own project."""
    end = time.monotonic() + SECONDS
    failures: list[BaseException] = []

    def until_the_end(work: Work) -> None:
        try:
            own = hopsartifacts.login(url)
            while time.monotonic() < end:
                work(own)
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)

    threads = [threading.Thread(target=until_the_end, args=(it,)) for it in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.mark.parametrize(
    ("lost", "saved"),
    [
        ({"weights": b"lost"}, {"weights": b"new"}),
        ({"a": b"lost", "b": b"lost too"}, {"b": b"new", "c": b"c"}),
        ({"weights": b"l" * LARGE}, {"weights": b"n" * LARGE}),
        ({"weights": b"l" * LARGE}, {"weights": b"small"}),
        ({"weights": b"small"}, {"a": b"a", "weights": b"n" * LARGE}),
        ({"weights": b"l" * LARGE}, {"weights": b"s" * LARGE}),
    ],
    ids=["other", "some", "large", "smaller", "larger", "shared"],
)
def test_a_version_that_the_log_has_lost_is_not_written_over(
    storage_of_each_kind: Storage,
    make_files: MakeFiles,
    lost: dict[str, bytes],
    saved: dict[str, bytes],
) -> None:
    """The newest entries are gone, as after a restore of the log from a backup."""
    storage = storage_of_each_kind
    project = hopsartifacts.login(storage=storage)
    models = project.get_model_registry().sklearn
    # The file of version 1 may be shared by a later one.
    models.create_model("m").save(make_files({"weights": b"s" * LARGE}))
    lose_entries_after(storage, lambda: models.create_model("m").save(make_files(lost)))
    before = {it.path: storage.read(it.path) for it in storage.find("Models/m/2")}
    with pytest.raises(ConflictError, match=r"'Models/m/2' contains files"):
        models.create_model("m").save(make_files(saved))
    assert models.create_model("m").save(make_files(saved)).version == 3
    after = {it.path: storage.read(it.path) for it in storage.find("Models/m/2")}
    assert before.items() <= after.items()
    project.gc(grace_s=0)
    after = {it.path: storage.read(it.path) for it in storage.find("Models/m/2")}
    assert before.items() <= after.items()
    assert {it.kind for it in project.verify().findings} == {"leftover"}


@pytest.mark.parametrize("name", ["lost", "second"])
def test_a_copy_of_a_lost_manifest_is_moved_aside(
    make_files: MakeFiles, name: str
) -> None:
    """No other file is in the way: the number is given again, and nothing is lost."""
    storage = InPlace(uuid4().hex)
    project = hopsartifacts.login(storage=storage)
    mr = project.get_model_registry()
    mr.sklearn.create_model("m").save(make_files({"first": "first"}))
    lost = make_files({name: "second"})
    lose_entries_after(storage, lambda: mr.sklearn.create_model("m").save(lost))
    copy = storage.read("Models/m/2/manifest.json")
    second = mr.sklearn.create_model("m").save(make_files({"second": "second"}))
    assert second.version == 2
    assert storage.read(f"Models/m/2/Files/{name}") == b"second"
    kept = list(storage.find(".hopsartifacts/quarantine"))
    assert [storage.read(it.path) for it in kept] == [copy]
    assert [it.path for it in mr.get_model("m", 2).manifest.files] == ["second"]
    extra = {it.path for it in project.verify().findings}
    assert extra == {f"Models/m/2/Files/{name}"} - {"Models/m/2/Files/second"}


def test_a_version_beside_files_of_a_lost_one_is_deleted_after_a_repair(
    make_files: MakeFiles,
) -> None:
    storage = InPlace(uuid4().hex)
    project = hopsartifacts.login(storage=storage)
    models = project.get_model_registry().sklearn
    models.create_model("m").save(make_files({"first": "first"}))
    lost = make_files({"lost": "lost"})
    lose_entries_after(storage, lambda: models.create_model("m").save(lost))
    second = models.create_model("m").save(make_files({"second": "second"}))
    with pytest.raises(ConflictError, match=r"'Models/m/2/Files/lost'.*repair"):
        second.delete()
    assert second.get_tags() == {}
    project.repair()
    second.delete()
    kept = [storage.read(it.path) for it in storage.find(".hopsartifacts/quarantine")]
    assert b"lost" in kept
    assert list(storage.find("Models/m/2")) == []


def lose_entries_after(storage: Storage, work: Callable[[], object]) -> None:
    """Do *work*, and delete the log entries that it has made."""
    before = {it.path for it in storage.find("Models/m/_log")}
    work()
    for entry in list(storage.find("Models/m/_log")):
        if entry.path not in before:
            storage.delete_tree(entry.path)
