"""Deployments as both generations of the client write them, member by member."""

from typing import Any

import msgspec
from starlette.testclient import TestClient

from hopsartifacts.project import Project

AMOUNTS: dict[str, dict[str, float]] = {
    "requests": {"cores": 0.2, "memory": 32, "gpus": 0},
    "limits": {"cores": 2, "memory": 1024, "gpus": 0},
}

_OLD_KEYS = (
    "id",
    "name",
    "description",
    "modelName",
    "modelPath",
    "modelVersion",
    "modelFramework",
    "artifactVersion",
    "created",
    "creator",
    "modelServer",
    "servingTool",
    "predictor",
    "configFile",
    "apiProtocol",
    "projectNamespace",
    "requestedInstances",
    "predictorResources",
    "inferenceLogging",
    "batchingConfiguration",
)

REQUIRED = {
    "id",
    "name",
    "modelServer",
    "servingTool",
    "created",
    "creator",
    "apiProtocol",
    "projectNamespace",
    "modelPath",
    "modelVersion",
    "version",
    "predictorScalingConfig",
    "availableInstances",
    "status",
}
"""What one client or another fails without."""


def of_4_1(project: Project, **changed: Any) -> dict[str, Any]:
    """Return what 4.1.8 sends for a new deployment of ``my_model`` version 1."""
    return {
        "id": None,
        "name": "d",
        "description": None,
        "modelName": "my_model",
        "modelPath": f"/Projects/{project.name}/Models/my_model",
        "modelVersion": 1,
        "modelFramework": "SKLEARN",
        "artifactVersion": "CREATE",
        "created": None,
        "creator": None,
        "modelServer": "PYTHON",
        "servingTool": "KSERVE",
        "predictor": None,
        "configFile": None,
        "apiProtocol": "REST",
        "projectNamespace": None,
        "requestedInstances": 1,
        "predictorResources": AMOUNTS,
        "inferenceLogging": "NONE",
        "batchingConfiguration": {"batchingEnabled": False},
        **changed,
    }


def of_5_2(project: Project, **changed: Any) -> dict[str, Any]:
    """Return what 5.2.1 sends for the same."""
    old = of_4_1(project)
    del old["artifactVersion"]
    scaling = {"minInstances": 1}
    return {**old, "version": None, "predictorScalingConfig": scaling, **changed}


def with_transformer(path: str) -> dict[str, Any]:
    """Return the members of a transformer."""
    return {
        "transformer": path,
        "requestedTransformerInstances": 1,
        "transformerResources": AMOUNTS,
    }


_OLD_EXTRAS = ("transformer", "requestedTransformerInstances", "transformerResources")


def sent_back_by_4_1(answer: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Return what 4.1.8 sends to save a deployment that it was told of."""
    known = [*_OLD_KEYS, *(key for key in _OLD_EXTRAS if key in answer)]
    body = {key: answer.get(key) for key in known}
    body |= _parts_of(answer)
    return {**body, **changed}


def sent_back_by_5_2(answer: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Return what 5.2.1 sends to save a deployment that it was told of."""
    body = sent_back_by_4_1(answer)
    del body["artifactVersion"]
    new = ("version", "predictorScalingConfig", "transformerScalingConfig")
    more = ("predictorEnvVars", "predictorEnvironment")
    body |= {key: answer[key] for key in (*new, *more) if key in answer}
    return {**body, **changed}


def _parts_of(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what clients read under one name and write under another."""
    names = {"environmentDto": "environmentDTO", "kafkaTopicDto": "kafkaTopicDTO"}
    return {names[key]: answer[key] for key in names if key in answer}


class Serving:
    """The serving part of the surface."""

    def __init__(self, client: TestClient, project_id: int) -> None:
        self.client = client
        self.project = f"/hopsworks-api/api/project/{project_id}"
        self.url = f"{self.project}/serving"

    def put(self, body: dict[str, Any], **query: Any) -> Any:
        """Send a deployment; return the response."""
        return self.client.put(self.url, json=body, params=query)

    def saved(self, body: dict[str, Any], **query: Any) -> dict[str, Any]:
        """Send a deployment that is taken; return the answer."""
        response = self.put(body, **query)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        assert answer.keys() >= REQUIRED
        return answer

    def refused(self, body: dict[str, Any]) -> str:
        """Send a deployment that is not taken; return why."""
        response = self.put(body)
        assert response.status_code == 400, response.text
        words: str = response.json()["usrMsg"]
        return words

    def at(self, given: dict[str, Any] | str, rest: str = "") -> str:
        """Return the URL of a deployment."""
        return f"{self.url}/{given if isinstance(given, str) else given['id']}{rest}"

    def get(self, given: dict[str, Any] | str, rest: str = "", **query: Any) -> Any:
        """Ask for a deployment, or something of it."""
        return self.client.get(self.at(given, rest), params=query)


def error_of(response: Any) -> tuple[int, int]:
    """Return status and code of an error, in the form that clients read."""
    body = msgspec.json.decode(response.content)
    assert body.keys() == {"errorCode", "errorMsg", "usrMsg"}
    return response.status_code, body["errorCode"]
