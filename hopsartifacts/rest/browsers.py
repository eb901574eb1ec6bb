"""What the server asks of browsers, which send cookies by themselves.

A browser that is logged in has a cookie. It sends the cookie with each request, also
with those that another page makes it send. So a cookie counts only

- for the JSON API and the pages, not for Hopsworks' API or the inference port;
- if the browser says that a page of the same origin asks (``Sec-Fetch-Site``, or else
  ``Origin``). Another port of the same host is another origin, although it is the same
  *site*, and gets the cookie too: deployments answer there;
- if ``Host`` is an address, or a name of this server. Any name can be made to point at
  this server's address, and a page of that name then has the same origin (DNS
  rebinding). An address cannot.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Protocol
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request

from hopsartifacts.machine.peers import is_other_user
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.keys import Caller
from hopsartifacts.rest.listener import is_address

API = "/api/"
PAGES = "/ui/"
_COOKIE = "hopsartifacts"
_SECURE = "__Host-"
"""Browsers take cookies with this prefix only over HTTPS, and for one host."""
_READS = ("GET", "HEAD")

Way = Literal["key", "link"]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class BrowserSession(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that is logged in.

    Attributes:
        id: identifies the session; it cannot be used to log in.
        key: id of the API key, or of the user, for whom it acts.
        created: when it logged in.
        used: when it last sent a request, other than to listen to events.
        expires: when it ends in any case.
        address: the address from which it logged in.
        agent: how the browser calls itself.
    """

    id: str
    key: str
    created: Moment
    used: Moment
    expires: Moment
    address: str
    agent: str


class Sessions(Protocol):
    """The browsers that are logged in.

    Attributes:
        way: how browsers log in here: with an API key, or a link for one use.
    """

    way: Way

    def find(
        self, secret: str, *, is_use: bool
    ) -> tuple[BrowserSession, Caller] | None:
        """Return the session with the cookie *secret*, and the caller behind it.

        Args:
            secret: value of the cookie.
            is_use: whether this counts as use of the session.
        """
        ...

    def of(self, key: str) -> list[BrowserSession]:
        """Return the sessions for the API key with the id *key*."""
        ...

    def end(self, key: str, session: str | None = None) -> int:
        """End the session with the id *session* of *key*, or all; return how many."""
        ...


class _NoSessions:
    """A server without pages, where no browser can log in."""

    way: Way = "key"

    def find(self, secret: str, *, is_use: bool) -> None:
        """Return None."""

    def of(self, key: str) -> list[BrowserSession]:  # noqa: ARG002 - as in the protocol
        """Return no sessions."""
        return []

    def end(self, key: str, session: str | None = None) -> int:  # noqa: ARG002
        """Return 0."""
        return 0


NO_SESSIONS: Sessions = _NoSessions()


def is_own(path: str) -> bool:
    """Return whether *path* is of the JSON API or the pages, not of Hopsworks' API."""
    return path.startswith(API) or _is_page(path)


def host_and_port(request: Request) -> tuple[str, int | None]:
    """Return the host and the port in ``Host``; no host if it cannot be read."""
    try:
        found = urlsplit(f"//{request.headers.get('host', '')}")
        host, port = found.hostname or "", found.port
    except ValueError:
        return "", None
    return host, port


def cookie_name(request: Request) -> str:
    """Return the name of the session's cookie.

    Browsers send a cookie to every port of a host. The port, as the browser sees it, is
    part of the name, so that two servers on one host do not replace each other's.
    """
    port = host_and_port(request)[1]
    name = f"{_COOKIE}-{port}" if port else _COOKIE
    return f"{_SECURE}{name}" if is_encrypted(request) else name


def is_encrypted(request: Request) -> bool:
    """Return whether the browser asked over HTTPS, as far as a trusted proxy says."""
    return bool(request.scope.get("scheme") == "https")


def cookie_of(request: Request) -> str:
    """Return the value of the session's cookie where it counts; otherwise nothing."""
    if not is_own(request.url.path):
        return ""
    return request.cookies.get(cookie_name(request), "")


def check_origin(request: Request) -> None:
    """Check that a page of this server sent the request, or the user, for reading.

    Raises:
        RefusedError: another page does (403).
    """
    is_read = request.method in _READS
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        is_right = site == "same-origin" or (is_read and site == "none")
    elif origin is not None:
        scheme, host = request.scope.get("scheme"), request.headers.get("host", "")
        is_right = origin.lower() == f"{scheme}://{host}".lower()
    else:
        is_right = is_read
    if not is_right:
        raise RefusedError(
            "a page of another origin sent this: the login of this browser counts only "
            "for pages of this server; programs send 'Authorization: ApiKey <key>'",
            403,
        )


def check_user(request: Request) -> None:
    """Check that the user who runs the server sent *request*.

    A link is in the command line of the browser that it opens, where other users of the
    machine can read it. Browsers send the cookie to whatever listens on a port of this
    machine, so another user can get it, too.

    Raises:
        RefusedError: another user of this machine sent it (403).
    """
    client, server = request.scope.get("client"), request.scope.get("server")
    if client and server and is_other_user(tuple(client), tuple(server)):
        raise RefusedError(
            "another user of this machine runs this server: start your own, with "
            "'hopsartifacts ui'",
            403,
        )


def check_host(
    request: Request, names: Sequence[str], *, is_always_checked: bool
) -> None:
    """Check that ``Host`` is an address, ``localhost`` or one of *names*.

    Args:
        request: the request.
        names: host names of this server.
        is_always_checked: check every request that has no API key. Otherwise only
            those for pages, and those with a session's cookie, are checked.

    Raises:
        RefusedError: it is another name (421).
    """
    if not (is_always_checked or _is_of_browser(request)):
        return
    if "authorization" in request.headers:
        return  # no page can make a browser send a key that it does not have
    host = host_and_port(request)[0]
    known = {"localhost", *(it.lower() for it in names)}
    if host in known or is_address(host):
        return
    raise RefusedError(
        f"this server is not known as {host!r}: use its address, or one of "
        f"{', '.join(sorted(known))}; more names are given with 'serve --name'",
        421,
    )


def _is_of_browser(request: Request) -> bool:
    return _is_page(request.url.path) or any(
        it.removeprefix(_SECURE).startswith(_COOKIE) for it in request.cookies
    )


def _is_page(path: str) -> bool:
    return path.startswith(PAGES) or path == PAGES.rstrip("/")
