"""Endpoints of operations: authenticate, check the request, run the handler."""

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from http import HTTPStatus
from time import monotonic
from typing import Any
from urllib.parse import unquote

import anyio.to_thread
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from hopsartifacts.documents import without_bom
from hopsartifacts.errors import HopsArtifactsError, InvalidInputError, Problem
from hopsartifacts.machine.identity import acting_as
from hopsartifacts.names import is_unicode
from hopsartifacts.rest.bodies import read_body
from hopsartifacts.rest.bounds import take_up_to
from hopsartifacts.rest.browsers import (
    check_host,
    check_origin,
    check_user,
    cookie_of,
    is_own,
)
from hopsartifacts.rest.errors import (
    NO_KEY,
    RefusedError,
    hopsworks_body,
    problem_body,
    status_and_code,
    unfit,
)
from hopsartifacts.rest.event_streams import MEDIA_TYPE as EVENTS
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.keys import NO_CALLER, Caller, Scope
from hopsartifacts.rest.operations import Operation, OperationCall
from hopsartifacts.values import misspelt

_SCHEME = "apikey"
_LOGGER = logging.getLogger(__name__)
_TITLES = {
    400: "Bad request",
    401: "No valid API key",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Coding not taken",
    422: "Not possible here",
    429: "Too many requests",
    503: "Storage does not answer",
}


def answering(
    hosted: Hosted, operation: Operation
) -> Callable[[Request], Awaitable[Response]]:
    """Return the ASGI endpoint of *operation*."""
    is_async = inspect.iscoroutinefunction(operation.handle)

    async def answer(request: Request) -> Response:
        start = monotonic()
        request.state.operation = operation
        request.state.session = None
        response = await respond(request)
        if request.state.session:
            response.headers["cache-control"] = "no-store"
        hosted.measures.count(
            request.method,
            operation.path,
            response.status_code,
            monotonic() - start,
        )
        return response

    async def respond(request: Request) -> Response:
        try:
            check_host(
                request,
                hosted.settings.host_names,
                is_always_checked=hosted.settings.checks_every_host,
            )
            caller = authenticated(hosted, request, operation.scope)
            request.state.caller = caller
            if operation.takes != "json":
                take_up_to(request.scope, hosted.settings.max_raw_bytes)
            call = OperationCall(
                hosted=hosted,
                caller=caller,
                path={name: _decoded(it) for name, it in request.path_params.items()},
                query=_query(request, operation),
                body=await _body(request, operation, hosted.settings.max_body_bytes),
                request=request,
            )
            with acting_as(caller.name):
                if is_async:
                    result = await operation.handle(call)
                else:
                    handle = partial(operation.handle, call)
                    result = await anyio.to_thread.run_sync(handle)
            if operation.is_change:
                hosted.watch.hurry()
            return _response(result, operation)
        except HopsArtifactsError as error:
            return failed(request, error)

    return answer


def authenticated(hosted: Hosted, request: Request, scope: Scope | None) -> Caller:
    """Return the caller whose API key or cookie *request* has, if it allows *scope*.

    If it has a key, a cookie does not count.

    Raises:
        RefusedError: there is no valid key (401), it lacks the scope (403), or another
            page makes the browser send this (403).
    """
    if scope is None:
        return NO_CALLER
    if secret := _secret(request):
        caller = log_in(hosted, request, secret)
    else:
        caller = _of_cookie(hosted, request)
    if caller is None:
        raise no_key(hosted)
    if hosted.settings.is_read_only:
        caller = caller.only_reading()
    caller.check(scope)
    return caller


def log_in(hosted: Hosted, request: Request, secret: str) -> Caller | None:
    """Return the caller with the key *secret*; None if the key is not valid.

    Raises:
        RefusedError: too many logins failed (429), or the keys cannot be read (503).
    """
    address = request.client.host if request.client else ""
    return hosted.failed_logins.authenticate(address, secret, hosted.keys.find)


def no_key(hosted: Hosted) -> RefusedError:
    """Return the error for a request without a valid key, and without a login."""
    scheme = "ApiKey"
    words = (
        "no valid API key: send 'Authorization: ApiKey <key>' with a key from "
        "'hopsartifacts keys create' that is not revoked; in a browser, log in with "
        "such a key"
    )
    if hosted.sessions.way == "link":
        scheme = "Link"
        words = (
            "this browser is not logged in, or its login has ended: run 'hopsartifacts "
            "ui' again, which opens a page with a new link"
        )
    return RefusedError(words, 401, NO_KEY, {"WWW-Authenticate": scheme})


def _of_cookie(hosted: Hosted, request: Request) -> Caller | None:
    """Return the caller for whom the browser is logged in; None if it is not."""
    secret = cookie_of(request)
    if not secret:
        return None
    check_origin(request)
    if hosted.sessions.way == "link":
        check_user(request)
    operation = getattr(request.state, "operation", None)
    is_use = operation is None or operation.gives != EVENTS
    found = hosted.sessions.find(secret, is_use=is_use)
    if found is None:
        return None
    request.state.session, caller = found
    return caller


def is_allowed(hosted: Hosted, request: Request, scope: Scope) -> bool:
    """Return whether key or cookie of *request* is still valid and allows *scope*."""
    try:
        if secret := _secret(request):
            caller = hosted.keys.find(secret)
        else:
            found = hosted.sessions.find(cookie_of(request), is_use=False)
            caller = found[1] if found else None
    except HopsArtifactsError:
        return False
    return caller is not None and caller.may(scope)


def _secret(request: Request) -> str:
    """Return the API key in *request*; an empty string if there is none."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == _SCHEME else ""


def failed(request: Request, error: HopsArtifactsError) -> Response:
    """Return the response for *error*, in the format of the surface that was called."""
    status, code = status_and_code(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _LOGGER.error("%s %s", request.method, _label(request), exc_info=error)
    headers = error.headers if isinstance(error, RefusedError) else {}
    return _error(request, str(error), status, code, headers, error.problems)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer an error from routing: an unknown path (404) or another method (405)."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    words = {404: "no such path", 405: f"{request.method} is not possible here"}
    message = words.get(status, "the request cannot be answered")
    headers = (error.headers if isinstance(error, HTTPException) else None) or {}
    return _error(request, f"{request.url.path}: {message}", status, 0, dict(headers))


async def on_bug(request: Request, error: Exception) -> Response:
    """Answer an unexpected exception; its traceback is written only to the log."""
    _LOGGER.error("%s %s", request.method, _label(request), exc_info=error)
    message = f"unexpected {type(error).__name__}; the server's log says more"
    return _error(request, message, 500, 0, {})


def encoded(result: object) -> bytes:
    """Return *result* as JSON, with ``NaN`` as null; bytes become base64."""
    return msgspec.json.encode(result)


def _error(
    request: Request,
    message: str,
    status: int,
    code: int,
    headers: dict[str, str],
    problems: Iterable[Problem] = (),
) -> Response:
    if is_own(request.url.path):
        title = _TITLES.get(status, "Error")
        body = problem_body(message, status, title, problems)
        media = "application/problem+json"
    else:
        body, media = hopsworks_body(message, code), "application/json"
    return Response(encoded(body), status, headers, media)


def _response(result: Any, operation: Operation) -> Response:
    if isinstance(result, Response):
        return result
    if result is None:
        return Response(status_code=operation.status)
    return Response(encoded(result), operation.status, media_type="application/json")


def _decoded(segment: str) -> str:
    try:
        text = unquote(segment, errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"path segment {segment!r} is not UTF-8: percent-encode it as UTF-8"
        ) from error
    return text


def _query(request: Request, operation: Operation) -> Any:
    if operation.query is None:
        return None
    given = dict(request.query_params)
    if not all(map(is_unicode, given.values())):
        raise InvalidInputError("query: it is not UTF-8")
    try:
        return msgspec.convert(given, operation.query, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise unfit(f"query: {error}", error) from error


async def _body(request: Request, operation: Operation, limit: int) -> Any:
    if operation.body is None or operation.takes != "json":
        return None
    data = await read_body(request, limit)
    if operation.may_lack_body and not data:
        data = b"{}"
    try:
        return msgspec.json.decode(without_bom(data), type=operation.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unfit(misspelt(data, "body") or f"body: {error}", error) from error
    except RecursionError as error:
        raise InvalidInputError("body: it is nested too deeply") from error


def _label(request: Request) -> str:
    operation = getattr(request.state, "operation", None)
    return operation.path if operation else request.url.path
