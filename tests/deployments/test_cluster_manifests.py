"""The manifest of a deployment: in Python, on the command line, in the JSON API."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from starlette.testclient import TestClient

import hopsartifacts
from hopsartifacts import ClusterSettings, Deployment, Model, Project
from hopsartifacts.cli.app import app
from hopsartifacts.errors import (
    DeploymentNotFoundError,
    InvalidDeploymentError,
    InvalidInputError,
    InvalidNameError,
    UnsupportedHereError,
)
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.keys import Caller
from hopsartifacts.serving.kserve.readback import read_manifest
from hopsartifacts.testing.states_only import StatesOnly

IMAGE = "registry.example/hopsartifacts@sha256:" + "1" * 64
VARIABLE = "HOPSARTIFACTS_CLUSTER_SETTINGS"


class OneKey:
    """A key that may do everything."""

    def find(self, secret: str) -> Caller | None:
        assert secret
        return Caller("admin", "admin", frozenset({"admin"}))


@pytest.fixture
def project(tmp_path: Path, backend: StatesOnly) -> Project:
    """A project on a disk: pods cannot reach one in memory."""
    return Project(hopsartifacts.login(tmp_path / "iris").storage, backend=backend)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "cluster.toml"
    path.write_text(
        f'image = "{IMAGE}"\nnamespace = "ml"\nclaim = "projects"\n'
        '[[tolerations]]\nkey = "gpu"\noperator = "Exists"\n'
    )
    return path


@pytest.fixture
def deployment(
    save_model: Callable[..., Model], make_script: Callable[..., Path]
) -> Deployment:
    """A deployment with two versions, of which the second is active."""
    made: Deployment = save_model("m").deploy("flowers", script_file=make_script())
    made.resources = {"num_instances": 2}
    made.save()
    return made


@pytest.fixture
def client(project: Project) -> Iterator[TestClient]:
    hosted = Hosted(project, OneKey(), None)
    headers = {"authorization": "ApiKey admin.secret"}
    with TestClient(create_app(hosted), headers=headers) as made:
        yield made


def test_it_pins_the_sealed_specification(
    deployment: Deployment, settings: Path, project: Project
) -> None:
    found = read_manifest(deployment.manifest(settings).service)
    assert found.address.specification == deployment.specification.digest
    assert found.address.project_url == project.url
    assert (found.address.deployment, found.address.version) == ("flowers", 2)
    assert found.deployment_id == deployment.id
    assert (found.namespace, found.image, found.claim) == ("ml", IMAGE, "projects")
    assert found.predictor.num_instances == 2


def test_each_version_has_its_manifest_and_a_rollback_gives_the_same(
    deployment: Deployment, settings: Path
) -> None:
    first = deployment.manifest(settings, version=1)
    assert first.version == 1
    assert str(first) != str(deployment.manifest(settings))
    deployment.rollback(1)
    assert str(deployment.manifest(settings)) == str(first)
    with pytest.raises(DeploymentNotFoundError, match="no version 7"):
        deployment.manifest(settings, version=7)


def test_settings_come_from_a_file_a_variable_or_a_value(
    deployment: Deployment, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_file = deployment.manifest(str(settings))
    read = ClusterSettings.read(settings)
    assert deployment.manifest(read) == from_file
    assert read.tolerations[0].key == "gpu"
    monkeypatch.setenv(VARIABLE, str(settings))
    assert deployment.manifest() == from_file
    other = deployment.manifest(read, namespace="other", mode="Standard")
    assert other.service["metadata"]["namespace"] == "other"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no image is given"),
        ("image = 3", "Expected `str`"),
        ("imgae = 'x'", "unknown field `imgae`"),
        ("image = ", "cannot be read"),
        ("mode = 'Serverless'", "Invalid enum value 'Serverless'"),
    ],
)
def test_wrong_settings_are_named(
    deployment: Deployment, settings: Path, text: str, words: str
) -> None:
    settings.write_text(text)
    with pytest.raises(InvalidInputError, match=words):
        deployment.manifest(settings)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        deployment.manifest("nowhere.toml")
    with pytest.raises(InvalidInputError, match="settings is a int"):
        deployment.manifest(3)  # type: ignore[arg-type]


def test_what_a_cluster_cannot_run_is_refused(
    deployment: Deployment, settings: Path
) -> None:
    with pytest.raises(UnsupportedHereError, match="mode Knative"):
        deployment.manifest(settings, mode="Knative")
    with pytest.raises(InvalidNameError, match="at most 2 characters"):
        deployment.manifest(settings, namespace="n" * 50)


def test_the_command_prints_what_python_returns(
    deployment: Deployment, settings: Path, project: Project, tmp_path: Path
) -> None:
    def run(*args: object) -> str:
        command = ["deployments", "manifest", "flowers", "--url", project.url, *args]
        result = CliRunner().invoke(app, [*map(str, command)])
        assert result.exit_code == 0, result.output
        return result.stdout

    expected = deployment.manifest(settings)
    assert run("--settings", settings) == str(expected)
    assert json.loads(run("--settings", settings, "--json")) == expected.objects
    other = deployment.manifest(settings, namespace="other", version=1)
    told = run("--settings", settings, "--namespace", "other", "--version", 1)
    assert told == str(other)

    base = tmp_path / "base"
    said = run("--settings", settings, "--kustomize", base)
    assert said.splitlines() == [
        f"Wrote {base / 'flowers.yaml'}",
        f"Wrote {base / 'kustomization.yaml'}",
    ]
    assert yaml.safe_load((base / "flowers.yaml").read_text()) == expected.service


def test_what_a_cluster_would_refuse_is_refused_first(
    deployment: Deployment,
    settings: Path,
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(InvalidDeploymentError, match="use another namespace"):
        deployment.manifest(settings, namespace="kserve")
    monkeypatch.setenv(VARIABLE, str(settings))
    path = "/api/v1/deployments/flowers/manifest"
    answer = client.get(path, params={"namespace": "kserve"})
    assert answer.status_code == 400
    assert "use another namespace" in answer.text


def test_the_api_answers_what_python_returns(
    deployment: Deployment,
    settings: Path,
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = "/api/v1/deployments/flowers/manifest"
    refused = client.get(path)
    assert refused.status_code == 400
    assert "no image is given" in refused.text
    monkeypatch.setenv(VARIABLE, str(settings))
    expected = deployment.manifest()
    assert client.get(path).json() == {
        "version": 2,
        "objects": expected.objects,
        "yaml": str(expected),
    }
    first = client.get(path, params={"namespace": "other", "version": 1}).json()
    assert first["yaml"] == str(deployment.manifest(namespace="other", version=1))
    assert client.get(path, params={"version": 7}).status_code == 404
    unsupported = client.get(path, params={"mode": "Knative"})
    assert unsupported.status_code == 422
    assert "use mode Standard" in unsupported.text
    assert client.get("/api/v1/deployments/other/manifest").status_code == 404
    assert client.get(path, params={"mode": "Serverless"}).status_code == 400
