"""The documented environment variables of a deployment."""

import math
from collections.abc import Mapping
from pathlib import Path

from hopsartifacts.errors import InvalidDeploymentError
from hopsartifacts.serving.contract import Launch

MAX_REQUEST_BYTES = "HOPSARTIFACTS_MAX_REQUEST_BYTES"
HANG_SECONDS = "HOPSARTIFACTS_HANG_SECONDS"
DEFAULT_MAX_REQUEST_BYTES = 64 * 1024 * 1024


def deployment_variables(launch: Launch) -> dict[str, str]:
    """Return the documented variables for *launch*.

    ``SCRIPT_PATH`` and ``SCRIPT_NAME`` are the predictor's. A transformer runs in the
    process of the predictor, which then has both roles: ``IS_TRANSFORMER`` is set in
    addition to ``IS_PREDICTOR``.
    """
    artifact_files = Path(launch.artifact_files_path)
    variables = {
        "PROJECT_NAME": launch.project,
        "DEPLOYMENT_NAME": launch.deployment,
        "DEPLOYMENT_VERSION": str(launch.deployment_version),
        "MODEL_NAME": launch.model,
        "MODEL_VERSION": str(launch.model_version),
        "ARTIFACT_VERSION": str(launch.artifact_version),
        "MODEL_FILES_PATH": launch.model_files_path,
        "ARTIFACT_FILES_PATH": launch.artifact_files_path,
        "IS_PREDICTOR": "true",
    }
    if launch.predictor_script is not None:
        variables["SCRIPT_NAME"] = launch.predictor_script
        variables["SCRIPT_PATH"] = str(artifact_files / launch.predictor_script)
    if launch.config_file is not None:
        variables["CONFIG_FILE_PATH"] = str(artifact_files / launch.config_file)
    if launch.transformer_script is not None:
        variables["IS_TRANSFORMER"] = "true"
    return variables


def max_request_bytes(environ: Mapping[str, str]) -> int:
    """Return the size of the largest request body that is accepted."""
    text = environ.get(MAX_REQUEST_BYTES, str(DEFAULT_MAX_REQUEST_BYTES))
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise InvalidDeploymentError(
            f"{MAX_REQUEST_BYTES} is {text!r}; "
            "give the largest request in bytes as a positive whole number"
        )
    return int(text)


def hang_seconds(environ: Mapping[str, str], default: float) -> float:
    """Return after how many seconds a blocked event loop counts as hanging.

    Raises:
        InvalidDeploymentError: the variable is not a positive number.
    """
    text = environ.get(HANG_SECONDS)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise InvalidDeploymentError(
            f"{HANG_SECONDS} is {text!r}: give the longest time for which the event "
            "loop of a worker may be blocked, in seconds, as a positive number; "
            f"the default is {default:g}"
        )
    return seconds
