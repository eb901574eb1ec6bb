"""The installation as clients see it: versions, settings, addresses, its one project.

The first requests of a client are about these. Other parts of a Hopsworks cluster are
not here, and a request for one is refused with a message that names it.
"""

import base64
import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from hopsartifacts.machine.identity import process_user
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.operations import Operation, OperationCall, Operations

PREFIX = "/hopsworks-api/api"
PROJECT = f"{PREFIX}/project/{{project_id}}"
INFERENCE = f"{PROJECT}/inference"
HOPSWORKS_VERSION = "5.2.1"
"""The release with this API; clients of others warn once and continue."""

_HTTPS = 443
_CLOSED = 9
"""A port on which nothing listens. Releases from 4.3 to 4.6 can only log in if there is
a load balancer, and use its HTTPS port, which is this server's. 4.1 and 4.2 use the
other one, over plain HTTP with their API key, which must not reach anyone."""
_NO_SUCH_PROJECT = 150004
_NO_SUCH_VARIABLE = 160000

_VARIABLES = {
    "enable_data_science_profile": "true",
    "kube_kserve_installed": "true",
    "kube_serving_max_cores_allocation": "-1",
    "kube_serving_max_memory_allocation": "-1",
    "kube_serving_max_gpus_allocation": "-1",
    "kube_serving_min_num_instances": "-1",
    "kube_serving_max_num_instances": "-1",
    "kube_knative_domain_name": "hopsartifacts.local",
    "upload_policy": "everyone",
}

_ABSENT: Mapping[str, str] = MappingProxyType(
    {
        "admin": "users and their administration",
        "alerts": "alerts",
        "apps": "apps",
        "charts": "charts",
        "dashboards": "dashboards",
        "elastic": "search indexes",
        "factories": "agents",
        "featurestores": "feature stores",
        "git": "Git repositories",
        "jobs": "jobs",
        "jupyter": "notebook servers",
        "kafka": "Kafka topics",
        "mlsystems": "agents",
        "projectMembers": "project members",
        "python": "Python environments",
        "superset": "dashboards",
        "terminal": "terminals",
        "trino": "SQL queries",
        "users": "user accounts, secrets and Git providers",
    }
)
"""By the first segment of a path, in the whole API or below a project."""


class SoftwareVersion(msgspec.Struct, frozen=True):
    """A component of the installation."""

    software: str
    version: str


class Variable(msgspec.Struct, frozen=True, rename="camel"):
    """A setting of the installation."""

    success_message: str


class ProjectInfo(msgspec.Struct, frozen=True, rename="camel"):
    """A project."""

    project_id: int
    project_name: str
    owner: str
    description: str
    created: str
    project_namespace: str


class NamedProject(msgspec.Struct, frozen=True):
    """Number and name of a project."""

    id: int
    name: str


class User(msgspec.Struct, frozen=True):
    """The user for whom a project is listed."""

    username: str


class ListedProject(msgspec.Struct, frozen=True):
    """A project of the caller."""

    project: NamedProject
    user: User


class Credentials(msgspec.Struct, frozen=True, rename="camel"):
    """Certificates of an installation; clients store them without reading them."""

    k_store: str
    t_store: str
    password: str
    ca_chain: str
    client_cert: str
    client_key: str


class Port(msgspec.Struct, frozen=True):
    """A port with a name that clients know."""

    name: str
    number: int


class Endpoint(msgspec.Struct, frozen=True):
    """Hosts and ports for direct requests to deployments."""

    type: str
    hosts: list[str]
    ports: list[Port]


class EndpointPage(msgspec.Struct, frozen=True):
    """All endpoints for requests to deployments."""

    count: int
    items: list[Endpoint]


def check_project(call: OperationCall) -> None:
    """Check that the path names the project of this server.

    Raises:
        RefusedError: it names another one.
    """
    given = call.path.get("project_id", "")
    if given != str(call.hosted.project_id):
        raise RefusedError(
            f"there is no project {given!r} here: this server serves only "
            f"{call.hosted.project.name!r}; log in again",
            404,
            _NO_SUCH_PROJECT,
        )


def project_namespace(hosted: Hosted) -> str:
    """Return the project's namespace, as a cluster would name it."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", hosted.project.name)
    return name.strip("-").lower() or "project"


def absence(path: str) -> str | None:
    """Return the message for a path without operation; None if it is unknown."""
    if not path.startswith(PREFIX):
        return None
    match path.removeprefix(PREFIX).split("/"):
        case ["", "project", _, name, *_] | ["", name, *_] if name in _ABSENT:
            return (
                f"{_ABSENT[name]} are not available here: this server has models, "
                "files and deployments"
            )
    return None


def _versions(_: OperationCall) -> list[SoftwareVersion]:
    return [SoftwareVersion("hopsworks", HOPSWORKS_VERSION)]


def _variable(call: OperationCall) -> Variable:
    name = call.path["name"]
    if name not in _VARIABLES:
        raise RefusedError(f"there is no variable {name!r}", 404, _NO_SUCH_VARIABLE)
    return Variable(_VARIABLES[name])


def _project_info(call: OperationCall) -> ProjectInfo:
    hosted, name = call.hosted, call.path["name"]
    if name != hosted.project.name:
        raise RefusedError(
            f"there is no project {name!r} here: this server serves only "
            f"{hosted.project.name!r}",
            404,
            _NO_SUCH_PROJECT,
        )
    return ProjectInfo(
        project_id=hosted.project_id,
        project_name=name,
        owner=process_user(),
        description="",
        created="1970-01-01T00:00:00.000Z",
        project_namespace=project_namespace(hosted),
    )


def _projects(call: OperationCall) -> list[ListedProject]:
    project = NamedProject(call.hosted.project_id, call.hosted.project.name)
    return [ListedProject(project, User(call.caller.name))]


def _credentials(call: OperationCall) -> Credentials:
    check_project(call)
    nothing = base64.b64encode(b"hopsartifacts needs no certificate").decode()
    return Credentials(nothing, nothing, "", nothing, nothing, nothing)


def _endpoints(call: OperationCall) -> EndpointPage:
    check_project(call)
    announced = call.hosted.settings.inference_endpoint
    if announced is None:
        host, port = _own(call)
        ports = [Port("HTTPS", port), Port("HTTP", _CLOSED)]
    else:
        host, port = announced
        ports = [Port("HTTP", port)]
    return EndpointPage(1, [Endpoint("LOAD_BALANCER", [host], ports)])


def _own(call: OperationCall) -> tuple[str, int]:
    """Return host and port as the client sees them, even through a proxy."""
    url = call.request.url
    return str(url.hostname), url.port or _HTTPS


_operation = Operations("login")

OPERATIONS = (
    _operation(
        "GET",
        f"{PREFIX}/variables/versions",
        _versions,
        "Versions of the installation",
        answer=list[SoftwareVersion],
    ),
    _operation(
        "GET", f"{PREFIX}/variables/{{name}}", _variable, "A setting", answer=Variable
    ),
    _operation(
        "GET",
        f"{PREFIX}/project/getProjectInfo/{{name}}",
        _project_info,
        "A project by its name",
        answer=ProjectInfo,
    ),
    _operation(
        "GET",
        f"{PREFIX}/project",
        _projects,
        "The projects",
        answer=list[ListedProject],
    ),
    _operation(
        "GET",
        f"{PROJECT}/credentials",
        _credentials,
        "The data that clients keep instead of certificates",
        answer=Credentials,
    ),
    Operation(
        method="GET",
        path=f"{INFERENCE}/endpoints",
        handle=_endpoints,
        summary="The address for requests to deployments: the inference port or this",
        answer=EndpointPage,
        errors=(404,),
        tag="inference",
    ),
)
