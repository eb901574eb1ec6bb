"""Verify names every edit of a managed file; repair undoes it and loses nothing."""

import base64
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts import Model, ModelServing, Project, RepairReport, login
from hopsartifacts.documents import encode, with_check, without_check
from hopsartifacts.errors import IntegrityError, StorageError

MakeScript = Callable[..., Path]
Snapshot = Callable[[Project], dict[str, bytes]]

VERSION = "Models/my_model/1"
MODEL_FILE = f"{VERSION}/Files/deep/model.bin"
SCRIPT_NAME = "predictor-predict.py"
SCRIPT = f"{VERSION}/Artifacts/1/{SCRIPT_NAME}"
NESTED = f"{VERSION}/Artifacts/1/model/deep/data.txt"
DOCUMENT = "Deployments/mymodel/1/deployment.json"
EMBEDDED = [f"{VERSION}/{name}.json" for name in ("input_example", "model_schema")]
COPY = f"{VERSION}/manifest.json"
RESTORABLE = [SCRIPT, NESTED, DOCUMENT, COPY, *EMBEDDED]


def fill(
    project: Project, make_files: Callable[..., Path], make_script: MakeScript
) -> None:
    model = project.get_model_registry().sklearn.create_model(
        "my_model", input_example=[1], model_schema={"input_schema": {}}
    )
    model.save(make_files({"deep/model.bin": b"weights", "other": b""}))
    folder = make_files({"deep/data.txt": "data"})
    model.deploy(script_file=make_script(), files=[folder])


@pytest.fixture
def full(
    project: Project, make_files: Callable[..., Path], make_script: MakeScript
) -> Project:
    """A project with one of everything."""
    fill(project, make_files, make_script)
    return project


@pytest.fixture
def full_local(
    local_project: Project, make_files: Callable[..., Path], make_script: MakeScript
) -> Project:
    fill(local_project, make_files, make_script)
    return local_project


def place(project: Project, path: str) -> Path:
    found = project.storage.local_path(path)
    assert found is not None
    return found


def findings(project: Project) -> set[tuple[str, str]]:
    return {(finding.kind, finding.path) for finding in project.verify().findings}


def quarantine(project: Project, snapshot: Snapshot) -> dict[str, bytes]:
    """Return what was moved aside, by the path where it was."""
    prefix = ".hopsartifacts/quarantine/"
    return {
        path.removeprefix(prefix).partition("/")[2]: data
        for path, data in snapshot(project).items()
        if path.startswith(prefix)
    }


def check_repaired(project: Project, report: RepairReport, *paths: str) -> None:
    assert report.ok
    assert {done.finding.path for done in report.repaired} == set(paths)
    assert project.verify().ok, str(project.verify())


def test_an_empty_project_is_fine(project: Project) -> None:
    assert project.verify().ok
    assert project.repair().ok
    assert list(project.storage.find("")) == []


def test_a_full_project_is_fine(full: Project, snapshot: Snapshot) -> None:
    before = snapshot(full)
    report = full.verify()
    assert report.ok
    assert report.files == 8
    assert report.size_bytes > 100
    assert "8 files" in str(report)
    assert "all as sealed" in str(report)
    check_repaired(full, full.repair())
    assert snapshot(full) == before


@pytest.mark.parametrize("edit", [b"another length", None], ids=["size", "bytes"])
@pytest.mark.parametrize("path", RESTORABLE)
def test_a_changed_file_is_named_and_restored(
    full: Project, snapshot: Snapshot, path: str, edit: bytes | None
) -> None:
    before = full.storage.read(path)
    edited = edit or bytes([before[0] ^ 1]) + before[1:]
    full.storage.write(path, [edited])
    assert findings(full) == {("changed", path)}
    assert path in str(full.verify())
    report = full.repair()
    check_repaired(full, report, path)
    assert f"{path}: restored" in str(report)
    assert full.storage.read(path) == before
    assert quarantine(full, snapshot) == {path: edited}


@pytest.mark.parametrize("path", RESTORABLE)
def test_a_missing_file_is_named_and_restored(
    full: Project, snapshot: Snapshot, path: str
) -> None:
    before = snapshot(full)
    full.storage.delete_tree(path)
    assert findings(full) == {("missing", path)}
    check_repaired(full, full.repair(), path)
    assert snapshot(full) == before


def test_a_missing_artifact_folder_is_restored(
    full: Project, snapshot: Snapshot
) -> None:
    before = snapshot(full)
    full.storage.delete_tree(f"{VERSION}/Artifacts/1")
    assert findings(full) == {("missing", SCRIPT), ("missing", NESTED)}
    check_repaired(full, full.repair(), SCRIPT, NESTED)
    assert snapshot(full) == before


@pytest.mark.parametrize(
    "path",
    [
        f"{VERSION}/Files/extra",
        f"{VERSION}/Files/deep/extra",
        f"{VERSION}/extra",
        f"{VERSION}/Artifacts/1/extra.py",
        f"{VERSION}/Artifacts/2/predictor-mine.py",
        f"{VERSION}/Artifacts/_log/notes.txt",
        "Models/extra",
        "Models/unknown/1/Files/x",
        "Models/my_model/2/Files/x",
        "Models/my_model/_log/notes.txt",
        "Models/my_model/_log/.DS_Store",
        "Models/my_model/_log/99/99/99/.nfs0001",
        "Deployments/mymodel/_log/00/desktop.ini",
        "Deployments/mymodel/1/extra",
        "Deployments/mymodel/2/deployment.json",
        "Deployments/unknown/1/deployment.json",
    ],
)
def test_an_extra_file_is_named_and_moved_aside(
    full: Project, snapshot: Snapshot, path: str
) -> None:
    before = snapshot(full)
    full.storage.write(path, [b"mine"])
    assert findings(full) == {("extra", path)}
    check_repaired(full, full.repair(), path)
    assert quarantine(full, snapshot) == {path: b"mine"}
    assert before.items() <= snapshot(full).items()


@pytest.mark.parametrize("kind", ["changed", "missing"])
def test_a_model_file_without_a_second_copy_is_named_and_kept_aside(
    full: Project, snapshot: Snapshot, kind: str
) -> None:
    if kind == "changed":
        full.storage.write(MODEL_FILE, [b"edited"])
    else:
        full.storage.delete_tree(MODEL_FILE)
    for found in (kind, "missing"):
        report = full.repair()
        assert not report.ok
        assert report.repaired == ()
        unrepaired = [(finding.kind, finding.path) for finding in report.unrepaired]
        assert unrepaired == [(found, MODEL_FILE)]
        assert "1 cannot be repaired here" in str(report)
        assert "model 'my_model' version 1 cannot be served" in str(report)
        moved = {MODEL_FILE: b"edited"} if kind == "changed" else {}
        assert quarantine(full, snapshot) == moved
        assert findings(full) == {("missing", MODEL_FILE)}


def test_one_repair_undoes_everything_it_can(full: Project, snapshot: Snapshot) -> None:
    full.storage.write(MODEL_FILE, [b"edited"])
    full.storage.write(SCRIPT, [b"edited"])
    full.storage.write(f"{VERSION}/Files/extra", [b"extra"])
    full.storage.delete_tree(DOCUMENT)
    report = full.repair()
    assert len(report.repaired) == 3
    assert [finding.path for finding in report.unrepaired] == [MODEL_FILE]
    assert findings(full) == {("missing", MODEL_FILE)}
    assert quarantine(full, snapshot) == {
        MODEL_FILE: b"edited",
        SCRIPT: b"edited",
        f"{VERSION}/Files/extra": b"extra",
    }


@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
def test_a_link_instead_of_a_file_is_named_and_moved_aside(
    full_local: Project, tmp_path: Path, target: str
) -> None:
    script = place(full_local, SCRIPT)
    (tmp_path / "elsewhere").write_bytes(script.read_bytes())
    script.unlink()
    script.symlink_to(tmp_path / target)
    report = full_local.verify()
    assert [str(finding) for finding in report.findings] == [
        f"changed: {SCRIPT} (it is a link, not a file)"
    ]
    check_repaired(full_local, full_local.repair(), SCRIPT)
    assert not script.is_symlink()
    moved = list(full_local.storage.find(".hopsartifacts/quarantine"))
    assert [it.kind for it in moved] == ["link"]
    assert (tmp_path / "elsewhere").exists()


def test_a_folder_instead_of_a_file_is_named_and_moved_aside(
    full_local: Project, snapshot: Snapshot
) -> None:
    place(full_local, SCRIPT).unlink()
    full_local.storage.write(f"{SCRIPT}/mine/too", [b"mine"])
    assert findings(full_local) == {
        ("changed", SCRIPT),
        ("extra", f"{SCRIPT}/mine/too"),
    }
    full_local.repair()
    assert full_local.verify().ok
    assert quarantine(full_local, snapshot) == {f"{SCRIPT}/mine/too": b"mine"}


def test_a_file_instead_of_a_folder_is_named_and_moved_aside(
    full_local: Project, snapshot: Snapshot
) -> None:
    folder = f"{VERSION}/Artifacts/1/model"
    full_local.storage.delete_tree(folder)
    full_local.storage.write(folder, [b"mine"])
    assert findings(full_local) == {("extra", folder), ("missing", NESTED)}
    check_repaired(full_local, full_local.repair(), folder, NESTED)
    assert quarantine(full_local, snapshot) == {folder: b"mine"}


def test_a_pipe_is_named_and_not_read(full_local: Project) -> None:
    script = place(full_local, SCRIPT)
    script.unlink()
    os.mkfifo(script)
    os.mkfifo(place(full_local, f"{VERSION}/Files/pipe"))
    assert findings(full_local) == {
        ("changed", SCRIPT),
        ("extra", f"{VERSION}/Files/pipe"),
    }
    full_local.repair()
    assert full_local.verify().ok


@pytest.mark.parametrize(
    "path",
    [
        MODEL_FILE,
        SCRIPT,
        DOCUMENT,
        COPY,
        f"{VERSION}/Files",
        f"{VERSION}/Artifacts/1",
        *EMBEDDED,
    ],
)
def test_an_open_mode_is_named_and_closed(full_local: Project, path: str) -> None:
    opened = place(full_local, path)
    opened.chmod(opened.stat().st_mode | 0o200)
    assert findings(full_local) == {("unprotected", path)}
    check_repaired(full_local, full_local.repair(), path)
    assert not opened.stat().st_mode & 0o222


def test_restored_files_and_their_folders_are_read_only(full_local: Project) -> None:
    full_local.storage.delete_tree(f"{VERSION}/Artifacts/1/model")
    full_local.repair()
    for path in (NESTED, f"{VERSION}/Artifacts/1/model/deep", f"{VERSION}/Artifacts/1"):
        assert not place(full_local, path).stat().st_mode & 0o222, path


def log_entries(project: Project, folder: str) -> list[str]:
    """Return the paths of the entries of a log, from the first."""
    return [it.path for it in project.storage.find(f"{folder}/_log")][::-1]


def with_text(data: bytes, old: bytes, new: bytes) -> bytes:
    """Return an entry with *new* in its text for *old*, and its check as it was."""
    text = gzip.decompress(data)
    assert old in text
    return gzip.compress(text.replace(old, new, 1), mtime=0)


@pytest.mark.parametrize(
    "folder", ["Models/my_model", f"{VERSION}/Artifacts", "Deployments/mymodel"]
)
@pytest.mark.parametrize(
    "edit", ["torn", "other", "plain", "flipped", "spaced", "moved"]
)
def test_a_damaged_log_is_named_and_what_it_owns_left_alone(
    full: Project, snapshot: Snapshot, folder: str, edit: str
) -> None:
    path = log_entries(full, folder)[0]
    data = full.storage.read(path)
    edited = {
        "torn": data[: len(data) // 2],
        "other": b"{}",
        "plain": gzip.decompress(data),
        "flipped": with_text(data, b'"seq":1', b'"seq":2'),
        "spaced": with_text(data, b'"time":"', b'"time":" '),
        "moved": full.storage.read(log_entries(full, "Models/my_model")[-1]),
    }[edit]
    full.storage.write(path, [edited])
    full.storage.write(f"{folder}/extra", [b"mine"])
    before = snapshot(full)
    report = full.verify()
    assert [(it.kind, it.path) for it in report.findings] == [("damaged", folder)]
    assert path in report.findings[0].detail
    assert not full.repair().ok
    assert snapshot(full) == before


def test_an_entry_from_another_history_is_named(
    full: Project, save_model: Callable[..., Model]
) -> None:
    """Each entry is sound, but what comes after it does not follow it."""
    save_model("other")
    stranger = full.storage.read(log_entries(full, "Models/other")[0])
    first, _ = log_entries(full, "Models/my_model")
    sound = full.storage.read(first)
    forge(full, first, lambda body: body.update(writer="somebody else"))
    assert findings(full) == {("damaged", "Models/my_model")}
    assert "does not follow the entry before it" in str(full.verify())

    full.storage.write(first, [stranger])
    assert findings(full) == {("damaged", "Models/my_model")}
    assert "contains entry 1 of Models/other/_log: it was moved" in str(full.verify())
    forge(full, first, lambda body: body.update(log="Models/my_model/_log"))
    assert findings(full) == {("damaged", "Models/my_model")}
    assert "does not follow the entry before it" in str(full.verify())

    full.storage.write(first, [sound])
    assert full.verify().ok


@pytest.mark.parametrize("folder", ["Models/my_model", "Deployments/mymodel"])
def test_a_hole_in_a_log_is_named(
    full: Project, snapshot: Snapshot, folder: str
) -> None:
    deployment = full.get_model_serving().get_deployment("mymodel")
    deployment.description = "changed"
    deployment.save()
    full.get_model_registry().get_model("my_model").set_tag("a", 1)
    first = log_entries(full, folder)[0]
    full.storage.delete_tree(first)
    before = snapshot(full)
    assert findings(full) == {("damaged", folder)}
    assert "is missing" in str(full.verify())
    assert not full.repair().ok
    assert snapshot(full) == before


def test_a_log_that_is_gone_is_named_and_what_it_owned_left_alone(
    full: Project, snapshot: Snapshot
) -> None:
    """The name is claimed and files are there: they are not somebody's extra files."""
    full.storage.delete_tree("Models/my_model/_log")
    before = snapshot(full)
    assert findings(full) == {("damaged", "Models/my_model")}
    assert not full.repair().ok
    assert snapshot(full) == before


def forge(
    project: Project, path: str, change: Callable[[dict[str, Any]], None]
) -> None:
    """Edit an entry as somebody would who knows how it is checked."""
    body = json.loads(without_check(gzip.decompress(project.storage.read(path))))
    change(body)
    data = gzip.compress(with_check(encode(body)), mtime=0)
    project.storage.write(path, [data])


def test_a_forged_manifest_is_named(full: Project, snapshot: Snapshot) -> None:
    """In the newest entry, which no other one names the digest of."""
    seal = log_entries(full, "Models/my_model")[-1]
    forge(full, seal, lambda body: body["content"].update(description="better"))
    before = snapshot(full)
    assert [it.kind for it in full.verify().findings] == ["damaged"]
    assert not full.repair().ok
    assert snapshot(full) == before
    mr = full.get_model_registry()
    # The copy beside the files is still as it was.
    assert mr.get_model("my_model", 1).description != "better"
    full.storage.delete_tree(COPY)
    for number in (1, None):
        with pytest.raises(IntegrityError, match="does not contain the manifest"):
            mr.get_model("my_model", number)
    with pytest.raises(IntegrityError, match="does not contain the manifest"):
        _ = mr.get_models("my_model")[-1].manifest


def forge_copy(project: Project) -> None:
    copy = json.loads(project.storage.read(COPY))
    del copy["check"]
    copy["manifest"]["description"] = "better"
    project.storage.write(COPY, [with_check(encode(copy))])


@pytest.mark.parametrize("edit", ["gone", "torn", "forged", "moved"])
def test_a_copy_of_a_manifest_decides_nothing(
    full: Project, save_model: Callable[..., Model], edit: str
) -> None:
    mr = full.get_model_registry()
    manifest = mr.get_model("my_model", 1).manifest
    save_model("my_model")
    sound = full.storage.read(COPY)
    if edit == "gone":
        full.storage.delete_tree(COPY)
    elif edit == "torn":
        full.storage.write(COPY, [sound[:-10]])
    elif edit == "forged":
        forge_copy(full)
    else:
        other = full.storage.read("Models/my_model/2/manifest.json")
        full.storage.write(COPY, [other])
    if edit != "forged":  # a check that was computed again is found by verify alone
        assert mr.get_model("my_model", 1).manifest == manifest
    assert mr.get_models("my_model")[0].manifest == manifest

    kind = "missing" if edit == "gone" else "changed"
    assert findings(full) == {(kind, COPY)}
    check_repaired(full, full.repair(), COPY)
    assert full.storage.read(COPY) == sound
    assert mr.get_model("my_model", 1).manifest == manifest


def test_a_forged_script_is_not_restored(full: Project, snapshot: Snapshot) -> None:
    """The entry is sound by its check, but not by what it says of the script."""
    entry = log_entries(full, f"{VERSION}/Artifacts")[0]
    script = base64.b64encode(b"evil()").decode()
    forge(full, entry, lambda body: body["content"].update({SCRIPT_NAME: script}))
    full.storage.delete_tree(SCRIPT)
    before = snapshot(full)
    report = full.repair()
    assert not report.ok
    assert "as it was saved" in report.unrepaired[0].detail
    assert snapshot(full) == before


def test_one_damaged_log_does_not_hide_another_model(
    full: Project, save_model: Callable[..., Model]
) -> None:
    save_model("other", files={"a": b"a"})
    full.storage.write(log_entries(full, "Models/my_model")[0], [b""])
    full.storage.write("Models/other/1/Files/a", [b"edited"])
    assert findings(full) == {
        ("damaged", "Models/my_model"),
        ("changed", "Models/other/1/Files/a"),
    }


def test_files_of_a_deleted_version_are_leftovers(
    full: Project, save_model: Callable[..., Model], snapshot: Snapshot
) -> None:
    second = save_model(framework="sklearn")
    deployment = second.deploy("second")
    deployment.delete()
    second.delete()
    model_path = "Models/my_model/2/Files/x"
    document = "Deployments/second/1/deployment.json"
    for path in (model_path, document):
        full.storage.write(path, [b"back"])
    assert findings(full) == {("leftover", model_path), ("leftover", document)}
    check_repaired(full, full.repair(), model_path, document)
    assert quarantine(full, snapshot) == {model_path: b"back", document: b"back"}


def test_files_of_a_deleted_artifact_version_are_leftovers(
    full: Project, ms: ModelServing, make_script: Callable[..., Path]
) -> None:
    model = full.get_model_registry().get_model("my_model", 1)
    script = make_script("class Predictor:\n    pass\n")
    deployment = model.deploy("second", script_file=script)
    number = deployment.artifact_version
    deployment.delete()
    ms.get_artifacts(model).delete(number)
    path = f"{VERSION}/Artifacts/{number}/predictor-predict.py"
    full.storage.write(path, [b"back"])
    assert findings(full) == {("leftover", path)}
    check_repaired(full, full.repair(), path)


def test_a_big_artifact_is_restored_from_its_payload(
    full: Project, make_script: MakeScript, snapshot: Snapshot
) -> None:
    big = make_script("x" * (300 << 10), "big.txt")
    full.get_model_registry().get_model("my_model").deploy("big", files=[big])
    path = f"{VERSION}/Artifacts/2/big.txt"
    full.storage.write(path, [b"edited"])
    check_repaired(full, full.repair(), path)
    assert full.storage.read(path) == big.read_bytes()
    payload = next(
        path for path in snapshot(full) if path.startswith(f"{VERSION}/Artifacts/_pay")
    )
    full.storage.write(payload, [b"edited"])
    assert findings(full) == {("changed", payload)}


def test_nothing_is_restored_from_a_source_that_is_damaged_too(
    full: Project, make_script: MakeScript, snapshot: Snapshot
) -> None:
    big = make_script("x" * (300 << 10), "big.txt")
    full.get_model_registry().get_model("my_model").deploy("big", files=[big])
    path = f"{VERSION}/Artifacts/2/big.txt"
    payload = next(
        path for path in snapshot(full) if path.startswith(f"{VERSION}/Artifacts/_pay")
    )
    full.storage.write(path, [b"edited"])
    full.storage.write(payload, [b"edited too"])
    report = full.repair()
    assert {finding.path for finding in report.unrepaired} == {path, payload}
    assert findings(full) == {("missing", path), ("missing", payload)}
    assert quarantine(full, snapshot) == {path: b"edited", payload: b"edited too"}


def test_a_file_that_cannot_be_read_is_named(
    full: Project, intercept: Callable[[Callable[..., None]], Project]
) -> None:
    """A bad sector, or no permission: the other files are checked all the same."""

    def hook(method: str, path: str = "", *_: object) -> None:
        if method == "read" and path == MODEL_FILE:
            raise StorageError(f"cannot read {path!r}: Input/output error")

    full.storage.write(SCRIPT, [b"edited"])
    found = {("unreadable", MODEL_FILE), ("changed", SCRIPT)}
    assert findings(intercept(hook)) == found
    assert "Input/output error" in str(intercept(hook).verify())


def test_what_goes_while_verify_looks_is_no_surprise(
    full: Project, intercept: Callable[[Callable[..., None]], Project]
) -> None:
    extra = f"{VERSION}/Files/extra"
    full.storage.write(extra, [b""])

    def hook(method: str, path: str = "", *_: object) -> None:
        if (method, path) in {("stat", extra), ("read", MODEL_FILE)}:
            full.storage.delete_tree(path)

    report = intercept(hook).verify()
    assert [str(finding) for finding in report.findings] == [
        f"changed: {MODEL_FILE} (it was deleted while it was checked)"
    ]


def test_what_comes_while_repair_works_is_not_replaced(
    full: Project, intercept: Callable[[Callable[..., None]], Project]
) -> None:
    def hook(method: str, path: str = "", *_: object) -> None:
        if (method, path) == ("create", DOCUMENT):
            full.storage.create(path, b"of another")

    full.storage.delete_tree(DOCUMENT)
    report = intercept(hook).repair()
    assert [finding.path for finding in report.unrepaired] == [DOCUMENT]
    assert full.storage.read(DOCUMENT) == b"of another"


def test_a_repair_that_fails_is_reported(
    full: Project, intercept: Callable[[Callable[..., None]], Project]
) -> None:
    def hook(method: str, *_: object) -> None:
        if method == "move":
            raise StorageError("no")

    full.storage.write(SCRIPT, [b"edited"])
    full.storage.delete_tree(DOCUMENT)
    report = intercept(hook).repair()
    assert [done.finding.path for done in report.repaired] == [DOCUMENT]
    assert "repair failed: no" in report.unrepaired[0].detail
    assert findings(full) == {("changed", SCRIPT)}


def test_verify_is_silent_beside_a_save_in_progress(
    full: Project,
    intercept: Callable[[Callable[..., None]], Project],
    make_files: Callable[..., Path],
) -> None:
    """From the reservation to the seal, at every storage call."""
    seen: list[str] = []
    others = full.get_model_registry()

    def hook(method: str, path: str = "", *_: object) -> None:
        if len(others.get_models("my_model")) == 1:
            seen.append(f"{method} {path}")
            report = full.verify()
            assert report.ok, f"{method} {path}: {report}"

    registry = intercept(hook).get_model_registry()
    registry.python.create_model("my_model", input_example=[1]).save(make_files())
    assert any("Models/my_model/2" in call for call in seen)


def test_an_ordinary_user_repairs_too(users_folder: Path) -> None:
    (users_folder / "model").mkdir()
    (users_folder / "model" / "a").write_bytes(b"a")
    (users_folder / "p.py").write_text("class Predictor: pass")
    project = login(users_folder / "project")
    model = project.get_model_registry().sklearn.create_model("my_model")
    model.save(users_folder / "model").deploy(script_file=users_folder / "p.py")
    script = users_folder / "project" / VERSION / "Artifacts/1/predictor-p.py"
    script.chmod(0o644)
    script.write_text("edited")
    files = users_folder / "project" / VERSION / "Files"
    files.chmod(0o755)
    (files / "extra").write_text("extra")
    files.chmod(0o555)
    report = project.repair()
    assert report.ok, str(report)
    assert project.verify().ok
    (files / "a").chmod(0)
    assert findings(project) == {("unreadable", f"{VERSION}/Files/a")}
    assert "permission denied" in str(project.verify())


def test_a_lost_log_keeps_numbers_from_being_given_again(
    full: Project, save_model: Callable[..., Model]
) -> None:
    full.storage.delete_tree("Models/my_model/_log")
    with pytest.raises(IntegrityError, match="my_model' is missing, so its versions"):
        save_model("my_model")


@pytest.mark.parametrize("writes", ["save", "repair"])
def test_a_document_that_a_crash_left_out_is_written_later(
    full: Project,
    intercept: Callable[[Callable[..., None]], Project],
    ms: ModelServing,
    writes: str,
) -> None:
    """The log has what belongs in it, so a reader loses nothing meanwhile."""

    class KilledError(BaseException):
        pass

    def kill(method: str, path: str = "", *_: object) -> None:
        if method == "create" and path.endswith("2/deployment.json"):
            raise KilledError

    deployment = intercept(kill).get_model_serving().get_deployment("mymodel")
    deployment.description = "changed"
    with pytest.raises(KilledError):
        deployment.save()
    document = "Deployments/mymodel/2/deployment.json"
    (finding,) = full.verify().findings
    assert (finding.kind, finding.path) == ("missing", document)
    assert "in the log" in finding.detail
    again = ms.get_deployment("mymodel")
    assert again.version == 2
    if writes == "save":
        again.save()
        assert again.version == 2
    else:
        again.description = "another"
        again.save()
        assert again.version == 3
        assert findings(full) == {("missing", document)}
        check_repaired(full, full.repair(), document)
    assert full.verify().ok
