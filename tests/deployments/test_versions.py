"""The versions of a deployment: listed, compared, gone back to, given up."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hopsartifacts import Deployment, Model, ModelServing, Project
from hopsartifacts.deployments.deployed import Logs
from hopsartifacts.deployments.versions import keep_parts, users_of
from hopsartifacts.errors import (
    ArtifactNotFoundError,
    DeploymentNotFoundError,
    InUseError,
    InvalidInputError,
    InvalidNameError,
    ModelNotFoundError,
)
from hopsartifacts.serving.contract import SealedVersion
from hopsartifacts.testing.states_only import StatesOnly

MakeScript = Callable[..., Path]
Snapshot = Callable[[Project], dict[str, bytes]]

OTHER = "class Predict:\n    def predict(self, inputs):\n        return 'other'\n"


@pytest.fixture
def script(make_script: MakeScript) -> Path:
    return make_script()


@pytest.fixture
def model(save_model: Callable[..., Model]) -> Model:
    return save_model("m", framework="sklearn")


@pytest.fixture
def deployment(model: Model, script: Path, make_script: MakeScript) -> Deployment:
    """Three versions: another description in the second, another script, too."""
    made: Deployment = model.deploy("d", script_file=script)
    made.description = "second"
    made.save(why="it had no description")
    made.script_file = str(make_script(OTHER, "other.py"))
    made.save()
    return made


def history(deployment: Deployment) -> list[tuple[int, str, str]]:
    return [(it.version, it.cause, it.why) for it in deployment.get_history()]


def test_versions_are_listed_newest_first(deployment: Deployment) -> None:
    versions = deployment.get_versions()
    assert [it.version for it in versions] == [3, 2, 1]
    assert [it.is_active for it in versions] == [True, False, False]
    assert [it.specification.description for it in versions] == [
        "second",
        "second",
        None,
    ]
    assert {it.creator for it in versions} == {deployment.creator}
    times = [datetime.fromisoformat(it.created) for it in versions]
    assert times == sorted(times, reverse=True)
    assert versions[-1].created == deployment.created_at
    assert "'d' version 3, active" in repr(versions[0])


def test_a_difference_names_settings_and_lines(deployment: Deployment) -> None:
    first, third = deployment.diff(1, 2), deployment.diff(2, 3)
    assert [str(it) for it in first.settings] == ['description: nothing -> "second"']
    assert not first.files
    assert str(first) == 'description: nothing -> "second"'
    names = [it.name for it in third.settings]
    assert names == ["artifact.version", "artifact.identity", "predictor.script"]
    assert [(it.before_path, it.path, it.change) for it in third.files.files] == [
        ("predictor-predict.py", "predictor-other.py", "changed"),
    ]
    assert "+        return 'other'" in str(third)
    assert deployment.diff(1) == deployment.diff(1, 3)
    versions = deployment.get_versions()
    assert deployment.diff(versions[1], versions[0]) == third
    assert not deployment.diff(2, 2)
    assert str(deployment.diff(2, 2)) == "no difference"


def test_a_difference_goes_through_all_levels(
    model: Model, ms: ModelServing, transformer_script: Path
) -> None:
    deployment = model.deploy("d", env_vars={"A": "1", "B": "2"})
    deployment.env_vars = {"B": "3", "C": "4"}
    deployment.resources = {"limits": {"cores": 4}}
    deployment.transformer = ms.create_transformer(transformer_script)
    deployment.inference_logger = "ALL"
    deployment.golden_request = [[1, 2]]
    deployment.save()
    found = {it.name: (it.before, it.after) for it in deployment.diff(1).settings}
    assert found["env_vars.A"] == ("1", None)
    assert found["env_vars.B"] == ("2", "3")
    assert found["env_vars.C"] == (None, "4")
    assert found["predictor.resources.limits.cores"] == (2.0, 4.0)
    assert found["transformer.script"] == (None, "transformer-transform.py")
    assert found["inference_logger.mode"] == (None, "ALL")
    assert found["golden_request.request"] == (None, {"instances": [[1, 2]]})
    assert "predictor.resources.limits.memory" not in found


def test_a_save_stores_what_json_tells_apart(model: Model, ms: ModelServing) -> None:
    """In Python ``1 == True``; as requests they are different."""
    deployment = model.deploy("d", golden_request=[[1]])
    deployment.golden_request = [[True]]
    deployment.save()
    golden = ms.get_deployment("d").specification.golden_request
    assert deployment.version == 2
    assert golden
    assert golden.request["instances"][0][0] is True
    [change] = deployment.diff(1).settings
    assert change.name == "golden_request.request"


def test_a_save_with_variables_in_another_order_stores_nothing(model: Model) -> None:
    deployment = model.deploy("d", env_vars={"A": "1", "B": "2"})
    deployment.env_vars = {"B": "2", "A": "1"}
    deployment.save()
    assert deployment.version == 1


def test_a_rollback_activates_a_version_without_copying(
    project: Project,
    deployment: Deployment,
    ms: ModelServing,
    snapshot: Snapshot,
    script: Path,
) -> None:
    first = deployment.get_versions()[-1]
    before = snapshot(project)
    deployment.rollback(1, why="the new one was worse")
    added = snapshot(project).keys() - before.keys()
    assert added == {"Deployments/d/_log/99/99/99/95.json.gz"}
    for it in (deployment, ms.get_deployment("d")):
        assert (it.version, it.artifact_version) == (1, 1)
        assert (it.script_file, it.description) == ("predict.py", None)
        assert it.specification == first.specification
        assert [found.is_active for found in it.get_versions()] == [False, False, True]
    files = ms.get_artifacts(deployment.get_model()).read(1)
    assert files["predictor-predict.py"] == script.read_bytes()
    assert project.verify().ok


def test_a_rollback_goes_by_what_was_listed(deployment: Deployment) -> None:
    deployment.rollback(deployment.get_versions()[1])
    assert deployment.version == 2
    deployment.rollback(3)
    assert deployment.version == 3


def test_a_rollback_to_the_active_version_changes_nothing(
    project: Project, deployment: Deployment, snapshot: Snapshot
) -> None:
    before = snapshot(project)
    deployment.rollback(3)
    assert snapshot(project) == before


def test_a_rollback_drops_what_was_not_saved(deployment: Deployment) -> None:
    deployment.description = "never saved"
    deployment.rollback(2)
    assert deployment.description == "second"
    deployment.save()
    assert deployment.version == 2


def test_numbers_go_on_after_a_rollback(deployment: Deployment) -> None:
    deployment.rollback(1)
    deployment.description = "fourth"
    deployment.save()
    assert deployment.version == 4
    assert [it.version for it in deployment.get_versions()] == [4, 3, 2, 1]


def test_a_save_of_what_is_active_again_stores_nothing(
    project: Project, deployment: Deployment, ms: ModelServing, snapshot: Snapshot
) -> None:
    deployment.rollback(1)
    before = snapshot(project)
    deployment.save()
    ms.get_deployment("d").save(new_version=True)
    ms.get_deployment("d").save(new_version=False)
    assert snapshot(project) == before


@pytest.mark.parametrize("new_version", [True, False])
def test_a_changed_save_is_a_new_version_whatever_was_asked_for(
    deployment: Deployment, *, new_version: bool
) -> None:
    deployment.description = "fourth"
    deployment.save(new_version=new_version)
    assert deployment.version == 4


@pytest.mark.parametrize(
    ("version", "error", "words"),
    [
        (7, DeploymentNotFoundError, "'d' has no version 7: it has 1, 2, 3"),
        (0, DeploymentNotFoundError, "'d' has no version 0"),
        ("01", InvalidNameError, "'01' is not a version number"),
        (None, InvalidNameError, "None is not a version number"),
    ],
)
@pytest.mark.parametrize("use", ["rollback", "delete_version", "diff"])
def test_a_version_that_is_not_there_is_told(
    project: Project,
    deployment: Deployment,
    snapshot: Snapshot,
    use: str,
    version: Any,
    error: type[Exception],
    words: str,
) -> None:
    before = snapshot(project)
    with pytest.raises(error, match=words):
        getattr(deployment, use)(version)
    assert snapshot(project) == before


def test_a_version_of_another_deployment_is_refused(
    deployment: Deployment, model: Model
) -> None:
    other = model.deploy("other").get_versions()[0]
    with pytest.raises(InvalidInputError, match="'other' version 1"):
        deployment.rollback(other)


@pytest.mark.parametrize(
    "use",
    [
        lambda it: it.get_versions(),
        lambda it: it.get_history(),
        lambda it: it.diff(1, 2),
        lambda it: it.rollback(1),
        lambda it: it.delete_version(1),
        lambda it: it.record_golden([[1]]),
    ],
    ids=["versions", "history", "diff", "rollback", "delete", "golden"],
)
def test_what_was_not_saved_or_is_gone_has_no_versions(
    deployment: Deployment,
    ms: ModelServing,
    model: Model,
    use: Callable[[Deployment], object],
) -> None:
    lazy = ms.create_deployment(ms.create_predictor(model), "lazy")
    with pytest.raises(DeploymentNotFoundError, match="'lazy' is not saved"):
        use(lazy)
    ms.get_deployment("d").delete()
    with pytest.raises(DeploymentNotFoundError, match="no deployment 'd'"):
        use(deployment)
    model.deploy("d")
    with pytest.raises(DeploymentNotFoundError, match="created again"):
        use(deployment)


def test_the_history_says_who_activated_what_and_why(
    deployment: Deployment, ms: ModelServing
) -> None:
    deployment.rollback(1, why="worse")
    assert history(ms.get_deployment("d")) == [
        (1, "rollback", "worse"),
        (3, "save", ""),
        (2, "save", "it had no description"),
        (1, "save", ""),
    ]
    newest = deployment.get_history()[0]
    assert newest.by.startswith(f"{deployment.creator}@")
    assert newest.when > deployment.get_versions()[0].created


def test_the_history_goes_over_many_pages(
    project: Project, deployment: Deployment
) -> None:
    for number in (1, 2) * 60:
        deployment.rollback(number)
    found = history(deployment)
    assert found[0] == (2, "rollback", "")
    assert len(found) == 3 + 120
    assert project.verify().ok


def test_the_history_is_that_of_the_deployment_not_of_its_name(
    deployment: Deployment, model: Model
) -> None:
    deployment.delete()
    assert history(model.deploy("d")) == [(4, "save", "")]


def test_a_version_that_is_not_active_is_given_up(
    project: Project, deployment: Deployment, ms: ModelServing
) -> None:
    deployment.delete_version(2)
    found = ms.get_deployment("d")
    assert [it.version for it in found.get_versions()] == [3, 1]
    with pytest.raises(DeploymentNotFoundError, match="no version 2: it has 1, 3"):
        found.rollback(2)
    assert project.storage.stat("Deployments/d/2/deployment.json") is None
    assert project.verify().ok
    assert [it[0] for it in history(found)] == [3, 2, 1]
    found.delete_version(1)
    found.description = "fourth"
    found.save()
    assert found.version == 4


def test_the_active_version_is_not_given_up(
    project: Project, deployment: Deployment, snapshot: Snapshot
) -> None:
    before = snapshot(project)
    with pytest.raises(InUseError, match="version 3 of deployment 'd' is the active"):
        deployment.delete_version(3)
    assert snapshot(project) == before


def test_a_version_that_still_runs_is_not_given_up(
    deployment: Deployment, ms: ModelServing, backend: StatesOnly
) -> None:
    deployment.start()
    backend.running["d"] = _of_version(backend.running["d"], 2)
    with pytest.raises(InUseError, match=r"version 2 of deployment 'd' is running"):
        deployment.delete_version(2)
    deployment.stop()
    deployment.delete_version(2)
    assert len(ms.get_deployment("d").get_versions()) == 2


def _of_version(sealed: SealedVersion, number: int) -> SealedVersion:
    return msgspec.structs.replace(sealed, deployment_version=number)


def test_what_an_old_version_pins_is_not_deleted(
    project: Project, save_model: Callable[..., Model], ms: ModelServing, script: Path
) -> None:
    first, second = (save_model("m", framework="sklearn") for _ in range(2))
    deployment = first.deploy("d", script_file=script)
    deployment.model_version = 2
    deployment.save()
    artifacts = ms.get_artifacts(first)
    for _ in range(2):
        with pytest.raises(InUseError, match="deployment 'd'"):
            first.delete()
        with pytest.raises(InUseError, match="deployment 'd'"):
            artifacts.delete(1)
        project.gc(grace_s=0)
    deployment.rollback(1)
    deployment.start()
    with pytest.raises(InUseError, match="deployment 'd'"):
        second.delete()
    assert project.verify().ok


def test_what_only_a_given_up_version_pinned_can_be_deleted(
    project: Project, save_model: Callable[..., Model], ms: ModelServing, script: Path
) -> None:
    first, _ = (save_model("m", framework="sklearn") for _ in range(2))
    deployment = first.deploy("d", script_file=script)
    deployment.model_version = 2
    deployment.save()
    deployment.delete_version(1)
    ms.get_artifacts(first).delete(1)
    with pytest.raises(ArtifactNotFoundError):
        ms.get_artifacts(first).get(1)
    first.delete()
    with pytest.raises(ModelNotFoundError):
        project.get_model_registry().get_model("m", 1)
    assert project.verify().ok
    assert not project.gc(dry_run=True, grace_s=0).freed


def test_a_deployment_whose_only_other_version_was_taken_back_runs_the_former(
    project: Project,
    save_model: Callable[..., Model],
    ms: ModelServing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model is deleted while the third version is sealed; the first was active."""
    save_model("m", framework="sklearn")
    second = save_model("m", framework="sklearn")
    deployment = project.get_model_registry().get_model("m", 1).deploy("d")
    deployment.description = "second"
    deployment.save()
    deployment.rollback(1)
    deployment.model_version = 2

    def deleting_first(*arguments: Any) -> None:
        with monkeypatch.context() as patch:
            # It asked for its users before the third version was sealed.
            patch.setattr("hopsartifacts.deployments.handle.users_of", lambda *_: [])
            second.delete()
        keep_parts(*arguments)

    monkeypatch.setattr("hopsartifacts.deployments.versions.keep_parts", deleting_first)
    with pytest.raises(ModelNotFoundError, match="deleted while it was being deployed"):
        deployment.save()
    found = ms.get_deployment("d")
    assert found.version == 1
    assert history(found)[0] == (1, "take back", "")
    assert [it.version for it in found.get_versions()] == [2, 1]
    assert project.verify().ok


def test_what_runs_is_moved_by_a_rollback(
    deployment: Deployment, ms: ModelServing, backend: StatesOnly
) -> None:
    deployment.start()
    assert backend.running["d"].deployment_version == 3
    ms.get_deployment("d").rollback(1)
    assert backend.running["d"].deployment_version == 1
    assert backend.running["d"].artifact_version == 1


def test_what_does_not_run_is_not_started_by_a_rollback(
    deployment: Deployment, backend: StatesOnly
) -> None:
    deployment.rollback(1)
    assert backend.running == {}


def test_a_rollback_keeps_what_a_killed_writer_had_not_kept_yet(
    project: Project,
    save_model: Callable[..., Model],
    ms: ModelServing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The model is being deleted, and its users were asked for, before any of this."""
    first, second = (save_model("m", framework="sklearn") for _ in range(2))
    deployment = first.deploy("d")
    asked: list[list[str]] = []

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    def slow(*arguments: Any) -> list[str]:
        asked.append(users_of(*arguments))
        if len(asked) == 2:
            deployment.model_version = 2
            with monkeypatch.context() as patch:
                patch.setattr("hopsartifacts.deployments.versions.keep_parts", killed)
                with pytest.raises(KeyboardInterrupt):
                    deployment.save()
            other = ms.get_deployment("d")
            other.rollback(1)
            other.rollback(2)
        return asked[-1]

    monkeypatch.setattr("hopsartifacts.deployments.handle.users_of", slow)
    with pytest.raises(InUseError, match="deployment 'd'"):
        second.delete()
    assert asked == [[], [], ["deployment 'd'"]]
    assert ms.get_deployment("d").version == 2
    assert project.repair().ok


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "there"])
def test_what_others_saved_and_deployed_meanwhile_is_not_taken_for_gone(
    intercept: Callable[[Callable[..., None]], Project],
    project: Project,
    model: Model,
    script: Path,
    save_model: Callable[..., Model],
    is_there: bool,
) -> None:
    """A writer has looked at the model before the version was saved that now runs."""
    if is_there:
        model.deploy("d")
    others: list[Deployment] = []
    is_busy = False

    def be_faster(method: str, *arguments: Any) -> None:
        # The script is being saved: all logs were looked at.
        nonlocal is_busy
        if method == "create" and "/Artifacts/_log/" in arguments[0] and not is_busy:
            is_busy = True
            others.append(save_model("m", framework="sklearn").deploy("d"))

    mr = intercept(be_faster).get_model_registry()
    mine = mr.get_model("m", 1).deploy("d", script_file=script)
    assert mine.id == others[0].id
    running = [it.specification.model.version for it in mine.get_versions()]
    assert running == [1, 2, 1][: mine.version]
    assert len(running) == 2 + is_there
    head = Logs(project.storage).deployment("d").state().head
    assert head.before == others[0].version
    with pytest.raises(InUseError, match="deployment 'd'"):
        mr.get_model("m", 2).delete()


@pytest.mark.parametrize("before", [True, False])
def test_a_version_whose_artifact_is_gone_is_not_seen(
    project: Project,
    model: Model,
    ms: ModelServing,
    make_script: MakeScript,
    monkeypatch: pytest.MonkeyPatch,
    before: bool,
) -> None:
    """Its writer was killed while the artifact version that it pins was deleted."""
    scripts = [make_script(), make_script(OTHER, "other.py")]
    model.deploy("other", script_file=scripts[1]).delete()
    if before:
        model.deploy("d", script_file=scripts[0])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("hopsartifacts.deployments.versions.keep_parts", killed)
        # It asked for users before the version was sealed.
        patch.setattr(
            "hopsartifacts.deployments.handle.artifact_users_of", lambda *_: []
        )
        with pytest.raises(KeyboardInterrupt):
            model.deploy("d", script_file=scripts[1])
        ms.get_artifacts(model).delete(1)
    assert [it.name for it in ms.get_deployments()] == (["d"] if before else [])
    if before:
        assert ms.get_deployment("d").version == 1
        assert [it.version for it in ms.get_deployment("d").get_versions()] == [1]
    again = model.deploy("d", script_file=scripts[1])
    assert again.version == (3 if before else 2)
    assert again.artifact_version == (3 if before else 2)
    project.repair()  # the killed writer did not write its document
    assert project.verify().ok
