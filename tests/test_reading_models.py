"""Finding, rating, downloading, tagging and deleting models."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts import Model, ModelRegistry, ModelServing, Project, layout
from hopsartifacts.errors import (
    IntegrityError,
    InUseError,
    InvalidInputError,
    InvalidModelError,
    InvalidNameError,
    ModelNotFoundError,
    PathNotFoundError,
    StorageError,
)
from hopsartifacts.rest.rows import Rows

SaveModel = Callable[..., Model]


def test_without_a_version_the_latest_is_meant(
    save_model: SaveModel, mr: ModelRegistry
) -> None:
    for _ in range(3):
        save_model()
    assert mr.get_model("my_model").version == 3
    assert mr.get_model("my_model", version=2).version == 2
    assert mr.get_model("my_model", "1").version == 1  # type: ignore[arg-type]
    mr.get_model("my_model", 3).delete()
    assert mr.get_model("my_model").version == 2


def test_a_model_that_is_not_there_is_named(
    save_model: SaveModel, mr: ModelRegistry
) -> None:
    with pytest.raises(ModelNotFoundError, match="no model 'my_model'"):
        mr.get_model("my_model")
    save_model()
    save_model().delete()
    with pytest.raises(ModelNotFoundError, match="no version 9: it has 1"):
        mr.get_model("my_model", 9)
    with pytest.raises(ModelNotFoundError, match=r"no version 2 \(it was deleted\)"):
        mr.get_model("my_model", 2)
    with pytest.raises(InvalidNameError, match="'01'"):
        mr.get_model("my_model", "01")  # type: ignore[arg-type]


def test_models_are_listed_in_order(save_model: SaveModel, mr: ModelRegistry) -> None:
    assert mr.get_models("my_model") == []
    assert mr.list_models() == []
    for version in (10, 9, None):
        save_model(version=version)
    save_model("a_model")
    save_model("gone").delete()
    assert [model.version for model in mr.get_models("my_model")] == [9, 10, 11]
    assert mr.list_models() == ["a_model", "my_model"]


@pytest.mark.parametrize(
    ("direction", "best"),
    [("max", 3), ("MAX", 3), ("Max", 3), ("min", 4), ("MIN", 4)],
)
def test_the_best_model(
    save_model: SaveModel, mr: ModelRegistry, direction: str, best: int
) -> None:
    """Of equals the latest, and without those that lack the metric."""
    for metrics in ({"acc": 0.5}, {"acc": 0.9}, {"acc": "0.9"}, {"acc": -1}, {"f": 9}):
        save_model(metrics=metrics)
    found = mr.get_best_model("my_model", "acc", direction)
    assert found is not None
    assert found.version == best


def test_of_the_worst_the_latest_is_the_best(
    save_model: SaveModel, mr: ModelRegistry
) -> None:
    for _ in range(2):
        save_model(metrics={"loss": 0.1})
    found = mr.get_best_model("my_model", "loss", "min")
    assert found is not None
    assert found.version == 2


def test_no_version_with_the_metric_is_none(
    save_model: SaveModel, mr: ModelRegistry
) -> None:
    assert mr.get_best_model("my_model", "acc", "max") is None
    save_model(metrics={"acc": 1})
    assert mr.get_best_model("my_model", "Acc", "max") is None


@pytest.mark.parametrize("direction", ["sideways", "", None, "maximum"])
def test_there_are_two_directions(mr: ModelRegistry, direction: Any) -> None:
    with pytest.raises(InvalidInputError, match=f"{direction!r}: use 'max' or 'min'"):
        mr.get_best_model("my_model", "acc", direction)


def test_metric_names_come_back_as_given(
    save_model: SaveModel, mr: ModelRegistry
) -> None:
    """Hopsworks turns valAcc into val_acc and rocAUC into rocauc."""
    metrics = {"valAcc": 0.5, "rocAUC": 1, "F1 score": 2.5, "größe": 3}
    save_model(metrics=metrics)
    assert mr.get_model("my_model").training_metrics == metrics


def test_a_download_is_the_model(
    save_model: SaveModel, mr: ModelRegistry, tmp_path: Path
) -> None:
    save_model(files={"a": b"a", "deep/b": b"b", "empty": b""})
    model = mr.get_model("my_model")
    folder = Path(model.download(tmp_path / "here"))
    assert folder == tmp_path / "here"
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    files = {name: path.read_bytes() for name, path in found.items() if path.is_file()}
    assert files == {"a": b"a", "deep/b": b"b", "empty": b""}


def test_a_download_goes_to_a_folder_of_its_own(model: Model) -> None:
    first, second = Path(model.download()), Path(model.download())
    assert first != second
    assert first.parts[-2:] == ("my_model", "1")
    assert (first / "model.bin").read_bytes() == b"\x00weights"


def test_a_download_can_be_repeated(save_model: SaveModel, tmp_path: Path) -> None:
    model = save_model(files={"deep/a": b"a"})
    model.download(tmp_path / "here")
    (tmp_path / "here" / "deep" / "a").write_bytes(b"edited")
    (tmp_path / "here" / "mine").write_bytes(b"mine")
    model.download(tmp_path / "here")
    assert (tmp_path / "here" / "deep" / "a").read_bytes() == b"a"
    assert (tmp_path / "here" / "mine").read_bytes() == b"mine"


@pytest.mark.parametrize("stored", [b"\x00weighed", b"", b"\x00weights and more"])
def test_a_corrupt_file_is_not_downloaded(
    project: Project, model: Model, tmp_path: Path, stored: bytes
) -> None:
    project.storage.write("Models/my_model/1/Files/model.bin", [stored])
    with pytest.raises(IntegrityError, match=r"Models/my_model/1/Files/model.bin"):
        model.download(tmp_path / "here")
    assert list((tmp_path / "here").rglob("*")) == []


def test_a_corrupt_file_does_not_replace_a_good_one(
    project: Project, model: Model, tmp_path: Path
) -> None:
    model.download(tmp_path / "here")
    project.storage.write("Models/my_model/1/Files/model.bin", [b"\x00weighed"])
    with pytest.raises(IntegrityError):
        model.download(tmp_path / "here")
    assert [path.read_bytes() for path in (tmp_path / "here").iterdir()] == [
        b"\x00weights"
    ]


def test_a_missing_file_is_named(
    project: Project, model: Model, tmp_path: Path
) -> None:
    project.storage.delete_tree("Models/my_model/1/Files/model.bin")
    with pytest.raises(PathNotFoundError, match=r"model.bin"):
        model.download(tmp_path / "here")


def test_a_target_that_cannot_be_written_to_is_named(
    model: Model, tmp_path: Path
) -> None:
    (tmp_path / "here" / "model.bin").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"here/model.bin"):
        model.download(tmp_path / "here")
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["model.bin"]


def test_tags_are_set_read_and_removed(
    save_model: SaveModel, mr: ModelRegistry
) -> None:
    saved = save_model(tags={"stage": "test"})
    model = mr.get_model("my_model")
    model.add_tag("owner", {"name": "Ada", "since": [1, 2.5, None, True]})
    model.set_tag("stage", "prod")
    assert saved.get_tags() == {
        "stage": "prod",
        "owner": {"name": "Ada", "since": [1, 2.5, None, True]},
    }
    assert saved.get_tag("stage") == "prod"
    saved.delete_tag("stage")
    saved.delete_tag("stage")
    assert model.get_tag("stage") is None
    assert list(model.get_tags()) == ["owner"]


def test_setting_a_tag_to_what_it_is_changes_nothing(
    project: Project, model: Model
) -> None:
    model.add_tag("a", 1)
    before = [entry.path for entry in project.storage.find("")]
    model.add_tag("a", 1)
    assert [entry.path for entry in project.storage.find("")] == before


def test_a_tag_is_set_to_each_value_that_json_tells_apart(
    project: Project, model: Model
) -> None:
    """In Python ``1 == True == 1.0``; in JSON they are different values."""
    listed = Rows(project.storage)
    for value in (1, True, 1.0, 0, False, -0.0, [1], [True], {"a": 1}, {"a": 1.0}):
        model.set_tag("t", value)
        found = [
            model.get_tag("t"),
            listed.versions()[0].tags["t"],
            listed.versions_of(model.name)[0].tags["t"],
        ]
        assert [repr(it) for it in found] == 3 * [repr(value)]


def test_a_tag_is_json(model: Model) -> None:
    with pytest.raises(InvalidModelError, match=r"tag 'a'.*object"):
        model.add_tag("a", object())
    with pytest.raises(InvalidNameError, match="'a b'"):
        model.add_tag("a b", 1)
    assert model.get_tags() == {}


def test_tags_do_not_change_what_was_sealed(
    project: Project, model: Model, mr: ModelRegistry
) -> None:
    model.add_tag("a", 1)
    assert mr.get_model("my_model").manifest == model.manifest
    assert project.verify().ok


def test_a_deleted_version_is_gone(
    project: Project, save_model: SaveModel, mr: ModelRegistry
) -> None:
    save_model()
    save_model().delete()
    assert [model.version for model in mr.get_models("my_model")] == [1]
    with pytest.raises(ModelNotFoundError, match="it was deleted"):
        mr.get_model("my_model", 2)
    assert list(project.storage.find("Models/my_model/2")) == []
    assert project.verify().ok


@pytest.mark.parametrize(
    "use",
    [
        lambda model: model.delete(),
        lambda model: model.download(),
        lambda model: model.get_tags(),
        lambda model: model.add_tag("a", 1),
        lambda model: model.delete_tag("a"),
        lambda model: model.deploy(),
    ],
    ids=["delete", "download", "get_tags", "add_tag", "delete_tag", "deploy"],
)
def test_a_deleted_version_says_so(
    save_model: SaveModel, use: Callable[[Model], object]
) -> None:
    save_model()
    model = save_model(framework="sklearn")
    model.delete()
    with pytest.raises(ModelNotFoundError, match=r"version 2 \(it was deleted\)"):
        use(model)


def test_a_deployed_version_is_not_deleted(
    save_model: SaveModel, ms: ModelServing, mr: ModelRegistry
) -> None:
    model = save_model(framework="sklearn")
    deployment = model.deploy()
    with pytest.raises(InUseError, match=r"'my_model' version 1.*deployment 'mymodel'"):
        model.delete()
    assert mr.get_model("my_model").version == 1
    assert model.download()
    deployment.delete()
    assert ms.get_deployments() == []
    model.delete()
    assert mr.get_models("my_model") == []


def test_a_version_an_older_deployment_version_pins_is_not_deleted(
    save_model: SaveModel,
) -> None:
    first, second = (save_model(framework="sklearn") for _ in range(2))
    deployment = first.deploy()
    deployment.model_version = 2
    deployment.save()
    for model in (first, second):
        with pytest.raises(InUseError):
            model.delete()


def test_a_version_deployed_while_it_is_deleted_stays(
    intercept: Callable[[Callable[..., None]], Project],
    project: Project,
    save_model: SaveModel,
) -> None:
    """The deployment comes between the first look and the mark."""
    save_model(framework="sklearn")
    deployed: list[str] = []

    def hook(method: str, path: str = "", *_: object) -> None:
        is_mark = path == layout.log_entry("Models/my_model/_log", 3)
        if method == "create" and is_mark and not deployed:
            deployed.append(path)
            project.get_model_registry().get_model("my_model").deploy()

    with pytest.raises(InUseError):
        intercept(hook).get_model_registry().get_model("my_model").delete()
    assert deployed
    model = project.get_model_registry().get_model("my_model")
    assert model.deploy("another").name == "another"


def test_a_version_deleted_while_it_is_deployed_is_not_deployed(
    intercept: Callable[[Callable[..., None]], Project],
    project: Project,
    save_model: SaveModel,
) -> None:
    """The deletion begins after the deployment looked, and ends before it is sealed."""
    save_model(framework="sklearn")

    def hook(method: str, path: str = "", *_: object) -> None:
        if method == "create" and path.startswith("Deployments/mymodel/_log"):
            model = project.get_model_registry().get_models("my_model")
            if model:
                model[0].delete()

    with pytest.raises(ModelNotFoundError, match="deleted while it was being deployed"):
        intercept(hook).get_model_registry().get_model("my_model").deploy()
    assert project.get_model_serving().get_deployments() == []
