"""Deployments made, changed, started and stopped, with the settings that are given."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from hopsartifacts.deployments.artifact_files import ProjectPath
from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.launch import AWAIT_S
from hopsartifacts.deployments.parts import (
    InferenceBatcher,
    InferenceLogger,
    Transformer,
)
from hopsartifacts.deployments.predictor import Predictor
from hopsartifacts.deployments.requests import DEFAULT_TOLERANCE, GoldenRequest
from hopsartifacts.deployments.settings import (
    SETTINGS,
    DeploymentSettings,
    PlainSettings,
)
from hopsartifacts.deployments.versions import find_deployment
from hopsartifacts.documents import encode
from hopsartifacts.errors import InvalidInputError
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
from hopsartifacts.rest.api.jobs import GoldenResult, Result, StateResult, accepted
from hopsartifacts.rest.background import Job
from hopsartifacts.rest.deployment_states import RunStatus, run_status
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.predictions import predicted


class GivenAmount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount of resources, with memory in MB; a missing member has its default."""

    cores: float | UnsetType = UNSET
    memory: int | UnsetType = UNSET
    gpus: int | UnsetType = UNSET


class GivenResources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The resources of a component."""

    num_instances: int = 1
    requests: GivenAmount = GivenAmount()
    limits: GivenAmount | None = None


class GivenTransformer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A transformer: a script in the project, and its resources."""

    script_file: str
    resources: GivenResources | None = None


class GivenDeployment(
    PlainSettings, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The settings of a deployment; a setting that is missing has its default.

    Plain settings are inherited. Here are those with a form of their own in JSON.

    Attributes:
        artifact_version: with a number and without files, the files of that version.
        script_file: path of a file in the project (``Resources/predictor.py``), as are
            the other files.
        environment_lock: path of a lock file in the project.
        why: a reason, which the history shows.
        ignore_environment: save it even if the packages that are installed here differ
            from its lock.
    """

    model: str
    model_version: int
    artifact_version: int | Literal["CREATE", "MODEL-ONLY"] | None = None
    script_file: str | None = None
    config_file: str | None = None
    files: tuple[str, ...] = ()
    resources: GivenResources | None = None
    transformer: GivenTransformer | None = None
    inference_logger: InferenceLogger | None = None
    inference_batcher: InferenceBatcher | None = None
    environment_lock: str | None = None
    env_vars: dict[str, str] = {}  # noqa: RUF012 - a struct copies it
    golden_request: GoldenRequest | None = None
    why: str = ""
    ignore_environment: bool = False


class NewDeployment(
    GivenDeployment, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The settings of a new deployment.

    Attributes:
        name: by default the model's name, without the characters that a deployment's
            name cannot have.
    """

    name: str | None = None


def predictor_of(
    call: OperationCall, given: GivenDeployment, name: str | None
) -> Predictor:
    """Return the predictor with the settings *given*; their paths are in the project.

    Raises:
        ModelNotFoundError: the model version does not exist.
        InvalidDeploymentError: the rules forbid the combination, or a setting makes no
            sense.
    """
    project = call.hosted.project
    model = project.get_model_registry().get_model(given.model, given.model_version)
    sent = {**msgspec.structs.asdict(given), "name": name}
    settings = {
        setting: _FORMS[setting](sent[setting]) if setting in _FORMS else sent[setting]
        for setting in SETTINGS
    }
    described = DeploymentSettings.of(**settings)
    return project.get_model_serving().predictor_of(model, described)


def _in_project(path: str | None) -> ProjectPath | None:
    return ProjectPath(path) if path else None


def _resources(given: GivenResources | None) -> dict[str, Any] | None:
    plain: dict[str, Any] | None = msgspec.to_builtins(given)
    return plain


def _transformer(given: GivenTransformer | None) -> Transformer | None:
    if given is None:
        return None
    return Transformer(ProjectPath(given.script_file), _resources(given.resources))


_FORMS: dict[str, Callable[[Any], Any]] = {
    "script_file": _in_project,
    "config_file": _in_project,
    "environment_lock": _in_project,
    "files": lambda paths: [ProjectPath(path) for path in paths],
    "resources": _resources,
    "transformer": _transformer,
}
"""The conversion of each setting that has another form in requests."""


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
    made.save(
        0,
        why=checked_reason(given.why),
        ignore_environment=given.ignore_environment,
        adopt=adopt,
    )


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
