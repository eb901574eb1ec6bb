"""The values that the constructor of a script can request by name."""

import msgspec

from hopsartifacts.serving.contract import Launch


class InjectedProject(msgspec.Struct, frozen=True, kw_only=True):
    """The project the deployment belongs to."""

    name: str
    url: str


class InjectedModel(msgspec.Struct, frozen=True, kw_only=True):
    """The model version that is served; its files are in ``files_path``."""

    name: str
    version: int
    framework: str
    files_path: str


class InjectedDeployment(msgspec.Struct, frozen=True, kw_only=True):
    """The deployment version that runs."""

    name: str
    version: int
    id: str
    artifact_version: int
    artifact_files_path: str


def injectable_values(launch: Launch) -> dict[str, object]:
    """Return the value for each parameter name that a constructor may use."""
    return {
        "project": InjectedProject(name=launch.project, url=launch.project_url),
        "model": InjectedModel(
            name=launch.model,
            version=launch.model_version,
            framework=launch.framework,
            files_path=launch.model_files_path,
        ),
        "deployment": InjectedDeployment(
            name=launch.deployment,
            version=launch.deployment_version,
            id=launch.deployment_id,
            artifact_version=launch.artifact_version,
            artifact_files_path=launch.artifact_files_path,
        ),
    }
