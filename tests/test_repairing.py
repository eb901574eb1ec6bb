"""Repair of model files: from a twin, from elsewhere, else into quarantine."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import Model, Project
from hopsartifacts.digests import Digest, digest_of
from hopsartifacts.errors import IntegrityError, InvalidBundleError, StorageError
from hopsartifacts.guard import restoration

BIG = os.urandom(restoration.IN_MEMORY_BYTES + 4321)
DATA = {"small": b"small weights", "big": BIG}
Twins = Callable[[bytes], tuple[str, str]]


@pytest.fixture(params=list(DATA))
def data(request: pytest.FixtureRequest) -> bytes:
    """A file that is put down in one step, and one that is prepared aside."""
    return DATA[request.param]


@pytest.fixture
def twins(save_model: Callable[..., Model]) -> Twins:
    """Save two versions that share a file under two names; return its paths."""

    def save(data: bytes) -> tuple[str, str]:
        save_model("m", {"deep/a": data, "other": b"1"})
        save_model("m", {"b": data, "other": b"2"})
        return "Models/m/1/Files/deep/a", "Models/m/2/Files/b"

    return save


def quarantine(project: Project) -> dict[str, bytes]:
    prefix = ".hopsartifacts/quarantine/"
    return {
        entry.path.removeprefix(prefix).partition("/")[2]: project.storage.read(
            entry.path
        )
        for entry in project.storage.find(prefix.rstrip("/"))
    }


def check_tidy(project: Project) -> None:
    assert list(project.storage.find(".hopsartifacts/staging")) == []
    assert list(project.storage.find(".hopsartifacts/tmp")) == []


def damage(project: Project, path: str, edit: bytes = b"edited") -> None:
    project.storage.write(path, [edit])
    project.storage.protect(path)


@pytest.mark.parametrize("kind", ["changed", "missing"])
def test_a_model_file_comes_back_from_its_twin(
    project: Project, twins: Twins, data: bytes, kind: str
) -> None:
    path, twin = twins(data)
    if kind == "changed":
        damage(project, path)
    else:
        project.storage.delete_tree(path)
    report = project.repair()
    assert report.ok, str(report)
    (done,) = report.repaired
    assert done.action.startswith(f"restored from {twin}")
    assert project.storage.read(path) == project.storage.read(twin) == data
    assert quarantine(project) == ({path: b"edited"} if kind == "changed" else {})
    assert project.verify().ok
    check_tidy(project)


def test_both_may_need_each_others_help(
    project: Project, twins: Twins, data: bytes
) -> None:
    """One comes back from elsewhere, and the other one from it."""
    path, twin = twins(data)
    damage(project, path)
    damage(project, twin)
    asked: list[Digest] = []

    def once(digest: Digest) -> list[bytes] | None:
        asked.append(digest)
        return None if len(asked) == 1 else [data[:5], data[5:]]

    report = project.repair(sources=[once])
    assert report.ok, str(report)
    assert len(asked) == 2
    origins = {it.finding.path: it.action.split(";")[0] for it in report.repaired}
    assert origins[twin] == "restored from source 1"
    assert origins[path] == f"restored from {twin}"
    assert project.verify().ok


def test_a_twin_that_is_damaged_is_no_twin(
    project: Project, twins: Twins, data: bytes
) -> None:
    path, twin = twins(data)
    damage(project, path)
    damage(project, twin, data[:-1] + bytes([data[-1] ^ 1]))
    report = project.repair()
    assert {finding.path for finding in report.unrepaired} == {path, twin}
    assert project.storage.stat(path) is project.storage.stat(twin) is None
    check_tidy(project)


def test_a_twin_of_a_deleted_version_is_no_twin(project: Project, twins: Twins) -> None:
    path, _ = twins(b"data")
    project.get_model_registry().get_model("m", 2).delete()
    damage(project, path)
    assert not project.repair().ok


def test_two_names_of_one_file_are_one_copy(
    local_project: Project, make_files: Callable[..., Path]
) -> None:
    """Where versions share their bytes by a hard link, both are hit."""
    registry = local_project.get_model_registry()
    for _ in range(2):
        registry.python.create_model("m").save(make_files({"a": b"data"}))
    paths = [f"Models/m/{version}/Files/a" for version in (1, 2)]
    first, second = (local_project.storage.local_path(path) for path in paths)
    assert first is not None
    assert second is not None
    second.parent.chmod(0o755)
    second.unlink()
    os.link(first, second)
    second.parent.chmod(0o555)
    first.chmod(0o644)
    first.write_bytes(b"edit")
    first.chmod(0o444)
    report = local_project.repair()
    assert {finding.path for finding in report.unrepaired} == set(paths)
    assert quarantine(local_project) == dict.fromkeys(paths, b"edit")

    restored = local_project.repair(sources=[lambda _: [b"data"]])
    assert restored.ok, str(restored)
    assert local_project.verify().ok
    assert not first.samefile(second)


@pytest.mark.parametrize("offer", ["other", "longer", "shorter", "failing", "endless"])
def test_what_a_source_gives_is_checked(
    project: Project, twins: Twins, data: bytes, offer: str
) -> None:
    path, twin = twins(data)
    damage(project, path)
    project.storage.delete_tree(twin)

    def chunks(_: Digest) -> Iterator[bytes]:
        yield {"shorter": data[:-1], "other": data[:-1] + b"?"}.get(offer, data)
        if offer == "longer":
            yield b"?"
        if offer == "failing":
            raise IntegrityError("the bundle is damaged")
        while offer == "endless":
            yield b"?" * 1000

    report = project.repair(sources=[lambda _: None, chunks])
    assert {finding.path for finding in report.unrepaired} == {path, twin}
    assert project.storage.stat(twin) is None
    check_tidy(project)


def test_a_model_file_comes_back_from_a_bundle(
    project: Project, save_model: Callable[..., Model], data: bytes, tmp_path: Path
) -> None:
    save_model("m", {"deep/a": data, "other": b"1"})
    project.export_bundle(tmp_path / "b.tar.gz")
    path = "Models/m/1/Files/deep/a"
    damage(project, path)
    asked = []

    def source(digest: Digest) -> Iterator[bytes] | None:
        asked.append(digest)
        return None

    report = project.repair(sources=[source], bundle=tmp_path / "b.tar.gz")

    assert report.ok, str(report)
    assert asked == [digest_of(data)]
    assert "restored from source 2" in str(report)
    assert project.storage.read(path) == data
    assert [*quarantine(project).values()] == [b"edited"]
    assert project.verify().ok
    check_tidy(project)


@pytest.mark.parametrize("flaw", ["damaged", "missing"])
def test_a_bundle_that_cannot_be_trusted_is_refused_before_anything_is_touched(
    project: Project,
    save_model: Callable[..., Model],
    tmp_path: Path,
    snapshot: Any,
    flaw: str,
) -> None:
    save_model("m", {"a": b"the one", "b": b"another"})
    bundle = tmp_path / "b.tar"
    project.export_bundle(bundle)
    damage(project, "Models/m/1/Files/a")
    before = snapshot(project)
    if flaw == "damaged":
        # Another file than the one that is needed.
        bundle.write_bytes(bundle.read_bytes().replace(b"another", b"anotter"))
    else:
        bundle.unlink()

    with pytest.raises((InvalidBundleError, StorageError), match=r"b\.tar"):
        project.repair(bundle=bundle)
    assert snapshot(project) == before


def test_a_quarantined_version_does_not_start_until_it_is_back(
    project: Project,
    save_model: Callable[..., Model],
    make_script: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A repair without a copy takes the damaged file away."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    model = save_model("m", {"weights": b"weights"})
    deployment = model.deploy(script_file=make_script())
    damage(project, "Models/m/1/Files/weights")
    report = project.repair()
    assert "model 'm' version 1 cannot be served" in str(report)
    with pytest.raises((IntegrityError, FileNotFoundError), match="weights"):
        deployment.start()
    with pytest.raises(FileNotFoundError, match="weights"):
        model.download(tmp_path / "here")

    asked: list[Digest] = []

    def source(digest: Digest) -> list[bytes]:
        asked.append(digest)
        return [b"weights"]

    assert project.repair(sources=[source]).ok
    assert asked == [digest_of(b"weights")]
    deployment.start()
    deployment.stop()


def test_a_file_that_cannot_be_read_stays_where_it_is(
    project: Project,
    twins: Twins,
    intercept: Callable[[Callable[..., None]], Project],
) -> None:
    """Perhaps it can be tomorrow; if there is a copy, that takes its place."""
    path, twin = twins(b"data")

    def hook(method: str, at: str = "", *_: object) -> None:
        if method in {"chunks", "read"} and at == path:
            raise StorageError("Input/output error")

    project.storage.delete_tree(twin)
    report = intercept(hook).repair()
    kinds = {finding.path: finding.kind for finding in report.unrepaired}
    assert kinds == {path: "unreadable", twin: "missing"}
    assert project.storage.read(path) == b"data"
    assert project.repair().ok

    restored = intercept(hook).repair()
    assert [it.finding.path for it in restored.repaired] == [path]
    assert quarantine(project) == {path: b"data"}


def test_nothing_is_moved_aside_while_a_copy_does_not_answer(
    project: Project,
    twins: Twins,
    data: bytes,
    intercept: Callable[[Callable[..., None]], Project],
) -> None:
    path, twin = twins(data)
    damage(project, path)
    reads = 0

    def hook(method: str, at: str = "", *_: object) -> None:
        nonlocal reads
        if method in {"chunks", "read"} and at == twin:
            reads += 1
            if reads > 1:  # verify could read it
                raise StorageError("503 Slow Down")

    report = intercept(hook).repair()
    assert "repair failed: 503 Slow Down" in report.unrepaired[0].detail
    assert project.storage.read(path) == b"edited"
    check_tidy(project)
    assert project.repair().ok


def test_two_repairs_at_once_do_not_undo_each_other(
    project: Project,
    twins: Twins,
    intercept: Callable[[Callable[..., None]], Project],
) -> None:
    """The other one is done when this one begins to work."""
    path, twin = twins(b"data")
    damage(project, path)
    damage(project, twin)
    repaired = False

    def hook(method: str, at: str = "", *_: object) -> None:
        nonlocal repaired
        if method == "stat" and at == path and not repaired:
            repaired = True
            assert project.repair(sources=[lambda _: [b"data"]]).ok

    report = intercept(hook).repair()
    assert report.ok, str(report)
    assert {it.action for it in report.repaired} == {"it is intact again"}
    assert project.verify().ok


def test_a_damaged_payload_is_used_by_nobody(
    project: Project, save_model: Callable[..., Model], tmp_path: Path
) -> None:
    """Neither read, nor taken over into a new version, nor shown as a folder."""
    (tmp_path / "big").write_bytes(BIG)
    model = save_model("m", framework="sklearn")
    deployment = model.deploy(files=[tmp_path / "big"])
    (payload,) = (
        entry.path for entry in project.storage.find("Models/m/1/Artifacts/_payload")
    )
    damage(project, payload, BIG[:-1] + b"?")
    artifacts = project.get_model_serving().get_artifacts(model)
    with pytest.raises(IntegrityError, match=payload):
        artifacts.read(1)
    project.storage.delete_tree("Models/m/1/Artifacts/1")
    with pytest.raises(IntegrityError, match=payload):
        deployment.download_artifact_files(tmp_path / "here")
    assert project.storage.stat("Models/m/1/Artifacts/1") is None
    check_tidy(project)


def test_a_damaged_payload_comes_back_from_the_artifact_itself(
    users_folder: Path,
) -> None:
    """Also for an ordinary user, to whom the folder is closed."""
    for name, content in {"m": "m", "p.py": "class Predictor: pass"}.items():
        (users_folder / name).write_text(content)
    (users_folder / "big").write_bytes(BIG)
    project = hopsartifacts.login(users_folder / "project")
    model = project.get_model_registry().python.create_model("m")
    model.save(users_folder / "m").deploy(
        script_file=users_folder / "p.py", files=[users_folder / "big"]
    )
    paths = [
        entry.path
        for entry in project.storage.find("Models/m/1/Artifacts")
        if entry.name == "big"
    ]
    assert len(paths) == 2
    for path in paths:
        folder = path.rpartition("/")[0]
        project.storage.unprotect(folder)
        damage(project, path)
        project.storage.protect(folder)
        report = project.repair()
        assert report.ok, str(report)
        assert project.storage.read(path) == BIG
        assert project.verify().ok


def test_a_repair_that_is_killed_between_is_finished_by_the_next(
    project: Project,
    twins: Twins,
    data: bytes,
    intercept: Callable[[Callable[..., None]], Project],
) -> None:
    path, twin = twins(data)
    damage(project, path)

    class Killed(BaseException):
        pass

    def hook(method: str, at: str = "", *_: Any) -> None:
        if method == "create" and at == path:
            raise Killed
        if method == "move" and ".hopsartifacts/staging" in at:
            raise Killed

    with pytest.raises(Killed):
        intercept(hook).repair()
    assert quarantine(project) == {path: b"edited"}
    report = project.repair()
    assert report.ok, str(report)
    assert project.storage.read(path) == project.storage.read(twin) == data
