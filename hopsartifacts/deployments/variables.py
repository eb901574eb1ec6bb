"""Environment variables that users give their scripts: which names they may have."""

import re
from collections.abc import Mapping
from typing import Any

from hopsartifacts.errors import InvalidDeploymentError
from hopsartifacts.names import plain_text
from hopsartifacts.serving.runtime.environment import HANG_SECONDS

RESERVED = frozenset(
    {
        "API_KEY",
        "ARTIFACT_FILES_PATH",
        "ARTIFACT_VERSION",
        "CONFIG_FILE_PATH",
        "DEPLOYMENT_NAME",
        "DEPLOYMENT_VERSION",
        "IS_PREDICTOR",
        "IS_TRANSFORMER",
        "MATERIAL_DIRECTORY",
        "MODEL_FILES_PATH",
        "MODEL_NAME",
        "MODEL_VERSION",
        "PROJECT_ID",
        "PROJECT_NAME",
        "REQUESTS_VERIFY",
        "REST_ENDPOINT",
        "SCRIPT_NAME",
        "SCRIPT_PATH",
        "SECRETS_DIR",
    }
)
"""Variables that the guide documents: a deployment gets its own."""
SETTINGS = frozenset({HANG_SECONDS})
"""Variables of ours that a deployment may set."""
RESERVED_PREFIXES = ("HOPSARTIFACTS_", "HOPSWORKS_", "SERVING_")
_PYTHON_NEEDS = frozenset({"PYTHONHOME", "PYTHONPATH"})
"""With another value the server would not find its own code."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def checked_variables(given: Any) -> dict[str, str]:
    """Return what a user passed as ``env_vars``, sorted by name.

    Raises:
        InvalidDeploymentError: a name that no variable can have or that is taken, or
            a value that is no text.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidDeploymentError(
            f"env_vars is a {type(given).__name__}: give a dict of texts, like "
            "{'THRESHOLD': '0.5'}"
        )
    checked = {_name(name): _value(name, value) for name, value in given.items()}
    return dict(sorted(checked.items()))


def _name(given: object) -> str:
    name = plain_text(given)
    if name is None or not _NAME.fullmatch(name):
        raise InvalidDeploymentError(
            f"env_vars: {given!r} is not a variable's name: use letters (a-z, A-Z), "
            "digits and '_', first a letter or '_'"
        )
    is_ours = name in RESERVED or name.startswith(RESERVED_PREFIXES)
    if is_ours and name not in SETTINGS:
        raise InvalidDeploymentError(
            f"env_vars: {name} is set by the deployment itself: choose another name"
        )
    if name in _PYTHON_NEEDS:
        raise InvalidDeploymentError(
            f"env_vars: {name} would keep the server from starting: leave it out, and "
            "give modules as files="
        )
    return name


def _value(name: object, value: object) -> str:
    text = plain_text(value)
    if text is None or "\0" in text:
        raise InvalidDeploymentError(
            f"env_vars: the value of {name} is {value!r}: give a text, like "
            f"{str(value)!r}"
        )
    return text
