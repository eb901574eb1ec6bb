"""No order of storage calls gives a deployment a twin, or a version that is gone."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts import layout
from hopsartifacts.deployments.deployed import Logs
from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.versions import live_deployments, read_deployment
from hopsartifacts.errors import (
    AlreadyExistsError,
    DeploymentNotFoundError,
    InUseError,
    ModelNotFoundError,
)
from hopsartifacts.project import Project
from hopsartifacts.registry.versions import model_log, model_state
from hopsartifacts.storage.contract import Storage
from tests.interleavings.explorer import (
    DictStorage,
    Explored,
    Outcome,
    Scenario,
)
from tests.stateful.backend import StatesOnly

Outcomes = dict[str, Outcome]
MODEL = "m"


def project_on(storage: Storage) -> Project:
    return Project(storage, backend=StatesOnly())


@pytest.fixture
def with_models(tmp_path: Path) -> dict[str, bytes]:
    storage = DictStorage()
    (tmp_path / "weights").write_text("w")
    for _ in range(2):
        project_on(storage).get_model_registry().sklearn.create_model(MODEL).save(
            tmp_path
        )
    return storage.files


@pytest.fixture
def with_versions(with_models: dict[str, bytes]) -> dict[str, bytes]:
    """Version 1 runs model version 1; 2, the active one, runs model version 2."""
    storage = DictStorage(with_models)
    deploy("d", storage)
    deployment = get("d", storage)
    deployment.model_version = 2
    deployment.save()
    return storage.files


def get(name: str, storage: Storage) -> Deployment:
    return project_on(storage).get_model_serving().get_deployment(name)


def deploy(name: str, storage: Storage) -> str:
    model = project_on(storage).get_model_registry().get_model(MODEL, 1)
    return str(model.deploy(name).name)


def roll_back(storage: Storage) -> int | None:
    deployment = get("d", storage)
    deployment.rollback(1)
    return deployment.version


def give_up(storage: Storage) -> str:
    get("d", storage).delete_version(1)
    return "given up"


def save(storage: Storage) -> int | None:
    deployment = get("d", storage)
    deployment.description = "third"
    deployment.save()
    return deployment.version


def delete_model(storage: Storage) -> str:
    project_on(storage).get_model_registry().get_model(MODEL, 1).delete()
    return "deleted"


def changes_names(method: str, path: str) -> bool:
    """Tell whether a call touches what two that deploy share."""
    return "/names/" in path or (path.startswith("Deployments") and method != "stat")


def changes_versions(method: str, path: str) -> bool:
    """Tell whether a call touches what those share that change versions."""
    is_log = "/_log" in path and method in {"create", "read", "first"}
    return is_log or method == "delete_tree" or path == layout.DEPLOYMENTS


def check_twins(storage: Storage, outcomes: Outcomes) -> None:
    """One of the names at the most is a deployment's; the loser was told."""
    deployed = set(live_deployments(storage))
    assert len(deployed) <= 1
    for name, outcome in outcomes.items():
        if outcome.value is not None:
            assert deployed == {name}
        elif not outcome.is_stopped:
            assert isinstance(outcome.error, AlreadyExistsError)
            assert name not in deployed
    if not any(it.is_stopped for it in outcomes.values()):
        assert len(deployed) == 1


@pytest.mark.parametrize("names", [("Iris", "iris"), ("1a", "D1A")])
@pytest.mark.parametrize("crashes", [0, 1])
def test_of_two_names_that_a_cluster_cannot_tell_apart_one_is_deployed(
    explored: Callable[..., Explored],
    with_models: dict[str, bytes],
    names: tuple[str, str],
    crashes: int,
) -> None:
    scenario = Scenario(
        actors={name: partial(deploy, name) for name in names},
        check=check_twins,
        files=with_models,
        halts=changes_names,
        crashes=crashes,
        switches=None if not crashes else 3,
    )
    explored(scenario, at_least=10)


def check_versions(storage: Storage, outcomes: Outcomes) -> None:
    """The active version is there with its model, and each actor was told the truth."""
    Logs(storage).deployment("d").audit()
    model_log(storage, MODEL).audit()
    state = read_deployment(storage, "d")
    sealed = state.versions
    models = model_state(storage, MODEL).live()
    assert state.active in sealed
    assert {it.specification.model.version for it in sealed.values()} <= set(models)
    errors = (DeploymentNotFoundError, InUseError, ModelNotFoundError)
    for outcome in outcomes.values():
        told = outcome.value is not None or outcome.is_stopped
        assert told or isinstance(outcome.error, errors), outcome.error
    values: dict[str, Any] = {name: it.value for name, it in outcomes.items()}
    if values.get("giver"):
        assert 1 not in sealed
        assert not values.get("roller") or 2 in sealed
    if values.get("deleter"):
        assert 1 not in models
    if values.get("roller") and not values.get("giver"):
        assert 1 in sealed
        assert 1 in models


@pytest.mark.parametrize(
    ("actors", "crashes", "switches"),
    [
        (("roller", "giver"), 1, None),
        (("roller", "saver"), 1, 2),
        (("roller", "giver", "deleter"), 0, 1),
        (("roller", "deleter"), 1, 4),
        (("giver", "deleter", "saver"), 0, 1),
    ],
)
def test_a_version_that_is_active_is_there(
    explored: Callable[..., Explored],
    with_versions: dict[str, bytes],
    actors: tuple[str, ...],
    crashes: int,
    switches: int | None,
) -> None:
    does = {
        "roller": roll_back,
        "giver": give_up,
        "saver": save,
        "deleter": delete_model,
    }
    scenario = Scenario(
        actors={name: does[name] for name in actors},
        check=check_versions,
        files=with_versions,
        halts=changes_versions,
        crashes=crashes,
        switches=switches,
    )
    explored(scenario, at_least=20)
