"""Logging a browser in and out: with an API key, or with a link for one use."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hopsartifacts.rest.browsers import (
    check_origin,
    cookie_name,
    cookie_of,
    is_encrypted,
)
from hopsartifacts.rest.dispatch import log_in
from hopsartifacts.rest.errors import NO_KEY, RefusedError
from hopsartifacts.rest.operations import Operation, OperationCall
from hopsartifacts.web.pages import HOME, message
from hopsartifacts.web.sessions import LONGEST, BrowserSessions, LoginLinks

_TAG = "sessions"
_USED = (
    "This link has been used, or is older than two minutes. Run 'hopsartifacts ui' "
    "again: it opens the page with a new link."
)


class LoginForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A login with an API key.

    Attributes:
        key: the text of the key, as ``hopsartifacts keys create`` printed it.
    """

    key: str


class EnterQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters of a link that logs a browser in.

    Attributes:
        token: valid once.
    """

    token: str = ""


def with_key(sessions: BrowserSessions) -> tuple[Operation, ...]:
    """Return the operations to log in with an API key, and to log out."""

    def start(call: OperationCall) -> Response:
        check_origin(call.request)
        form: LoginForm = call.body
        caller = log_in(call.hosted, call.request, form.key.strip())
        if caller is None:
            raise RefusedError(
                "this key is not valid: it is mistyped, was revoked, or has expired",
                401,
                NO_KEY,
                {"WWW-Authenticate": "ApiKey"},
            )
        call.request.state.caller = caller  # for the access log
        response = Response(status_code=204)
        _begin(sessions, call.request, response, caller.id)
        return response

    return (
        Operation(
            method="POST",
            path=f"{HOME}/session",
            handle=start,
            summary="Log this browser in with an API key",
            scope=None,
            body=LoginForm,
            status=204,
            tag=_TAG,
        ),
        _log_out(sessions),
    )


def with_link(
    sessions: BrowserSessions,
    links: LoginLinks,
    owner: str,
    check_peer: Callable[[Request], None],
) -> tuple[Operation, ...]:
    """Return the operations to log in with a link for one use, and to log out.

    Args:
        sessions: the logged-in browsers.
        links: the links that are valid.
        owner: id of the caller for whom browsers act.
        check_peer: raises ``RefusedError`` if another user of this machine asks.
    """

    def enter(call: OperationCall) -> Response:
        request, query = call.request, call.query
        if request.method == "HEAD":
            # A preview of a link must not use it up.
            return RedirectResponse(HOME, 303)
        check_peer(request)
        response = RedirectResponse(HOME, 303)
        if links.use(query.token):
            _begin(sessions, request, response, owner)
        elif sessions.find(cookie_of(request), is_use=True) is None:
            return message(_USED, 403)
        return response

    return (
        Operation(
            method="GET",
            path=f"{HOME}/enter",
            handle=enter,
            summary="Log this browser in with a link for one use",
            scope=None,
            query=EnterQuery,
            gives="text/html",
            tag=_TAG,
            is_described=False,
        ),
        _log_out(sessions),
    )


def _log_out(sessions: BrowserSessions) -> Operation:
    def end(call: OperationCall) -> Response:
        request = call.request
        check_origin(request)
        found = sessions.find(cookie_of(request), is_use=True)
        if found:
            session, call.request.state.caller = found
            sessions.end(session.key, session.id)
        response = Response(status_code=204)
        _set_cookie(request, response, "", timedelta(0))
        return response

    return Operation(
        method="DELETE",
        path=f"{HOME}/session",
        handle=end,
        summary="Log this browser out",
        scope=None,
        status=204,
        tag=_TAG,
    )


def _begin(
    sessions: BrowserSessions, request: Request, response: Response, key: str
) -> None:
    """Start a session for *key*, and set its cookie in *response*."""
    address = request.client.host if request.client else ""
    _, secret = sessions.start(key, address, request.headers.get("user-agent", ""))
    _set_cookie(request, response, secret, LONGEST)
    response.headers["cache-control"] = "no-store"


def _set_cookie(
    request: Request, response: Response, value: str, life: timedelta
) -> None:
    response.set_cookie(
        cookie_name(request),
        value,
        max_age=int(life.total_seconds()),
        path="/",
        secure=is_encrypted(request),
        httponly=True,
        samesite="strict",
    )
