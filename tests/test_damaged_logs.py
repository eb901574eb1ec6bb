"""A log that cannot be read: lists show the others, and name the damaged one."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from hopsartifacts import Model, ModelServing, Project, layout
from hopsartifacts.cli.app import app
from hopsartifacts.errors import (
    DeploymentNotFoundError,
    IntegrityError,
    ModelNotFoundError,
)
from hopsartifacts.store.damage import DamagedLogWarning


@pytest.fixture
def damage(project: Project, save_model: Callable[..., Model]) -> Callable[[str], None]:
    """Deploy two models; return a function that damages the newest entry of a log."""
    for number in "12":
        save_model(f"m{number}", framework="sklearn").deploy(f"d{number}")

    def damaged(log: str) -> None:
        path = min(entry.path for entry in project.storage.find(log))
        data = project.storage.read(path)
        project.storage.delete_tree(path)
        project.storage.write(path, [data[:-9]])

    return damaged


@pytest.mark.parametrize("log", [layout.deployment_log("d1"), layout.model_log("m1")])
def test_the_other_deployments_are_listed(
    damage: Callable[[str], None], ms: ModelServing, log: str
) -> None:
    damage(log)
    with pytest.warns(DamagedLogWarning, match=r"deployment 'd1'.*project\.verify\(\)"):
        assert [it.name for it in ms.get_deployments()] == ["d2"]
    with pytest.raises(IntegrityError, match=log):
        ms.get_deployment("d1")
    with pytest.raises(DeploymentNotFoundError, match="the project has 'd1', 'd2'"):
        ms.get_deployment("d3")


def test_all_damaged_ones_are_named(
    damage: Callable[[str], None], ms: ModelServing
) -> None:
    for number in "12":
        damage(layout.deployment_log(f"d{number}"))
    with pytest.warns(DamagedLogWarning) as told:
        assert ms.get_deployments() == []
    for name, it in zip(("d1", "d2"), told, strict=True):
        assert f"deployment {name!r} is not listed: " in str(it.message)


def test_the_other_models_are_listed(
    damage: Callable[[str], None], project: Project
) -> None:
    damage(layout.model_log("m1"))
    registry = project.get_model_registry()
    with pytest.warns(DamagedLogWarning, match=r"model 'm1'.*project\.verify\(\)"):
        assert registry.list_models() == ["m2"]
    with pytest.raises(IntegrityError, match="Models/m1/_log"):
        registry.get_models("m1")
    with pytest.raises(ModelNotFoundError, match="there is no model 'm3'"):
        registry.get_model("m3")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", ["models", "deployments"])
def test_the_command_line_lists_the_others(
    damage: Callable[[str], None], project: Project, kind: str
) -> None:
    name, other = f"{kind[0]}1", f"{kind[0]}2"
    damage(layout.model_log(name) if kind == "models" else layout.deployment_log(name))
    shown = CliRunner().invoke(app, [kind, "list", "--url", project.url])
    assert shown.exit_code == 0, shown.output
    assert other in shown.stdout
    assert name not in shown.stdout
    assert f"{kind[:-1]} {name!r}" in shown.stderr
    assert "'hopsartifacts verify' says all" in shown.stderr
