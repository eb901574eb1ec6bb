"""The client of 4.1 to 4.4: artifact versions, scripts in the project."""

from __future__ import annotations

from typing import Any

import datasets
import deployments
import login
import models
import refusals
import tutorials
from common import run
from deployments import PREDICTOR, saved_model, script


def artifact_versions(project: Any) -> None:
    """Scripts of the same bytes are the same version; asked for, a new one is made."""
    model = saved_model(project, "versioned")
    first = script(project, "times2.py", PREDICTOR.format(factor=2))
    made = model.deploy(name="versioned", script_file=first)
    assert made.artifact_version == 1, made.artifact_version
    assert made.artifact_files_path.endswith("/versioned/1/Artifacts/1")
    other = script(project, "times3.py", PREDICTOR.format(factor=3))
    second = model.deploy(name="versioned2", script_file=other)
    assert second.artifact_version == 2, second.artifact_version
    third = model.deploy(name="versioned3", script_file=other, artifact_version=2)
    assert third.artifact_version == 2
    fourth = model.deploy(name="versioned4", script_file=other, artifact_version="2")
    assert fourth.artifact_version == 2
    files = project.get_dataset_api()
    for number in (1, 2):
        assert files.exists(f"Models/versioned/1/Artifacts/{number}")
    assert not files.exists("Models/versioned/1/Artifacts/3")
    for deployment in (made, second, third, fourth):
        deployment.delete()


def the_artifact_without_scripts(project: Any) -> None:
    model = saved_model(project, "bare", "sklearn")
    for number, asked in enumerate(("CREATE", "MODEL-ONLY", 0)):
        deployment = model.deploy(name=f"bare{number}", artifact_version=asked)
        assert deployment.artifact_version == 0, deployment.artifact_version
        deployment.delete()


TOPICS = {
    "login": login.STEPS,
    "datasets": datasets.STEPS,
    "models": models.STEPS,
    "deployments": (
        *deployments.STEPS,
        artifact_versions,
        the_artifact_without_scripts,
    ),
    "refusals": refusals.STEPS,
    "tutorials": tutorials.STEPS,
}

if __name__ == "__main__":
    run(TOPICS)
