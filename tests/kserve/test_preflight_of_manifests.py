"""All manifests of deployments pass the preflight of the cluster that they are for."""

from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject
from hypothesis import settings as run_with

from hopsartifacts.errors import (
    InvalidDeploymentError,
    InvalidNameError,
    UnsupportedHereError,
)
from hopsartifacts.serving.contract import SealedVersion
from hopsartifacts.serving.kserve.cluster_manifest import ClusterManifest
from hopsartifacts.serving.kserve.knative_rules import FLAGS
from hopsartifacts.serving.kserve.manifest import manifest
from hopsartifacts.serving.kserve.names import service_name
from hopsartifacts.serving.kserve.object_rules import longest_name
from hopsartifacts.serving.kserve.preflight import findings
from hopsartifacts.serving.kserve.refusals import Refusal
from hopsartifacts.serving.kserve.settings import (
    INIT_CONTAINERS_FLAG,
    ClusterSettings,
    Minor,
    Mode,
)
from tests.kserve.crds import schema
from tests.kserve.golden_cases import CASES
from tests.kserve.specifications import (
    VLLM_IMAGE,
    cluster,
    cluster_settings,
    combinations,
    sealed,
    sealed_versions,
)

_schema = cache(schema)


ALL_FLAGS = frozenset(FLAGS.values()) - {INIT_CONTAINERS_FLAG}


def found(
    made: dict[str, Any], settings: ClusterSettings, **known: Any
) -> list[Refusal]:
    """Return the findings for a cluster with the flags that the settings name.

    The others are on: that they are asked for is tested with the rules.
    """
    flags = ALL_FLAGS | {*settings.knative_flags}
    return findings(made, kserve=settings.kserve, knative_flags=flags, **known)


@pytest.mark.parametrize("minor", ["0.19", "0.20"])
@pytest.mark.parametrize(
    ("mode", "flags"),
    [("Standard", ()), ("Knative", ()), ("Knative", (INIT_CONTAINERS_FLAG,))],
)
def test_each_combination_passes(
    mode: Mode, flags: tuple[str, ...], minor: Minor
) -> None:
    settings = cluster(
        mode=mode,
        kserve=minor,
        vllm_image=VLLM_IMAGE,
        logger_url="http://logs.default/",
        knative_flags=flags,
    )
    passed = 0
    for name, version in combinations():
        try:
            made = manifest(version, settings)
        except UnsupportedHereError:
            continue
        assert found(made, settings, schema=_schema(minor)) == [], name
        passed += 1
    assert passed


@pytest.mark.parametrize("name", CASES)
def test_the_typical_ones_pass_with_their_own_flags(name: str) -> None:
    version, settings = CASES[name]
    ClusterManifest.of(version, settings)


def test_a_manifest_that_a_cluster_would_refuse_is_not_made() -> None:
    settings = cluster(mode="Knative", node_selector={"accelerator": "a100"})
    version = sealed(
        framework="TENSORFLOW",
        model_server="TENSORFLOW_SERVING",
        predictor_script=None,
        env_vars={"K_SERVICE": "flowers"},
    )
    with pytest.raises(InvalidDeploymentError, match="podspec-nodeselector") as caught:
        ClusterManifest.of(version, settings)
    assert [it.pointer for it in caught.value.problems] == [
        "/spec/predictor/nodeSelector",
        "/spec/predictor/model/env/0/name",
    ]


@run_with(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(version=sealed_versions(), settings=cluster_settings())
def test_whatever_is_deployed_passes(
    version: SealedVersion, settings: ClusterSettings
) -> None:
    try:
        made = manifest(version, settings)
    except (InvalidNameError, UnsupportedHereError):
        reject()
    assert found(made, settings) == []
    assert found(made, settings, live=made) == []


@pytest.mark.parametrize("has_transformer", [False, True])
@pytest.mark.parametrize("namespace", ["m", "default", "n" * 40])
def test_both_know_the_longest_name(namespace: str, *, has_transformer: bool) -> None:
    most = longest_name(namespace, has_transformer=has_transformer)
    service_name("f" * most, namespace, has_transformer=has_transformer)
    with pytest.raises(InvalidNameError):
        service_name("f" * (most + 1), namespace, has_transformer=has_transformer)
