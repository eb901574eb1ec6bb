"""Manifests: valid for both releases, and read back as what was meant."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, reject
from hypothesis import settings as run_with
from jsonschema_rs import Draft7Validator
from msgspec.structs import replace

from hopsartifacts.errors import UnsupportedHereError
from hopsartifacts.serving.contract import SealedVersion
from hopsartifacts.serving.kserve.manifest import manifest
from hopsartifacts.serving.kserve.names import service_name
from hopsartifacts.serving.kserve.readback import read_manifest
from hopsartifacts.serving.kserve.settings import ClusterSettings, Minor, Mode
from hopsartifacts.serving.kserve.yaml_text import yaml_of
from tests.kserve.crds import validator
from tests.kserve.expectations import expected
from tests.kserve.golden_cases import TENSORFLOW, VLLM
from tests.kserve.specifications import (
    KNATIVE_FLAGS,
    VLLM_IMAGE,
    cluster,
    cluster_settings,
    combinations,
    sealed,
    sealed_versions,
)

MINORS: tuple[Minor, ...] = ("0.19", "0.20")
MODES: tuple[Mode, ...] = ("Standard", "Knative")
COMBINATIONS = dict(combinations())

Validators = Callable[[str], Draft7Validator]


@pytest.fixture(scope="module")
def of_release() -> Validators:
    """Return the strict validator of a release; it is made only once."""
    return cache(validator)


@pytest.mark.parametrize("minor", MINORS)
@pytest.mark.parametrize("mode", MODES)
def test_each_allowed_combination_is_valid_or_refused_in_words(
    mode: Mode, minor: Minor, of_release: Validators
) -> None:
    settings = cluster(
        mode=mode,
        kserve=minor,
        vllm_image=VLLM_IMAGE,
        logger_url="http://logs.default/",
        knative_flags=KNATIVE_FLAGS,
    )
    refused = []
    for name, version in COMBINATIONS.items():
        try:
            made = manifest(version, settings)
        except UnsupportedHereError:
            refused.append(name)
            continue
        assert [*of_release(minor).iter_errors(made)] == [], name
        assert read_manifest(made) == expected(version, settings), name
    assert refused == [it for it in COMBINATIONS if _is_refused(it, mode)]


def _is_refused(combination: str, mode: Mode) -> bool:
    return "scale to zero" in combination and mode == "Standard"


@run_with(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(version=sealed_versions(longest_name=20), settings=cluster_settings())
def test_what_is_built_is_read_back(
    version: SealedVersion, settings: ClusterSettings, of_release: Validators
) -> None:
    made = _made(version, settings)
    assert [*of_release(settings.kserve).iter_errors(made)] == []
    assert read_manifest(made) == expected(version, settings)
    assert yaml_of(made) == yaml_of(manifest(version, settings))


@run_with(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(version=sealed_versions(), settings=cluster_settings())
def test_pods_are_restricted_and_only_some_containers_reach_the_store(
    version: SealedVersion, settings: ClusterSettings
) -> None:
    made = _made(version, settings)
    for component in made["spec"].values():
        mounted = set()
        own = component.get("containers", [])
        for container in (*component.get("initContainers", []), *own):
            security = container["securityContext"]
            assert security["runAsNonRoot"]
            assert not security["allowPrivilegeEscalation"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["readOnlyRootFilesystem"] or "vllm" in container["image"]
            is_main = container["name"] == "kserve-container"
            assert not (is_main and "envFrom" in container)
            mounts = container["volumeMounts"]
            mounted |= {it["name"] for it in mounts}
            if is_main:
                read = {it["mountPath"] for it in mounts if it.get("readOnly")}
                has_volume = "initContainers" in component
                assert ("/mnt/models" in read) == has_volume
        model = component.get("model", {})
        mounted |= {it["name"] for it in model.get("volumeMounts", [])}
        assert mounted == {it["name"] for it in component.get("volumes", [])}
        if component.get("containers"):
            assert component["containers"][0]["name"] == "kserve-container"


@pytest.mark.parametrize("version", [TENSORFLOW, VLLM])
def test_servers_that_end_at_once_are_asked_late(version: SealedVersion) -> None:
    for settings in (cluster(), cluster(vllm_image=VLLM_IMAGE)):
        predictor = manifest(version, settings)["spec"]["predictor"]
        main = predictor.get("model") or predictor["containers"][0]
        wait_s = main["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert 0 < wait_s < predictor["terminationGracePeriodSeconds"]
    ours = manifest(sealed(), cluster())["spec"]["predictor"]["containers"][0]
    assert "lifecycle" not in ours


def test_the_order_in_which_settings_are_given_does_not_matter() -> None:
    variables = {"B": "1", "A": "2"}
    sorted_ones = dict(sorted(variables.items()))
    made = [
        yaml_of(
            manifest(
                replace(VLLM, env_vars=given),
                cluster(node_selector=given, storage_env=given),
            )
        )
        for given in (variables, sorted_ones)
    ]
    assert made[0] == made[1]


def test_kubernetes_replaces_nothing_in_variables_and_names_of_files() -> None:
    """Kubernetes replaces ``$(NAME)``, and makes one ``$`` of two."""
    version = replace(
        VLLM, env_vars={"A": "$(HOME) $$ $"}, config_file="configfile-$(x).yaml"
    )
    for settings in (cluster(), cluster(vllm_image=VLLM_IMAGE)):
        made = manifest(version, settings)
        text = yaml_of(made)
        assert 'value: "$$(HOME) $$$$ $$"' in text
        assert "configfile-$$(x).yaml" in text
        found = read_manifest(made)
        assert found.env_vars == version.env_vars
        assert found.config_file == version.config_file


def _made(version: SealedVersion, settings: ClusterSettings) -> dict[str, Any]:
    """Return a manifest; cases that are refused are not tried."""
    has_transformer = version.transformer_script is not None
    namespace, name = settings.namespace, version.deployment
    assume(len(name) + len(namespace) <= 63 - len("d-transformer-") - 1)
    assert service_name(name, namespace, has_transformer=has_transformer)
    try:
        return manifest(version, settings)
    except UnsupportedHereError:
        reject()
