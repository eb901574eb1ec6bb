"""Folders for GitOps: what is written and kept, and what ``kubectl`` makes of it."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hopsartifacts.deployments.cluster import write_base
from hopsartifacts.errors import AlreadyExistsError, StorageError
from hopsartifacts.serving.kserve.cluster_manifest import HEADER, ClusterManifest
from hopsartifacts.serving.kserve.readback import read_manifest
from tests.kserve.crds import validator
from tests.kserve.specifications import cluster, sealed

DEPLOY = Path(__file__).parents[2] / "deploy/kustomize"
OVERLAYS = sorted(path.name for path in (DEPLOY / "overlays").iterdir())
EXAMPLE = ClusterManifest.of(
    sealed(), cluster(namespace="models", credentials="project-storage")
)


def rendered(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what ``kubectl kustomize`` makes of a folder, by kind."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        if os.environ.get("CI"):
            pytest.fail("kubectl is not installed, and CI has to have it")
        pytest.skip("kubectl is not installed (pip install --group kubernetes)")
    command = [kubectl, "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {it["kind"]: it for it in yaml.safe_load_all(done.stdout)}


def test_the_example_is_what_the_command_writes(tmp_path: Path) -> None:
    write_base(EXAMPLE, tmp_path)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text() for path in (DEPLOY / "base").iterdir()}
    assert written == kept


def test_a_base_renders_as_what_was_built(tmp_path: Path) -> None:
    manifest = ClusterManifest.of(sealed(), cluster(mode="Knative"))
    write_base(manifest, tmp_path)
    assert rendered(tmp_path) == {it["kind"]: it for it in manifest.objects}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlays_keep_the_pinned_version(overlay: str) -> None:
    found = rendered(DEPLOY / "overlays" / overlay)["InferenceService"]
    for minor in ("0.19", "0.20"):
        assert [*validator(minor).iter_errors(found)] == []
    assert read_manifest(found).address == read_manifest(EXAMPLE.service).address


def test_what_each_overlay_changes() -> None:
    found = {
        it: read_manifest(rendered(DEPLOY / "overlays" / it)["InferenceService"])
        for it in OVERLAYS
    }
    base = read_manifest(EXAMPLE.service)
    assert base.image is not None
    digest = base.image.partition("@")[2]
    assert found["mirror"].image == f"mirror.internal/hopsartifacts@{digest}"
    assert found["production"].predictor.num_instances == 3
    assert found["gpu"].predictor.limits.gpus == 1
    assert found["gpu"].rollout == "Recreate"
    assert found["gpu"].node_selector == {"accelerator": "a100"}


def test_the_budget_is_of_the_pods_of_the_example() -> None:
    found = rendered(DEPLOY / "overlays/production")
    budget, service = (
        found["PodDisruptionBudget"],
        found["InferenceService"]["metadata"],
    )
    assert budget["metadata"]["namespace"] == service["namespace"]
    labels = budget["spec"]["selector"]["matchLabels"]
    assert labels == {"app": f"isvc.{service['name']}-predictor"}


def test_a_base_has_any_number_of_deployments(tmp_path: Path) -> None:
    for name in ("iris", "cancer"):
        write_base(ClusterManifest.of(sealed(deployment=name), cluster()), tmp_path)
    version = sealed(deployment="iris", deployment_version=4)
    write_base(ClusterManifest.of(version, cluster()), tmp_path)
    listed = yaml.safe_load((tmp_path / "kustomization.yaml").read_text())
    assert listed["resources"] == ["cancer.yaml", "iris.yaml"]
    iris = yaml.safe_load((tmp_path / "iris.yaml").read_text())
    assert read_manifest(iris).address.version == 4


@pytest.mark.parametrize("name", ["kustomization.yaml", "flowers.yaml"])
def test_files_of_the_user_are_not_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("kind: Mine\n")
    with pytest.raises(AlreadyExistsError, match="not written by hopsartifacts"):
        write_base(ClusterManifest.of(sealed(), cluster()), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "kind: Mine\n"


@pytest.mark.parametrize(
    ("version", "settings"),
    [({"project_url": "s3://other/iris"}, {}), ({}, {"namespace": "other"})],
)
def test_a_file_of_another_deployment_is_not_overwritten(
    tmp_path: Path, version: dict[str, Any], settings: dict[str, Any]
) -> None:
    write_base(ClusterManifest.of(sealed(), cluster()), tmp_path)
    other = ClusterManifest.of(sealed(**version), cluster(**settings))
    with pytest.raises(
        AlreadyExistsError, match=r"flowers of s3://bucket/projects/iris in namespace"
    ):
        write_base(other, tmp_path)


def test_other_files_of_the_user_stay_and_are_not_listed(tmp_path: Path) -> None:
    (tmp_path / "notes.yaml").write_text("kind: Mine\n")
    write_base(ClusterManifest.of(sealed(), cluster()), tmp_path)
    text = (tmp_path / "kustomization.yaml").read_text()
    assert text.startswith(HEADER)
    assert "notes" not in text


def test_a_file_in_place_of_the_folder_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "base").write_text("")
    with pytest.raises(StorageError, match="base"):
        write_base(ClusterManifest.of(sealed(), cluster()), tmp_path / "base")
