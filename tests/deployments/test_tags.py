"""Tags of deployments: any JSON, beside the versions and not part of any."""

from collections.abc import Callable
from typing import Any

import pytest

from hopsartifacts import Deployment, Model, ModelServing, Project
from hopsartifacts.errors import (
    DeploymentNotFoundError,
    InvalidDeploymentError,
    InvalidModelError,
    InvalidNameError,
)


@pytest.fixture
def deployment(save_model: Callable[..., Model]) -> Deployment:
    made: Deployment = save_model(framework="sklearn").deploy("tagged")
    return made


def test_tags_are_set_read_and_deleted(
    deployment: Deployment, ms: ModelServing
) -> None:
    value = {"team": ["a", 1, None]}
    assert deployment.get_tags() == {}
    deployment.add_tag("owner", "x")
    deployment.add_tag("owner", value)
    deployment.set_tag("reviewed", 1)
    again = ms.get_deployment("tagged")
    assert again.get_tags() == {"owner": value, "reviewed": 1}
    assert again.get_tag("owner") == value
    assert again.get_tag("none") is None
    again.delete_tag("owner")
    again.delete_tag("none")
    assert deployment.get_tags() == {"reviewed": 1}


def test_a_tag_is_set_to_each_value_that_json_tells_apart(
    deployment: Deployment, ms: ModelServing
) -> None:
    """In Python ``1 == True == 1.0``; in JSON they are different values."""
    for value in (1, True, 1.0, 0, False, [1], [True], {"a": 1}, {"a": 1.0}):
        deployment.set_tag("t", value)
        assert repr(ms.get_deployment("tagged").get_tag("t")) == repr(value)


def test_a_tag_makes_no_version_and_outlives_them(deployment: Deployment) -> None:
    deployment.add_tag("owner", "x")
    assert (deployment.version, len(deployment.get_history())) == (1, 1)
    deployment.description = "changed"
    deployment.save()
    deployment.rollback(1)
    deployment.delete_version(2)
    assert deployment.get_tags() == {"owner": "x"}


def test_tags_go_with_their_deployment(
    deployment: Deployment, ms: ModelServing, save_model: Callable[..., Model]
) -> None:
    deployment.add_tag("owner", "x")
    old = ms.get_deployment("tagged")
    deployment.delete()
    again: Any = save_model(framework="sklearn").deploy("tagged")
    assert again.get_tags() == {}
    for act in (old.get_tags, lambda: old.add_tag("owner", "y")):
        with pytest.raises(DeploymentNotFoundError, match="deleted"):
            act()
    assert again.get_tags() == {}


def test_what_is_no_tag_is_refused(
    deployment: Deployment, project: Project, snapshot: Callable[[Project], object]
) -> None:
    before = snapshot(project)
    with pytest.raises(InvalidNameError):
        deployment.add_tag("no/tag", 1)
    with pytest.raises(InvalidModelError):
        deployment.add_tag("owner", object())
    assert snapshot(project) == before


def test_tags_that_would_make_the_log_grow_are_refused(deployment: Deployment) -> None:
    """Each entry of the log repeats them."""
    deployment.add_tag("first", "x" * 10_000)
    deployment.add_tag("short", 1)
    with pytest.raises(InvalidDeploymentError, match=r"'tagged'.* 20,0.* 16,384"):
        deployment.add_tag("second", "x" * 10_000)
    assert {*deployment.get_tags()} == {"first", "short"}
    deployment.set_tag("first", "y" * 10_000)
    deployment.delete_tag("short")
    deployment.delete_tag("first")
    deployment.add_tag("second", "x" * 10_000)
    assert {*deployment.get_tags()} == {"second"}
