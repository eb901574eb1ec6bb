"""Forwarding HTTP requests to deployments unchanged."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, Literal
from urllib.parse import quote

import aiohttp
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from yarl import URL

from hopsartifacts.errors import (
    DeploymentNotFoundError,
    InvalidNameError,
    NotRunningError,
)
from hopsartifacts.rest.errors import NOT_RUNNING, RefusedError
from hopsartifacts.rest.front.upstreams import ANSWER_S, Upstream, Upstreams
from hopsartifacts.rest.hopsworks.installation import project_namespace
from hopsartifacts.rest.operations import Operation, OperationCall
from hopsartifacts.serving.runtime.http_requests import watching

PIECE_S = 60.0
"""The longest pause of a client in the middle of a body."""

_LOGGER = logging.getLogger(__name__)
_PATHS: tuple[tuple[Literal["GET", "POST"], str, str], ...] = (
    ("GET", "/v1/models/{model}", "Whether a deployment is ready"),
    ("POST", "/v1/models/{model}", "Ask for predictions"),
    ("GET", "/v2/models/{model}", "Describe a deployment (V2 protocol)"),
    ("GET", "/v2/models/{model}/ready", "Whether a deployment is ready (V2)"),
    ("POST", "/v2/models/{model}/infer", "Ask for predictions (V2)"),
)
_SMALL_BYTES = 64 * 1024
_ONE_PROJECT = "/v1/{namespace}/{deployment}"
"""Prefix that newer clients send; older ones put the names into the host name."""

_ASKED = (b"content-type", b"content-encoding", b"inference-header-content-length")
"""Request headers that are forwarded; in particular, the API key is not."""
_ANSWERED = (*(name.decode() for name in _ASKED), "content-length")


def operations(lines: Upstreams) -> tuple[Operation, ...]:
    """Return the HTTP operations of the inference port."""

    async def forward(call: OperationCall) -> Response:
        return await _forward(call, lines)

    return tuple(
        Operation(
            method=method,
            path=f"{before}{path}",
            handle=forward,
            summary=summary,
            takes="bytes",
            errors=(404, 413, 502, 503, 504),
            tag="inference",
        )
        for method, path, summary in _PATHS
        for before in ("", _ONE_PROJECT)
    )


async def _forward(call: OperationCall, lines: Upstreams) -> Response:
    name = _deployment(call)
    body = _Body(call.request, call.hosted.settings.max_prediction_bytes)
    try:
        return await _ask(call, name, await lines.to(name), body)
    except aiohttp.ClientConnectorError:
        # The deployment may have just moved to another port.
        lines.doubt(name)
    except (DeploymentNotFoundError, InvalidNameError, NotRunningError):
        return _not_routed()
    try:
        return await _ask(call, name, await lines.to(name), body)
    except aiohttp.ClientConnectorError as error:
        raise RefusedError(f"deployment {name!r} does not answer", 503) from error
    except (DeploymentNotFoundError, NotRunningError):
        return _not_routed()


def _not_routed() -> Response:
    """Return an empty 404, as a cluster does: clients then wait and try again."""
    return Response(status_code=404)


def _deployment(call: OperationCall) -> str:
    """Return the name of the deployment in the path.

    Raises:
        RefusedError: the path names another project.
    """
    path = call.path
    if "deployment" not in path:
        return path["model"].partition(":")[0]
    namespace = project_namespace(call.hosted)
    if path["namespace"] != namespace:
        raise RefusedError(
            f"there is no project {path['namespace']!r} here: this server serves only "
            f"{namespace!r}",
            404,
            NOT_RUNNING,
        )
    return path["deployment"]


async def _ask(
    call: OperationCall, name: str, line: Upstream, body: "_Body"
) -> Response:
    """Forward the request, and return the answer, streamed unless it is small.

    Raises:
        aiohttp.ClientConnectorError: nothing listens there; nothing was sent.
        RefusedError: there is no answer for another reason.
    """
    request = call.request
    async with AsyncExitStack() as stack:
        stack.enter_context(line.held())
        asking = line.http.request(
            request.method,
            URL(line.url + _inner_path(call), encoded=True),
            headers=_asked_headers(request),
            data=body.pieces() if request.method == "POST" else None,
            allow_redirects=False,
        )
        try:
            with watching(body.receive_after):
                answer = await stack.enter_async_context(asking)
                size = answer.content_length
                if not body.is_passed or (size is not None and size <= _SMALL_BYTES):
                    # After an early answer, no more of the body is read.
                    content = await answer.read()
                    return Response(content, answer.status, _headers(answer))
        except aiohttp.ClientConnectorError:
            raise
        except TimeoutError as error:
            raise body.error or RefusedError(
                f"deployment {name!r} did not answer within {ANSWER_S:g} s", 504
            ) from error
        except aiohttp.ClientError as error:
            raise body.error or RefusedError(
                f"deployment {name!r} ended while it answered", 502
            ) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not body.is_sender_gone or task is None:
                raise
            task.uncancel()
            raise _gone() from None
        return _Passed(answer, stack.pop_all())


def _inner_path(call: OperationCall) -> str:
    """Return the path without the prefix of the project and deployment."""
    template: str = call.request.state.operation.path.removeprefix(_ONE_PROJECT)
    return template.format(model=quote(call.path["model"], safe=":"))


def _asked_headers(request: Request) -> Mapping[str, str]:
    passed = {
        name.decode(): value.decode("latin-1")
        for name, value in request.headers.raw
        if name in _ASKED
    }
    length = request.headers.get("content-length")
    if length is not None and request.method == "POST":
        passed["content-length"] = length
    return passed


def _headers(answer: aiohttp.ClientResponse) -> dict[str, str]:
    given = answer.headers
    return {name: given[name] for name in _ANSWERED if name in given}


def _gone() -> RefusedError:
    return RefusedError("the connection ended before there was an answer", 400)


class _Body:
    """The body of a request while it is forwarded to a deployment.

    Attributes:
        error: why it was not forwarded completely; None if it was.
        is_sender_gone: whether the client has disconnected after sending it.
    """

    def __init__(self, request: Request, limit: int) -> None:
        self._request = request
        self._limit = limit
        self._passed = asyncio.Event()
        if request.method != "POST":
            self._passed.set()
        self.error: RefusedError | None = None
        self.is_sender_gone = False
        announced = request.headers.get("content-length", "0")
        if not announced.isdigit() or int(announced) > limit:
            raise self._too_large()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body's pieces as they arrive."""
        size = 0
        pieces = aiter(self._request.stream())
        try:
            while True:
                async with asyncio.timeout(PIECE_S):
                    piece = await anext(pieces)
                size += len(piece)
                if size > self._limit:
                    raise self._too_large()
                if piece:
                    yield piece
        except StopAsyncIteration:
            self._passed.set()
        except ClientDisconnect:
            self.error = _gone()
            raise self.error from None
        except TimeoutError:
            text = f"body: nothing came for {PIECE_S:g} s in the middle of it"
            self.error = RefusedError(text, 408)
            raise self.error from None
        except RefusedError as error:
            self.error = error
            raise

    @property
    def is_passed(self) -> bool:
        """Whether the complete body was forwarded."""
        return self._passed.is_set()

    async def receive_after(self) -> Message:
        """Wait for the message after the body, which can only be a disconnect."""
        await self._passed.wait()
        message = await self._request.receive()
        self.is_sender_gone = message["type"] == "http.disconnect"
        return message

    def _too_large(self) -> RefusedError:
        return RefusedError(
            f"body: it is longer than {self._limit} bytes, the most allowed here; "
            "send fewer rows at a time",
            413,
        )


class _Passed(Response):
    """A deployment's answer, streamed to the client."""

    def __init__(self, answer: aiohttp.ClientResponse, held: AsyncExitStack) -> None:
        super().__init__(status_code=answer.status, headers=_headers(answer))
        self._answer = answer
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        start: dict[str, Any] = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        async with self._held:
            await send(start)
            try:
                async for piece in self._answer.content.iter_any():
                    message = {"type": "http.response.body", "body": piece}
                    await send({**message, "more_body": True})
            except aiohttp.ClientError as error:
                # The answer is incomplete; the server then closes the connection.
                _LOGGER.warning("%s: the answer broke off: %r", scope["path"], error)
                return
            await send({"type": "http.response.body", "body": b""})
