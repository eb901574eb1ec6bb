"""The official client, unmodified, through everything that it can ask for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hopsartifacts.project import Project
from tests.clients.conftest import Client
from tests.clients.servers import Server


def files_of(project: Project, name: str, version: int) -> dict[str, bytes]:
    """Return the files of a version as they lie in the store."""
    model = project.get_model_registry().get_model(name, version)
    root = model.model_files_path.partition("/Models/")[2]
    storage = project.storage
    return {
        file.path: storage.read(f"Models/{root}/{file.path}")
        for file in model.manifest.files
    }


def nothing_more(_: Project, __: Path) -> None:
    """Nothing but sound files is asked for."""


def models_landed(project: Project, folder: Path) -> None:
    """The store holds what the client had, byte for byte, under the same numbers."""
    registry = project.get_model_registry()
    found = files_of(project, "whole", 1)
    place = folder / "whole"
    given = {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file()
    }
    assert found == given
    model = registry.get_model("whole", 1)
    assert model.training_metrics == {"acc": 0.75, "rmse": 0.25, "n": 3}
    assert model.input_example == [5.1, 1.0]
    schema = model.model_schema
    assert schema is not None
    assert model.description == "Everything at once"
    assert [it.version for it in registry.get_models("counted")] == [1, 2, 7, 8]
    assert files_of(project, "counted", 7) == {"model.bin": b"0.7"}
    assert registry.get_model("counted", 2).training_metrics == {
        "score": 0.9,
        "valLoss": -0.9,
    }
    for framework in ("tensorflow", "torch", "python", "sklearn", "llm"):
        version = registry.get_model(f"frame_{framework}", 1)
        assert version.framework == framework.upper()
    for name in ("a b", "Counted", "misnamed_0", "measured"):
        assert name not in registry.list_models() or not registry.get_models(name)


def deployments_are_gone(project: Project, _: Path) -> None:
    """What a client deleted is deleted; the artifacts it made remain."""
    assert project.get_model_serving().get_deployments() == []
    model = project.get_model_registry().get_model("deployed_one", 1)
    artifacts = project.get_model_serving().get_artifacts(model)
    assert len(artifacts.list()) > 1


TOPICS: dict[str, Callable[[Project, Path], None]] = {
    "login": nothing_more,
    "datasets": nothing_more,
    "models": models_landed,
    "deployments": deployments_are_gone,
    "refusals": nothing_more,
    "tutorials": nothing_more,
}


@pytest.mark.parametrize("topic", TOPICS)
def test_the_client_does_all_it_can(
    topic: str, client: Client, server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "client"
    client.run(server, folder, client.generation, topic)
    project = server.open()
    report = project.verify()
    assert report.ok, str(report)
    TOPICS[topic](project, folder)
    assert server.stop() == 0
    assert server.key not in server.log.read_text()
