"""The names of objects, containers, folders and annotations on a cluster."""

from hopsartifacts.errors import InvalidNameError
from hopsartifacts.names import kubernetes_name

PREFIX = "hopsartifacts.dev/"
DEPLOYMENT = f"{PREFIX}deployment"
DEPLOYMENT_ID = f"{PREFIX}deployment-id"
VERSION = f"{PREFIX}version"
SPECIFICATION = f"{PREFIX}specification"
PROJECT = f"{PREFIX}project"
MODEL = f"{PREFIX}model"
MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "hopsartifacts"

MODE = "serving.kserve.io/deploymentMode"
AUTOSCALER = "serving.kserve.io/autoscalerClass"

MAIN_CONTAINER = "kserve-container"
FETCHING_CONTAINER = "storage-initializer"
"""The only name of an init container whose failures KServe reports in its status."""
SHIPPING_CONTAINER = "inference-log"
STORAGE_CONTAINER = "hopsartifacts"
"""The name of the ClusterStorageContainer that fetches in mode Knative."""

MODELS_PATH = "/mnt/models"
LAUNCH_PATH = f"{MODELS_PATH}/launch.json"
STATE_PATH = "/var/hopsartifacts"
HTTP_PORT = 8080
GRPC_PORT = 8081

DRAIN_VARIABLE = "HOPSARTIFACTS_DRAIN_SECONDS"
COMPONENT_VARIABLE = "HOPSARTIFACTS_COMPONENT"
STORAGE_VARIABLE = "STORAGE_URI"
"""From its value KServe makes the arguments of the container that fetches."""

_LABEL_LIMIT = 63
"""The most characters of a part of a host name, and of the value of a label."""
_POD_LABEL = "isvc."


def service_name(deployment: str, namespace: str, *, has_transformer: bool) -> str:
    """Return the name of the InferenceService of a deployment.

    KServe accepts a longer name, and then never makes the pods.

    Args:
        deployment: the name of the deployment.
        namespace: the namespace that it will be in.
        has_transformer: whether it has a transformer, whose names are longer.

    Raises:
        InvalidNameError: the names that KServe derives would be too long.
    """
    name = kubernetes_name(deployment)
    component = "transformer" if has_transformer else "predictor"
    host = f"{name}-{component}-{namespace}"
    label = f"{_POD_LABEL}{name}-{component}"
    for derived in (host, label):
        over = len(derived) - _LABEL_LIMIT
        if over > 0:
            raise InvalidNameError(
                f"deployment {deployment!r} in namespace {namespace!r}: KServe would "
                f"name a part of it {derived!r}, which has {len(derived)} characters "
                f"of at most {_LABEL_LIMIT}: give a name with at most "
                f"{max(len(name) - over, 0)} characters"
                + (", or a shorter namespace" if derived is host else "")
            )
    return name


def predictor_host(name: str, namespace: str) -> str:
    """Return the host name of the predictor of an InferenceService."""
    return f"{name}-predictor.{namespace}"
