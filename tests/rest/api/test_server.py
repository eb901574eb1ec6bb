"""What the server says about itself and the size of the project."""

import platform
import shutil
from datetime import UTC, datetime
from pathlib import Path

from starlette.testclient import TestClient

from hopsartifacts import __version__
from hopsartifacts.project import Project
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.uploads.values import UploadLimits


def test_it_names_release_and_room(
    client: TestClient, hosted: Hosted, tmp_path: Path
) -> None:
    said = client.get("/api/v1/server").json()
    assert (said["release"], said["python"]) == (__version__, platform.python_version())
    assert datetime.fromisoformat(said["started"]) == hosted.started
    assert hosted.started < datetime.now(UTC)
    assert not said["read_only"]
    assert 0 < said["disk"]["free_bytes"] <= shutil.disk_usage(tmp_path).total
    assert said["disk"]["kept_bytes"] == UploadLimits().min_free_bytes


def test_it_counts_what_the_project_has(
    client: TestClient, project: Project, tmp_path: Path
) -> None:
    empty = client.get("/api/v1/server").json()["project"]
    assert empty == {
        "models": 0,
        "model_versions": 0,
        "deployments": 0,
        "size_bytes": 0,
        "log_entries": 0,
        "longest_log": None,
    }
    file = tmp_path / "weights.bin"
    file.write_bytes(b"12345")
    creator = project.get_model_registry().python
    for name in ("iris", "iris", "iris", "fraud"):
        creator.create_model(name).save(file)
    said = client.get("/api/v1/server").json()["project"]
    assert (said["models"], said["model_versions"], said["deployments"]) == (2, 4, 0)
    assert said["size_bytes"] == 20
    assert said["longest_log"]["model"] == "iris"
    assert said["log_entries"] > said["longest_log"]["entries"] >= 3
