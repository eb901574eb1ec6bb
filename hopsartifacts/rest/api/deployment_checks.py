"""Deployments and rollbacks checked before they are made; nothing is stored."""

from functools import partial

from hopsartifacts.deployments.check_results import DeploymentCheck, RollbackCheck
from hopsartifacts.deployments.checks import WantedDeployment
from hopsartifacts.deployments.versions import read_deployment
from hopsartifacts.errors import CollectedErrors
from hopsartifacts.registry.given import checked_reason
from hopsartifacts.rest.api.conventions import operations
from hopsartifacts.rest.api.deployment_edits import Rollback
from hopsartifacts.rest.api.deployments import DEPLOYMENT, name_of
from hopsartifacts.rest.api.given_deployments import DeploymentToCheck, settings_of
from hopsartifacts.rest.operations import OperationCall

MOST_BYTES = 8 * 1024 * 1024
"""The most bytes of files that a check reads, as a form asks for it while one types."""


def _check(call: OperationCall) -> DeploymentCheck:
    given: DeploymentToCheck = call.body
    return _checked(call, given, given.name, adopt=False)


def _check_edit(call: OperationCall) -> DeploymentCheck:
    return _checked(call, call.body, name_of(call), adopt=True)


def _checked(
    call: OperationCall, given: DeploymentToCheck, name: str | None, *, adopt: bool
) -> DeploymentCheck:
    refusals = CollectedErrors()
    refusals.of(partial(checked_reason, given.why))
    serving = call.hosted.project.get_model_serving()
    wanted = WantedDeployment(
        settings=settings_of(given, name),
        model=given.model,
        model_version=given.model_version,
        adopt=adopt,
    )
    found: DeploymentCheck = serving.check_deployment(
        wanted,
        most_bytes=MOST_BYTES,
        users=call.hosted.rows.artifact_users,
        refusals=refusals,
    )
    return found


def _check_rollback(call: OperationCall) -> RollbackCheck:
    wanted: Rollback = call.body
    found = read_deployment(call.hosted.storage, name_of(call))
    refusals = CollectedErrors()
    refusals.of(partial(checked_reason, wanted.why))
    serving = call.hosted.project.get_model_serving()
    checked: RollbackCheck = serving.check_rollback(found, wanted.version, refusals)
    return checked


_operation = operations("deployments", "read")

OPERATIONS = (
    _operation(
        "POST",
        "/deployments/check",
        _check,
        "What creating a deployment would do, and all that is wrong; changes nothing",
        body=DeploymentToCheck,
        answer=DeploymentCheck,
        errors=(),
    ),
    _operation(
        "POST",
        f"{DEPLOYMENT}/check",
        _check_edit,
        "What replacing the settings of a deployment would do; changes nothing",
        body=DeploymentToCheck,
        answer=DeploymentCheck,
        errors=(),
    ),
    _operation(
        "POST",
        f"{DEPLOYMENT}/rollback/check",
        _check_rollback,
        "What a rollback would change, and whether it can run here; changes nothing",
        body=Rollback,
        answer=RollbackCheck,
        errors=(404,),
    ),
)
