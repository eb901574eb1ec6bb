"""What a deployment or a rollback would do is known before it is done."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts import Model, Project
from hopsartifacts.errors import UnsupportedHereError
from hopsartifacts.rest.api.deployment_checks import MOST_BYTES
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.states_only import StatesOnly
from tests.rest.conftest import bearing

SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"
OTHER = SCRIPT.replace("return inputs", "return 2 * inputs")
READERS = {
    "capabilities",
    "chunks",
    "find",
    "first",
    "list",
    "local_path",
    "name",
    "previous",
    "read",
    "stat",
    "unfinished",
    "url",
}
"""What a storage does that changes nothing."""
Check = Callable[..., Any]


@pytest.fixture
def check(client: TestClient) -> Check:
    """Return the result of a check, which a key that only reads may make."""

    def check(path: str = "/deployments/check", /, **body: Any) -> Any:
        headers = bearing("reader")
        answer = client.post(f"/api/v1{path}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return check


@pytest.fixture
def put(project: Project) -> Callable[[str, str], str]:
    """Write a file into the project."""

    def put(name: str, text: str) -> str:
        project.storage.write(f"Resources/{name}", [text.encode()])
        return f"Resources/{name}"

    return put


@pytest.fixture
def full(save_model: Callable[..., Model], put: Callable[..., str]) -> dict[str, Any]:
    """A deployment that can be created."""
    save_model("iris")
    script = put("predict.py", SCRIPT)
    return {"model": "iris", "model_version": 1, "script_file": script}


def pointers(found: Any) -> list[str]:
    return [it["pointer"] for it in found["problems"]]


@pytest.mark.parametrize("settings", [{}, {"script_file": "Resources/predict.py"}])
def test_without_a_model_the_rest_is_unknown(
    check: Check, settings: dict[str, Any]
) -> None:
    found = check(**settings)
    assert not found["is_valid"]
    assert pointers(found) == ["/model"]
    assert found["artifact"] is found["model"] is None


def test_a_form_with_a_name_only_learns_whether_it_is_free(
    check: Check, deployed: Callable[..., Any]
) -> None:
    deployed("flowers")
    assert check(name="roses")["name"]["is_free"]
    found = check(name="flowers")
    assert found["name"] == {"value": "flowers", "is_free": False, "model": "my_model"}
    assert pointers(found) == ["/model", "/name"]


def test_a_model_without_a_version_shows_the_latest(
    check: Check, save_model: Callable[..., Model]
) -> None:
    save_model("iris")
    save_model("iris")
    found = check(model="iris")
    assert (found["model"]["version"], found["model"]["latest"]) == (2, 2)
    assert found["model"]["framework"] == "PYTHON"
    assert found["model_server"] == "PYTHON"
    assert found["name"]["value"] == "iris"
    assert "/model_version" in pointers(found)


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"model": "else", "model_version": 1}, "/model"),
        ({"model": "a b", "model_version": 1}, "/model"),
        ({"model": "iris", "model_version": 7}, "/model_version"),
        ({"model": "iris", "model_version": 0}, "/model_version"),
        ({"model": "iris", "model_version": -1}, "/model_version"),
    ],
)
def test_a_model_that_does_not_exist_is_a_problem(
    check: Check, full: dict[str, Any], given: dict[str, Any], pointer: str
) -> None:
    found = check(**{**full, **given})
    assert pointers(found) == [pointer]
    assert found["artifact"] is None


def test_what_would_be_created_is_created(
    client: TestClient, check: Check, full: dict[str, Any]
) -> None:
    found = check(**full)
    assert found["is_valid"]
    assert found["problems"] == []
    assert found["artifact"]["action"] == "create"
    made = client.post("/api/v1/deployments", json=full).json()
    assert made["name"] == found["name"]["value"]
    assert made["artifact_version"] == found["artifact"]["version"] == 1
    specification = made["specification"]
    assert specification["artifact"]["identity"] == found["artifact"]["identity"]
    assert specification["model"]["manifest"] == found["model"]["manifest"]


def test_the_same_files_are_reused_and_their_users_are_named(
    client: TestClient, check: Check, full: dict[str, Any]
) -> None:
    client.post("/api/v1/deployments", json=full)
    found = check(**full, name="other")
    assert found["artifact"]["action"] == "reuse"
    assert found["artifact"]["version"] == 1
    assert found["artifact"]["used_by"] == ["iris"]
    assert "reused" in found["artifact"]["sentence"]
    assert found["artifact"]["nearest"] is None


def test_a_new_artifact_shows_the_lines_that_differ_from_the_nearest(
    client: TestClient, check: Check, full: dict[str, Any], put: Callable[..., str]
) -> None:
    client.post("/api/v1/deployments", json=full)
    put("predict.py", OTHER)
    found = check(**full, name="other")["artifact"]
    assert (found["action"], found["version"], found["compared"]) == ("create", 2, 1)
    nearest = found["nearest"]
    assert (nearest["version"], nearest["used_by"]) == (1, ["iris"])
    assert nearest["lines"] == 2
    [changed] = nearest["files"]
    assert "-        return inputs" in changed["lines"]
    assert "+        return 2 * inputs" in changed["lines"]


def test_the_nearest_artifact_shares_most_files(
    client: TestClient, check: Check, full: dict[str, Any], put: Callable[..., str]
) -> None:
    helper = put("helper.py", "x = 1\n")
    client.post("/api/v1/deployments", json={**full, "files": [helper]})
    client.post("/api/v1/deployments", json={**full, "name": "b"})
    config = put("config.yaml", "a: 1\n")
    found = check(**full, files=[helper], config_file=config, name="c")
    assert found["artifact"]["nearest"]["version"] == 1


def test_a_version_without_files_needs_no_artifact(
    check: Check, save_model: Callable[..., Model]
) -> None:
    save_model("tulips", framework="sklearn")
    found = check(model="tulips", model_version=1)
    assert found["is_valid"]
    assert (found["artifact"]["action"], found["artifact"]["version"]) == ("none", 0)


def test_an_edit_shows_the_difference_to_the_active_version(
    client: TestClient, check: Check, full: dict[str, Any], put: Callable[..., str]
) -> None:
    client.post("/api/v1/deployments", json=full)
    put("predict.py", OTHER)
    changed = {**full, "description": "twice"}
    found = check("/deployments/iris/check", **changed)
    assert found["is_valid"]
    named = {it["name"]: it["after"] for it in found["difference"]["settings"]}
    assert named["description"] == "twice"
    assert [it["path"] for it in found["difference"]["files"]["files"]] == [
        "predictor-predict.py"
    ]
    client.put("/api/v1/deployments/iris", json=changed)
    after = client.get("/api/v1/deployments/iris/versions/1/diff/2").json()
    assert after == found["difference"]


def test_an_edit_that_changes_nothing_has_an_empty_difference(
    client: TestClient, check: Check, full: dict[str, Any]
) -> None:
    client.post("/api/v1/deployments", json=full)
    found = check("/deployments/iris/check", **full)
    assert found["difference"] == {"settings": [], "files": {"files": []}}


def test_another_model_cannot_take_over_a_deployment(
    client: TestClient,
    check: Check,
    full: dict[str, Any],
    save_model: Callable[..., Model],
) -> None:
    save_model("roses")
    client.post("/api/v1/deployments", json=full)
    found = check("/deployments/iris/check", **{**full, "model": "roses"})
    assert pointers(found) == ["/model"]
    assert found["difference"] is not None


def test_a_name_that_a_cluster_cannot_tell_apart_is_a_problem(
    client: TestClient, check: Check, full: dict[str, Any]
) -> None:
    client.post("/api/v1/deployments", json=full)
    found = check(**full, name="IRIS")
    assert pointers(found) == ["/name"]
    assert "too close" in found["problems"][0]["detail"]


def test_an_invalid_name_does_not_hide_the_rest(
    check: Check, full: dict[str, Any]
) -> None:
    found = check(**full, name="my-iris")
    assert pointers(found) == ["/name"]
    assert "like 'myiris'" in found["problems"][0]["detail"]
    assert found["name"] is None
    assert found["artifact"]["version"] == 1


def test_a_script_is_described(
    check: Check, full: dict[str, Any], put: Callable[..., str]
) -> None:
    code = "import json\nimport yaml, not_there\nfrom helper import x\n" + SCRIPT
    helper = put("helper.py", "x = 1\n")
    found = check(**{**full, "script_file": put("a.py", code), "files": [helper]})
    [script] = found["scripts"]
    assert script["component"] == "predictor"
    assert script["path"] == "Resources/a.py"
    assert (script["class_name"], script["methods"]) == ("Predictor", ["predict"])
    assert {it["module"]: it["is_here"] for it in script["imports"]} == {
        "helper": True,
        "json": True,
        "not_there": False,
        "yaml": True,
    }
    assert not found["runs_here"]["is_possible"]
    assert "not_there" in found["runs_here"]["reasons"][0]
    assert found["is_valid"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("class Predictor\n", "is not Python in line 1"),
        ("class Other: pass\n", "has no class Predictor"),
        (f"from . import helper\n{SCRIPT}", "from . import helper"),
        ("\0", "is not Python"),
        (f"{SCRIPT}x = {'-' * 100_000}1", "nested too deeply"),
        (f"{SCRIPT}x = ''{'.a' * 100_000}", "nested too deeply"),
    ],
    ids=["syntax", "class", "relative", "zero", "minus", "attributes"],
)
def test_a_script_that_cannot_be_served_is_a_problem(
    check: Check,
    full: dict[str, Any],
    put: Callable[..., str],
    code: str,
    words: str,
) -> None:
    found = check(**{**full, "script_file": put("bad.py", code)})
    assert pointers(found) == ["/script_file"]
    assert words in found["problems"][0]["detail"]
    assert found["scripts"][0]["problem"] == found["problems"][0]["detail"]
    assert found["artifact"] is None


def test_scripts_of_a_requested_artifact_are_described(
    client: TestClient, check: Check, full: dict[str, Any]
) -> None:
    client.post("/api/v1/deployments", json=full)
    asked = {"model": "iris", "model_version": 1, "artifact_version": 1, "name": "b"}
    [script] = check(**asked)["scripts"]
    assert (script["path"], script["class_name"]) == ("predict.py", "Predictor")


def test_what_takes_long_to_compare_is_not(
    client: TestClient, check: Check, full: dict[str, Any], put: Callable[..., str]
) -> None:
    """The time would grow with the square of the number of lines."""
    lines = [f"# {number}\n" for number in range(30_000)]
    put("predict.py", SCRIPT + "".join(lines))
    assert client.post("/api/v1/deployments", json=full).status_code == 201
    put("predict.py", SCRIPT + "".join(f"{line}#\n" for line in lines))
    [file] = check(**full, name="other")["artifact"]["nearest"]["files"]
    assert file["lines"] == ["(too many differences to show)"]
    put("predict.py", SCRIPT + "".join(lines[:-1]))
    [file] = check(**full, name="other")["artifact"]["nearest"]["files"]
    assert file["lines"][-1] == "-# 29999"


def test_all_problems_are_found_at_once(check: Check, full: dict[str, Any]) -> None:
    found = check(
        **{**full, "script_file": "Resources/none.py"},
        name="my-iris",
        serving_tool="DEFAULT",
        api_protocol="GRPC",
        resources={"num_instances": -1},
        env_vars={"MODEL_NAME": "x"},
        why="x" * 2000,
    )
    assert {*pointers(found)} == {
        "/api_protocol",
        "/env_vars/MODEL_NAME",
        "/name",
        "/resources/num_instances",
        "/script_file",
        "/why",
    }


def test_without_one_of_its_files_the_artifact_is_unknown(
    check: Check, full: dict[str, Any]
) -> None:
    found = check(**full, transformer={"script_file": ""})
    assert pointers(found) == ["/transformer/script_file"]
    assert found["artifact"] is None
    assert found["scripts"][0]["class_name"] == "Predictor"


def test_large_files_are_not_read(
    project: Project, check: Check, full: dict[str, Any]
) -> None:
    project.storage.write("Resources/big.bin", [bytes(MOST_BYTES)])
    found = check(**full, files=["Resources/big.bin"])
    assert found["is_valid"]
    assert found["artifact"]["action"] == "unknown"
    assert found["artifact"]["version"] is None


def test_what_this_machine_lacks_is_no_problem_of_a_save(
    check: Check, full: dict[str, Any], backend: StatesOnly, monkeypatch: Any
) -> None:
    def refuse(_: Any) -> None:
        raise UnsupportedHereError("no GPU here")

    monkeypatch.setattr(backend, "check", refuse)
    found = check(**full)
    assert found["is_valid"]
    assert found["runs_here"] == {"is_possible": False, "reasons": ["no GPU here"]}


def test_a_rollback_shows_what_changes(
    client: TestClient, check: Check, full: dict[str, Any]
) -> None:
    client.post("/api/v1/deployments", json=full)
    client.put("/api/v1/deployments/iris", json={**full, "description": "new"})
    found = check("/deployments/iris/rollback/check", version=1)
    assert found["is_valid"]
    assert found["runs_here"]["is_possible"]
    [changed] = found["difference"]["settings"]
    assert (changed["name"], changed["before"]) == ("description", "new")
    assert check("/deployments/iris/rollback/check", version=2)["is_active"]


def test_a_rollback_to_a_version_that_is_not_there_is_a_problem(
    client: TestClient, check: Check, full: dict[str, Any]
) -> None:
    client.post("/api/v1/deployments", json=full)
    path = "/deployments/iris/rollback/check"
    found = check(path, version=5, why="x" * 2000)
    assert pointers(found) == ["/why", "/version"]
    assert not found["is_valid"]
    answer = client.post("/api/v1/deployments/none/rollback/check", json={"version": 1})
    assert answer.status_code == 404


def test_a_deployment_named_check_is_one_like_others(
    client: TestClient, check: Check, full: dict[str, Any]
) -> None:
    client.post("/api/v1/deployments", json={**full, "name": "check"})
    assert client.get("/api/v1/deployments/check").json()["name"] == "check"
    assert check("/deployments/check/check", **full)["difference"] is not None
    assert client.delete("/api/v1/deployments/check").status_code == 204


def test_a_check_changes_nothing(
    project: Project,
    client: TestClient,
    check: Check,
    full: dict[str, Any],
    put: Callable[..., str],
    snapshot: Callable[[Project], dict[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client.post("/api/v1/deployments", json=full)
    put("predict.py", OTHER)
    before = snapshot(project)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something was written")

    writers = {it for it in vars(Storage) if not it.startswith("_")} - READERS
    assert {"create", "write", "delete_tree"} <= writers
    for name in writers:
        monkeypatch.setattr(type(project.storage), name, refuse)
    check(**full, name="other")
    check("/deployments/iris/check", **full)
    check("/deployments/iris/rollback/check", version=1)
    check(model="iris", name="fresh")
    monkeypatch.undo()
    assert snapshot(project) == before


def test_a_predictor_checks_itself(
    project: Project,
    save_model: Callable[..., Model],
    make_script: Callable[..., Path],
    snapshot: Callable[[Project], dict[str, bytes]],
) -> None:
    model, serving = save_model("iris"), project.get_model_serving()
    before = snapshot(project)
    predictor = serving.create_predictor(model, script_file=make_script())
    found = predictor.check()
    assert found.is_valid
    assert "is new" in str(found)
    predictor.script_file = make_script("class Other: pass\n")
    predictor.api_protocol, predictor.serving_tool = "GRPC", "DEFAULT"
    found = predictor.check()
    assert {it.pointer for it in found.problems} == {"/script_file", "/api_protocol"}
    assert snapshot(project) == before
