"""Every kind of sealed deployment version, and settings of clusters, for Hypothesis."""

from collections.abc import Iterator
from itertools import product
from typing import Any, Literal

from hypothesis import strategies as st
from msgspec.structs import replace

from hopsartifacts.deployments.rules import (
    FEATURES,
    MODEL_SERVERS,
    SCRIPTS,
)
from hopsartifacts.errors import InvalidNameError
from hopsartifacts.names import deployment_name, kubernetes_name
from hopsartifacts.registry.documents import Framework
from hopsartifacts.serving.contract import (
    Batching,
    ComponentResources,
    Golden,
    RequestLogging,
    Resources,
    SealedVersion,
)
from hopsartifacts.serving.kserve.settings import ClusterSettings, Toleration

IMAGE = "registry.example/hopsartifacts@sha256:" + "1" * 64
VLLM_IMAGE = "registry.example/vllm@sha256:" + "2" * 64
KNATIVE_FLAGS = tuple(
    f"kubernetes.podspec-{it}"
    for it in (
        "init-containers",
        "nodeselector",
        "persistent-volume-claim",
        "persistent-volume-write",
        "tolerations",
    )
)
"""The flags of Knative that our manifests may need."""
SPECIFICATION = "sha256:" + "5" * 64

LogMode = Literal["ALL", "MODEL_INPUTS", "PREDICTIONS"]

_LOWER = "abcdefghijklmnopqrstuvwxyz"
_NAMES = st.text(_LOWER + _LOWER.upper() + "0123456789", min_size=1, max_size=45)
_DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)
_OBJECTS = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
_TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20
)
_FILES = st.from_regex(r"[A-Za-z0-9_]{1,12}", fullmatch=True)
_SCRIPTS = _FILES.map("{}.py".format)
_VARIABLES = st.dictionaries(
    st.from_regex(r"[A-Z][A-Z0-9_]{0,15}", fullmatch=True), _TEXTS, max_size=3
)
_URLS = st.sampled_from(
    [
        "s3://bucket/projects/iris",
        "s3://bucket/my project & more?",
        "gs://bucket/iris",
        "az://container/iris",
        "sftp://anna@files.example/data/iris",
        "hdfs://namenode:8020/projects/iris",
        "file:///data/projects/iris",
    ]
)
_CORES = st.integers(1, 256_000).map(lambda it: it / 1000)
_MEMORY = st.integers(1, 4_000_000)
_MODES: tuple[LogMode, ...] = ("ALL", "MODEL_INPUTS", "PREDICTIONS")
_GPUS = st.integers(0, 8)


@st.composite
def _resources(draw: st.DrawFn, *, may_be_none: bool) -> ComponentResources:
    least: dict[str, Any] = {}
    most: dict[str, Any] = {}
    for unit, amounts in (("cores", _CORES), ("memory", _MEMORY), ("gpus", _GPUS)):
        pair = sorted([draw(amounts), draw(amounts)])
        least[unit], most[unit] = pair[0], draw(st.sampled_from([pair[1], -1]))
    return ComponentResources(
        num_instances=draw(st.integers(0 if may_be_none else 1, 9)),
        requests=Resources(**least),
        limits=Resources(**most),
    )


def is_deployment_name(name: str) -> bool:
    """Return whether a deployment may have this name; some are reserved."""
    try:
        deployment_name(name)
    except InvalidNameError:
        return False
    return True


def sealed(**changes: Any) -> SealedVersion:
    """Return a small version that runs on a cluster, with some fields changed."""
    fields: dict[str, Any] = {
        "project": "iris",
        "project_url": "s3://bucket/projects/iris",
        "deployment": "flowers",
        "deployment_id": "d-1",
        "deployment_version": 3,
        "specification": SPECIFICATION,
        "model": "iris_model",
        "model_version": 2,
        "manifest": "sha256:" + "6" * 64,
        "artifact_version": 1,
        "artifact_identity": "sha256:" + "7" * 64,
        "framework": "PYTHON",
        "model_server": "PYTHON",
        "serving_tool": "KSERVE",
        "api_protocol": "REST",
        "predictor_script": "predictor-predict.py",
        "resources": ComponentResources(
            num_instances=1,
            requests=Resources(),
            limits=Resources(cores=2.0, memory=1024, gpus=0),
        ),
    }
    return SealedVersion(**{**fields, **changes})


def cluster(**changes: Any) -> ClusterSettings:
    """Return settings with an image, and with some of them changed."""
    return ClusterSettings(**{"image": IMAGE, **changes})


@st.composite
def sealed_versions(
    draw: st.DrawFn, *, scales_to_zero: bool = True, longest_name: int = 45
) -> SealedVersion:
    """Draw a version that the rules for deployments allow.

    Args:
        draw: Hypothesis'.
        scales_to_zero: whether a component may have 0 instances.
        longest_name: the most characters of the deployment's name.
    """
    framework = draw(st.sampled_from(sorted(MODEL_SERVERS)))
    tool = draw(st.sampled_from(sorted(SCRIPTS[framework])))
    server = MODEL_SERVERS[framework]
    may = FEATURES[tool][server]
    rule = SCRIPTS[framework][tool]
    has_config = draw(st.booleans())
    has_script = {
        "required": True,
        "not allowed": False,
        "optional": draw(st.booleans()),
        "required or config file": not has_config or draw(st.booleans()),
    }[rule]
    has = {it: it in may and draw(st.booleans()) for it in sorted(may)}
    none = scales_to_zero and "scale to zero" in may
    resources = _resources(may_be_none=none)
    predictor = draw(resources)
    transformer = draw(resources) if has.get("transformer") else None
    batching = logging = None
    if has.get("batcher"):
        batching = Batching()
        if has.get("batcher settings"):
            batching = Batching(
                max_batch_size=draw(st.integers(1, 10_000)),
                max_latency_ms=draw(st.integers(0, 60_000)),
                timeout_s=draw(st.none() | st.integers(1, 100).map(float)),
            )
    if has.get("logger"):
        mode = draw(st.sampled_from(_MODES)) if has.get("logger modes") else "ALL"
        topic = draw(st.none() | _OBJECTS)
        servers = None if topic is None else "kafka:9092"
        logging = RequestLogging(mode=mode, kafka_topic=topic, kafka_servers=servers)
    golden = Golden(request={"instances": [[1]]}, answer=draw(st.integers()))
    fits = _NAMES.filter(lambda it: len(kubernetes_name(it)) <= longest_name)
    name = draw(fits.filter(is_deployment_name))
    return sealed(
        project_url=draw(_URLS),
        deployment=name,
        deployment_id=draw(_OBJECTS),
        deployment_version=draw(st.integers(1, 10**6)),
        specification=draw(_DIGESTS),
        model=draw(_OBJECTS),
        model_version=draw(st.integers(1, 10**6)),
        manifest=draw(_DIGESTS),
        artifact_version=draw(st.integers(0, 10**6)),
        artifact_identity=draw(_DIGESTS),
        framework=framework,
        model_server=server,
        serving_tool=tool,
        api_protocol="GRPC" if has.get("gRPC") else "REST",
        predictor_script=f"predictor-{draw(_SCRIPTS)}" if has_script else None,
        transformer_script=f"transformer-{draw(_SCRIPTS)}"
        if transformer is not None
        else None,
        config_file=f"configfile-{draw(_FILES)}.yaml" if has_config else None,
        features=frozenset(it for it in has if has[it]),
        instances=max(predictor.num_instances, 1),
        transformer_instances=max(transformer.num_instances, 1)
        if transformer is not None
        else 1,
        resources=predictor,
        transformer_resources=transformer,
        batching=batching,
        logging=logging,
        golden=draw(st.none() | st.just(golden)),
        env_vars=draw(_VARIABLES),
    )


@st.composite
def cluster_settings(draw: st.DrawFn, /, **fixed: Any) -> ClusterSettings:
    """Draw the settings of a cluster, of which *fixed* are given."""
    tolerations = st.builds(
        Toleration,
        key=_OBJECTS,
        operator=st.just("Exists"),
        effect=st.sampled_from([None, "NoSchedule", "NoExecute"]),
    )
    fields = {
        "namespace": st.sampled_from(["default", "ml", "models-of-team-7"]),
        "mode": st.sampled_from(["Standard", "Knative"]),
        "kserve": st.sampled_from(["0.19", "0.20"]),
        "knative_flags": st.sampled_from([(), KNATIVE_FLAGS]),
        "vllm_image": st.none() | st.just(VLLM_IMAGE),
        "image_pull_secrets": st.lists(_OBJECTS, max_size=2, unique=True).map(tuple),
        "credentials": st.none() | _OBJECTS,
        "storage_env": st.dictionaries(
            st.sampled_from(["AWS_REGION", "AWS_ENDPOINT_URL"]), _TEXTS
        ),
        "service_account": st.none() | _OBJECTS,
        "claim": st.just("projects"),
        "claim_path": st.sampled_from(["", "iris", "teams/a/iris"]),
        "rollout": st.sampled_from(["RollingUpdate", "Recreate"]),
        "logger_url": st.just("http://logs.default/"),
        "startup_s": st.integers(1, 7200),
        "drain_s": st.integers(1, 3600),
        "node_selector": st.dictionaries(_OBJECTS, _OBJECTS, max_size=2),
        "tolerations": st.lists(tolerations, max_size=2).map(tuple),
    }
    drawn = {name: draw(it) for name, it in fields.items() if name not in fixed}
    return cluster(**drawn, **fixed)


def combinations() -> Iterator[tuple[str, SealedVersion]]:
    """Yield each combination of framework, tool and features that the rules allow.

    Each has a name, for tests as a table.
    """
    for framework in MODEL_SERVERS:
        for tool in SCRIPTS[framework]:
            yield from _of_framework(framework, tool)


def _of_framework(
    framework: Framework, tool: Any
) -> Iterator[tuple[str, SealedVersion]]:
    server = MODEL_SERVERS[framework]
    may = FEATURES[tool][server]
    choices = {
        it: (False, True) if it in may else (False,)
        for it in ("transformer", "batcher", "logger", "gRPC", "scale to zero")
    }
    for chosen in product(*choices.values()):
        has = dict(zip(choices, chosen, strict=True))
        of_script = SCRIPTS[framework][tool]
        small = sealed().resources
        assert small is not None
        instances = 0 if has["scale to zero"] else 1
        resources = replace(small, num_instances=instances)
        name = " ".join([framework, tool, *(it for it in has if has[it])])
        yield (
            name,
            sealed(
                framework=framework,
                model_server=server,
                serving_tool=tool,
                api_protocol="GRPC" if has["gRPC"] else "REST",
                predictor_script="predictor-p.py" if of_script == "required" else None,
                transformer_script="transformer-t.py" if has["transformer"] else None,
                config_file="configfile-c.yaml" if server == "VLLM" else None,
                resources=resources,
                transformer_resources=resources if has["transformer"] else None,
                batching=Batching() if has["batcher"] else None,
                logging=RequestLogging(mode="ALL") if has["logger"] else None,
            ),
        )
