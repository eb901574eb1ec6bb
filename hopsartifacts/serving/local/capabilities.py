"""The capabilities of the local back end, as data, and its refusals in words.

A version may need what is missing here. The operating system may also refuse something.
"""

import errno
import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hopsartifacts.errors import (
    HopsArtifactsError,
    InvalidModelError,
    ServingError,
    StorageError,
    UnsupportedHereError,
)
from hopsartifacts.machine.state_folder import STATE_DIR_VARIABLE
from hopsartifacts.serving.contract import SealedVersion
from hopsartifacts.serving.local.control import Patience
from hopsartifacts.serving.process_environment import hang_seconds, max_request_bytes
from hopsartifacts.serving.runtime.predictors import WITHOUT_SCRIPT, only_one

FRAMEWORKS = frozenset({"SKLEARN", "PYTHON", "TENSORFLOW", "TORCH"})
FEATURES = frozenset({"batcher", "grpc", "instances", "logger", "transformer"})

SERVERS = frozenset({"PYTHON", "TENSORFLOW_SERVING"})

_SERVERS_NEEDED: Mapping[str, str] = {"VLLM": "vLLM"}
_FEATURES_MISSING: Mapping[str, str] = {"gpu": "assigning GPUs"}
_SERVING_MODULES = (
    "httptools",
    "prometheus_client",
    "psutil",
    "starlette",
    "urllib3",
    "uvicorn",
)

_OF_PLACE = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOLCK,
        errno.ENOSPC,
        errno.ENOTDIR,
        errno.ENOTSUP,
        errno.EPERM,
        errno.EROFS,
    }
)
"""Errors that another folder may avoid."""


def check(sealed: SealedVersion) -> None:
    """Refuse a version that cannot run here.

    Raises:
        UnsupportedHereError: lists all obstacles.
        InvalidDeploymentError: a setting of the server is not valid.
    """
    environ = {**os.environ, **sealed.env_vars}
    max_request_bytes(environ)
    hang_seconds(environ, Patience().hang_s)
    obstacles = [*_obstacles(sealed)]
    if obstacles:
        raise UnsupportedHereError(
            f"deployment {sealed.deployment!r} cannot run on the local back end: "
            + "; ".join(obstacles)
        )


def _obstacles(sealed: SealedVersion) -> Iterator[str]:
    if os.name != "posix":
        yield "it needs Linux or macOS"
    if sealed.model_server not in SERVERS:
        needed = _SERVERS_NEEDED.get(sealed.model_server, sealed.model_server)
        yield f"model server {sealed.model_server} needs {needed}; use a cluster"
    elif sealed.framework not in FRAMEWORKS:
        runs = ", ".join(sorted(FRAMEWORKS))
        yield f"it runs models of {runs}, not of {sealed.framework}"
    unsupported = sorted(sealed.features - FEATURES)
    if unsupported:
        words = [_FEATURES_MISSING.get(feature, feature) for feature in unsupported]
        yield (
            f"it runs deployments without {' or '.join(words)}; switch that off or use "
            "a cluster"
        )
    has_transformer = sealed.transformer_script is not None
    if has_transformer and sealed.transformer_instances != sealed.instances:
        yield (
            "a transformer shares its processes with the predictor, which has "
            f"{sealed.instances} instances and not {sealed.transformer_instances}; ask "
            "for the same number or use a cluster"
        )
    if sealed.api_protocol == "GRPC" and sealed.idle_s is not None:
        yield (
            "a gRPC port needs a running process to receive requests; ask for at least "
            "one instance or use a cluster"
        )
    yield from _unclear_model(sealed)
    yield from _missing_packages(sealed)


def _unclear_model(sealed: SealedVersion) -> Iterator[str]:
    needs_script = sealed.framework not in WITHOUT_SCRIPT
    if sealed.predictor_script is not None or sealed.loadable is None or needs_script:
        return
    try:
        only_one(sealed.framework, sealed.loadable)
    except InvalidModelError as error:
        yield str(error)


def _missing_packages(sealed: SealedVersion) -> Iterator[str]:
    missing = [name for name in _SERVING_MODULES if not _is_installed(name)]
    if missing:
        yield (
            f"{', '.join(missing)} not installed; run: "
            'pip install "hopsartifacts[serving]"'
        )
    needs_sklearn = sealed.framework == "SKLEARN" and sealed.predictor_script is None
    if needs_sklearn and not _is_installed("sklearn"):
        yield (
            "without a predictor script the model needs scikit-learn; run: "
            'pip install "hopsartifacts[sklearn]"'
        )
    if sealed.logging is not None and not _is_installed("pyarrow"):
        yield (
            "an inference logger needs pyarrow; run: "
            'pip install "hopsartifacts[logger]"'
        )
    has_topic = sealed.logging is not None and sealed.logging.kafka_topic is not None
    if has_topic and not _is_installed("confluent_kafka"):
        yield (
            "a Kafka topic needs confluent-kafka; run: "
            'pip install "hopsartifacts[kafka]"'
        )
    if sealed.model_server == "TENSORFLOW_SERVING" and not _is_installed("tensorflow"):
        yield (
            "the model needs tensorflow; run: pip install tensorflow (or "
            "tensorflow-cpu), or use a cluster"
        )
    needs_grpc = "grpc" in sealed.features
    if needs_grpc and not (_is_installed("grpc") and _is_installed("google.protobuf")):
        yield (
            "its protocol needs grpcio and protobuf; run: "
            'pip install "hopsartifacts[grpc]"'
        )


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        # The parent package is missing, too.
        return False


@contextmanager
def in_our_words(what: str, root: Path) -> Iterator[None]:
    """Turn errors of the operating system into errors of this package.

    Args:
        what: the attempted action, for the message: ``start deployment 'd'``.
        root: the folder of the run files.

    Raises:
        UnsupportedHereError: a package that this needs is not installed.
        ServingError: says what failed, where, and what to do.
    """
    try:
        # Imported late: registry users need neither the packages nor the time.
        import psutil  # noqa: PLC0415 - see above
        import urllib3  # noqa: F401, PLC0415 - see above
    except ModuleNotFoundError as error:
        raise UnsupportedHereError(
            f"running deployments here needs {error.name}; run: "
            'pip install "hopsartifacts[serving]"'
        ) from error
    try:
        yield
    except HopsArtifactsError:
        raise
    except psutil.Error as error:
        raise ServingError(f"cannot {what}: {error}") from error
    except OSError as error:
        where = f": {os.fsdecode(error.filename)!r}" if error.filename else ""
        hint = ""
        if error.errno in _OF_PLACE:
            hint = (
                f". Run files are kept in {str(root)!r}: set {STATE_DIR_VARIABLE} to a "
                "folder that this user can write to, on a disk of this machine"
            )
        raise ServingError(
            f"cannot {what}: {error.strerror or error}{where}{hint}"
        ) from error


def has_no_place(error: HopsArtifactsError) -> bool:
    """Return whether *error* means that this user cannot have run files here."""
    cause = error.__cause__
    if isinstance(error, StorageError | UnsupportedHereError):
        return True
    return isinstance(cause, OSError) and cause.errno in _OF_PLACE
