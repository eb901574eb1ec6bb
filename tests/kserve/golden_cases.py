"""Typical deployments and clusters, whose manifests are kept in ``golden/``.

``python -m tests.kserve.golden_cases`` writes them again after a deliberate change.
"""

from pathlib import Path

from msgspec.structs import replace

from hopsartifacts.serving.contract import (
    Batching,
    ComponentResources,
    Golden,
    RequestLogging,
    Resources,
    SealedVersion,
)
from hopsartifacts.serving.kserve.cluster_manifest import ClusterManifest
from hopsartifacts.serving.kserve.settings import ClusterSettings, Toleration
from tests.kserve.specifications import VLLM_IMAGE, cluster, sealed

FOLDER = Path(__file__).with_name("golden")


def resources(instances: int, gpus: int = 0) -> ComponentResources:
    """Return the resources of a component with *instances*."""
    return ComponentResources(
        num_instances=instances,
        requests=Resources(cores=0.5, memory=512, gpus=gpus),
        limits=Resources(cores=2, memory=2048, gpus=gpus),
    )


TENSORFLOW = sealed(
    framework="TENSORFLOW", model_server="TENSORFLOW_SERVING", predictor_script=None
)
VLLM = sealed(
    framework="LLM",
    model_server="VLLM",
    predictor_script=None,
    config_file="configfile-vllm.yaml",
    env_vars={"VLLM_LOGGING_LEVEL": "WARNING"},
    resources=resources(1, gpus=1),
)
LOGGING = RequestLogging(mode="ALL")

CASES: dict[str, tuple[SealedVersion, ClusterSettings]] = {
    "python": (sealed(), cluster()),
    "sklearn-without-script": (
        sealed(framework="SKLEARN", predictor_script=None, deployment="Iris2"),
        cluster(namespace="ml", credentials="store", service_account="models"),
    ),
    "three-instances-no-limits": (
        sealed(
            resources=ComponentResources(
                num_instances=3,
                requests=Resources(cores=1.5, memory=4096),
                limits=Resources(cores=-1, memory=-1, gpus=-1),
            )
        ),
        cluster(drain_s=60, startup_s=1800),
    ),
    "transformer-batcher-logger": (
        sealed(
            transformer_script="transformer-t.py",
            transformer_resources=resources(2),
            batching=Batching(max_batch_size=64, max_latency_ms=20),
            logging=LOGGING,
            golden=Golden(request={"instances": [[1]]}, answer=[1]),
            env_vars={"THRESHOLD": "0.5"},
        ),
        cluster(credentials="store", storage_env={"AWS_REGION": "eu-north-1"}),
    ),
    "grpc": (sealed(api_protocol="GRPC"), cluster()),
    "torch-gpu-scarce": (
        sealed(framework="TORCH", resources=resources(1, gpus=2)),
        cluster(
            rollout="Recreate",
            node_selector={"accelerator": "a100"},
            tolerations=(
                Toleration(
                    key="nvidia.com/gpu", operator="Exists", effect="NoSchedule"
                ),
            ),
        ),
    ),
    "on-a-disk-with-log": (
        sealed(project_url="file:///data/projects/iris", logging=LOGGING),
        cluster(claim="projects", claim_path="iris"),
    ),
    "tensorflow": (
        replace(TENSORFLOW, batching=Batching(), logging=LOGGING),
        cluster(logger_url="http://logs.default/"),
    ),
    "tensorflow-knative": (TENSORFLOW, cluster(mode="Knative")),
    "vllm-own-image": (VLLM, cluster(kserve="0.19", vllm_image=VLLM_IMAGE)),
    "vllm-runtime-of-cluster": (VLLM, cluster()),
    "knative-grpc-transformer": (
        sealed(
            api_protocol="GRPC",
            transformer_script="transformer-t.py",
            transformer_resources=resources(1),
        ),
        cluster(mode="Knative"),
    ),
    "knative-scale-to-zero-grpc": (
        sealed(api_protocol="GRPC", resources=resources(0)),
        cluster(mode="Knative", credentials="store"),
    ),
}


def text_of(name: str) -> str:
    """Return the manifest of a case as YAML."""
    return str(ClusterManifest.of(*CASES[name]))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for case in CASES:
        (FOLDER / f"{case}.yaml").write_text(text_of(case))
