"""Resources: defaults, limits that follow requests, and what makes no sense."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopsartifacts import PredictorResources, Resources, TransformerResources
from hopsartifacts.deployments.parts import component_resources
from hopsartifacts.errors import InvalidDeploymentError


def test_defaults_are_those_of_the_guide() -> None:
    for made in (PredictorResources(), TransformerResources()):
        assert made.to_dict() == {
            "num_instances": 1,
            "requests": {"cores": 0.2, "memory": 32, "gpus": 0},
            "limits": {"cores": 2.0, "memory": 1024, "gpus": 0},
        }


def test_default_limits_are_raised_to_the_request() -> None:
    made = PredictorResources(requests=Resources(cores=3, memory=4096, gpus=1))
    assert made.limits == Resources(cores=3, memory=4096, gpus=1)


def test_missing_parts_come_from_the_defaults() -> None:
    made = PredictorResources(requests={"cores": 1}, limits={"memory": 2048})
    assert made.requests == Resources(cores=1, memory=32, gpus=0)
    assert made.limits == Resources(cores=2, memory=2048, gpus=0)


def test_minus_one_is_no_limit() -> None:
    made = PredictorResources(
        requests=Resources(cores=100, memory=10**6, gpus=8),
        limits=Resources(cores=-1, memory=-1, gpus=-1),
    )
    assert made.limits == Resources(cores=-1, memory=-1, gpus=-1)


@given(
    st.floats(0.01, 64), st.integers(1, 1 << 20), st.integers(0, 8), st.integers(0, 9)
)
def test_what_is_made_can_be_made_again(
    cores: float, memory: int, gpus: int, instances: int
) -> None:
    made = PredictorResources(instances, Resources(cores, memory, gpus))
    assert component_resources(made) == made
    assert component_resources(made.to_dict()) == made
    for unit in ("cores", "memory", "gpus"):
        assert getattr(made.requests, unit) <= getattr(made.limits, unit)


@pytest.mark.parametrize(
    ("requests", "limits", "words"),
    [
        ({"cores": 3}, {"cores": 2}, "cores 3.0 exceeds its limit 2.0"),
        ({"memory": 2048}, {"memory": 1024}, "memory 2048 exceeds its limit 1024"),
        ({"gpus": 1}, {"gpus": 0}, "gpus 1 exceeds its limit 0"),
        ({"cores": 0}, None, "requested cores is 0"),
        ({"cores": -1}, None, "requested cores is -1"),
        ({"memory": 0}, None, "requested memory is 0"),
        ({"gpus": -1}, None, "requested gpus is -1"),
        (None, {"cores": 0}, "limit of cores is 0"),
        (None, {"memory": -2}, "limit of memory is -2"),
        (None, {"gpus": -2}, "limit of gpus is -2"),
        ({"cores": "many"}, None, "'many'"),
        ({"memory": 0.5}, None, "0.5"),
        ({"cores": float("nan")}, None, "nan"),
        ({"cores": float("inf")}, None, "inf"),
        (None, {"cores": float("inf")}, "inf"),
        (None, {"cores": float("nan")}, "nan"),
        ({"cpus": 1}, None, "'cpus'"),
        ([1], None, "list"),
        (None, "2 cores", "str"),
    ],
)
def test_amounts_that_make_no_sense(requests: Any, limits: Any, words: str) -> None:
    with pytest.raises(InvalidDeploymentError, match=words):
        PredictorResources(1, requests, limits)


@pytest.mark.parametrize("number", [-1, 1.5, "2", True, None])
def test_instances_are_counted(number: Any) -> None:
    with pytest.raises(InvalidDeploymentError, match=repr(number)):
        PredictorResources(number)


def test_no_instances_let_kserve_scale_to_zero() -> None:
    assert PredictorResources(0).num_instances == 0


@pytest.mark.parametrize(
    ("given_resources", "words"),
    [({"instances": 1}, "'instances'"), (5, "int"), ("big", "str")],
)
def test_resources_are_resources_or_a_dict(given_resources: Any, words: str) -> None:
    with pytest.raises(InvalidDeploymentError, match=words):
        component_resources(given_resources)
