"""A manifest is run as it stands: what its pods say, and nothing else."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

import hopsartifacts
from hopsartifacts import ClusterSettings, Deployment, Project
from tests.pods.kubelet import Kubelet, Terminated

SETTINGS = ClusterSettings(image=f"registry.example/h@sha256:{'1' * 64}", claim="c")
PREDICTOR = """
class Predictor:
    def predict(self, inputs):
        return [[2 * value for value in row] for row in inputs]
"""
TRANSFORMER = """
class Transformer:
    def preprocess(self, inputs):
        # Tensors of V2 stay as they are.
        if "instances" not in inputs:
            return inputs
        rows = [[value + 1 for value in row] for row in inputs["instances"]]
        return {**inputs, "instances": rows}
"""

Deploy = Callable[..., Deployment]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    return hopsartifacts.login(tmp_path / "project")


@pytest.fixture
def deploy(project: Project, tmp_path: Path) -> Deploy:
    """Save a model, and a deployment of it with the predictor above."""
    files, script = tmp_path / "files", tmp_path / "predictor.py"
    files.mkdir()
    (files / "weights.bin").write_bytes(b"weights")
    script.write_text(PREDICTOR)
    model = project.get_model_registry().python.create_model("flowers").save(files)
    return lambda **settings: model.deploy(script_file=script, **settings)


class Cluster:
    """Runs the pods of manifests on this machine."""

    def __init__(self, project: Project, folder: Path) -> None:
        self._claims = {"c": project.storage.local_path("") or folder}
        self._folder = folder
        self._pods: list[Kubelet] = []

    def run(self, deployment: Deployment, **services: str) -> dict[str, Kubelet]:
        """Start the components of a deployment; return their pods."""
        spec = deployment.manifest(SETTINGS).service["spec"]
        pods: dict[str, Kubelet] = {}
        for component in ("predictor", "transformer"):
            if component in spec:
                folder = self._folder / component
                folder.mkdir(parents=True)
                known = {**services, **_service_of(pods)}
                pod = Kubelet(
                    spec[component], folder, claims=self._claims, services=known
                )
                self._pods.append(pod)
                pods[component] = pod.start()
        return pods

    def end(self) -> None:
        for pod in self._pods:
            pod.__exit__()


def _service_of(pods: Mapping[str, Kubelet]) -> dict[str, str]:
    """Return the name under which a transformer asks its predictor."""
    if "predictor" not in pods:
        return {}
    return {"flowers-predictor.default": f"127.0.0.1:{pods['predictor'].port(8080)}"}


@pytest.fixture
def cluster(project: Project, tmp_path: Path) -> Any:
    made = Cluster(project, tmp_path / "pods")
    yield made
    made.end()


def ask(pod: Kubelet, path: str, body: Any) -> Any:
    url = f"http://127.0.0.1:{pod.port(8080)}{path}"
    answer = httpx.post(url, json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def v1(pod: Kubelet) -> Any:
    body = {"instances": [[1.0, 2.0]]}
    return ask(pod, "/v1/models/flowers:predict", body)["predictions"]


def v2(pod: Kubelet) -> Any:
    tensor = {"name": "x", "datatype": "FP64", "shape": [1, 2], "data": [1.0, 2.0]}
    answer = ask(pod, "/v2/models/flowers/infer", {"inputs": [tensor]})
    return [answer["outputs"][0]["data"]]


def over_grpc(pod: Kubelet) -> Any:
    grpc = pytest.importorskip("tritonclient.grpc")
    tensor = grpc.InferInput("x", [1, 2], "FP64")
    tensor.set_data_from_numpy(pytest.importorskip("numpy").array([[1.0, 2.0]]))
    with grpc.InferenceServerClient(f"127.0.0.1:{pod.port(8081)}") as client:
        answer = client.infer("flowers", [tensor])
    return answer.as_numpy(answer.get_response().outputs[0].name).tolist()


@pytest.mark.parametrize("has_transformer", [False, True], ids=["alone", "transformed"])
@pytest.mark.parametrize(
    ("protocol", "predict"),
    [("REST", v1), ("REST", v2), ("GRPC", over_grpc)],
    ids=["V1", "V2", "gRPC"],
)
def test_it_answers_and_ends(
    deploy: Deploy,
    cluster: Cluster,
    tmp_path: Path,
    protocol: str,
    predict: Callable[[Kubelet], Any],
    *,
    has_transformer: bool,
) -> None:
    settings: dict[str, Any] = {"api_protocol": protocol}
    if has_transformer:
        (tmp_path / "transformer.py").write_text(TRANSFORMER)
        settings["transformer"] = {"script_file": tmp_path / "transformer.py"}
    pods = cluster.run(deploy(**settings))
    asked = pods.get("transformer", pods["predictor"])
    is_changed = has_transformer and predict is v1
    assert predict(asked) == ([[4.0, 6.0]] if is_changed else [[2.0, 4.0]])
    for pod in pods.values():
        assert {*pod.stop()} == {0}


TAMPERED = [
    ("Models/flowers/1/Files/weights.bin", b"others!", "Files/weights.bin"),
    ("Models/flowers/1/Files/weights.bin", None, "Files/weights.bin"),
    ("Models/flowers/1/Artifacts/1/predictor-predictor.py", b"x = 1", "predictor.py"),
]


@pytest.mark.parametrize(("path", "data", "named"), TAMPERED)
def test_it_does_not_start_on_other_files_and_says_which(
    deploy: Deploy,
    cluster: Cluster,
    project: Project,
    path: str,
    data: bytes | None,
    named: str,
) -> None:
    deployment = deploy()
    if data is None:
        project.storage.delete_tree(path)
    else:
        project.storage.write(path, [data])
    with pytest.raises(Terminated) as caught:
        cluster.run(deployment)
    assert caught.value.code != 0
    assert named in caught.value.message
    assert "Traceback" not in caught.value.message


def test_a_manifest_of_another_specification_does_not_start(
    deploy: Deploy, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Someone has changed the digest, or the project was replaced by another one."""
    deployment = deploy()
    manifest = deployment.manifest(SETTINGS)
    (container,) = manifest.service["spec"]["predictor"]["initContainers"]
    address, folder = container["args"]
    container["args"] = [address[:-4] + "0000", folder]
    monkeypatch.setattr(Deployment, "manifest", lambda *_: manifest)
    with pytest.raises(Terminated) as caught:
        cluster.run(deployment)
    assert "the manifest pins" in caught.value.message
