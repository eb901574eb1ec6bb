"""What a cluster cannot run is refused, with the value and what to do."""

from typing import Any

import pytest
from msgspec.structs import replace

from hopsartifacts.errors import (
    HopsArtifactsError,
    InvalidInputError,
    InvalidNameError,
    UnsupportedHereError,
)
from hopsartifacts.serving.contract import RequestLogging
from hopsartifacts.serving.kserve.manifest import manifest
from hopsartifacts.serving.kserve.names import service_name
from hopsartifacts.serving.kserve.readback import read_manifest
from tests.kserve.golden_cases import TENSORFLOW, VLLM, resources
from tests.kserve.specifications import cluster, sealed

LOGGING = RequestLogging(mode="ALL")
TO_KAFKA = RequestLogging(mode="ALL", kafka_topic="t", kafka_servers="k:9092")
TRANSFORMER = {
    "transformer_script": "transformer-t.py",
    "transformer_resources": resources(1),
}


@pytest.mark.parametrize(
    ("version", "settings", "words"),
    [
        ({"resources": resources(0)}, {}, "predictor scales to zero.*mode Knative"),
        (
            {**TRANSFORMER, "transformer_resources": resources(0)},
            {},
            "transformer scales to zero.*one instance",
        ),
        (
            {"logging": LOGGING},
            {"mode": "Knative"},
            "inference log.*knative_flags",
        ),
        ({"project_url": "memory://iris"}, {}, "memory of one process.*bucket"),
        ({"project_url": "file:///data/iris"}, {}, "on a disk: set claim"),
        (
            {"project_url": "file:///data/iris"},
            {"mode": "Knative", "claim": "projects"},
            "does not mount in mode Knative",
        ),
    ],
)
def test_what_our_runtime_cannot_do_on_a_cluster(
    version: dict[str, Any], settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(UnsupportedHereError, match=f"(?s){words}"):
        manifest(sealed(**version), cluster(**settings))


@pytest.mark.parametrize(
    ("version", "settings", "words"),
    [
        (replace(TENSORFLOW, logging=LOGGING), {}, "set logger_url"),
        (replace(TENSORFLOW, logging=TO_KAFKA), {}, "Kafka topic 't'"),
        (
            replace(TENSORFLOW, env_vars={"A": "{{.Name}}"}),
            {},
            r"variable A, '\{\{.Name\}\}'",
        ),
        (replace(VLLM, config_file="{{x}}.yaml"), {}, r"file, '\{\{x\}\}.yaml'"),
        (VLLM, {"kserve": "0.19"}, "set vllm_image"),
        (replace(VLLM, predictor_script="p.py"), {}, "'p.py'.*a configuration file"),
    ],
)
def test_what_other_runtimes_cannot_do(
    version: Any, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(UnsupportedHereError, match=words):
        manifest(version, cluster(**settings))


def test_all_that_is_refused_is_said_at_once() -> None:
    version = replace(
        TENSORFLOW, resources=resources(0), logging=LOGGING, env_vars={"A": "{{x}}"}
    )
    with pytest.raises(UnsupportedHereError) as caught:
        manifest(version, cluster())
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("has_transformer", "namespace", "longest"),
    [
        (False, "default", 45),
        (True, "default", 43),
        (False, "ns", 48),
        (True, "ns", 46),
        (False, "n" * 51, 1),
    ],
)
def test_names_are_as_long_as_the_names_that_kserve_derives_allow(
    namespace: str, longest: int, *, has_transformer: bool
) -> None:
    name = "a" * longest
    found = service_name(name, namespace, has_transformer=has_transformer)
    assert found == name
    with pytest.raises(InvalidNameError, match=f"at most {longest} characters"):
        service_name(name + "a", namespace, has_transformer=has_transformer)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"image": ""}, "image is given"),
        ({"image": "hopsartifacts:1.0"}, "allow_image_tags"),
        ({"image": "a b", "allow_image_tags": True}, "image is 'a b'"),
        ({"vllm_image": "vllm:latest"}, "vllm_image is 'vllm:latest'"),
        ({"namespace": "My"}, "namespace is 'My'"),
        ({"credentials": "A B"}, "credentials is 'A B'"),
        ({"image_pull_secrets": ("x_y",)}, "image_pull_secrets is 'x_y'"),
        ({"claim_path": "iris"}, "give claim"),
        ({"claim": "c", "claim_path": "/iris"}, "relative path"),
        ({"claim": "c", "claim_path": "a/../b"}, "relative path"),
        ({"logger_url": "logs"}, "logger_url is 'logs'"),
        ({"knative_flags": ("Init Containers",)}, "kubernetes.podspec-init-containers"),
        ({"drain_s": 0}, "drain_s is 0"),
        ({"storage_env": {"PYTHONPATH": "x"}}, "PYTHONPATH"),
        ({"storage_env": {"a b": "x"}}, "the name of a variable"),
        ({"storage_env": {"AWS_SECRET_ACCESS_KEY": "x"}}, "put it into a Secret"),
    ],
)
def test_settings_are_checked(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        cluster(**given)


def test_tags_are_accepted_by_name() -> None:
    found = cluster(image="hopsartifacts:1.0", allow_image_tags=True)
    assert found.image == "hopsartifacts:1.0"


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return a manifest with the value at a path of names and indexes replaced."""
    made = manifest(sealed(**TRANSFORMER), cluster())
    *steps, last = [int(it) if it.isdigit() else it for it in path.split(" ")]
    part: Any = made
    for step in steps:
        part = part[step]
    part[last] = value
    return made


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("kind", "Deployment", "not an InferenceService that hopsartifacts wrote"),
        (
            "metadata annotations hopsartifacts.dev/specification",
            "sha256:0",
            "annotation hopsartifacts.dev/specification is 'sha256:0'",
        ),
        (
            "spec transformer annotations hopsartifacts.dev/version",
            "4",
            "annotation hopsartifacts.dev/version is '4'",
        ),
        (
            "spec transformer initContainers 0 args 0",
            "hops://flowers/4?project=s3%3A%2F%2Fb&specification=sha256:" + "0" * 64,
            "pins hops://flowers/3.* and hops://flowers/4",
        ),
        ("spec predictor initContainers 0 args 0", "s3://b/iris", "pins hops:.*s3:"),
        ("spec predictor containers 0 resources limits", {}, "resources {}"),
    ],
)
def test_manifests_that_contradict_themselves_are_not_read(
    path: str, value: Any, words: str
) -> None:
    with pytest.raises(HopsArtifactsError, match=words):
        read_manifest(changed(path, value))
