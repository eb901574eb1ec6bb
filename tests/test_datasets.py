"""The user's own files in a project; managed ones can be read only."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hopsartifacts import Model, Project
from hopsartifacts.datasets import DatasetApi
from hopsartifacts.errors import (
    AlreadyExistsError,
    HopsArtifactsError,
    IntegrityError,
    InvalidInputError,
    InvalidNameError,
    ManagedPathError,
    PathNotFoundError,
)

Snapshot = Callable[[Project], dict[str, bytes]]


@pytest.fixture
def api(project: Project) -> DatasetApi:
    return project.get_dataset_api()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_bytes(b"a,b\n")
    return path


def test_a_file_is_uploaded_and_read(api: DatasetApi, file: Path) -> None:
    assert api.upload(file) == "Resources/data.csv"
    assert api.upload(str(file), "Resources/deep/er") == "Resources/deep/er/data.csv"
    assert api.read_content("Resources/data.csv") == b"a,b\n"
    assert api.list() == ["Resources"]
    assert api.list("Resources") == ["Resources/data.csv", "Resources/deep"]
    assert api.exists("Resources/deep")
    assert not api.exists("Resources/missing")


def test_absolute_paths_are_paths_of_the_project(
    project: Project, api: DatasetApi, file: Path
) -> None:
    root = f"/Projects/{project.name}"
    assert api.upload(file, f"{root}/Resources/") == "Resources/data.csv"
    assert api.exists(f"{root}/Resources/data.csv")
    for form in (f"{root}/Resources", "/Resources", f"hdfs://{root}/Resources"):
        assert api.read_content(f"{form}/data.csv") == b"a,b\n"
        assert api.list(form) == ["Resources/data.csv"]
    assert api.list(root) == ["Resources"]
    assert not project.get_dataset_api().exists(f"{root}/Resources/other")
    with pytest.raises(InvalidNameError, match="not in this project"):
        api.exists("/Projects/another/Resources")


def test_a_folder_is_uploaded_as_a_tree(
    project: Project, make_files: Callable[..., Path], snapshot: Snapshot
) -> None:
    folder = make_files({"a": b"a", "deep/b": b"b"})
    api = project.get_dataset_api()
    assert api.upload(folder) == "Resources/model"
    stored = snapshot(project)
    assert stored["Resources/model/a"] == b"a"
    assert stored["Resources/model/deep/b"] == b"b"
    assert project.verify().ok


def test_an_upload_overwrites_only_when_asked(api: DatasetApi, file: Path) -> None:
    api.upload(file)
    file.write_bytes(b"new")
    with pytest.raises(AlreadyExistsError, match=r"'Resources/data.csv'.*overwrite"):
        api.upload(file)
    assert api.read_content("Resources/data.csv") == b"a,b\n"
    api.upload(file, overwrite=True)
    assert api.read_content("Resources/data.csv") == b"new"


def test_an_upload_replaces_no_folder(api: DatasetApi, file: Path) -> None:
    api.mkdir("Resources/data.csv")
    with pytest.raises(AlreadyExistsError, match=r"'Resources/data.csv'.*directory"):
        api.upload(file, overwrite=True)
    assert api.list("Resources") == ["Resources/data.csv"]


def test_nothing_is_uploaded_below_a_file(api: DatasetApi, file: Path) -> None:
    api.upload(file)
    with pytest.raises(InvalidInputError, match=r"'Resources/data.csv' is a file"):
        api.upload(file, "Resources/data.csv")
    assert api.read_content("Resources/data.csv") == b"a,b\n"


def test_a_folder_is_uploaded_whole_or_not_at_all(
    api: DatasetApi, tmp_path: Path
) -> None:
    api.mkdir("Resources/code/deep/b")
    folder = tmp_path / "code"
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_bytes(b"a")
    (folder / "deep" / "b").write_bytes(b"b")
    with pytest.raises(AlreadyExistsError, match=r"'Resources/code/deep/b'"):
        api.upload(folder, overwrite=True)
    assert api.list("Resources/code") == ["Resources/code/deep"]


def test_what_is_not_there_is_not_uploaded(
    project: Project, tmp_path: Path, snapshot: Snapshot
) -> None:
    with pytest.raises(InvalidInputError, match=r"missing.csv' does not exist"):
        project.get_dataset_api().upload(tmp_path / "missing.csv")
    assert snapshot(project) == {}


@pytest.mark.parametrize("name", ["what?.csv", "a#b", "ends."])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_names_outside_the_rule_are_not_uploaded(
    project: Project, tmp_path: Path, snapshot: Snapshot, name: str, kind: str
) -> None:
    path = tmp_path / name
    if kind == "folder":
        path.mkdir()
        (path / "x").write_bytes(b"")
    else:
        path.write_bytes(b"")
    with pytest.raises(InvalidNameError) as caught:
        project.get_dataset_api().upload(path)
    assert name in str(caught.value)
    assert snapshot(project) == {}


@pytest.mark.parametrize(
    "folder",
    [
        "Models/my_model",
        "Models/my_model/1/Files",
        "models",
        "models/x",
        "Deployments",
        ".hopsartifacts",
        "",
        "/Projects/{project}/Models/x",
        "/Projects/{project}",
    ],
)
def test_managed_folders_take_no_uploads(
    project: Project, model: Model, file: Path, snapshot: Snapshot, folder: str
) -> None:
    before = snapshot(project)
    path = folder.format(project=model.project_name)
    with pytest.raises(ManagedPathError) as caught:
        project.get_dataset_api().upload(file, path, overwrite=True)
    assert repr(path) in str(caught.value)
    assert isinstance(caught.value, PermissionError)
    assert snapshot(project) == before


@pytest.mark.parametrize(
    "path", ["Models", "Models/my_model/1/Files/model.bin", "MODELS/x", "Deployments"]
)
def test_managed_paths_are_not_removed(
    project: Project, model: Model, snapshot: Snapshot, path: str
) -> None:
    before = snapshot(project)
    with pytest.raises(ManagedPathError, match=path):
        project.get_dataset_api().remove(path)
    assert snapshot(project) == before
    assert model.download()


def test_managed_files_can_be_read(
    api: DatasetApi, model: Model, tmp_path: Path
) -> None:
    path = f"{model.model_files_path}/model.bin"
    assert api.read_content(path) == b"\x00weights"
    assert api.list() == ["Models"]
    assert Path(api.download(path, tmp_path)).read_bytes() == b"\x00weights"


def test_managed_files_of_a_remote_store_are_checked(
    memory_project: Project,
    make_files: Callable[..., Path],
    make_script: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """No mode protects them, so a read is the last chance to notice an edit."""
    registry, storage = memory_project.get_model_registry(), memory_project.storage
    api = memory_project.get_dataset_api()
    model = registry.python.create_model("m").save(make_files({"deep/w.bin": b"right"}))
    model.deploy(script_file=make_script("class Predictor: ..."))
    extra = "Models/m/1/Files/extra"
    storage.write(extra, [b"not ours"])
    sealed = [
        "Models/m/1/Files/deep/w.bin",
        "Models/m/1/Artifacts/1/predictor-predict.py",
    ]
    for path in sealed:
        right = storage.read(path)
        assert api.read_content(path) == right
        assert Path(api.download(path, tmp_path / "right", overwrite=True)).exists()
        storage.write(path, [right.swapcase()])
    for path in [*sealed, extra]:
        with pytest.raises(IntegrityError, match=path):
            api.read_content(path)
        with pytest.raises(IntegrityError, match=path):
            api.download(path, tmp_path / "wrong")
        assert {it.name for it in tmp_path.iterdir() if it.is_file()} == {"right"}
    for path in ("Models/m/1/Files/none", "Models/m/1/Files", "Models/m/2/Files/x"):
        with pytest.raises(PathNotFoundError, match=path):
            api.read_content(path)


def test_what_is_sealed_is_compared_by_verify_on_a_local_disk(
    local_project: Project, make_files: Callable[..., Path]
) -> None:
    registry = local_project.get_model_registry()
    registry.python.create_model("m").save(make_files({"w.bin": b"right"}))
    local_project.storage.write("Models/m/1/Files/w.bin", [b"wrong"])
    api = local_project.get_dataset_api()
    assert api.read_content("Models/m/1/Files/w.bin") == b"wrong"
    assert not local_project.verify().ok


def test_a_file_is_downloaded_into_the_working_directory(
    api: DatasetApi, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    api.upload(file)
    place = Path(api.download("Resources/data.csv"))
    assert place == tmp_path / "cwd" / "data.csv"
    assert place.read_bytes() == b"a,b\n"
    with pytest.raises(AlreadyExistsError, match=r"data.csv' exists.*overwrite"):
        api.download("Resources/data.csv")
    place.write_bytes(b"old")
    api.download("Resources/data.csv", overwrite=True)
    assert place.read_bytes() == b"a,b\n"
    other = api.download("Resources/data.csv", "new/folder/name.csv")
    assert Path(other).read_bytes() == b"a,b\n"


@pytest.mark.parametrize("path", ["Resources/missing", "Resources"])
def test_only_files_are_downloaded_and_read(
    api: DatasetApi, file: Path, tmp_path: Path, path: str
) -> None:
    api.upload(file)
    with pytest.raises(PathNotFoundError, match=path):
        api.download(path, tmp_path / "here")
    assert not (tmp_path / "here").exists()
    with pytest.raises(PathNotFoundError, match=path):
        api.read_content(path)


def test_files_and_folders_are_removed(
    project: Project, make_files: Callable[..., Path], file: Path
) -> None:
    api = project.get_dataset_api()
    api.upload(file)
    api.upload(make_files())
    api.remove("Resources/data.csv")
    assert api.list("Resources") == ["Resources/model"]
    api.remove("Resources/model")
    assert not api.exists("Resources/model/model.bin")
    with pytest.raises(PathNotFoundError, match=r"'Resources/data.csv' does not exist"):
        api.remove("Resources/data.csv")


@pytest.mark.parametrize("path", ["../x", "Resources/../../x", "a\\b", "Resources/#"])
def test_paths_that_lead_out_are_refused(
    api: DatasetApi, file: Path, tmp_path: Path, path: str
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: api.upload(file, path),
        lambda: api.download(path, tmp_path / "here"),
        lambda: api.read_content(path),
        lambda: api.exists(path),
        lambda: api.list(path),
        lambda: api.remove(path),
    ]
    for call in calls:
        with pytest.raises(HopsArtifactsError) as caught:
            call()
        assert repr(path) in str(caught.value)


def test_a_file_does_not_take_the_place_of_a_folder(
    api: DatasetApi, file: Path
) -> None:
    api.upload(file)
    api.upload(file, "Resources/folder")
    for act in (api.copy, api.move):
        with pytest.raises(AlreadyExistsError, match="name the file in it, like"):
            act("Resources/data.csv", "Resources/folder", overwrite=True)
    assert api.list("Resources/folder") == ["Resources/folder/data.csv"]
    api.copy("Resources/data.csv", "Resources/folder/data.csv", overwrite=True)


def test_no_file_lies_directly_in_the_project(api: DatasetApi, file: Path) -> None:
    api.upload(file)
    for act in (
        lambda: api.copy("Resources/data.csv", "/x.csv"),
        lambda: api.move("Resources/data.csv", "Logs", overwrite=True),
        lambda: api.zip("Resources"),
    ):
        with pytest.raises(InvalidNameError, match="directly in the project"):
            act()
    assert api.list() == ["Resources"]
    api.copy("Resources", "Copy")
    assert api.list("Copy") == ["Copy/data.csv"]


def test_a_download_replaces_no_pipe(
    api: DatasetApi, file: Path, tmp_path: Path
) -> None:
    """As root one could name a device, like /dev/null."""
    api.upload(file)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidInputError, match="is a device, a pipe or a socket"):
        api.download("Resources/data.csv", tmp_path / "pipe", overwrite=True)
    assert (tmp_path / "pipe").is_fifo()


def test_a_folder_is_not_called_missing(
    api: DatasetApi, file: Path, tmp_path: Path
) -> None:
    api.upload(file, "Resources/t")
    for ask in (
        lambda: api.download("Resources/t", tmp_path / "t"),
        lambda: api.read_content("Resources/t"),
    ):
        with pytest.raises(PathNotFoundError, match=r"is a folder.*list\(.*zip\("):
            ask()
    assert not (tmp_path / "t").exists()
    with pytest.raises(PathNotFoundError, match="does not exist"):
        api.download("Resources/missing", tmp_path / "t")
