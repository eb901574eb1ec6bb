"""A bundle carries models, artifacts and deployments as they are to another project."""

import gzip
import hashlib
import itertools
import os
import signal
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

import hopsartifacts
from hopsartifacts import Model, Project
from hopsartifacts.errors import (
    AlreadyExistsError,
    DeploymentNotFoundError,
    HopsArtifactsError,
    IntegrityError,
    InvalidBundleError,
    InvalidInputError,
    ModelNotFoundError,
    SourceChangedError,
    StorageError,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.testing.faults import (
    FAIL,
    KILL_AFTER,
    LOSE_ANSWER,
    Fault,
    FaultyStorage,
)
from tests.crashes.observing import view

Snapshot = Callable[[Project], dict[str, bytes]]
MakeFiles = Callable[..., Path]


def carried(project: Project) -> dict[str, Any]:
    """Return all that a bundle carries of a project."""
    found = {**view(project.storage), "aliases": aliases(project)}
    for deployment in found["deployments"].values():
        # The active version is carried, and counts from 1.
        for name in ("version", "versions", "history"):
            del deployment[name]
    # What was deleted is not carried.
    del found["deleted"]
    return found


def aliases(project: Project) -> dict[str, dict[str, int]]:
    registry = project.get_model_registry()
    return {name: registry.get_aliases(name) for name in registry.list_models()}


def versions(project: Project, name: str) -> list[int | None]:
    return [model.version for model in project.get_model_registry().get_models(name)]


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_a_whole_project_arrives(
    filled: Project, target: Project, tmp_path: Path, suffix: str
) -> None:
    bundle = tmp_path / f"all{suffix}"
    exported = filled.export_bundle(bundle)
    assert exported.deployments == ("one", "twin", "two")

    report = target.import_bundle(bundle, digest=exported.digest)

    assert carried(target) == carried(filled)
    assert versions(target, "iris") == [1, 2]
    assert report.renumbered == {}
    assert "model 'iris' version 2: stored" in str(report)
    assert target.verify().ok
    assert "all as sealed" in str(target.verify())
    names = {path.name for path in tmp_path.iterdir() if path.suffix == ".part"}
    assert names == set()


def test_specifications_arrive_whole_and_pin_what_is_here(
    filled: Project, target: Project, tmp_path: Path
) -> None:
    filled.export_bundle(tmp_path / "all.tar")
    target.import_bundle(tmp_path / "all.tar")

    for deployment in filled.get_model_serving().get_deployments():
        name = deployment.name
        old = deployment.specification
        new = target.get_model_serving().get_deployment(name).specification
        model = target.get_model_registry().get_model(old.model.name, old.model.version)
        assert new.model.id == model.id != old.model.id
        assert new.artifact == old.artifact
        assert new.model.manifest != old.model.manifest
        for part in ("predictor", "transformer", "config_file", "environment"):
            assert getattr(new, part) == getattr(old, part)


def test_importing_again_stores_nothing(
    filled: Project, target: Project, tmp_path: Path, snapshot: Snapshot
) -> None:
    filled.export_bundle(tmp_path / "all.tar")
    target.import_bundle(tmp_path / "all.tar")
    before = snapshot(target)

    report = target.import_bundle(tmp_path / "all.tar")

    assert snapshot(target) == before
    assert not any(item.is_new for item in report.items)
    assert str(report).splitlines()[0].endswith("0 stored, 11 already there")
    assert not any(
        item.is_new for item in filled.import_bundle(tmp_path / "all.tar").models
    )


def test_what_is_asked_for_goes_in(filled: Project, tmp_path: Path) -> None:
    counter = itertools.count()

    def exported(**asked: Any) -> tuple[Any, Any]:
        report = filled.export_bundle(tmp_path / f"{next(counter)}.tar", **asked)
        return report.models, report.deployments

    one, two = ("iris", 1), ("iris", 2)
    model = filled.get_model_registry().get_model("iris", 2)
    assert exported(models=["iris"]) == ((one, two), ())
    assert exported(models="iris") == ((one, two), ())
    assert exported(models=[two]) == ((two,), ())
    assert exported(models=[model, "iris"]) == ((one, two), ())
    assert exported(deployments=["two"]) == ((("other-model", 1),), ("two",))
    assert exported(models=[two], deployments="one") == ((one, two), ("one",))
    assert model.export(tmp_path / "model.tar").models == (two,)


def test_what_is_asked_for_may_be_read_only_once(
    filled: Project, tmp_path: Path
) -> None:
    chosen = (pair for pair in [("iris", 1)])
    report = filled.export_bundle(tmp_path / "bundle.tar", models=chosen)
    assert report.models == (("iris", 1),)


def test_artifacts_go_in_all_or_those_that_are_run(
    filled: Project, target: Project, tmp_path: Path
) -> None:
    filled.export_bundle(tmp_path / "b.tar", deployments=["twin"], artifacts=False)

    report = target.import_bundle(tmp_path / "b.tar")

    # It was version 3, and counts from 1 where it is the only one.
    (artifact,) = report.artifacts
    assert (artifact.old, artifact.version) == (3, 1)
    assert "version 3: stored as version 1" in str(artifact)
    deployment = target.get_model_serving().get_deployment("twin")
    assert deployment.artifact_version == 1
    assert target.verify().ok

    model = filled.get_model_registry().get_model("iris", 1)
    model.export(tmp_path / "bare.tar", artifacts=False)
    assert target.import_bundle(tmp_path / "bare.tar").artifacts == ()


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"models": ["nope"]}, ModelNotFoundError, "no model 'nope'"),
        ({"models": [("iris", 3)]}, ModelNotFoundError, r"no version 3 \(it was del"),
        ({"models": [("iris",)]}, InvalidInputError, "pairs"),
        ({"models": ("iris", 1)}, InvalidInputError, "pairs"),
        ({"models": ["../x"]}, InvalidInputError, "not a valid model name"),
        ({"models": 5}, InvalidInputError, "give a list"),
        ({"models": []}, InvalidInputError, "nothing to export"),
        ({"deployments": ["nope"]}, DeploymentNotFoundError, "no deployment 'nope'"),
    ],
    ids=str,
)
def test_what_cannot_be_exported_is_refused(
    filled: Project, tmp_path: Path, asked: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        filled.export_bundle(tmp_path / "b.tar", **asked)
    assert not list(tmp_path.glob("*b.tar*"))


def test_an_empty_project_has_nothing_to_export(
    project: Project, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match="no model"):
        project.export_bundle(tmp_path / "b.tar")


def test_a_bundle_is_a_tar_of_files_named_by_their_digests(
    filled: Project, tmp_path: Path
) -> None:
    report = filled.export_bundle(tmp_path / "all.tar")

    with tarfile.open(tmp_path / "all.tar") as archive:
        first, *rest = archive.getmembers()
        assert first.name == "bundle.json"
        for member in rest:
            file = archive.extractfile(member)
            assert file is not None
            found = hashlib.sha256(file.read()).hexdigest()
            assert member.name == f"blobs/sha256/{found}"
    # Both versions of iris have the same files, and they go in once.
    assert len(rest) == report.members
    assert report.size_bytes < 3_500_000
    assert (tmp_path / "all.tar").stat().st_size < 3_500_000
    filled.export_bundle(tmp_path / "all.tar.gz")
    assert (tmp_path / "all.tar.gz").stat().st_size < 200_000


def test_a_file_that_is_there_is_not_replaced_unasked(
    filled: Project, tmp_path: Path
) -> None:
    path = tmp_path / "b.tar"
    path.write_text("the user's")
    with pytest.raises(AlreadyExistsError, match="overwrite=True"):
        filled.export_bundle(path)
    assert path.read_text() == "the user's"

    filled.export_bundle(path, overwrite=True)
    assert tarfile.is_tarfile(path)
    with pytest.raises(StorageError, match="cannot write"):
        filled.export_bundle(tmp_path / "no such folder" / "b.tar")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("place", ["", ".", "/", "folder"])
def test_a_folder_is_not_written_as_a_bundle(
    filled: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    *,
    overwrite: bool,
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError, match="is a folder: give the name of a file"):
        filled.export_bundle(place, overwrite=overwrite)


@pytest.mark.parametrize("edit", ["changed", "longer", "shorter", "missing"])
@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_a_file_that_is_not_as_sealed_is_not_exported(
    filled: Project, tmp_path: Path, edit: str, suffix: str
) -> None:
    path = tmp_path / f"b{suffix}"
    path.write_text("an older one")
    storage, name = filled.storage, "Models/other-model/1/Files/model.pkl"
    storage.unprotect("Models/other-model/1/Files")
    storage.delete_tree(name)
    if edit != "missing":
        edits = {"changed": b"q", "longer": b"pp" * 2_000_000, "shorter": b""}
        storage.write(name, [edits[edit]])

    with pytest.raises(IntegrityError, match=r"model\.pkl' differs .*verify"):
        filled.export_bundle(path, overwrite=True)

    assert path.read_text() == "an older one"
    assert [it.name for it in tmp_path.iterdir() if "b.tar" in it.name] == [path.name]


def test_numbers_that_are_taken_become_the_next_ones(
    filled: Project, target: Project, make_files: MakeFiles, tmp_path: Path
) -> None:
    creator = target.get_model_registry().python
    creator.create_model("iris").save(make_files({"other": "here"}))
    filled.export_bundle(tmp_path / "all.tar")

    report = target.import_bundle(tmp_path / "all.tar")

    # Version 2 keeps its number, so 1 becomes the one after it.
    assert report.renumbered == {("iris", 1): 3}
    assert "version 1: stored as version 3" in str(report)
    old, new = view(filled.storage), view(target.storage)
    assert new["models"]["iris/3"] == old["models"]["iris/1"]
    assert new["models"]["iris/2"] == old["models"]["iris/2"]
    assert new["deployments"]["one"]["model"] == "iris/3"
    assert new["artifacts"]["iris/3"] == old["artifacts"]["iris/1"]
    assert target.verify().ok
    # Found again where they are now.
    again = target.import_bundle(tmp_path / "all.tar")
    assert again.renumbered == {("iris", 1): 3}
    assert not any(item.is_new for item in again.items)


def test_versions_that_are_the_same_stay_two(
    project: Project, target: Project, make_files: MakeFiles, tmp_path: Path
) -> None:
    files = make_files()
    for registry in (project.get_model_registry(), target.get_model_registry()):
        registry.python.create_model("m").save(files)
    project.get_model_registry().python.create_model("m").save(files)
    project.export_bundle(tmp_path / "b.tar")

    report = target.import_bundle(tmp_path / "b.tar")

    assert [(it.version, it.is_new) for it in report.models] == [(1, False), (2, True)]
    assert versions(target, "m") == [1, 2]


def test_strict_numbers_are_kept_or_nothing_is_stored(
    filled: Project,
    target: Project,
    make_files: MakeFiles,
    snapshot: Snapshot,
    tmp_path: Path,
) -> None:
    creator = target.get_model_registry().python
    creator.create_model("iris", version=2).save(make_files({"other": "here"}))
    before = snapshot(target)
    filled.export_bundle(tmp_path / "all.tar")

    with pytest.raises(AlreadyExistsError, match="'iris' version 2; nothing was imp"):
        target.import_bundle(tmp_path / "all.tar", strict_numbers=True)
    assert snapshot(target) == before

    filled.export_bundle(tmp_path / "one.tar", models=[("iris", 1)])
    report = target.import_bundle(tmp_path / "one.tar", strict_numbers=True)
    assert report.renumbered == {}


def test_a_deployment_that_is_there_gets_a_new_version(
    filled: Project, target: Project, make_files: MakeFiles, tmp_path: Path
) -> None:
    filled.export_bundle(tmp_path / "one.tar", deployments=["two"])
    target.import_bundle(tmp_path / "one.tar")
    newer = filled.get_model_registry().sklearn.create_model("other-model")
    newer.save(make_files({"model.pkl": b"newer"}))
    deployment = filled.get_model_serving().get_deployment("two")
    deployment.model_version = 2
    deployment.save()
    filled.export_bundle(tmp_path / "two.tar", deployments=["two"])

    report = target.import_bundle(tmp_path / "two.tar")

    assert str(report.deployments[0]) == "deployment 'two' version 2: stored"
    arrived = target.get_model_serving().get_deployment("two")
    assert (arrived.version, arrived.model_version) == (2, 2)


def test_a_deployment_of_another_model_is_not_taken_over(
    filled: Project,
    target: Project,
    make_files: MakeFiles,
    snapshot: Snapshot,
    tmp_path: Path,
) -> None:
    mine = target.get_model_registry().sklearn.create_model("mine").save(make_files())
    mine.deploy("two")
    before = snapshot(target)
    filled.export_bundle(tmp_path / "all.tar")

    with pytest.raises(
        AlreadyExistsError, match=r"'two' exists here and runs .*'mine'"
    ):
        target.import_bundle(tmp_path / "all.tar")
    assert snapshot(target) == before


@pytest.mark.parametrize("twin", ["Iris", "IRIS"])
def test_a_twin_of_a_name_here_is_refused_before_anything_is_stored(
    filled: Project,
    target: Project,
    make_files: MakeFiles,
    snapshot: Snapshot,
    tmp_path: Path,
    twin: str,
) -> None:
    target.get_model_registry().python.create_model(twin).save(make_files())
    before = snapshot(target)
    filled.export_bundle(tmp_path / "all.tar")

    with pytest.raises(AlreadyExistsError, match="too close"):
        target.import_bundle(tmp_path / "all.tar")
    assert snapshot(target) == before


def test_tags_that_would_be_too_large_are_refused_before_anything_is_stored(
    filled: Project, target: Project, tmp_path: Path, snapshot: Snapshot
) -> None:
    """A deployment keeps the tags that it has here, and gets those of the bundle."""
    serving = filled.get_model_serving()
    serving.get_deployment("two").add_tag("there", "x" * 10_000)
    bundle = tmp_path / "all.tar"
    filled.export_bundle(bundle)
    target.import_bundle(bundle)
    here = target.get_model_serving().get_deployment("two")
    here.delete_tag("there")
    here.add_tag("here", "y" * 10_000)
    changed = serving.get_deployment("two")
    changed.description = "so the import makes a new version"
    changed.save()
    filled.export_bundle(bundle, overwrite=True)

    before = snapshot(target)
    with pytest.raises(InvalidBundleError, match=r"'two'.*20,0.* at most 16,384"):
        target.import_bundle(bundle)
    assert snapshot(target) == before
    here.delete_tag("here")
    target.import_bundle(bundle)
    assert {*here.get_tags()} == {"there"}


def test_the_digest_of_the_report_tells_bundles_apart(
    filled: Project, target: Project, snapshot: Snapshot, tmp_path: Path
) -> None:
    meant = filled.export_bundle(tmp_path / "meant.tar")
    filled.export_bundle(tmp_path / "other.tar", models=["iris"])

    with pytest.raises(InvalidBundleError, match="not the expected bundle"):
        target.import_bundle(tmp_path / "other.tar", digest=meant.digest)
    assert snapshot(target) == {}


def test_a_bundle_that_changes_while_it_is_read_is_not_gone_on_with(
    filled: Project, target: Project, tmp_path: Path
) -> None:
    path = tmp_path / "all.tar"
    filled.export_bundle(path, models=["other-model"])

    class Touching(FaultyStorage):
        def write(self, name: str, chunks: Any) -> None:
            os.utime(path, (0, 0))
            super().write(name, chunks)

    project = hopsartifacts.login(storage=Touching(target.storage))
    with pytest.raises(SourceChangedError, match="changed while it was read"):
        project.import_bundle(path)
    assert target.get_model_registry().list_models() == []
    assert target.verify().ok


@pytest.mark.parametrize("project", ["local"], indirect=True)
@pytest.mark.parametrize("fault", [FAIL, LOSE_ANSWER], ids=["fail", "lose answer"])
def test_an_import_that_failed_anywhere_is_finished_by_the_next(
    filled: Project, tmp_path: Path, fault: Fault, clear_memory: None
) -> None:
    """Users import again after a failure, and it has to end as if none had been."""
    del clear_memory
    path = tmp_path / "b.tar"
    filled.export_bundle(path, deployments=["twin"], artifacts=False)
    wanted: dict[str, Any] | None = None
    failures = 0
    for number in itertools.count(1):
        storage = MemoryStorage(f"run{number}")
        faulty = FaultyStorage(storage, {number: fault})
        try:
            hopsartifacts.login(storage=faulty).import_bundle(path)
        except HopsArtifactsError:
            failures += 1
        project = hopsartifacts.login(storage=storage)
        project.import_bundle(path)
        if wanted is None:
            clean = hopsartifacts.login(storage=MemoryStorage("clean"))
            clean.import_bundle(path)
            wanted = arrived(clean)
        assert arrived(project) == wanted
        assert project.repair().ok
        if len(faulty.calls) < number:
            break
    assert failures > 20


def arrived(project: Project) -> dict[str, Any]:
    """Return what is there, whatever numbers a failure used up."""
    found = view(project.storage)
    names = sorted(found["models"])
    return {
        "models": [(name.split("/")[0], found["models"][name]) for name in names],
        "artifacts": [found["artifacts"][name] for name in names],
        "deployments": sorted(found["deployments"]),
    }


@pytest.mark.race
@pytest.mark.parametrize("project", ["local"], indirect=True)
@pytest.mark.parametrize("share", range(3))
def test_an_import_that_was_killed_anywhere_is_finished_by_the_next(
    filled: Project, tmp_path: Path, share: int
) -> None:
    path = tmp_path / "b.tar"
    filled.export_bundle(path, deployments=["two"], models=[("iris", 2)])
    kills = 0
    for number in itertools.count(1 + share, 3):
        storage = LocalStorage(tmp_path / f"run{number}")
        ended = in_a_child(FaultyStorage(storage, {number: KILL_AFTER}), path)
        project = hopsartifacts.login(storage=storage)
        for name in project.get_model_registry().list_models():
            for model in project.get_model_registry().get_models(name):
                model.download(tmp_path / f"files{number}-{name}-{model.version}")
        project.import_bundle(path)
        assert arrived(project)["models"] == arrived_of(filled)
        assert arrived(project)["deployments"] == ["two"]
        assert [*aliases(project).values()] == [{"champion": ANY}] * 2
        if ended != -signal.SIGKILL:
            assert ended == 0
            break
        kills += 1
    assert kills > 5


def arrived_of(filled: Project) -> list[Any]:
    found = view(filled.storage)["models"]
    return [("iris", found["iris/2"]), ("other-model", found["other-model/1"])]


def in_a_child(storage: Storage, bundle: Path) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            hopsartifacts.login(storage=storage).import_bundle(bundle)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_compressed_bundle_needs_room_to_be_unpacked(
    filled: Project,
    target: Project,
    snapshot: Snapshot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filled.export_bundle(tmp_path / "all.tar.gz")
    full = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: full)

    with pytest.raises(StorageError, match=r"room for 1000000.*TMPDIR"):
        target.import_bundle(tmp_path / "all.tar.gz")
    assert snapshot(target) == {}


def test_what_other_programs_compressed_is_imported(
    filled: Project, target: Project, tmp_path: Path
) -> None:
    filled.export_bundle(tmp_path / "all.tar")
    packed = gzip.compress((tmp_path / "all.tar").read_bytes())
    (tmp_path / "all.anything").write_bytes(packed)

    target.import_bundle(tmp_path / "all.anything")
    assert carried(target) == carried(filled)


def test_an_unsaved_model_cannot_be_exported(project: Project, tmp_path: Path) -> None:
    model: Model = project.get_model_registry().python.create_model("m")
    with pytest.raises(ModelNotFoundError, match="not saved yet"):
        model.export(tmp_path / "b.tar")
