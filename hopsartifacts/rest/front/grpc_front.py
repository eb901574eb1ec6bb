"""gRPC on the inference port: calls of the V2 service, forwarded unchanged."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import nullcontext
from time import monotonic
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from starlette.requests import Request

from hopsartifacts.errors import (
    DeploymentNotFoundError,
    HopsArtifactsError,
    InvalidNameError,
    NotRunningError,
)
from hopsartifacts.machine.identity import new_token
from hopsartifacts.rest.access_log import AccessLogLine as LogLine
from hopsartifacts.rest.access_log import now, say
from hopsartifacts.rest.dispatch import authenticated
from hopsartifacts.rest.errors import RefusedError, status_and_code
from hopsartifacts.rest.front.http_proxy import PIECE_S
from hopsartifacts.rest.front.switch import Address, Near
from hopsartifacts.rest.front.upstreams import ANSWER_S, Upstream, Upstreams
from hopsartifacts.rest.hopsworks.installation import project_namespace
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.keys import Caller
from hopsartifacts.serving.runtime import v2
from hopsartifacts.serving.runtime.grpc_messages import (
    METHODS,
    SERVICE,
    message_class,
)

MAX_CALLS = 256
"""Most calls in progress; further ones are refused."""

_ATTEMPTS = 3
_IDLE_MS = 10 * 60 * 1000
"""Connections without a call for this long are closed; clients open new ones."""

_CODES: Mapping[int, grpc.StatusCode] = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}


async def start_grpc(
    hosted: Hosted, lines: Upstreams, ends: Mapping[int, Near]
) -> tuple[grpc.aio.Server, int]:
    """Start a gRPC server on a free loopback port; return the server and the port.

    Args:
        hosted: the project, and its API keys.
        lines: the lines to its deployments.
        ends: the client side of each connection; see ``Pipes.ends``.
    """
    options = [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", hosted.settings.max_prediction_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_connection_idle_ms", _IDLE_MS),
    ]
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=MAX_CALLS)
    server.add_generic_rpc_handlers((_Calls(hosted, lines, ends),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


class _Calls(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Selects the handler of each call."""

    def __init__(
        self, hosted: Hosted, lines: Upstreams, ends: Mapping[int, Near]
    ) -> None:
        self._hosted = hosted
        self._lines = lines
        self._ends = ends
        self._namespace = project_namespace(hosted)

    def service(self, details: Any) -> Any:
        """Return the handler of a call; None if method or project is unknown."""
        before, _, method = details.method.rpartition(f"/{SERVICE}/")
        if method not in METHODS:
            return None
        deployment = None
        if before:
            version, namespace, deployment = [*before.split("/")[1:], "", "", ""][:3]
            if f"/{version}/{namespace}/{deployment}" != before or version != "v1":
                return None
            if namespace != self._namespace:
                return None

        # Declared as a stream of messages: so the first one is read only on demand, and
        # clients cannot send much without a valid key.
        async def handle(messages: AsyncIterator[bytes], context: Any) -> bytes:
            return await self._answer(method, deployment, messages, context)

        return grpc.stream_unary_rpc_method_handler(handle)

    async def _answer(
        self,
        method: str,
        deployment: str | None,
        messages: AsyncIterator[bytes],
        context: Any,
    ) -> bytes:
        port = int(context.peer().rpartition(":")[2])
        end = self._ends.get(port)
        seen = _Seen(method, end.address if end else ("127.0.0.1", port))
        try:
            caller = self._authenticate(context, seen.address)
            seen.key = caller.id
            with end.asking() if end else nullcontext():
                body = await _only(messages)
                seen.bytes_in = len(body)
                answer = await self._pass(method, deployment, body, context)
            seen.bytes_out = len(answer)
            seen.code = grpc.StatusCode.OK
        except HopsArtifactsError as error:
            seen.code, details = _code(error), str(error)
        except grpc.aio.AioRpcError as error:
            seen.code, details = error.code(), error.details()
        except asyncio.CancelledError:
            seen.code = grpc.StatusCode.CANCELLED
            raise
        else:
            return answer
        finally:
            seen.note(self._hosted)
        await context.abort(seen.code, details)
        raise AssertionError  # abort always raises

    def _authenticate(self, context: Any, address: Address) -> Caller:
        """Return the caller whose API key the call has.

        Raises:
            RefusedError: there is no valid key.
        """
        given = [
            value.encode()
            for name, value in context.invocation_metadata()
            if name == "authorization"
        ]
        request = Request(
            {
                "type": "http",
                "method": "POST",
                "path": "/",
                "query_string": b"",
                "headers": [(b"authorization", value) for value in given],
                "client": address,
            }
        )
        return authenticated(self._hosted, request, "read")

    async def _pass(
        self, method: str, deployment: str | None, body: bytes, context: Any
    ) -> bytes:
        if deployment is None and method.startswith("Server"):
            return _of_server(method)
        name = deployment or _model_name(body)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                line = await self._lines.to(name)
            except (DeploymentNotFoundError, InvalidNameError, NotRunningError):
                if method == "ModelReady":
                    return _message("ModelReadyResponse", ready=False)
                raise
            try:
                return await _ask(line, name, method, body, context)
            except grpc.aio.AioRpcError as error:
                self._lines.doubt(name)
                # A server that stops cancels calls it has not started; see serve_grpc.
                is_untouched = error.code() == grpc.StatusCode.CANCELLED
                if not is_untouched or attempt == _ATTEMPTS:
                    raise
        raise AssertionError


class _Seen:
    """The outcome of a call, for the log and the metrics."""

    def __init__(self, method: str, address: Address) -> None:
        self.address = address
        self.key = ""
        self.code = grpc.StatusCode.INTERNAL
        self.bytes_in = self.bytes_out = 0
        self._operation = f"/{SERVICE}/{method}"
        self._began = monotonic()

    def note(self, hosted: Hosted) -> None:
        """Count the call, and log one line for it."""
        seconds = monotonic() - self._began
        hosted.measures.count("gRPC", self._operation, self.code.name, seconds)
        say(
            LogLine(
                time=now(),
                request=new_token(),
                client=self.address[0],
                key=self.key,
                method="gRPC",
                operation=self._operation,
                path=self._operation,
                status=self.code.value[0],
                whole=self.code is grpc.StatusCode.OK,
                bytes_in=self.bytes_in,
                bytes_out=self.bytes_out,
                seconds=round(seconds, 6),
            )
        )


async def _ask(
    line: Upstream, name: str, method: str, body: bytes, context: Any
) -> bytes:
    if line.grpc_port is None:
        raise RefusedError(
            f"deployment {name!r} does not support gRPC: deploy it with the protocol "
            "GRPC, or ask it over HTTP",
            501,
        )
    remaining = context.time_remaining()
    timeout = ANSWER_S if remaining is None else min(remaining, ANSWER_S)
    with line.held():
        ask = line.channel.unary_unary(f"/{SERVICE}/{method}")
        answer: bytes = await ask(body, timeout=timeout)
        return answer


async def _only(messages: AsyncIterator[bytes]) -> bytes:
    try:
        async with asyncio.timeout(PIECE_S):
            return await anext(messages)
    except StopAsyncIteration:
        raise RefusedError("the call has no message", 400) from None
    except TimeoutError:
        raise RefusedError(f"no message came within {PIECE_S:g} s", 408) from None


def _model_name(body: bytes) -> str:
    """Return the first field of a request about a model, which is the model's name."""
    try:
        name: str = message_class("ModelReadyRequest").FromString(body).name
    except DecodeError as error:
        raise RefusedError(f"the message cannot be read: {error}", 400) from error
    return name


def _of_server(method: str) -> bytes:
    if method == "ServerMetadata":
        return _message("ServerMetadataResponse", **v2.server_metadata())
    field = method.removeprefix("Server").lower()
    return _message(f"{method}Response", **{field: True})


def _message(name: str, /, **fields: Any) -> bytes:
    body: bytes = message_class(name)(**fields).SerializeToString()
    return body


def _code(error: HopsArtifactsError) -> grpc.StatusCode:
    if isinstance(error, NotRunningError):
        return grpc.StatusCode.UNAVAILABLE
    if isinstance(error, InvalidNameError):
        return grpc.StatusCode.NOT_FOUND
    status, _ = status_and_code(error)
    if status == 501:  # noqa: PLR2004 - not implemented
        return grpc.StatusCode.UNIMPLEMENTED
    return _CODES.get(status, grpc.StatusCode.INTERNAL)
