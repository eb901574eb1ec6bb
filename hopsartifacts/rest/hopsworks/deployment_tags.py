"""Tags of deployments, in the API of Hopsworks from 5.0 on."""

from typing import Any

from hopsartifacts.rest.hopsworks.deployment_lookup import held, meant
from hopsartifacts.rest.hopsworks.login import PROJECT
from hopsartifacts.rest.hopsworks.model_documents import TagPage, present_tag, tag_page
from hopsartifacts.rest.operations import OperationCall, Operations

_TAGS = f"{PROJECT}/serving/{{id}}/tags"
_TAG = f"{_TAGS}/{{name}}"


def _all(call: OperationCall) -> TagPage:
    return tag_page(meant(call).tags)


def _one(call: OperationCall) -> TagPage:
    name = call.path["name"]
    return tag_page({name: _present(call, name)})


def _set(call: OperationCall) -> None:
    held(call).add_tag(call.path["name"], call.body)


def _delete(call: OperationCall) -> None:
    name = call.path["name"]
    _present(call, name)
    held(call).delete_tag(name)


def _present(call: OperationCall, name: str) -> Any:
    state = meant(call)
    owner = f"deployment {state.current.specification.name!r}"
    return present_tag(state.tags, name, owner)


_operation = Operations("serving", "deploy", refusals=())

OPERATIONS = (
    _operation("GET", _TAGS, _all, "Tags of a deployment", answer=TagPage),
    _operation("GET", _TAG, _one, "One tag of a deployment", answer=TagPage),
    _operation(
        "PUT", _TAG, _set, "Set a tag of a deployment to any JSON value", body=Any
    ),
    _operation("DELETE", _TAG, _delete, "Delete a tag of a deployment", status=204),
)
