"""Where a deployment answers requests, and an example request for each place."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec

from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.deployments.launch import model_inputs
from hopsartifacts.deployments.requests import infer_payload, request_of
from hopsartifacts.deployments.versions import read_deployment
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.registry.documents import Manifest
from hopsartifacts.registry.schema import input_columns
from hopsartifacts.registry.versions import read_manifest
from hopsartifacts.rest.api.conventions import PREFIX, operations
from hopsartifacts.rest.api.deployments import DEPLOYMENT, name_of
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.serving.contract import RunState

Place = Literal["server", "inference_port", "process"]
Protocol = Literal["V1", "V2", "gRPC"]
ExampleSource = Literal["golden_request", "input_example"]


class DeploymentEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A place where a deployment answers.

    Attributes:
        place: ``server``: this server; ``inference_port``: its port for predictions
            only; ``process``: the deployment itself, on the server's machine.
        protocol: the form of requests.
        url: where to send them; for gRPC host and port.
        needs_key: whether an API key must be sent.
        body: an example request; null if there is none, or if it has no such form.
    """

    place: Place
    protocol: Protocol
    url: str
    needs_key: bool
    body: dict[str, Any] | None


class InputColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column that a request needs, by the schema of the model.

    Attributes:
        name: its name.
        datatype: a datatype of V2: ``FP64``, ``INT64``, ``BOOL``, ``BYTES`` …
    """

    name: str
    datatype: str


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where a deployment answers.

    Attributes:
        is_answering: whether it answers now.
        example: where the example comes from; null if there is none.
        columns: the columns of a row, in order; empty if they are not known, or if a
            transformer may take others.
        endpoints: the places; those of its processes only while it runs.
    """

    is_answering: bool
    example: ExampleSource | None
    columns: list[InputColumn]
    endpoints: list[DeploymentEndpoint]


def _endpoints(call: OperationCall) -> Endpoints:
    sealed = read_deployment(call.hosted.storage, name_of(call))
    state = call.hosted.project.get_model_serving().state_of(sealed)
    specification = sealed.current.specification
    pin = specification.model
    manifest = read_manifest(call.hosted.storage, pin.name, pin.version)
    source, example = _example(specification, manifest)
    return Endpoints(
        is_answering=state.available_predictor_instances > 0 or state.status == "Idle",
        example=source,
        columns=[*_columns(specification, manifest)],
        endpoints=[
            DeploymentEndpoint(
                place=place, protocol=protocol, url=url, needs_key=key, body=body
            )
            for place, protocol, url, key in _places(call, sealed, state)
            for body in [_body(protocol, example)]
        ],
    )


def _places(
    call: OperationCall, sealed: Deployed, state: RunState
) -> Iterator[tuple[Place, Protocol, str, bool]]:
    name, url = sealed.name, call.request.url
    predictions = f"{url.scheme}://{url.netloc}{PREFIX}/deployments/{name}/predictions"
    yield "server", "V1", predictions, True
    if sealed.current.specification.api_protocol == "GRPC":
        yield "server", "V2", predictions, True
    if announced := call.hosted.settings.inference_endpoint:
        host, port = announced
        yield from _of_models("inference_port", f"http://{host}:{port}", name, key=True)
    if state.url:
        yield from _of_models("process", state.url, name, key=False)
    if state.grpc_port:
        yield "process", "gRPC", f"127.0.0.1:{state.grpc_port}", False


def _of_models(
    place: Place, base: str, name: str, *, key: bool
) -> Iterator[tuple[Place, Protocol, str, bool]]:
    yield place, "V1", f"{base}/v1/models/{name}:predict", key
    yield place, "V2", f"{base}/v2/models/{name}/infer", key


def _example(
    specification: Specification, manifest: Manifest
) -> tuple[ExampleSource | None, Any]:
    """Return an example of rows, or of a whole request, and where it comes from."""
    if specification.golden_request is not None:
        return "golden_request", specification.golden_request.request
    if manifest.input_example is None:
        return None, None
    return "input_example", msgspec.json.decode(manifest.input_example.text)


def _columns(specification: Specification, manifest: Manifest) -> Iterator[InputColumn]:
    names = input_columns(manifest.model_schema)
    if specification.transformer is None:
        for tensor in model_inputs(manifest.model_schema):
            if tensor.name in names:
                yield InputColumn(name=tensor.name, datatype=tensor.datatype)


def _body(protocol: Protocol, example: Any) -> dict[str, Any] | None:
    if example is None:
        return None
    make: Callable[[Any], dict[str, Any]] = request_of if protocol == "V1" else _infer
    try:
        return make(example)
    except InvalidInputError:
        # Any JSON can be an example, also what is no request of this protocol.
        return None


def _infer(example: Any) -> dict[str, Any]:
    """Return an example as a request of V2."""
    rows = example
    if isinstance(example, dict) and "instances" in example:
        rows = example["instances"]
    is_whole = isinstance(rows, dict) and "inputs" in rows
    return infer_payload(rows, None) if is_whole else infer_payload(None, rows)


_operation = operations("deployments", "deploy")

OPERATIONS = (
    _operation(
        "GET",
        f"{DEPLOYMENT}/endpoints",
        _endpoints,
        "Where it answers requests, with an example for each place",
        answer=Endpoints,
    ),
)
