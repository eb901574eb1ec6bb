"""Deployments before they run: lazy, then sealed; each change is a version."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts import (
    Deployment,
    InferenceBatcher,
    InferenceLogger,
    Model,
    ModelServing,
    Predictor,
    PredictorResources,
    Project,
    Resources,
)
from hopsartifacts.deployments.scripts import MissingImportWarning
from hopsartifacts.errors import (
    AlreadyExistsError,
    ArtifactNotFoundError,
    DeploymentNotFoundError,
    InvalidDeploymentError,
    InvalidNameError,
    InvalidScriptError,
    ModelNotFoundError,
    UnknownSettingError,
)

MakeScript = Callable[..., Path]
SaveModel = Callable[..., Model]
Snapshot = Callable[[Project], dict[str, bytes]]

OTHER = "class Predict:\n    async def predict(self, inputs): return 'other'\n"


@pytest.fixture
def sklearn_model(save_model: SaveModel) -> Model:
    return save_model(framework="sklearn")


@pytest.fixture
def script(make_script: MakeScript) -> Path:
    return make_script()


def numbers(deployment: Deployment) -> tuple[object, object]:
    return deployment.version, deployment.artifact_version


def test_nothing_is_stored_before_the_save(
    project: Project,
    sklearn_model: Model,
    ms: ModelServing,
    script: Path,
    snapshot: Snapshot,
) -> None:
    before = snapshot(project)
    predictor = ms.create_predictor(sklearn_model, script_file=script)
    deployment = ms.create_deployment(predictor, "lazy")
    deployment.description = "changed"
    assert snapshot(project) == before
    assert (deployment.id, deployment.version, deployment.created_at) == (None,) * 3
    assert deployment.creator is None
    assert deployment.artifact_version is None
    assert deployment.artifact_files_path is None
    assert not deployment.is_created()
    assert ms.get_deployments() == []


@pytest.mark.parametrize(
    "use",
    [
        lambda deployment: deployment.start(),
        lambda deployment: deployment.get_state(),
        lambda deployment: deployment.delete(),
        lambda deployment: deployment.specification,
        lambda deployment: deployment.download_artifact_files(),
        lambda deployment: deployment.get_url(),
    ],
    ids=["start", "state", "delete", "specification", "download", "url"],
)
def test_what_was_not_saved_says_so(
    ms: ModelServing, sklearn_model: Model, use: Callable[[Deployment], object]
) -> None:
    deployment = ms.create_deployment(ms.create_predictor(sklearn_model))
    with pytest.raises(DeploymentNotFoundError, match="'mymodel' is not saved"):
        use(deployment)


def test_the_name_is_inferred_from_the_model(
    sklearn_model: Model, ms: ModelServing
) -> None:
    predictor = ms.create_predictor(sklearn_model)
    assert predictor.name == "mymodel"
    assert ms.create_deployment(predictor).name == "mymodel"
    assert ms.create_deployment(predictor, name="other").name == "other"
    assert predictor.name == "mymodel"
    assert "mymodel" in repr(predictor)
    assert "mymodel" in repr(ms.create_deployment(predictor))


def test_two_deployments_of_one_predictor_do_not_share(
    sklearn_model: Model, ms: ModelServing, script: Path
) -> None:
    predictor = ms.create_predictor(sklearn_model)
    first = ms.create_deployment(predictor, "first")
    second = ms.create_deployment(predictor, "second", environment="gpu")
    first.script_file = str(script)
    first.save()
    second.save()
    assert (first.artifact_version, second.artifact_version) == (1, 0)
    assert (first.environment, second.environment) == (None, "gpu")
    assert predictor.script_file is None


def test_a_saved_deployment_is_found_as_it_was(
    project: Project, sklearn_model: Model, ms: ModelServing, script: Path
) -> None:
    saved = sklearn_model.deploy(description="what it is for", script_file=script)
    found = ms.get_deployment("mymodel")
    for it in (saved, found):
        assert it.is_created()
        assert (it.version, it.artifact_version) == (1, 1)
        assert (it.model_name, it.model_version) == ("my_model", 1)
        assert it.model_path == f"/Projects/{project.name}/Models/my_model"
        assert it.artifact_files_path == f"{it.model_path}/1/Artifacts/1"
        assert it.script_file == "predict.py"
        assert it.config_file is None
        assert it.files == ()
        assert it.description == "what it is for"
        assert it.requested_instances == 1
        assert it.get_model().id == sklearn_model.id
    assert found.id == saved.id
    assert (found.created_at, found.creator) == (saved.created_at, saved.creator)
    assert found.predictor.model_framework == "SKLEARN"
    assert found.specification == saved.specification


SETTINGS: dict[str, tuple[Any, Any]] = {
    "description": ("new words", "new words"),
    "environment": ("my-env", "my-env"),
    "serving_tool": ("DEFAULT", "DEFAULT"),
    "api_protocol": ("GRPC", "GRPC"),
    "inference_logger": ("PREDICTIONS", InferenceLogger("PREDICTIONS")),
    "inference_batcher": (
        InferenceBatcher(enabled=True, max_batch_size=4),
        InferenceBatcher(enabled=True, max_batch_size=4),
    ),
    "resources": (
        {"num_instances": 2},
        PredictorResources(2, Resources(0.2, 32, 0), Resources(2, 1024, 0)),
    ),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_changed_setting_is_a_new_version(
    sklearn_model: Model, ms: ModelServing, script: Path, setting: str
) -> None:
    given, stored = SETTINGS[setting]
    sklearn_model.deploy(script_file=script)
    deployment = ms.get_deployment("mymodel")
    setattr(deployment, setting, given)
    deployment.save()
    assert deployment.version == 2
    found = ms.get_deployment("mymodel")
    assert found.version == 2
    assert getattr(found, setting) == stored == getattr(deployment, setting)
    assert found.artifact_version == 1
    setattr(found, setting, given)
    found.save()
    assert found.version == 2


def test_a_setting_can_be_taken_back(
    sklearn_model: Model, ms: ModelServing, script: Path, transformer_script: Path
) -> None:
    """No setting may stay because another one was taken back with it."""
    deployment = sklearn_model.deploy(
        description="d",
        script_file=script,
        config_file=script,
        files=[script],
        inference_logger="ALL",
        inference_batcher=InferenceBatcher(enabled=True),
        transformer=ms.create_transformer(transformer_script, {"num_instances": 3}),
        resources=PredictorResources(2),
    )
    assert deployment.requested_instances == 5
    assert len(deployment.predictor.explain().files) == 4
    for setting in ("description", "script_file", "config_file", "transformer"):
        setattr(deployment, setting, None)
    deployment.files = ()
    deployment.inference_logger = None
    deployment.inference_batcher = InferenceBatcher(enabled=False)
    deployment.resources = None
    deployment.save()
    found = ms.get_deployment("mymodel")
    assert found.artifact_version == 0
    assert (found.description, found.script_file, found.config_file) == (None,) * 3
    assert (found.transformer, found.inference_logger) == (None, None)
    assert found.inference_batcher is None
    assert found.files == ()
    assert found.requested_instances == 1


def test_an_unchanged_save_stores_nothing(
    project: Project,
    sklearn_model: Model,
    ms: ModelServing,
    script: Path,
    transformer_script: Path,
    snapshot: Snapshot,
) -> None:
    deployment = sklearn_model.deploy(
        script_file=script,
        config_file=script,
        files=[script],
        transformer=ms.create_transformer(transformer_script),
    )
    before = snapshot(project)
    deployment.save()
    ms.get_deployment("mymodel").save()
    again = ms.get_deployment("mymodel")
    again.artifact_version = None
    again.save()
    assert again.version == 1
    assert snapshot(project) == before


def test_a_new_script_is_a_new_artifact(
    sklearn_model: Model, ms: ModelServing, script: Path, make_script: MakeScript
) -> None:
    sklearn_model.deploy(script_file=script)
    deployment = ms.get_deployment("mymodel")
    deployment.script_file = str(make_script(OTHER, "other.py"))
    assert numbers(deployment) == (1, None)
    deployment.save()
    assert numbers(deployment) == (2, 2)
    assert deployment.script_file == "other.py"
    deployment.script_file = str(script)
    deployment.save()
    assert numbers(deployment) == (3, 1)


def test_a_new_transformer_is_a_new_artifact(
    sklearn_model: Model, ms: ModelServing, script: Path, transformer_script: Path
) -> None:
    """In Hopsworks it would not be stored."""
    deployment = sklearn_model.deploy(script_file=script)
    deployment.transformer = ms.create_transformer(
        transformer_script, {"num_instances": 2}
    )
    deployment.save()
    found = ms.get_deployment("mymodel")
    assert found.artifact_version == 2
    assert found.transformer is not None
    assert found.transformer.script_file == "transform.py"
    assert found.transformer.resources.num_instances == 2
    assert "transform.py" in repr(found.transformer)
    assert found.requested_instances == 3


def test_resources_of_a_saved_transformer_can_be_changed(
    sklearn_model: Model, ms: ModelServing, script: Path, transformer_script: Path
) -> None:
    sklearn_model.deploy(
        script_file=script, transformer=ms.create_transformer(transformer_script)
    )
    deployment = ms.get_deployment("mymodel")
    assert deployment.transformer is not None
    deployment.transformer.resources = PredictorResources(4)
    deployment.save()
    found = ms.get_deployment("mymodel")
    assert found.transformer is not None
    assert found.transformer.resources.num_instances == 4
    assert found.artifact_version == 1


def test_a_saved_script_does_not_need_the_users_file(
    sklearn_model: Model, ms: ModelServing, script: Path
) -> None:
    deployment = sklearn_model.deploy(script_file=script)
    script.unlink()
    deployment.description = "more"
    deployment.save()
    fetched = ms.get_deployment("mymodel")
    fetched.description = "even more"
    fetched.save()
    assert (fetched.version, fetched.artifact_version) == (3, 1)


def test_a_file_of_the_same_name_does_not_replace_the_saved_script(
    project: Project,
    sklearn_model: Model,
    ms: ModelServing,
    script: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hopsworks uploads ./predict.py if such a file happens to lie there."""
    monkeypatch.chdir(tmp_path)
    sealed = script.read_bytes()
    sklearn_model.deploy(script_file=script)
    (tmp_path / "predict.py").write_text(OTHER)
    deployment = ms.get_deployment("mymodel")
    asked: Any = "CREATE"  # which it is no more after the save
    deployment.artifact_version = asked
    deployment.save()
    assert deployment.artifact_version == 2
    assert ms.get_artifacts(deployment.get_model()).read(2) == {
        "predictor-predict.py": sealed
    }
    assert project.verify().ok


def test_a_deployment_moves_to_another_model_version_with_its_scripts(
    save_model: SaveModel, ms: ModelServing, script: Path, make_script: MakeScript
) -> None:
    first, second = (save_model(framework="sklearn") for _ in range(2))
    second.deploy("occupied", script_file=make_script(OTHER))
    first.deploy(script_file=script, config_file=script, files=[script])
    script.unlink()
    deployment = ms.get_deployment("mymodel")
    deployment.model_version = 2
    assert numbers(deployment) == (1, None)
    deployment.save()
    assert numbers(deployment) == (2, 2)
    assert deployment.model_version == 2
    found = ms.get_deployment("mymodel")
    assert found.get_model().id == second.id
    assert found.script_file == "predict.py"
    assert found.config_file == "predict.py"
    assert found.files == ("predict.py",)
    old, new = ms.get_artifacts(first), ms.get_artifacts(second)
    assert new.get(2).identity == old.get(1).identity
    found.model_version = 1
    found.save()
    assert (found.version, found.artifact_version) == (3, 1)


def test_a_deployment_moves_only_to_what_there_is(
    sklearn_model: Model, ms: ModelServing
) -> None:
    deployment = sklearn_model.deploy()
    with pytest.raises(ModelNotFoundError, match="no version 5"):
        deployment.model_version = 5
    with pytest.raises(InvalidNameError, match="'01'"):
        deployment.model_version = "01"
    deployment.model_version = 1
    assert deployment.artifact_version == 0
    deployment.save()
    assert ms.get_deployment("mymodel").version == 1


def test_a_deployment_of_the_same_model_version_is_adopted(
    sklearn_model: Model, ms: ModelServing, script: Path
) -> None:
    first = sklearn_model.deploy()
    second = sklearn_model.deploy(script_file=script)
    assert second.id == first.id
    assert second.version == 2
    assert second.created_at == first.created_at
    assert sklearn_model.deploy(artifact_version=1).version == 2
    assert ms.get_deployment("mymodel").artifact_version == 1


def test_deploying_another_version_of_the_model_makes_the_next_version(
    sklearn_model: Model,
    ms: ModelServing,
    save_model: SaveModel,
    script: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A script that saves and deploys can be run again, whichever way it deploys."""
    first = sklearn_model.deploy(script_file=script)
    assert capsys.readouterr().out == ""
    ways: list[Callable[[Model], Deployment]] = [
        lambda model: model.deploy(script_file=script),
        lambda model: ms.create_predictor(model, script_file=script).deploy(),
        lambda model: _saved(ms, ms.create_predictor(model, script_file=script)),
    ]
    for number, way in enumerate(ways, start=2):
        model = save_model("my_model", framework="sklearn")
        deployment = way(model)
        assert (deployment.id, deployment.version) == (first.id, number)
        assert ms.get_deployment("mymodel").model_version == number
        assert capsys.readouterr().out == (
            f"Deployment 'mymodel' exists: saved as its version {number} "
            f"(model.version: {number - 1} -> {number})\n"
        )
    assert way(model).version == number, "nothing changed"
    assert capsys.readouterr().out == ""


def _saved(ms: ModelServing, predictor: Predictor) -> Deployment:
    deployment = ms.create_deployment(predictor)
    deployment.save()
    return deployment


def test_what_changes_under_a_taken_name_is_said_in_one_line(
    sklearn_model: Model, script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sklearn_model.deploy(golden_request=[[1] * 500])
    sklearn_model.deploy(script_file=script, description="by hand")
    said = capsys.readouterr().out
    assert "predictor.script: nothing ->" in said
    assert 'description: nothing -> "by hand"' in said
    assert "identity" not in said
    assert said.count("\n") == 1
    assert len(said) < 500


def test_a_deployment_of_another_model_is_left_alone(
    project: Project,
    sklearn_model: Model,
    save_model: SaveModel,
    script: Path,
    snapshot: Snapshot,
) -> None:
    sklearn_model.deploy()
    model = save_model("model2", framework="sklearn")
    before = snapshot(project)
    with pytest.raises(AlreadyExistsError, match=r"another model, 'my_model', not 'm"):
        model.deploy("mymodel", script_file=script)
    assert snapshot(project) == before


@pytest.mark.parametrize(
    ("first", "twin"), [("Iris", "iris"), ("iris", "IRIS"), ("1a", "D1A")]
)
def test_names_a_cluster_cannot_tell_apart_are_refused(
    project: Project, sklearn_model: Model, snapshot: Snapshot, first: str, twin: str
) -> None:
    sklearn_model.deploy(first)
    before = snapshot(project)
    with pytest.raises(AlreadyExistsError) as caught:
        sklearn_model.deploy(twin)
    assert repr(first) in str(caught.value)
    assert repr(twin) in str(caught.value)
    assert snapshot(project) == before


def test_a_deleted_deployment_is_gone(
    project: Project, sklearn_model: Model, ms: ModelServing, script: Path
) -> None:
    deployment = sklearn_model.deploy(script_file=script)
    deployment.delete()
    assert ms.get_deployments() == []
    assert not deployment.is_created()
    with pytest.raises(DeploymentNotFoundError, match="no deployment 'mymodel'"):
        ms.get_deployment("mymodel")
    with pytest.raises(DeploymentNotFoundError, match="not saved"):
        deployment.delete()
    assert project.verify().ok
    assert list(ms.get_artifacts(sklearn_model).list()) == [0, 1]


def test_numbers_go_on_when_a_deployment_is_made_again(
    sklearn_model: Model, ms: ModelServing
) -> None:
    first = sklearn_model.deploy()
    first.description = "changed"
    first.save()
    old_id = first.id
    first.delete()
    again = sklearn_model.deploy()
    assert again.version == 3
    assert again.id != old_id
    again.delete()
    first.save()
    assert ms.get_deployment("mymodel").version == 4


def test_a_stale_deployment_says_so(sklearn_model: Model, ms: ModelServing) -> None:
    sklearn_model.deploy()
    stale = ms.get_deployment("mymodel")
    ms.get_deployment("mymodel").delete()
    with pytest.raises(DeploymentNotFoundError, match="no deployment 'mymodel'"):
        stale.get_state()
    stale.description = "changed"
    with pytest.raises(DeploymentNotFoundError, match="deleted: create it again"):
        stale.save()
    sklearn_model.deploy()
    with pytest.raises(DeploymentNotFoundError, match="deleted and created again"):
        stale.start()
    with pytest.raises(DeploymentNotFoundError, match="deleted: create it again"):
        stale.save()


def test_deployments_are_listed_and_filtered(
    save_model: SaveModel, ms: ModelServing
) -> None:
    first, second = (save_model(framework="sklearn") for _ in range(2))
    other = save_model("other", framework="sklearn")
    for model, name in ((second, "c"), (first, "a"), (other, "b"), (first, "gone")):
        model.deploy(name)
    ms.get_deployment("gone").delete()

    def names(**filters: Any) -> list[str]:
        return [deployment.name for deployment in ms.get_deployments(**filters)]

    assert names() == ["a", "b", "c"]
    assert names(model="my_model") == ["a", "c"]
    assert names(model=first) == ["a"]
    assert names(model="nothing") == []
    assert names(status="Created") == names(status="created") == ["a", "b", "c"]
    assert names(status="Running", model="other") == []


def test_a_deployment_that_is_not_there_is_named_with_those_that_are(
    sklearn_model: Model, ms: ModelServing
) -> None:
    with pytest.raises(DeploymentNotFoundError, match=r"'x': the project has none"):
        ms.get_deployment("x")
    sklearn_model.deploy("a")
    with pytest.raises(DeploymentNotFoundError, match=r"'x': the project has 'a'"):
        ms.get_deployment("x")
    with pytest.raises(InvalidNameError, match="'my_model'"):
        ms.get_deployment("my_model")


def test_only_models_and_predictors_are_deployed(
    sklearn_model: Model, ms: ModelServing
) -> None:
    with pytest.raises(InvalidDeploymentError, match="model is a str"):
        ms.create_predictor("my_model")  # type: ignore[arg-type]
    with pytest.raises(InvalidDeploymentError, match="predictor is a Model"):
        ms.create_deployment(sklearn_model)  # type: ignore[arg-type]


def test_sealed_specifications_are_stored_for_people(
    project: Project, sklearn_model: Model
) -> None:
    sklearn_model.deploy(description="größer")
    text = project.storage.read("Deployments/mymodel/1/deployment.json").decode()
    assert '"größer"' in text
    assert '"my_model"' in text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("class Other: pass", "no class Predictor"),
        ("def predict(inputs): return inputs", "no class Predictor"),
        ("", "no class Predictor"),
        ("class Predictor(", "not Python in line 1"),
        ("x = '\x00'", "not Python"),
    ],
    ids=["other", "function", "empty", "syntax", "null"],
)
def test_scripts_are_parsed_and_not_run(
    project: Project,
    sklearn_model: Model,
    make_script: MakeScript,
    snapshot: Snapshot,
    code: str,
    words: str,
) -> None:
    before = snapshot(project)
    with pytest.raises(InvalidScriptError, match=f"'predict.py'.*{words}"):
        sklearn_model.deploy(script_file=make_script(code))
    assert snapshot(project) == before


@pytest.mark.parametrize(
    "code",
    [
        "class Predictor: pass",
        "class Predict: pass",
        "try:\n    from a import Predictor\nexcept ImportError:\n    Predictor = None",
        "if True:\n    class Predictor: pass\n\n\nraise SystemExit('never run')",
        "def Predictor(): pass",
    ],
)
def test_a_script_may_get_its_class_from_anywhere(
    sklearn_model: Model, make_script: MakeScript, code: str
) -> None:
    assert sklearn_model.deploy(script_file=make_script(code)).artifact_version == 1


@pytest.mark.parametrize(
    "code",
    [
        "from somewhere import Other as Predict",
        "from somewhere import *",
        "import somewhere as Predictor",
    ],
)
def test_a_script_may_get_its_class_from_what_is_not_installed_here(
    sklearn_model: Model, make_script: MakeScript, code: str
) -> None:
    with pytest.warns(MissingImportWarning, match="somewhere, which predict.py"):
        deployment = sklearn_model.deploy(script_file=make_script(code))
    assert deployment.artifact_version == 1


@pytest.mark.parametrize(
    ("role", "example"),
    [
        ("script_file", "predictor.py"),
        ("config_file", "config.yaml"),
        ("files", "data.json"),
        ("transformer", "transformer.py"),
    ],
)
def test_a_file_that_is_not_there_is_named(
    project: Project,
    sklearn_model: Model,
    ms: ModelServing,
    tmp_path: Path,
    snapshot: Snapshot,
    role: str,
    example: str,
) -> None:
    before = snapshot(project)
    missing = tmp_path / "missing.py"
    given: dict[str, Any] = {
        "files": [missing],
        "transformer": ms.create_transformer(missing),
    }
    with pytest.raises(InvalidScriptError, match=r"missing.py' does not exist") as it:
        sklearn_model.deploy(**{role: given.get(role, missing)})
    assert f"/Projects/{project.name}/Resources/{example}" in str(it.value)
    assert snapshot(project) == before


@pytest.mark.parametrize("path", ["../x.py", "/etc/missing.py", "Resources#/x.py"])
def test_a_path_that_leads_out_of_the_project_is_not_there(
    sklearn_model: Model, path: str
) -> None:
    with pytest.raises(InvalidScriptError) as caught:
        sklearn_model.deploy(script_file=path)
    assert repr(path) in str(caught.value)


def test_a_script_is_a_python_file(
    sklearn_model: Model, make_script: MakeScript, tmp_path: Path
) -> None:
    with pytest.raises(InvalidScriptError, match=r"'predict.ipynb' is not a .py file"):
        sklearn_model.deploy(script_file=make_script(name="predict.ipynb"))
    with pytest.raises(InvalidScriptError, match="is not a file"):
        sklearn_model.deploy(script_file=tmp_path)
    with pytest.raises(InvalidScriptError, match="is not a file"):
        sklearn_model.deploy(config_file=tmp_path)


def test_an_empty_folder_is_no_artifact(sklearn_model: Model, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidDeploymentError, match=r"empty' holds no file"):
        sklearn_model.deploy(files=[tmp_path / "empty"])


def test_a_transformer_script_has_its_own_class(
    sklearn_model: Model, ms: ModelServing, script: Path
) -> None:
    transformer = ms.create_transformer(script)
    with pytest.raises(InvalidScriptError, match="no class Transformer"):
        sklearn_model.deploy(transformer=transformer)


def test_an_artifact_number_is_checked_at_the_save(
    sklearn_model: Model, ms: ModelServing
) -> None:
    predictor = ms.create_predictor(sklearn_model, artifact_version=4)
    assert predictor.artifact_version == 4
    with pytest.raises(ArtifactNotFoundError, match="no artifact version 4"):
        predictor.deploy()


def test_a_deletion_does_not_hit_one_that_was_created_again(
    ms: ModelServing, save_model: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody deletes and creates it again between our look and our deletion."""
    model = save_model("m", framework="sklearn")
    mine = model.deploy("d")
    stale = ms.get_deployment("d")
    mine.delete()
    again = model.deploy("d")
    monkeypatch.setattr(stale, "_fresh", lambda: stale._state)
    with pytest.raises(DeploymentNotFoundError, match="was deleted before"):
        stale.delete()
    assert ms.get_deployment("d").id == again.id


def test_a_taken_name_can_be_refused(sklearn_model: Model, ms: ModelServing) -> None:
    sklearn_model.deploy("d")
    again = ms.create_deployment(ms.create_predictor(sklearn_model, "d"))
    with pytest.raises(AlreadyExistsError, match="exists"):
        again.save(adopt=False)
    assert again.id is None
    again.save()
    assert (again.version, again.id) == (1, ms.get_deployment("d").id)
    again.description = "other"
    again.save(adopt=False)
    assert again.version == 2


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("inference_loger", "inference_logger"),
        ("resource", "resources"),
        ("script", None),
        ("modelversion", "model_version"),
    ],
)
def test_a_setting_that_does_not_exist_is_refused(
    sklearn_model: Model, ms: ModelServing, mistyped: str, meant: str | None
) -> None:
    predictor = ms.create_predictor(sklearn_model)
    for holder in (predictor, ms.create_deployment(predictor)):
        with pytest.raises(UnknownSettingError, match=repr(mistyped)) as caught:
            setattr(holder, mistyped, "ALL")
        assert meant is None or f"did you mean {meant!r}?" in str(caught.value)
        assert not hasattr(holder, mistyped)


def test_a_transformer_refuses_what_it_does_not_have(
    ms: ModelServing, transformer_script: Path
) -> None:
    transformer = ms.create_transformer(transformer_script)
    with pytest.raises(UnknownSettingError, match="did you mean 'script_file'"):
        transformer.script_fil = "other.py"


def test_a_warning_points_at_the_line_that_deploys(
    sklearn_model: Model, make_script: Callable[..., Path]
) -> None:
    script = make_script("import not_here_at_all\nclass Predictor:\n    predict = 1\n")
    with pytest.warns(MissingImportWarning, match="not_here_at_all") as caught:
        sklearn_model.deploy(script_file=script)
    assert caught[0].filename == __file__
