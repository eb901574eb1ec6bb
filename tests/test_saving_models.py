"""Saving models: lazy, whole, numbered once, and nothing of the user's touched."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import Model, ModelRegistry, Project, login
from hopsartifacts.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidModelError,
    ModelNotFoundError,
    SourceChangedError,
    StorageError,
)
from hopsartifacts.testing.faults import Fault, FaultyStorage, StorageCall

Snapshot = Callable[[Project], dict[str, bytes]]
MakeFiles = Callable[..., Path]
SaveModel = Callable[..., Model]


def files_of(model: Model) -> list[str]:
    return [file.path for file in model.manifest.files]


@pytest.mark.parametrize(
    ("handle", "framework"),
    [
        ("tensorflow", "TENSORFLOW"),
        ("torch", "TORCH"),
        ("python", "PYTHON"),
        ("sklearn", "SKLEARN"),
        ("llm", "LLM"),
    ],
)
def test_each_framework_has_its_handle(
    save_model: SaveModel, mr: ModelRegistry, handle: str, framework: str
) -> None:
    saved = save_model("m", framework=handle)
    assert saved.framework == framework
    assert mr.get_model("m").framework == framework


def test_create_model_stores_nothing(project: Project, snapshot: Snapshot) -> None:
    model = project.get_model_registry().python.create_model("m", version=4)
    assert snapshot(project) == {}
    assert (model.name, model.version, model.id) == ("m", 4, None)
    assert (model.created, model.creator) == (None, None)


@pytest.mark.parametrize(
    "use",
    [
        lambda model: model.version_path,
        lambda model: model.model_files_path,
        lambda model: model.manifest,
        lambda model: model.download(),
        lambda model: model.delete(),
        lambda model: model.deploy(),
        lambda model: model.add_tag("a", 1),
        lambda model: model.get_tags(),
    ],
    ids=["path", "files", "manifest", "download", "delete", "deploy", "add", "get"],
)
def test_what_was_not_saved_says_so(
    mr: ModelRegistry, use: Callable[[Model], object]
) -> None:
    with pytest.raises(ModelNotFoundError, match=r"'m' was not saved yet: call save"):
        use(mr.python.create_model("m"))


def test_a_folder_is_saved_as_a_tree(
    project: Project, save_model: SaveModel, snapshot: Snapshot
) -> None:
    files: dict[str, str | bytes] = {"a.bin": b"\x00", "deep/b.txt": "b", "none": b""}
    model = save_model("m", files)
    stored = snapshot(project)
    assert files_of(model) == ["a.bin", "deep/b.txt", "none"]
    assert model.manifest.size_bytes == 2
    assert stored["Models/m/1/Files/a.bin"] == b"\x00"
    assert stored["Models/m/1/Files/deep/b.txt"] == b"b"
    assert stored["Models/m/1/Files/none"] == b""


def test_a_file_is_saved_by_its_name(
    mr: ModelRegistry, make_files: MakeFiles, tmp_path: Path
) -> None:
    file = make_files({"m.pkl": b"x"}) / "m.pkl"
    assert files_of(mr.python.create_model("m").save(file)) == ["m.pkl"]
    link = tmp_path / "latest.pkl"
    link.symlink_to(file)
    assert files_of(mr.python.create_model("m").save(str(link))) == ["latest.pkl"]


def test_a_path_may_be_relative_to_the_working_directory(
    mr: ModelRegistry, make_files: MakeFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_files({"a": b""})
    monkeypatch.chdir(folder.parent)
    assert files_of(mr.python.create_model("m").save("model")) == ["a"]
    monkeypatch.chdir(folder)
    assert files_of(mr.python.create_model("m").save(".")) == ["a"]


def test_links_inside_the_folder_are_followed(
    mr: ModelRegistry, make_files: MakeFiles
) -> None:
    folder = make_files({"real/a": b"a"})
    (folder / "link").symlink_to("real")
    (folder / "file").symlink_to("real/a")
    model = mr.python.create_model("m").save(folder)
    assert files_of(model) == ["file", "link/a", "real/a"]
    assert {file.digest.size_bytes for file in model.manifest.files} == {1}


def test_a_snapshot_of_the_hugging_face_cache_is_saved(
    mr: ModelRegistry, make_files: MakeFiles
) -> None:
    """Its files are all links to blobs that lie beside it."""
    top = make_files({"blobs/1f3a": b"{}", "blobs/99bc": b"weights"})
    snapshot = top / "snapshots" / "main"
    (snapshot / "onnx").mkdir(parents=True)
    (snapshot / "config.json").symlink_to("../../blobs/1f3a")
    (snapshot / "onnx" / "model.bin").symlink_to("../../../blobs/99bc")
    model = mr.python.create_model("m").save(snapshot)
    assert files_of(model) == ["config.json", "onnx/model.bin"]
    folder = Path(model.download())
    assert (folder / "onnx" / "model.bin").read_bytes() == b"weights"
    assert not (folder / "onnx" / "model.bin").is_symlink()


def test_a_link_that_is_turned_elsewhere_meanwhile_fails_the_save(
    project: Project, make_files: MakeFiles
) -> None:
    folder = make_files({"a": b"a"})
    other = make_files({"one": b"1", "two": b"1"})
    (folder / "link").symlink_to(other / "one")

    def turn(_: StorageCall) -> None:
        (folder / "link").unlink()
        (folder / "link").symlink_to(other / "two")

    storage = FaultyStorage(
        project.storage,
        lambda it: Fault(after=turn) if it.path.endswith("Files/a") else None,
    )
    registry = login(storage=storage).get_model_registry()
    with pytest.raises(SourceChangedError, match="link' was changed"):
        registry.python.create_model("m").save(folder)


@pytest.mark.parametrize(
    "name",
    [
        ".git/HEAD",
        "a/__pycache__/x.pyc",
        ".ipynb_checkpoints/a",
        "b/.DS_Store",
        "Thumbs.db",
        "b/desktop.ini",
    ],
)
def test_what_tools_left_in_the_folder_is_saved_and_told(
    mr: ModelRegistry, make_files: MakeFiles, name: str
) -> None:
    folder = make_files({"m.bin": b"", name: b""})
    told = next(
        part for part in name.split("/") if part.startswith((".", "__", "T", "d"))
    )
    with pytest.warns(UserWarning, match=f"contains {re.escape(told)}: saved with"):
        model = mr.python.create_model("m").save(folder)
    assert files_of(model) == sorted(["m.bin", name])


def test_empty_folders_are_not_kept(mr: ModelRegistry, make_files: MakeFiles) -> None:
    folder = make_files({"a": b""})
    (folder / "empty").mkdir()
    assert files_of(mr.python.create_model("m").save(folder)) == ["a"]


def test_versions_count_from_one(save_model: SaveModel) -> None:
    assert [save_model().version for _ in range(3)] == [1, 2, 3]


def test_a_number_can_be_asked_for(save_model: SaveModel, mr: ModelRegistry) -> None:
    assert save_model(version=7).version == 7
    assert save_model().version == 8
    assert save_model(version="3").version == 3
    assert save_model().version == 9
    assert [model.version for model in mr.get_models("my_model")] == [3, 7, 8, 9]


def test_a_number_is_given_once(save_model: SaveModel) -> None:
    save_model(version=2)
    with pytest.raises(AlreadyExistsError, match=r"'my_model' version 2 exists.*get 3"):
        save_model(version=2)


def test_a_number_is_never_given_again(save_model: SaveModel) -> None:
    save_model()
    save_model().delete()
    with pytest.raises(AlreadyExistsError, match=r"version 2 was used.*deleted.*get 3"):
        save_model(version=2)
    assert save_model().version == 3


def test_the_users_files_stay_as_they_are(
    mr: ModelRegistry,
    tmp_path: Path,
    make_files: MakeFiles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hopsworks deletes files of these names in the working directory."""
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    for name in ("input_example.json", "model_schema.json"):
        (cwd / name).write_text("mine")
    monkeypatch.chdir(cwd)
    folder = make_files({"a": b"a", "b/c": b"c"})

    def looks() -> dict[Path, tuple[int, ...]]:
        found = {path: path.stat() for path in [folder, *folder.rglob("*")]}
        # All but when it was last read.
        return {
            path: (*it[:7], it.st_mtime_ns, it.st_ctime_ns)
            for path, it in found.items()
        }

    before = looks()
    schema: dict[str, Any] = {"input_schema": {}}
    mr.python.create_model("m", input_example=[1], model_schema=schema).save(folder)
    assert looks() == before
    assert {path.name: path.read_text() for path in cwd.iterdir()} == {
        "input_example.json": "mine",
        "model_schema.json": "mine",
    }


def test_description_and_paths(model: Model, mr: ModelRegistry) -> None:
    project = mr.project_name
    for it in (model, mr.get_model("my_model")):
        assert it.description == "A collection of models for my_model"
        assert it.model_path == f"/Projects/{project}/Models/my_model"
        assert it.version_path == f"/Projects/{project}/Models/my_model/1"
        assert it.model_files_path == f"/Projects/{project}/Models/my_model/1/Files"
        assert it.project_name == project
        assert it.id
        assert it.created
        assert it.creator
    assert "'my_model', version: 1" in repr(model)


def test_a_description_is_kept(save_model: SaveModel, mr: ModelRegistry) -> None:
    save_model(description="größer")
    assert mr.get_model("my_model").description == "größer"


def test_sealed_files_and_folders_are_read_only(
    local_project: Project, make_files: MakeFiles
) -> None:
    registry = local_project.get_model_registry()
    registry.python.create_model("m", input_example=[1]).save(make_files({"a/b": b""}))
    storage = local_project.storage
    for path in ("Files", "Files/a", "Files/a/b", "input_example.json"):
        entry = storage.stat(f"Models/m/1/{path}")
        assert entry is not None
        assert entry.is_read_only, path


def test_an_ordinary_user_saves_reads_and_deletes(users_folder: Path) -> None:
    """Read-only files are in nobody's way who goes through the registry."""
    folder = users_folder / "model"
    folder.mkdir()
    (folder / "a").write_bytes(b"a")
    registry = hopsartifacts.login(users_folder / "project").get_model_registry()
    model = registry.python.create_model("m").save(folder)
    model.download(users_folder / "here")
    model.download(users_folder / "here")
    assert (users_folder / "here" / "a").read_bytes() == b"a"
    model.delete()
    assert registry.get_models("m") == []


def change_bytes(folder: Path) -> None:
    (folder / "b").write_bytes(b"changed")


def change_mode_only_in_time(folder: Path) -> None:
    os.utime(folder / "b", ns=(1, 1))


def add_file(folder: Path) -> None:
    (folder / "new").write_bytes(b"")


def add_bad_file(folder: Path) -> None:
    (folder / "new#").write_bytes(b"")


def remove_file(folder: Path) -> None:
    (folder / "b").unlink()


def remove_all(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    "change",
    [
        change_bytes,
        change_mode_only_in_time,
        add_file,
        add_bad_file,
        remove_file,
        remove_all,
    ],
)
@pytest.mark.parametrize("when", [1, 2, 3])
def test_files_that_change_while_they_are_saved_fail_the_save(
    project: Project,
    intercept: Callable[[Callable[..., None]], Project],
    make_files: MakeFiles,
    snapshot: Snapshot,
    change: Callable[[Path], None],
    when: int,
) -> None:
    """Before the first, before the last and after the last file was read."""
    folder = make_files({"a": b"a" * 100, "b": b"b" * 100, "c": b"c"})
    writes: list[str] = []

    def hook(method: str, path: str = "", *_: object) -> None:
        if method == "write":
            writes.append(path)
            if len(writes) == when:
                change(folder)

    registry = intercept(hook).get_model_registry()
    with pytest.raises(SourceChangedError, match="model") as caught:
        registry.python.create_model("m").save(folder)
    assert str(folder) in str(caught.value)
    assert snapshot(project) == {}
    assert registry.python.create_model("m").save(make_files()).version == 1


def test_a_save_that_fails_after_its_reservation_uses_the_number_up(
    project: Project,
    intercept: Callable[[Callable[..., None]], Project],
    make_files: MakeFiles,
    snapshot: Snapshot,
) -> None:
    def hook(method: str, path: str = "", *_: object) -> None:
        if method == "protect" and path.startswith("Models/"):
            raise StorageError("no")

    with pytest.raises(StorageError, match="no"):
        intercept(hook).get_model_registry().python.create_model("m").save(make_files())
    registry = project.get_model_registry()
    assert not any(path.startswith("Models/m/1/") for path in snapshot(project))
    assert registry.get_models("m") == []
    assert registry.list_models() == []
    with pytest.raises(AlreadyExistsError, match="aborted"):
        registry.python.create_model("m", version=1).save(make_files())
    assert registry.python.create_model("m").save(make_files()).version == 2


def test_a_number_being_saved_by_another_is_taken(
    project: Project,
    intercept: Callable[[Callable[..., None]], Project],
    make_files: MakeFiles,
) -> None:
    registry = project.get_model_registry()
    seen: list[str] = []

    def hook(method: str, path: str = "", *_: object) -> None:
        if method == "protect" and path.startswith("Models/") and not seen:
            seen.append(method)
            with pytest.raises(
                AlreadyExistsError, match="being saved by another writer"
            ):
                registry.python.create_model("m", version=1).save(make_files())
            assert registry.get_models("m") == []
            assert registry.python.create_model("m").save(make_files()).version == 2

    first = intercept(hook).get_model_registry().python.create_model("m")
    assert first.save(make_files()).version == 1
    assert seen


def test_files_of_somebody_else_are_in_the_way(
    project: Project, make_files: MakeFiles, mr: ModelRegistry
) -> None:
    project.storage.write("Models/m/1/Files/stray", [b"mine"])
    with pytest.raises(ConflictError, match=r"'Models/m/1' contains files.*repair"):
        mr.python.create_model("m").save(make_files())
    assert project.storage.read("Models/m/1/Files/stray") == b"mine"
    assert mr.python.create_model("m").save(make_files()).version == 2


def test_a_seal_whose_answer_is_lost_is_found(
    project: Project,
    intercept: Callable[[Callable[..., None]], Project],
    make_files: MakeFiles,
) -> None:
    """The entry is there, and the storage says that it failed: the save succeeds."""

    def hook(method: str, path: str = "", *rest: bytes) -> None:
        if method == "create" and path.endswith("_log/000000000002.json"):
            project.storage.create(path, rest[0])
            raise StorageError("lost")

    model = intercept(hook).get_model_registry().python.create_model("m")
    assert model.save(make_files()).version == 1
    assert project.get_model_registry().get_model("m").version == 1


def test_a_model_may_not_hold_the_project(
    local_project: Project, tmp_path: Path, make_files: MakeFiles
) -> None:
    registry = local_project.get_model_registry()
    registry.python.create_model("m").save(make_files())
    with pytest.raises(InvalidModelError, match="contains the project itself"):
        registry.python.create_model("m").save(tmp_path)


def test_a_failure_that_cannot_be_settled_leaves_a_reservation(
    project: Project,
    intercept: Callable[[Callable[..., None]], Project],
    make_files: MakeFiles,
) -> None:
    """Neither the seal nor giving up can be stored: the number is used up."""

    def hook(method: str, path: str = "", *_: object) -> None:
        if method == "protect" and path.startswith("Models/"):
            raise StorageError("the first failure")
        if method in {"create", "read"} and path.endswith("_log/000000000002.json"):
            raise StorageError("another failure")

    model = intercept(hook).get_model_registry().python.create_model("m")
    with pytest.raises(StorageError, match="the first failure"):
        model.save(make_files())
    registry = project.get_model_registry()
    assert registry.get_models("m") == []
    assert project.verify().ok
    assert registry.python.create_model("m").save(make_files()).version == 2


def test_a_twin_that_comes_while_we_save_has_the_name(
    project: Project,
    intercept: Callable[[Callable[..., None]], Project],
    make_files: MakeFiles,
    snapshot: Snapshot,
) -> None:
    after: list[dict[str, bytes]] = []

    def hook(method: str, *_: object) -> None:
        if method == "write" and not after:
            other = project.get_model_registry().python.create_model("Iris")
            other.save(make_files())
            after.append(snapshot(project))

    model = intercept(hook).get_model_registry().python.create_model("iris")
    with pytest.raises(AlreadyExistsError, match=r"'iris' is too close to.*'Iris'"):
        model.save(make_files())
    assert snapshot(project) == after[0]


def test_saving_again_makes_the_next_version(
    project: Project, make_files: MakeFiles
) -> None:
    """As when a cell of a notebook is run twice."""
    registry = project.get_model_registry()
    model = registry.python.create_model("m", metrics={"auc": 0.5}, tags={"a": 1})
    first = model.save(make_files()).id
    folder = make_files({"other.bin": b"other"})
    assert model.save(folder).version == 2
    assert model.id != first
    assert files_of(model) == ["other.bin"]
    assert model.get_tags() == {"a": 1}
    for number in (1, 2):
        saved = registry.get_model("m", number)
        assert saved.training_metrics == {"auc": 0.5}
    with pytest.raises(InvalidModelError):
        model.save("not/here")
    assert (model.version, files_of(model)) == (2, ["other.bin"])


def test_a_number_that_was_asked_for_is_given_once(
    project: Project, make_files: MakeFiles
) -> None:
    model = project.get_model_registry().python.create_model("m", version=4)
    model.save(make_files())
    with pytest.raises(
        AlreadyExistsError, match=r"4 exists.*save again without a version to get 5"
    ):
        model.save(make_files())


def test_a_fetched_version_is_not_saved_again(
    project: Project, make_files: MakeFiles
) -> None:
    registry = project.get_model_registry()
    registry.sklearn.create_model("m").save(make_files())
    for fetched in (registry.get_model("m"), registry.get_models("m")[0]):
        with pytest.raises(AlreadyExistsError) as caught:
            fetched.save(make_files())
        assert "mr.sklearn.create_model('m').save(path)" in str(caught.value)
    assert len(registry.get_models("m")) == 1
