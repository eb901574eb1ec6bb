"""Files named by somebody whose disk is another one: only the project is looked at."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hopsartifacts import Model, ModelServing, Project
from hopsartifacts.deployments.artifact_files import InlineFile, ProjectPath
from hopsartifacts.errors import InvalidScriptError

SCRIPT = "class Predict:\n    def predict(self, inputs): return inputs\n"


@pytest.fixture
def sklearn_model(save_model: Callable[..., Model]) -> Model:
    return save_model(framework="sklearn")


def uploaded(project: Project, script: Path) -> str:
    return project.get_dataset_api().upload(script)


@pytest.mark.parametrize("form", ["{}", "/Projects/{project}/{}"])
def test_a_file_of_the_project_is_taken(
    project: Project,
    sklearn_model: Model,
    make_script: Callable[..., Path],
    form: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = uploaded(project, make_script(SCRIPT))
    monkeypatch.chdir(tmp_path)
    here = tmp_path / path
    here.parent.mkdir(exist_ok=True)
    here.write_text("not this one")
    given = ProjectPath(form.format(path, project=project.name))
    deployment = sklearn_model.deploy("d", script_file=given)
    assert deployment.script_file == "predict.py"
    folder = deployment.artifact_files_path or ""
    data = project.get_dataset_api().read_content(f"{folder}/predictor-predict.py")
    assert data == SCRIPT.encode()


def test_a_file_of_this_machine_is_not(
    sklearn_model: Model, ms: ModelServing, make_script: Callable[..., Path]
) -> None:
    given = ProjectPath(str(make_script(SCRIPT)))
    transformer = ms.create_transformer(given)
    for settings in (
        {"script_file": given},
        {"config_file": given},
        {"files": [given]},
        {"transformer": transformer},
    ):
        with pytest.raises(InvalidScriptError, match="upload it first"):
            sklearn_model.deploy("d", **settings)


@pytest.mark.parametrize(
    "path", ["../x.py", "/etc/passwd", "a\0b.py", "\ud800.py", "Resources", "", "/"]
)
def test_what_is_no_file_of_the_project_is_not_there(
    project: Project, sklearn_model: Model, make_script: Callable[..., Path], path: str
) -> None:
    uploaded(project, make_script(SCRIPT))
    with pytest.raises(InvalidScriptError, match="does not exist"):
        sklearn_model.deploy("d", script_file=ProjectPath(path))


def test_what_is_the_stores_own_is_not_there(
    project: Project, sklearn_model: Model
) -> None:
    path = ".hopsartifacts/project.json"
    own = next(it.path for it in project.storage.find(".hopsartifacts"))
    for given in (path, own):
        with pytest.raises(InvalidScriptError, match="does not exist"):
            sklearn_model.deploy("d", config_file=ProjectPath(given))


def test_a_folder_that_is_a_link_leads_nowhere(
    local_project: Project,
    make_files: Callable[..., Path],
    make_script: Callable[..., Path],
) -> None:
    model = local_project.get_model_registry().sklearn.create_model("m")
    model.save(make_files())
    root = local_project.storage.local_path("")
    assert root is not None
    (root / "Resources").mkdir()
    (root / "Resources" / "link").symlink_to(make_script(SCRIPT).parent)
    with pytest.raises(InvalidScriptError, match="does not exist"):
        model.deploy("d", script_file=ProjectPath("Resources/link/predict.py"))


def test_a_transformer_may_be_written_or_in_the_project(
    project: Project,
    sklearn_model: Model,
    ms: ModelServing,
    transformer_script: Path,
) -> None:
    path = uploaded(project, transformer_script)
    transformer = ms.create_transformer(ProjectPath(path))
    deployment = sklearn_model.deploy("d", transformer=transformer)
    assert deployment.artifact_version == 1
    code = transformer_script.read_bytes()
    deployment.transformer = ms.create_transformer(InlineFile("transform.py", code))
    deployment.save()
    assert (deployment.version, deployment.artifact_version) == (1, 1)


def test_a_file_of_an_artifact_is_given_by_its_path(
    sklearn_model: Model, make_script: Callable[..., Path], tmp_path: Path
) -> None:
    """It keeps its name, so the same files are the same artifact version."""
    data = tmp_path / "data" / "words.txt"
    data.parent.mkdir()
    data.write_text("a b")
    made = sklearn_model.deploy(
        "d", script_file=make_script(SCRIPT), files=[data.parent]
    )
    folder = made.artifact_files_path
    assert made.artifact_version == 1
    script = ProjectPath(f"{folder}/predictor-predict.py")
    files = [ProjectPath(f"{folder}/data/words.txt")]
    same = sklearn_model.deploy("same", script_file=script, files=files)
    assert same.artifact_version == 1
    number = sklearn_model.deploy(
        "number", artifact_version=1, script_file=script, files=files
    )
    assert number.artifact_version == 1
    less = sklearn_model.deploy("less", script_file=script)
    assert less.artifact_version == 2
    assert less.script_file == "predict.py"
    for path in (f"{folder}/data/other.txt", f"{folder}9/data/words.txt"):
        with pytest.raises(InvalidScriptError, match="upload it first"):
            sklearn_model.deploy("d", files=[ProjectPath(path)])
