"""One of several processes: says it is ready, waits for the word, does its work."""

import json
import sys
from pathlib import Path
from typing import Any

import hopsartifacts
from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.project import Project
from tests.stateful.backend import StatesOnly


def save(project: Project, order: dict[str, Any]) -> list[int | None]:
    """Save models, each with content of its own; return their numbers."""
    weights = Path(order["folder"], "weights.bin")
    weights.parent.mkdir(parents=True, exist_ok=True)
    numbers = []
    for turn in range(order["turns"]):
        weights.write_text(f"{order['who']}/{turn}" * 100)
        model = project.get_model_registry().python.create_model(
            order["model"], tags={"who": order["who"], "turn": turn}
        )
        numbers.append(model.save(weights.parent).version)
    return numbers


def deploy(project: Project, order: dict[str, Any]) -> list[int | str | None]:
    model = project.get_model_registry().get_model(order["model"], 1)
    deployment = model.deploy(order["name"], script_file=order["script"])
    return [deployment.artifact_version]


def delete(project: Project, order: dict[str, Any]) -> list[int]:
    project.get_model_registry().get_model(order["model"], 1).delete()
    return [1]


WORK = {"save": save, "deploy": deploy, "delete": delete}


def perform(project: Project, order: dict[str, Any]) -> dict[str, Any]:
    """Return what came of an order: its result, or the name of its error."""
    try:
        return {"result": WORK[order["do"]](project, order), "error": None}
    except HopsArtifactsError as error:
        return {"result": None, "error": type(error).__name__, "words": str(error)}


def main() -> None:
    order = json.loads(sys.argv[1])
    storage = hopsartifacts.login(order["url"]).storage
    project = Project(storage, backend=StatesOnly())
    print("ready", flush=True)  # noqa: T201 - the parent waits for it
    sys.stdin.readline()
    print(json.dumps(perform(project, order)), flush=True)  # noqa: T201 - the answer
