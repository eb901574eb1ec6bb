"""What the tests of bundles share: a project worth exporting, and an empty one."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

import hopsartifacts
from hopsartifacts import Project

TRANSFORMER = "class Transformer:\n    def preprocess(self, inputs): return inputs\n"


@pytest.fixture
def filled(
    project: Project, make_files: Callable[..., Path], make_script: Callable[..., Path]
) -> Project:
    """Models with all there is to them, artifacts small and big, deployments."""
    registry, serving = project.get_model_registry(), project.get_model_serving()
    first = registry.python.create_model(
        "iris",
        metrics={"auc": 0.5, "runs": 3},
        description="the first",
        input_example=[[1, 2.5, "x"]],
        model_schema={"input_schema": {"columnar_schema": [{"name": "a"}]}},
        tags={"stage": {"name": "test"}},
    )
    first.save(make_files({"deep/weights.bin": b"w" * 3_000_000, "empty": b""}))
    # The same once more, a number that is gone, and another framework.
    first = registry.get_model("iris")
    again = registry.python.create_model("iris", metrics={"auc": 0.5, "runs": 3})
    again.save(make_files({"deep/weights.bin": b"w" * 3_000_000, "empty": b""}))
    registry.python.create_model("iris").save(make_files()).delete()
    other = registry.sklearn.create_model("other-model", description="as saved")
    other.save(make_files({"model.pkl": b"p"})).set_description("as edited")
    again.set_alias("champion", why="the best so far")
    other.set_alias("champion")

    deployment = first.deploy("one", script_file=make_script())
    deployment.config_file = make_files({"settings.yaml": "a: 1\n"}) / "settings.yaml"
    deployment.files = [make_files({"big.bin": b"0123456789" * 30_000})]
    deployment.transformer = serving.create_transformer(
        make_script(TRANSFORMER, "transform.py"), resources={"num_instances": 2}
    )
    deployment.save()
    first.deploy("twin", script_file=make_script(), artifact_version="CREATE")
    other.deploy("two", resources={"limits": {"cores": -1}})
    return project


@pytest.fixture(params=["local", "memory"])
def target(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    clear_memory: None,  # noqa: ARG001 - a fixture
) -> Project:
    """Return an empty project on either back end."""
    name = uuid4().hex
    at = tmp_path / name if request.param == "local" else f"memory://{name}/target"
    return hopsartifacts.login(at)
