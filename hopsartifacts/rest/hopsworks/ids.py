"""Ids for clients, which are never reused, and which contain a name.

Clients store files under a model's id. If an id were reused after a deletion, they
would find the deleted files again.
"""

import re

from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.errors import InvalidNameError
from hopsartifacts.names import deployment_name, model_name, version_number

_TOKEN = re.compile(r"(.+)-([0-9a-f]{32})")


def model_id(name: str, version: int, token: str) -> str:
    """Return the id of a model version with *token* in its manifest."""
    return f"{name}_{version}-{token}"


def parse_model_id(text: str) -> tuple[str, int, str | None]:
    """Return name, version and token of ``<name>_<version>[-<token>]``.

    Raises:
        InvalidNameError: *text* has neither form.
    """
    found = _TOKEN.fullmatch(text)
    whole, token = (found[1], found[2]) if found else (text, None)
    name, _, version = whole.rpartition("_")
    if not version.isascii() or not version.isdecimal():
        raise InvalidNameError(
            f"{text!r} is not a model id: give <name>_<version>, like 'my_model_1'"
        )
    return model_name(name), version_number(version), token


def deployment_id(state: Deployed, name: str) -> str:
    """Return the id of a deployment; it is unique even if its name is reused."""
    return f"{name}-{state.id}"


def parse_deployment_id(text: str) -> tuple[str, str]:
    """Return name and token of a deployment's id.

    Raises:
        InvalidNameError: *text* is not such an id.
    """
    found = _TOKEN.fullmatch(text)
    if not found:
        raise InvalidNameError(
            f"{text!r} is not a deployment id: give an id from an answer of this server"
        )
    return deployment_name(found[1]), found[2]
