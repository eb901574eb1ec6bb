"""Deployments made, changed, started and stopped, with the settings that are given."""

from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.launch import AWAIT_S
from hopsartifacts.deployments.requests import DEFAULT_TOLERANCE
from hopsartifacts.deployments.versions import find_deployment
from hopsartifacts.documents import encode
from hopsartifacts.errors import AlreadyExistsError, InvalidInputError
from hopsartifacts.machine.progress import Callback
from hopsartifacts.registry.given import checked_reason
from hopsartifacts.rest.api.conventions import PREFIX, operations
from hopsartifacts.rest.api.deployments import (
    DEPLOYMENT,
    DeploymentDetail,
    deployment,
    detail,
    name_of,
)
from hopsartifacts.rest.api.given_deployments import (
    GivenDeployment,
    NewDeployment,
    predictor_of,
)
from hopsartifacts.rest.api.jobs import GoldenResult, Result, StateResult, accepted
from hopsartifacts.rest.background import Job
from hopsartifacts.rest.deployment_states import RunStatus, run_status
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.predictions import predicted


class Rollback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The version to activate, and the reason.

    Attributes:
        ignore_environment: do it even if the packages that are installed here differ
            from its lock.
    """

    version: int
    why: str = ""
    ignore_environment: bool = False


class Start(msgspec.Struct, frozen=True):
    """How a deployment is started.

    Attributes:
        ignore_environment: start it even if the packages that are installed here
            differ from its lock.
    """

    ignore_environment: bool = False


class Recording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The golden request to record.

    Attributes:
        request: by default the present golden request, or the model's input example.
        tolerance: largest relative difference of two numbers that count as equal.
    """

    request: Any = None
    tolerance: Annotated[float, msgspec.Meta(ge=0)] = DEFAULT_TOLERANCE


def _create(call: OperationCall) -> Response:
    given: NewDeployment = call.body
    predictor = predictor_of(call, given, given.name)
    serving = call.hosted.project.get_model_serving()
    _save(serving.create_deployment(predictor), given, adopt=False)
    return _made(call, predictor.name)


def _put(call: OperationCall) -> DeploymentDetail | Response:
    """Replace all settings of a deployment, or make it."""
    given, name = call.body, name_of(call)
    predictor = predictor_of(call, given, name)
    if find_deployment(call.hosted.storage, name) is None:
        serving = call.hosted.project.get_model_serving()
        _save(serving.create_deployment(predictor), given, adopt=False)
        return _made(call, name)
    known = deployment(call)
    known.predictor = predictor
    _save(known, given, adopt=True)
    return detail(call, name)


def _save(made: Deployment, given: GivenDeployment, *, adopt: bool) -> None:
    """Seal it, and move a running deployment to the new version without waiting."""
    try:
        made.save(
            0,
            why=checked_reason(given.why),
            ignore_environment=given.ignore_environment,
            adopt=adopt,
        )
    except AlreadyExistsError as error:
        raise error.at("name")  # noqa: B904 - the same error


def _made(call: OperationCall, name: str) -> Response:
    location = {"location": f"{PREFIX}/deployments/{name}"}
    return Response(encode(detail(call, name)), 201, location, "application/json")


def _rollback(call: OperationCall) -> DeploymentDetail:
    wanted: Rollback = call.body
    found = deployment(call)
    found.rollback(
        wanted.version,
        0,
        why=checked_reason(wanted.why),
        ignore_environment=wanted.ignore_environment,
    )
    return detail(call, found.name)


def _start(call: OperationCall) -> Response:
    """Begin to start it; files are checked and processes waited for in a job."""
    options: Start = call.query
    found = deployment(call)
    # A deployment that the server started keeps running when the server restarts.
    detach = call.hosted.storage.capabilities.is_shared

    def work(_: Callback) -> StateResult:
        found.start(
            AWAIT_S,
            detach=detach,
            ignore_environment=options.ignore_environment,
            progress=False,
        )
        return StateResult(_now(call, found.name))

    return _job(call, "start", found.name, work, options)


def _stop(call: OperationCall) -> Response:
    found = deployment(call)

    def work(_: Callback) -> StateResult:
        found.stop(progress=False)
        return StateResult(_now(call, found.name))

    return _job(call, "stop", found.name, work)


def _record(call: OperationCall) -> Response:
    wanted: Recording = call.body
    found = deployment(call)

    def work(_: Callback) -> GoldenResult:
        golden = found.record_golden(wanted.request, tolerance=wanted.tolerance)
        return GoldenResult(golden)

    try:
        options = encode(wanted)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"request: {error}") from error
    return _job(call, "golden", found.name, work, options)


def _now(call: OperationCall, name: str) -> RunStatus:
    return run_status(name, call.hosted.project.get_model_serving().run_state(name))


def _job(
    call: OperationCall, kind: str, name: str, work: Any, options: object = None
) -> Response:
    by = call.caller.name
    return accepted(
        call.hosted.jobs.start(kind, work, by=by, subject=name, options=options)
    )


_operation = operations("deployments", "deploy")

OPERATIONS = (
    _operation(
        "POST",
        "/deployments",
        _create,
        "Create a deployment; it is not started",
        body=NewDeployment,
        answer=DeploymentDetail,
        status=201,
    ),
    _operation(
        "PUT",
        DEPLOYMENT,
        _put,
        "Replace all settings of a deployment, or create it (201); update its run",
        body=GivenDeployment,
        answer=DeploymentDetail,
    ),
    _operation(
        "POST",
        f"{DEPLOYMENT}/rollback",
        _rollback,
        "Make another version the active one; update its run",
        body=Rollback,
        answer=DeploymentDetail,
    ),
    _operation(
        "POST",
        f"{DEPLOYMENT}/start",
        _start,
        "Start the active version",
        query=Start,
        answer=Job[Result],
        status=202,
    ),
    _operation(
        "POST",
        f"{DEPLOYMENT}/stop",
        _stop,
        "Stop the deployment",
        answer=Job[Result],
        status=202,
    ),
    _operation(
        "POST",
        f"{DEPLOYMENT}/predictions",
        predicted,
        "Get a prediction: the answer of the model server, unchanged",
        scope="read",
        body=dict[str, Any],
        answer=Any,
        takes="bytes",
        errors=(404, 413, 422, 502, 504),
    ),
    _operation(
        "POST",
        f"{DEPLOYMENT}/golden-request",
        _record,
        "Ask the running deployment, and keep request and answer in its next version",
        body=Recording,
        answer=Job[Result],
        status=202,
    ),
)
