"""What is wrong with a request is said of its parts, all at once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

from hopsartifacts import Model, Project
from hopsartifacts.errors import InvalidModelError

SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"
NO_CLASS = "class Other:\n    pass\n"


class Wrong(NamedTuple):
    """Settings that are refused, and the parts of them that are at fault."""

    what: str
    given: dict[str, Any]
    pointers: list[str]


WRONG = (
    Wrong("a name", {"name": "my-name"}, ["/name"]),
    Wrong("a type", {"model_version": "one"}, ["/model_version"]),
    Wrong("a missing member", {"model": ...}, ["/model"]),
    Wrong("an unknown member", {"colour": 1}, ["/colour"]),
    Wrong(
        "a type deep inside",
        {"resources": {"limits": {"cores": "a"}}},
        ["/resources/limits/cores"],
    ),
    Wrong("an item of a list", {"files": ["Resources/a.py", 1]}, ["/files/1"]),
    Wrong(
        "an amount",
        {"resources": {"requests": {"cores": 0}}},
        ["/resources/requests/cores"],
    ),
    Wrong(
        "a limit",
        {"resources": {"requests": {"memory": 64}, "limits": {"memory": 32}}},
        ["/resources/limits/memory"],
    ),
    Wrong(
        "two amounts",
        {"resources": {"num_instances": -1, "requests": {"gpus": -1}}},
        ["/resources/num_instances", "/resources/requests/gpus"],
    ),
    Wrong(
        "a transformer without a script",
        {"transformer": {}},
        ["/transformer/script_file"],
    ),
    Wrong(
        "resources of a transformer",
        {
            "transformer": {
                "script_file": "Resources/ok.py",
                "resources": {"num_instances": -1},
            }
        },
        ["/transformer/resources/num_instances"],
    ),
    Wrong(
        "a batcher",
        {"inference_batcher": {"enabled": True, "timeout": 0}},
        ["/inference_batcher/timeout"],
    ),
    Wrong("a mode", {"inference_logger": {"mode": "LOUD"}}, ["/inference_logger/mode"]),
    Wrong(
        "a topic",
        {"inference_logger": {"kafka_topic": {"name": "a b"}}},
        ["/inference_logger/kafka_topic/name"],
    ),
    Wrong("a variable", {"env_vars": {"a/b": "1"}}, ["/env_vars/a~1b"]),
    Wrong("an artifact version", {"artifact_version": -1}, ["/artifact_version"]),
    Wrong(
        "an artifact version that is not there",
        {"artifact_version": 9, "script_file": None},
        ["/artifact_version"],
    ),
    Wrong("a word", {"artifact_version": "MODEL-ONLY"}, ["/artifact_version"]),
    Wrong(
        "a script that is not there",
        {"script_file": "Resources/b.py"},
        ["/script_file"],
    ),
    Wrong(
        "a script without its class",
        {"script_file": "Resources/no_class.py"},
        ["/script_file"],
    ),
    Wrong(
        "a file that is not there",
        {"files": ["Resources/ok.py", "Resources/b.txt"]},
        ["/files/1"],
    ),
    Wrong(
        "a lock that is not there",
        {"environment_lock": "Resources/b.txt"},
        ["/environment_lock"],
    ),
    Wrong("a forbidden script", {"model": "flow"}, ["/script_file"]),
    Wrong("a missing script", {"script_file": None}, ["/script_file"]),
    Wrong(
        "a forbidden transformer",
        {
            "serving_tool": "DEFAULT",
            "transformer": {"script_file": "Resources/transformer.py"},
        },
        ["/transformer"],
    ),
    Wrong(
        "a forbidden protocol",
        {"serving_tool": "DEFAULT", "api_protocol": "GRPC"},
        ["/api_protocol"],
    ),
    Wrong("a reason", {"why": "x" * 2000}, ["/why"]),
    Wrong(
        "several at once",
        {"name": "", "resources": {"num_instances": -1}, "env_vars": {"1": "x"}},
        ["/env_vars/1", "/name", "/resources/num_instances"],
    ),
    Wrong(
        "a combination and a script",
        {
            "serving_tool": "DEFAULT",
            "api_protocol": "GRPC",
            "script_file": "Resources/b.py",
        },
        ["/api_protocol", "/script_file"],
    ),
)


@pytest.fixture(autouse=True)
def _filled(project: Project, save_model: Callable[..., Model]) -> None:
    """A model of two frameworks, and scripts."""
    save_model("iris")
    save_model("flow", framework="tensorflow")
    files = {
        "ok.py": SCRIPT,
        "no_class.py": NO_CLASS,
        "transformer.py": "class Transformer:\n    pass\n",
    }
    for name, text in files.items():
        project.storage.write(f"Resources/{name}", [text.encode()])


@pytest.mark.parametrize("wrong", WRONG, ids=lambda it: it.what)
def test_a_refusal_names_the_parts_that_are_at_fault(
    client: TestClient, wrong: Wrong
) -> None:
    given = {
        "model": "iris",
        "model_version": 1,
        "script_file": "Resources/ok.py",
        **wrong.given,
    }
    body = {name: it for name, it in given.items() if it is not ...}
    response = client.post("/api/v1/deployments", json=body)
    assert response.status_code in {400, 404}
    problem = response.json()
    found = sorted(it["pointer"] for it in problem["problems"])
    assert found == wrong.pointers
    assert problem["problems"][0]["detail"] in problem["detail"]
    assert client.get("/api/v1/deployments").json()["items"] == []


def test_what_no_part_is_at_fault_for_is_a_problem_of_the_whole(
    client: TestClient,
) -> None:
    problem = client.post("/api/v1/deployments", content=b"{").json()
    assert [it["pointer"] for it in problem["problems"]] == [""]


def test_a_parameter_of_the_query_is_named(client: TestClient) -> None:
    problem = client.get("/api/v1/deployments", params={"limit": 0}).json()
    assert [it["pointer"] for it in problem["problems"]] == ["/limit"]


def test_what_to_do_is_said_apart_where_it_is_known(client: TestClient) -> None:
    body = {"model": "flow", "model_version": 1, "script_file": "Resources/ok.py"}
    problem = client.post("/api/v1/deployments", json=body).json()
    [found] = problem["problems"]
    assert found["fix"].startswith("leave script_file out")
    assert problem["detail"] == f"{found['detail']}: {found['fix']}"


def test_a_missing_model_names_the_setting(client: TestClient) -> None:
    body = {"model": "else", "model_version": 1}
    response = client.post("/api/v1/deployments", json=body)
    assert response.status_code == 404
    assert [it["pointer"] for it in response.json()["problems"]] == ["/model"]


def test_a_taken_name_is_said_of_the_name(client: TestClient) -> None:
    script = "Resources/ok.py"
    body = {"model": "iris", "model_version": 1, "name": "one", "script_file": script}
    assert client.post("/api/v1/deployments", json=body).status_code == 201
    answer = client.post("/api/v1/deployments", json=body)
    assert answer.status_code == 409
    assert [it["pointer"] for it in answer.json()["problems"]] == ["/name"]


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/models/iris/versions/1/description", {"description": 1}, "/description"),
        ("/models/iris/versions/1/description", {}, "/description"),
        ("/models/iris/aliases/champion", {"version": 1, "why": "x" * 2000}, "/why"),
        ("/models/iris/aliases/champion", {"version": "one"}, "/version"),
    ],
)
def test_edits_name_the_part_that_is_at_fault(
    client: TestClient, path: str, body: dict[str, Any], pointer: str
) -> None:
    answer = client.put(f"/api/v1{path}", json=body)
    assert answer.status_code == 400
    assert [it["pointer"] for it in answer.json()["problems"]] == [pointer]


def test_each_metric_that_is_no_number_is_named(project: Project) -> None:
    registry = project.get_model_registry()
    with pytest.raises(InvalidModelError) as caught:
        registry.python.create_model("m", metrics={"a": "x", "b": 1, "c/d": None})
    pointers = [it.pointer for it in caught.value.problems]
    assert pointers == ["/metrics/a", "/metrics/c~1d"]
    assert "Also: metric 'c/d' is None" in caught.value.__notes__[0]
