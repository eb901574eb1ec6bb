"""What a deployment asks of the place it runs at, which here is a made-up one."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hopsartifacts import InferenceBatcher, Model, ModelServing, Project, Schema
from hopsartifacts.deployments.launch import placed
from hopsartifacts.errors import (
    DeploymentFailedError,
    IntegrityError,
    InvalidDeploymentError,
    InvalidInputError,
    UnsupportedHereError,
)
from hopsartifacts.serving.contract import (
    Component,
    Condition,
    DeploymentKey,
    Launch,
    Limits,
    LogArchive,
    LogLine,
    ProcessUsage,
    Reported,
    RunState,
    SealedVersion,
    StoredLog,
)
from hopsartifacts.serving.traffic import Period, Traffic
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.cache import Cache
from hopsartifacts.testing.states_only import StatesOnly

FILES = "Models/my_model/1/Files/model.bin"
SCRIPT = "Models/my_model/1/Artifacts/1/predictor-predict.py"


class MadeUpBackend:
    """Remembers what it was told; whatever is started runs until it is stopped.

    It gets the files as the local back end does.
    """

    name = "made up"

    def __init__(self, storage: Storage, cache: Cache) -> None:
        self._placed = partial(placed, storage, lambda: cache)
        self.launches: list[Launch] = []
        self.starts: list[dict[str, Any]] = []
        self.updates: list[tuple[Launch, float]] = []
        self.states: dict[str, RunState] = {}
        self.forgotten: list[str] = []

    def check(self, sealed: SealedVersion) -> None:
        assert sealed.deployment

    def start(self, sealed: SealedVersion, **options: Any) -> None:
        with self._placed(sealed) as launch:
            self.launches.append(launch)
        self.starts.append(options)
        self.states[launch.deployment] = RunState(
            status="Running",
            condition=Condition(type="READY", status=True, reason="ready"),
            available_predictor_instances=1,
            deployment_version=launch.deployment_version,
            url="http://127.0.0.1:8000",
            port=options["port"] or 8000,
            revision=f"r{len(self.starts)}",
        )

    def update(self, sealed: SealedVersion, *, await_running_s: float) -> None:
        with self._placed(sealed) as launch:
            self.updates.append((launch, await_running_s))

    def stop(self, deployment: DeploymentKey, *, await_stopped_s: float) -> None:
        assert await_stopped_s > 0
        self.states[deployment.name] = RunState(status="Stopped")

    def state(self, deployment: DeploymentKey) -> RunState:
        return self.states.get(deployment.name, RunState(status="Created"))

    def history(self, deployment: DeploymentKey) -> list[Reported]:
        assert deployment.name
        return []

    def predict(self, deployment: DeploymentKey, payload: dict[str, Any]) -> Any:
        return {"predictions": [deployment.name, payload]}

    def read_logs(
        self, deployment: DeploymentKey, component: Component, tail: int
    ) -> str:
        return f"{deployment.name} {component} {tail}"

    def follow_logs(
        self, deployment: DeploymentKey, component: Component, tail: int, **options: Any
    ) -> Iterator[LogLine]:
        assert not options
        for word in self.read_logs(deployment, component, tail).split():
            yield LogLine(text=word, position="")

    def inference_log_spool(self, deployment: DeploymentKey) -> None:
        assert deployment.name

    def traffic(self, deployment: DeploymentKey, period: Period) -> Traffic:
        return StatesOnly().traffic(deployment, period)

    def log_archives(self, name: str) -> list[LogArchive]:
        return StatesOnly().log_archives(name)

    def stored_log(self, name: str, archive: str, component: Component) -> StoredLog:
        return StatesOnly().stored_log(name, archive, component)

    def usage(self, deployment: DeploymentKey) -> list[ProcessUsage]:
        return StatesOnly().usage(deployment)

    def forget(self, deployment: DeploymentKey) -> None:
        self.forgotten.append(deployment.name)


@pytest.fixture
def backend(project: Project, tmp_path: Path) -> MadeUpBackend:
    return MadeUpBackend(project.storage, Cache(tmp_path / "copies"))


@pytest.fixture
def local_backend(local_project: Project, tmp_path: Path) -> MadeUpBackend:
    return MadeUpBackend(local_project.storage, Cache(tmp_path / "copies"))


@pytest.fixture
def running_project(project: Project, backend: MadeUpBackend) -> Project:
    return Project(project.storage, backend=backend)


@pytest.fixture
def serving(running_project: Project) -> ModelServing:
    return running_project.get_model_serving()


@pytest.fixture
def deployed(
    running_project: Project, save_model: Callable[..., Model]
) -> Callable[..., Any]:
    """Save the model once, and deploy it with the made-up back end."""
    save_model(framework="sklearn")
    registry = running_project.get_model_registry()
    return lambda **settings: registry.get_model("my_model").deploy(**settings)


def test_a_launch_is_the_sealed_specification(
    project: Project,
    serving: ModelServing,
    backend: MadeUpBackend,
    deployed: Callable[..., Any],
    make_script: Callable[..., Path],
    transformer_script: Path,
) -> None:
    """A process gets what was sealed, and each setting reaches it."""
    script = make_script()
    deployment = deployed(
        script_file=script,
        config_file=script,
        transformer=serving.create_transformer(transformer_script),
        inference_logger="ALL",
        inference_batcher=InferenceBatcher(enabled=True),
        api_protocol="GRPC",
        resources={"num_instances": 2, "requests": {"gpus": 1}},
    )
    deployment.start(await_running=7, port=99)
    launch = backend.launches[0]
    assert backend.starts == [{"await_running_s": 7, "port": 99, "detach": False}]
    assert launch.project == project.name
    assert launch.project_url == project.url
    assert (launch.deployment, launch.deployment_version) == ("mymodel", 1)
    assert launch.deployment_id == deployment.id
    assert (launch.model, launch.model_version) == ("my_model", 1)
    assert (launch.framework, launch.model_server) == ("SKLEARN", "PYTHON")
    assert launch.artifact_version == 1
    assert launch.predictor_script == "predictor-predict.py"
    assert launch.transformer_script == "transformer-transform.py"
    assert launch.config_file == "configfile-predict.py"
    assert launch.features == {
        "transformer",
        "logger",
        "batcher",
        "grpc",
        "gpu",
        "instances",
    }
    files, artifact = Path(launch.model_files_path), Path(launch.artifact_files_path)
    assert files.is_absolute()
    assert (files / "model.bin").read_bytes() == b"\x00weights"
    assert (artifact / "predictor-predict.py").read_bytes() == script.read_bytes()


def test_a_plain_launch_uses_nothing_optional(
    backend: MadeUpBackend, deployed: Callable[..., Any]
) -> None:
    deployed().start()
    launch = backend.launches[0]
    assert launch.features == frozenset()
    assert launch.predictor_script is None
    assert launch.transformer_script is None
    assert launch.artifact_version == 0


@pytest.mark.parametrize(
    ("resources", "limits"),
    [
        (None, Limits()),
        ({"num_instances": 2}, Limits()),
        ({"requests": {"cores": 3, "memory": 4096}}, Limits()),
        ({"limits": {"cores": -1, "memory": -1}}, Limits()),
        # As the official client sends what its user did not set.
        ({"limits": {"cores": 2, "memory": 1024, "gpus": 0}}, Limits()),
        ({"limits": {"cores": 1}}, Limits(cores=1)),
        ({"limits": {"memory": 2048}}, Limits(memory_mb=2048)),
        (
            {"requests": {"memory": 1024}, "limits": {"memory": 512 * 4}},
            Limits(memory_mb=2048),
        ),
        ({"limits": {"cores": 0.5, "memory": 512}}, Limits(cores=0.5, memory_mb=512)),
    ],
)
def test_only_limits_that_a_user_set_are_limits_here(
    backend: MadeUpBackend,
    serving: ModelServing,
    deployed: Callable[..., Any],
    make_script: Callable[..., Path],
    resources: Any,
    limits: Limits,
) -> None:
    code = "class Transformer: ...\nclass Predictor:\n    def predict(self, x): ...\n"
    script = make_script(code)
    transformer = serving.create_transformer(script, resources=resources)
    deployed(script_file=script, resources=resources, transformer=transformer).start()
    (launch,) = backend.launches
    assert (launch.limits, launch.transformer_limits) == (limits, limits)


def test_a_running_deployment_is_not_started_again(
    backend: MadeUpBackend,
    deployed: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    deployment = deployed()
    deployment.start()
    deployment.start()
    assert len(backend.starts) == 1
    assert "'mymodel' is already running" in capsys.readouterr().out
    deployment.restart()
    assert len(backend.starts) == 2


def test_the_state_is_that_of_the_back_end(
    deployed: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """All that a deployment says of its state follows from one answer."""
    deployment = deployed()
    assert deployment.get_state().status == "Created"
    assert deployment.is_stopped()
    assert not deployment.is_stopped(or_created=False)
    assert not deployment.is_running()
    assert deployment.get_url() is None
    deployment.start()
    state = deployment.get_state()
    assert deployment.is_running()
    assert deployment.is_running(or_idle=False, or_updating=False)
    assert not deployment.is_stopped()
    url = "http://127.0.0.1:8000/v1/models/mymodel:predict"
    assert deployment.get_url() == url
    assert state.model_server_inference_path == url
    assert state.condition.type == "READY"
    assert state.deployed
    assert state.internal_port == 8000
    assert (state.available_predictor_instances, state.revision) == (1, "r1")
    assert state.available_transformer_instances == 0
    assert repr(state) == "PredictorState(status: 'Running')"
    state.describe()
    assert json.loads(capsys.readouterr().out) == state.to_dict()
    assert state.to_dict()["deployment_version"] == 1
    deployment.stop()
    assert deployment.is_stopped()
    assert not deployment.get_state().deployed


def test_deployments_are_filtered_by_their_state(
    serving: ModelServing, deployed: Callable[..., Any]
) -> None:
    deployed(name="a").start()
    deployed(name="b")
    assert [it.name for it in serving.get_deployments(status="RUNNING")] == ["a"]
    assert [it.name for it in serving.get_deployments(status="Created")] == ["b"]


def test_a_running_deployment_moves_to_what_changed(
    backend: MadeUpBackend, deployed: Callable[..., Any]
) -> None:
    deployment = deployed()
    deployment.start(port=77)
    deployment.description = "changed"
    deployment.save(await_update=5)
    [(launch, await_running_s)] = backend.updates
    assert (launch.deployment_version, await_running_s) == (2, 5)
    assert len(backend.starts) == 1


def test_a_changed_deployment_that_does_not_run_is_not_started(
    backend: MadeUpBackend, deployed: Callable[..., Any]
) -> None:
    deployment = deployed()
    deployment.description = "changed"
    deployment.save()
    assert (backend.starts, backend.updates) == ([], [])


def test_a_move_that_fails_says_which_version_is_active(
    backend: MadeUpBackend,
    deployed: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DeploymentFailedError("version 2 did not start; version 1 goes on")

    deployment = deployed()
    deployment.start()
    monkeypatch.setattr(backend, "update", fail)
    deployment.description = "changed"
    with pytest.raises(DeploymentFailedError) as caught:
        deployment.save()
    assert "version 1 goes on" in str(caught.value)
    assert "Version 2 is saved and is the active version now" in str(caught.value)
    assert "go back with rollback(1)" in str(caught.value)
    assert deployment.version == 2


def test_an_unchanged_deployment_does_not_move(
    backend: MadeUpBackend, serving: ModelServing, deployed: Callable[..., Any]
) -> None:
    """Neither through the object that saved it nor through one that adopts it."""
    deployment = deployed()
    deployment.start()
    deployment.save()
    serving.get_deployment("mymodel").save()
    deployed()
    assert (len(backend.starts), backend.updates) == (1, [])


def test_a_running_deployment_is_not_deleted(
    backend: MadeUpBackend, serving: ModelServing, deployed: Callable[..., Any]
) -> None:
    deployment = deployed()
    deployment.start()
    with pytest.raises(InvalidDeploymentError, match=r"'mymodel' is running.*force"):
        deployment.delete()
    assert serving.get_deployment("mymodel").is_running()
    deployment.delete(force=True)
    assert backend.forgotten == ["mymodel"]
    assert backend.states["mymodel"].status == "Stopped"
    assert serving.get_deployments() == []


@pytest.mark.parametrize("damaged", [FILES, SCRIPT])
def test_a_deployment_does_not_start_on_files_that_differ(
    project: Project,
    backend: MadeUpBackend,
    deployed: Callable[..., Any],
    make_script: Callable[..., Path],
    damaged: str,
) -> None:
    deployment = deployed(script_file=make_script())
    project.storage.write(damaged, [b"edited"])
    with pytest.raises(IntegrityError) as caught:
        deployment.start()
    assert damaged in str(caught.value)
    assert "project.verify()" in str(caught.value)
    assert backend.starts == []


def test_files_beside_the_sealed_ones_are_noted_and_do_not_keep_it_from_starting(
    local_project: Project,
    local_backend: MadeUpBackend,
    make_files: Callable[..., Path],
) -> None:
    """They may be what it wrote itself: to root sealed folders are not read-only."""
    project = Project(local_project.storage, backend=local_backend)
    model = project.get_model_registry().sklearn.create_model("my_model")
    deployment = model.save(make_files({"a.pkl": b"1"})).deploy()
    for number in range(5):
        local_project.storage.create(f"Models/my_model/1/Files/{number}.pkl", b"")
    deployment.start()
    (launch,) = local_backend.launches
    (note,) = launch.notes
    assert "extra: Models/my_model/1/Files/2.pkl" in note
    assert note.endswith("; and 2 more")
    assert launch.loadable == ("a.pkl",), "what is loaded is sealed"
    assert launch.artifact_files == ()


def test_open_modes_do_not_keep_a_deployment_from_starting(
    local_project: Project,
    local_backend: MadeUpBackend,
    make_files: Callable[..., Path],
) -> None:
    project = Project(local_project.storage, backend=local_backend)
    model = project.get_model_registry().sklearn.create_model("my_model")
    deployment = model.save(make_files()).deploy()
    place = local_project.storage.local_path(FILES)
    assert place is not None
    place.chmod(0o644)
    deployment.start()
    assert len(local_backend.starts) == 1


def test_an_artifact_folder_that_is_missing_is_written_before_the_start(
    project: Project,
    backend: MadeUpBackend,
    deployed: Callable[..., Any],
    make_script: Callable[..., Path],
) -> None:
    deployment = deployed(script_file=make_script())
    project.storage.delete_tree("Models/my_model/1/Artifacts/1")
    deployment.start()
    place = Path(backend.launches[0].artifact_files_path)
    assert [path.name for path in place.iterdir()] == ["predictor-predict.py"]


def test_only_what_is_on_disk_outlives_its_process(
    project: Project, backend: MadeUpBackend, deployed: Callable[..., Any]
) -> None:
    deployment = deployed()
    if project.url.startswith("memory:"):
        with pytest.raises(UnsupportedHereError, match="without detach"):
            deployment.start(detach=True)
        assert backend.starts == []
    else:
        deployment.start(detach=True)
        assert backend.starts[0]["detach"]


def test_predictions_are_sent_as_a_request(deployed: Callable[..., Any]) -> None:
    deployment = deployed()
    sent = {"instances": [[1, 2]]}
    assert deployment.predict(inputs=[1, 2]) == {"predictions": ["mymodel", sent]}
    assert deployment.predict({"inputs": [[1]]})["predictions"][1] == {"inputs": [[1]]}
    with pytest.raises(InvalidInputError, match="predict needs"):
        deployment.predict()


def test_logs_are_printed_by_component(
    deployed: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    deployment = deployed()
    assert deployment.get_logs(tail=3) is None
    assert capsys.readouterr().out == "mymodel predictor 3\n"
    assert deployment.read_logs("transformer") == "mymodel transformer 10"
    with pytest.raises(InvalidInputError, match=r"'server': use one of predictor"):
        deployment.read_logs("server")


def test_a_schema_is_no_model(serving: ModelServing) -> None:
    schema: Any = Schema([{"type": "int"}])
    with pytest.raises(InvalidDeploymentError, match="model is a Schema"):
        serving.create_predictor(schema)


def test_a_pin_that_is_not_the_model_does_not_start(
    project: Project,
    backend: MadeUpBackend,
    deployed: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two projects mixed up: the same names, another model."""
    deployment = deployed()
    sealed = deployment._state.current
    pin = msgspec.structs.replace(sealed.specification.model, manifest="sha256:other")
    specification = msgspec.structs.replace(sealed.specification, model=pin)
    other = msgspec.structs.replace(sealed, specification=specification)
    state = deployment._fresh()
    monkeypatch.setattr(state, "version", lambda _: other)
    monkeypatch.setattr(deployment, "_fresh", lambda: state)
    with pytest.raises(
        IntegrityError, match="'my_model' version 1 differs from the one"
    ):
        deployment.start()
    assert backend.starts == []
    assert project.verify().ok


def test_logs_are_followed_line_by_line(
    deployed: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    deployment = deployed()
    assert [*deployment.follow_logs(tail=3)] == ["mymodel", "predictor", "3"]
    assert deployment.get_logs("transformer", 2, follow=True) is None
    assert capsys.readouterr().out == "mymodel\ntransformer\n2\n"
    with pytest.raises(InvalidInputError, match=r"'server': use one of predictor"):
        deployment.follow_logs("server")


def test_vllm_is_not_asked_by_predict(
    running_project: Project,
    make_files: Callable[..., Path],
    make_script: Callable[..., Path],
) -> None:
    model = running_project.get_model_registry().llm.create_model("m")
    deployment = model.save(make_files()).deploy(script_file=make_script())
    with pytest.raises(UnsupportedHereError, match=r"'m' runs on vLLM.*OpenAI"):
        deployment.predict(inputs=[[1]])
