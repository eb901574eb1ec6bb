"""What every operation answers to requests that nobody in their right mind sends.

Schemathesis makes them from the OpenAPI document: some as it says, some not. Values fit
to what is in the project on one day, and are any values on the next: ``tests.depth``.
"""

import copy
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import hopsartifacts
from hopsartifacts.datasets import own
from hopsartifacts.deployments.versions import find_deployment, read_deployment
from hopsartifacts.project import Project
from hopsartifacts.rest.application import OPERATIONS, create_app
from hopsartifacts.rest.hopsworks.ids import deployment_id, model_id
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.openapi import document
from hopsartifacts.rest.operations import Operation
from hopsartifacts.rest.uploads import Uploads
from hopsartifacts.testing.states_only import StatesOnly
from tests import depth
from tests.rest.conftest import MoreKeys, bearing

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis")
checks = pytest.importorskip("schemathesis.checks")
modes = pytest.importorskip("schemathesis.generation").GenerationMode

EXAMPLES = 10
"""Requests of each kind for each operation."""

MODEL = "iris"
CHECKS = [
    "response_schema_conformance",
    "content_type_conformance",
    "status_code_conformance",
]
_SCHEMAS = "#/components/schemas/"
SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"
TESTED = [it for it in OPERATIONS if it.gives != "text/event-stream"]
"""What sends events does not end."""


class Server(NamedTuple):
    """A project behind a port."""

    hosted: Hosted
    url: str
    scratch: Path

    def fill(self) -> None:
        """Have what requests may be about, after others were about deleting it."""
        project = self.hosted.project
        if not project.get_model_registry().get_models(MODEL):
            files = self.scratch / "files"
            files.mkdir(exist_ok=True)
            (files / "weights.bin").write_bytes(b"w")
            creator = project.get_model_registry().python
            creator.create_model(MODEL, metrics={"accuracy": 0.9}).save(files)
        model = project.get_model_registry().get_models(MODEL)[0]
        if find_deployment(project.storage, MODEL) is None:
            script = self.scratch / "predict.py"
            script.write_text(SCRIPT)
            # A folder may have been made in its place, or a file in that of its folder.
            own.remove(project.storage, "Resources")
            project.get_dataset_api().upload(script, "Resources")
            model.deploy(MODEL, script_file=script).start()

    def upload(self) -> str:
        """Return the id of an unfinished upload."""
        singles = self.hosted.uploads.single
        found = singles.all("admin") or [
            singles.begin("Resources/up.py", 1, "admin", overwrite=True)
        ]
        return str(found[0].id)

    def known(self) -> dict[str, list[Any]]:
        """Return values, by the names of parameters and properties, that fit here."""
        project = self.hosted.project
        model = project.get_model_registry().get_models(MODEL)[0]
        found = read_deployment(project.storage, MODEL)
        ids = [
            f"{MODEL}_1",
            model_id(MODEL, 1, model.manifest.id),
            deployment_id(found, MODEL),
            *(job.id for job in self.hosted.jobs.all()[:1]),
            self.upload(),
        ]
        own, script = str(self.hosted.project_id), "Resources/predict.py"
        return {
            "project_id": [own],
            "registry_id": [own],
            "id": ids,
            "name": [MODEL, "colour", "kube_knative_domain_name"],
            "model": [MODEL],
            "modelName": [MODEL],
            "projectName": [project.name],
            "framework": ["PYTHON", "SKLEARN"],
            "modelFramework": ["PYTHON", "SKLEARN"],
            "modelServer": ["PYTHON"],
            "servingTool": ["KSERVE", "DEFAULT"],
            "serving_tool": ["KSERVE", "DEFAULT"],
            "apiProtocol": ["REST", "GRPC"],
            "api_protocol": ["REST", "GRPC"],
            "predictor": ["predictor-predict.py", script],
            "script_file": [script],
            "config_file": [script],
            "files": [[script], []],
            "configFile": [script, None],
            "resources": [{"num_instances": 1}],
            "requestedInstances": [1],
            "env_vars": [{"COLOUR": "red"}],
            "predictorEnvVars": [["COLOUR=red"]],
            "transformerEnvVars": [[]],
            "environment_lock": [None, "numpy==2.0"],
            "golden_request": [None, {"request": {"instances": [1]}}],
            "batchingConfiguration": [{"batchingEnabled": True}],
            "metrics": [{"attributes": [{"key": "accuracy", "value": 0.5}]}],
            "version": [1],
            "model_version": [1],
            "modelVersion": [1],
            "artifact": [1],
            "artifact_version": [None, 1, "CREATE"],
            "artifactVersion": [-1, 1, "MODEL-ONLY", "CREATE"],
            "uploads": [[], [{"path": "w.bin", "upload": self.upload()}]],
            "source": [script, "Resources", None],
            "target": ["Resources/b.py", "Resources/c"],
            "offset": [0],
            "size": [1],
            "Range": ["bytes=0-0", "bytes=1-", "bytes=999999999-"],
            "If-Match": ["*", '"else"'],
            "If-None-Match": ["*", '"else"'],
            "other": [1],
            "tag": ["colour"],
            "alias": ["champion"],
            "kind": ["models", "artifacts", "deployments", "metrics"],
            "file": ["predictor-predict.py"],
            "action": ["START", "STOP", "create", "copy", "move", "zip", "listing"],
            "component": ["predictor", "transformer"],
            "path": ["Models", f"Models/{MODEL}/1/Files", script, "Resources"],
            "destination_path": ["Resources/b.py", f"Models/{MODEL}/2"],
        }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("fuzzing")
    storage = hopsartifacts.login(str(folder / "demo")).storage
    project = Project(storage, backend=StatesOnly())
    uploads = Uploads(storage, folder / "server")
    hosted = Hosted(project, MoreKeys(folder / "server"), uploads)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        create_app(hosted), lifespan="off", ws="none", log_config=None
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    while not running.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield Server(hosted, f"http://127.0.0.1:{listener.getsockname()[1]}", folder)
    finally:
        hosted.close()
        running.should_exit = True
        thread.join(30)
        uploads.close()


def test_nothing_breaks(operation: Operation, server: Server) -> None:
    """Whatever is sent, the answer is one that the OpenAPI document describes."""
    server.fill()
    plain = without_tuples(document(OPERATIONS))
    fitting = with_known(plain, server.known())
    # Some operations take nothing that could be wrong: these need the first kind.
    of_fitting = [(fitting, modes.POSITIVE), (fitting, modes.NEGATIVE)]
    of_any = [(plain, modes.POSITIVE)]
    is_fitting = (depth.part() + TESTED.index(operation)) % 2 == 0
    today = of_fitting if is_fitting else of_any
    kinds = depth.usually(today, of_fitting + of_any)
    strategies = [requests_of(operation, *kind) for kind in kinds]
    wanted = checks.CHECKS.get_by_names(CHECKS)

    @settings(
        max_examples=EXAMPLES * len(strategies),
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(strategies))
    def ask(case: Any) -> None:
        if operation.method != "GET":
            server.fill()
        answer = case.call(base_url=server.url, headers=bearing("admin"), timeout=30)
        # What is said to be not possible here is no failure.
        assert answer.status_code < 500 or answer.status_code in operation.errors
        case.validate_response(answer, checks=wanted)

    ask()


def requests_of(operation: Operation, described: dict[str, Any], mode: Any) -> Any:
    """Return what makes requests of an operation; each bears a key."""
    open_to_all = copy.deepcopy(described)
    found = open_to_all["paths"][operation.path][operation.method.lower()]
    found.pop("security", None)
    schema = schemathesis.openapi.from_dict(open_to_all)
    return schema[operation.path][operation.method].as_strategy(mode)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "operation" in metafunc.fixturenames:
        names = [f"{it.method} {it.path}" for it in TESTED]
        metafunc.parametrize("operation", TESTED, ids=names)


def without_tuples(described: Any) -> Any:
    """Return the document with each tuple of equal members as a list of that length.

    It says the same. Schemathesis cannot check answers against ``prefixItems``.
    """
    if isinstance(described, list):
        return [without_tuples(it) for it in described]
    if not isinstance(described, dict):
        return described
    made = {name: without_tuples(it) for name, it in described.items()}
    members = made.get("prefixItems")
    if isinstance(members, list) and all(it == members[0] for it in members):
        del made["prefixItems"]
        made["items"] = members[0]
    return made


def with_known(described: dict[str, Any], known: dict[str, list[Any]]) -> Any:
    """Return the document, with values that fit for parameters and properties."""
    described = copy.deepcopy(described)
    given = set()
    for methods in described["paths"].values():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                name = parameter["name"]
                if name in known:
                    parameter["schema"] = {"enum": known[name]}
            body = operation.get("requestBody", {"content": {}})["content"]
            given |= {it["schema"].get("$ref") for it in body.values()}
    schemas = described["components"]["schemas"]
    for name, schema in schemas.items():
        is_only_given = f"{_SCHEMAS}{name}" in given
        for property_, before in schema.get("properties", {}).items():
            if property_ in known:
                among = {"enum": known[property_]}
                # In answers anything goes as before.
                either = among if is_only_given else {"anyOf": [among, before]}
                schema["properties"][property_] = either
    return described
