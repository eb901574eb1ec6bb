"""A run belongs to one deployment, whatever else had its name or its project's URL."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import hopsartifacts
from hopsartifacts import Deployment, Project
from hopsartifacts.deployments.launch import placed
from hopsartifacts.errors import DeploymentNotFoundError, NotRunningError
from hopsartifacts.serving.contract import DeploymentKey, Launch
from hopsartifacts.serving.local import LocalBackend
from hopsartifacts.store.cache import Cache
from tests.serving.conftest import FLOWERS

ASK = {"instances": [[1]]}
OTHERS: dict[str, dict[str, Any]] = {
    "another id": {"deployment_id": "d-2"},
    "another id and version": {"deployment_id": "d-2", "deployment_version": 1},
    "the same version sealed otherwise": {"specification": "sha256:9"},
}


@pytest.fixture(params=OTHERS)
def other(request: pytest.FixtureRequest, echo: Launch) -> Launch:
    """Another deployment of the same name, at the same URL."""
    return replace(echo, **OTHERS[request.param])


def test_a_run_of_another_deployment_is_not_ours(
    backend: LocalBackend, echo: Launch, other: Launch, live: Callable[[], list[Any]]
) -> None:
    backend.start(echo, await_running_s=60)
    revision = backend.state(FLOWERS).revision
    assert backend.state(other.key).status == "Created"
    with pytest.raises(NotRunningError, match="is Created"):
        backend.predict(other.key, ASK)
    assert [*backend.follow_logs(replace(FLOWERS, id="d-9"), "predictor", 9)] == []
    assert backend.read_logs(replace(FLOWERS, id="d-9"), "predictor", 9) == ""
    with pytest.raises(NotRunningError, match="does not run"):
        backend.update(other, await_running_s=60)

    backend.start(other, await_running_s=60)
    assert backend.state(other.key).revision not in {None, revision}
    assert backend.state(FLOWERS).status == "Created"
    assert backend.predict(other.key, ASK) == {"predictions": [[1]]}
    with pytest.raises(NotRunningError):
        backend.predict(FLOWERS, ASK)
    log = backend.read_logs(other.key, "predictor", 100)
    assert log.startswith("keeper: ended a run of another deployment that had the name")
    backend.stop(FLOWERS, await_stopped_s=30)
    assert live() == []
    assert backend.state(other.key).status == "Stopped"


def test_another_version_of_the_same_deployment_is_ours(
    backend: LocalBackend, echo: Launch
) -> None:
    backend.start(echo, await_running_s=60)
    older = replace(FLOWERS, version=2, specification="sha256:2")
    assert backend.state(older).deployment_version == 3
    assert backend.predict(older, ASK) == {"predictions": [[1]]}
    newer = replace(echo, deployment_version=4, specification="sha256:4")
    backend.update(newer, await_running_s=60)
    assert backend.state(FLOWERS).deployment_version == 4
    assert backend.state(newer.key).deployment_version == 4
    # The number 4 sealed otherwise is of a copy of the project.
    assert backend.state(replace(newer.key, specification="x")).status == "Created"


def test_what_waits_to_be_shipped_is_kept_apart(backend: LocalBackend) -> None:
    spools = {
        backend.inference_log_spool(replace(FLOWERS, id=name)) for name in ("a", "b")
    }
    assert len(spools) == 2
    assert None not in spools


SCRIPT = """
import os
class Predictor:
    def predict(self, inputs):
        with open(os.path.join(os.environ["MODEL_FILES_PATH"], "model.bin")) as file:
            return [%r, file.read()]
"""


class Machine:
    """Opens the project at one place with a state folder of its own."""

    def __init__(self, url: Path, state: Path) -> None:
        project = hopsartifacts.login(url)
        self.project = Project(
            project.storage,
            backend=LocalBackend(
                project.name,
                project.url,
                logs_dir=url / "Logs" / "Serving",
                run_root=state,
                storage=project.storage,
                placed=partial(placed, project.storage, lambda: Cache(state / "cache")),
            ),
        )


@pytest.fixture
def deploy(
    make_files: Callable[..., Path], make_script: Callable[..., Path]
) -> Callable[..., Deployment]:
    def make(project: Project, word: str, **settings: Any) -> Deployment:
        registry = project.get_model_registry()
        model = registry.python.create_model("m").save(make_files({"model.bin": word}))
        made: Deployment = model.deploy(
            name="dep", script_file=make_script(SCRIPT % word), **settings
        )
        return made

    return make


@pytest.fixture
def here(run_root: Path, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "project", run_root)
    yield machine
    key = DeploymentKey(name="dep", id="", version=0, specification="")
    machine.project._backend.stop(key, await_stopped_s=10)


@pytest.mark.parametrize("is_detached", [False, True])
def test_a_project_that_is_made_again_gets_no_old_answers(
    here: Machine, deploy: Callable[..., Deployment], *, is_detached: bool
) -> None:
    project = here.project
    deploy(project, "old", inference_logger="ALL").start(detach=is_detached)
    first = project.get_model_serving().get_deployment("dep")
    assert first.predict(inputs=[1]) == {"predictions": ["old", "old"]}
    shutil.rmtree(project.storage.local_path("") or "")

    deployment = deploy(project, "new", inference_logger="ALL")
    assert deployment.get_state().status == "Created"
    assert not deployment.is_running()
    assert project.get_model_serving().run_state("dep").status == "Created"
    for ask in (deployment.predict, ask_by_name(project)):
        with pytest.raises(NotRunningError):
            ask({"instances": [1]})
    deployment.start()
    assert deployment.predict(inputs=[1]) == {"predictions": ["new", "new"]}
    assert ask_by_name(project)({"instances": [1]}) == {"predictions": ["new", "new"]}
    rows = deployment.read_inference_log()
    assert len(rows) == 4
    assert set(rows["servingId"].to_pylist()) == {deployment.id}
    # What the old one logged is not lost: its shipper put it into the log's folder.
    logged = {it.path for it in project.storage.find("Logs/inference/dep")}
    assert any(f"v1-{first.id}-" in path for path in logged)


def ask_by_name(project: Project) -> Callable[[dict[str, Any]], Any]:
    return lambda request: project.get_model_serving().ask("dep", request)


def test_a_deployment_that_another_machine_made_again_is_not_what_runs_here(
    here: Machine, deploy: Callable[..., Deployment], tmp_path: Path
) -> None:
    there = Machine(tmp_path / "project", tmp_path / "state-there").project
    stale = deploy(here.project, "old")
    stale.start()
    there.get_model_serving().get_deployment("dep").delete()
    deploy(there, "new")

    serving = here.project.get_model_serving()
    fresh = serving.get_deployment("dep")
    assert fresh.get_state().status == "Created"
    with pytest.raises(NotRunningError):
        fresh.predict(inputs=[1])
    # The old handle still has what it started, until somebody starts the new one.
    assert stale.predict(inputs=[1]) == {"predictions": ["old", "old"]}
    with pytest.raises(DeploymentNotFoundError, match="deleted"):
        stale.get_state()
    fresh.start()
    assert fresh.predict(inputs=[1]) == {"predictions": ["new", "new"]}
    assert serving.ask("dep", ASK) == {"predictions": ["new", "new"]}
    with pytest.raises(NotRunningError):
        stale.predict(inputs=[1])


def test_a_deleted_deployment_leaves_its_exchanges_in_the_project(
    here: Machine, deploy: Callable[..., Deployment]
) -> None:
    old = deploy(here.project, "old", inference_logger="ALL")
    old.start()
    old.predict(inputs=[1])
    key = old._key
    old.delete(force=True)
    again = deploy(here.project, "old", inference_logger="ALL")
    assert len(again.read_inference_log()) == 0
    spool = here.project._backend.inference_log_spool(key)
    assert spool is not None
    assert list(spool.glob("*.spool")) == []
    logged = here.project.storage.find("Logs/inference/dep")
    assert [it.path for it in logged if it.path.endswith(".parquet")]


def test_asking_by_name_reads_the_project_now_and_then_only(
    here: Machine, deploy: Callable[..., Deployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = deploy(here.project, "word")
    deployment.start()
    serving = here.project.get_model_serving()
    assert serving.run_state("dep").status == "Running"

    def refuse(*_: object) -> None:
        raise AssertionError("the project was read")

    with monkeypatch.context() as patch:
        patch.setattr("hopsartifacts.deployments.handle.find_deployment", refuse)
        assert serving.ask("dep", ASK) == {"predictions": ["word", "word"]}
        assert serving.run_state("dep").status == "Running"
    assert serving.run_state("other").status == "Created"
