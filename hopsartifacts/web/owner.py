"""``hopsartifacts ui``: a server for one user of this machine, opened in a browser.

It listens only on this machine, and has no keys: a link for one use logs a browser in,
which then acts as the user who runs the server. A file that only this user can read has
the port, and a secret for which the server makes further links. With it, a second
``hopsartifacts ui`` of the same project opens the server that runs. After that has
ended, the next one takes the same port if it is free, so that open pages go on.
"""

import hmac
import http.client
import os
import secrets
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from threading import Thread

import msgspec

from hopsartifacts.errors import InUseError
from hopsartifacts.machine.identity import process_user
from hopsartifacts.project import Project
from hopsartifacts.rest.browsers import check_user
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.hosted import ServerSettings
from hopsartifacts.rest.keys import Caller, Keys
from hopsartifacts.rest.listener import LARGEST_PORT, Listening
from hopsartifacts.rest.operations import Operation, OperationCall
from hopsartifacts.rest.own_folder import own_folder, write_private
from hopsartifacts.rest.server_process import Site, Started, serve
from hopsartifacts.web.login import with_link
from hopsartifacts.web.pages import HOME, PAGES
from hopsartifacts.web.sessions import FILE as SESSIONS
from hopsartifacts.web.sessions import BrowserSessions, LoginLinks

HOST = "127.0.0.1"
FILE = "ui.json"
_LINK = f"{HOME}/link"
_SCHEME = "Link"
_OWNER = "owner"
_SECRET_BYTES = 32
_START_S = 10.0
"""How long to wait for a server that is just starting."""
_LOOK_S = 0.1
_TIMEOUT_S = 10.0
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")

Tell = Callable[["Opened"], None]


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A server that a browser can enter.

    Attributes:
        url: where it answers.
        link: logs one browser in, once, within two minutes.
        is_new: whether it was started now; otherwise it ran already.
        is_read_only: whether it only shows the project.
    """

    url: str
    link: str
    is_new: bool
    is_read_only: bool


class _Running(msgspec.Struct, frozen=True, kw_only=True):
    """The private file of a server that runs."""

    port: int
    secret: str
    is_read_only: bool


class _New(msgspec.Struct, frozen=True):
    """The answer with a new token for a link."""

    token: str


class SoleUser:
    """The only caller: the user who runs the server. There are no valid keys.

    Args:
        name: of the user.
    """

    def __init__(self, name: str) -> None:
        self._caller = Caller(_OWNER, name, frozenset({"admin"}))

    def find(self, secret: str) -> None:
        """Return None, as there are no keys."""

    def caller(self, key_id: str) -> Caller | None:
        """Return the user if *key_id* is the id of the user; else None."""
        return self._caller if key_id == _OWNER else None


def folder_of(project: Project) -> Path:
    """Return the folder of this server; it is within that of ``serve``."""
    return own_folder(project.url) / "ui"


def open_ui(
    project: Project, tell: Tell, *, port: int | None = None, is_read_only: bool = False
) -> None:
    """Serve *project* to the user until a signal ends it, or open what serves it.

    Args:
        project: the project.
        tell: called once with the link.
        port: None takes that of the last run if it is free; else, as for 0, a free one.
        is_read_only: only show the project.

    Raises:
        InUseError: this project's server runs, but does not answer, or was started
            without ``--read-only``.
        InvalidInputError: there is no such port.
        PortTakenError: the port is in use.
        StorageError: the server's folder cannot be used.
    """
    folder = folder_of(project)
    listening = Listening(
        host=HOST,
        port=port or 0,
        preferred_port=_last_port(folder) if port is None else 0,
        is_plain=True,
        has_inference_port=False,
        access_log=Path(os.devnull),
        drain_s=5.0,
    )
    links, secret = LoginLinks(), secrets.token_urlsafe(_SECRET_BYTES)

    def site(_: Keys, folder: Path) -> Site:
        # The folder belongs to this server only from here on.
        (folder / FILE).unlink(missing_ok=True)
        return of_owner(links, secret, folder)

    def started(said: Started) -> None:
        at = int(said.url.rpartition(":")[2])
        running = _Running(port=at, secret=secret, is_read_only=is_read_only)
        write_private(folder / FILE, msgspec.json.encode(running))
        tell(_opened(running, links.make(), is_new=True))

    settings = ServerSettings(is_read_only=is_read_only)
    try:
        serve(project, folder, listening, settings, started, site)
    except InUseError:
        tell(_of_running(folder, is_read_only=is_read_only))


def of_owner(links: LoginLinks, secret: str, folder: Path) -> Site:
    """Return the web UI of one user, which links for one use log in.

    Args:
        links: the links that are valid.
        secret: for which the server makes further links.
        folder: the server's own folder, where the logins are kept.
    """
    owner = SoleUser(process_user())
    sessions = BrowserSessions(owner.caller, "link", file=folder / SESSIONS)

    def link(call: OperationCall) -> _New:
        check_user(call.request)
        scheme, _, given = call.request.headers.get("authorization", "").partition(" ")
        if scheme != _SCHEME or not hmac.compare_digest(given, secret):
            raise RefusedError("only 'hopsartifacts ui' may ask for a link", 403)
        return _New(links.make())

    return Site(
        operations=(
            *PAGES,
            *with_link(sessions, links, _OWNER, check_user),
            Operation(
                method="POST",
                path=_LINK,
                handle=link,
                summary="Make a link for one use",
                scope=None,
                answer=_New,
                is_described=False,
            ),
        ),
        sessions=sessions,
        keys=owner,
    )


def can_show() -> bool:
    """Return whether this process can open a window with a browser."""
    return any(os.environ.get(name) for name in _DISPLAYS)


def show(link: str, failed: Callable[[], None]) -> Thread:
    """Open *link* in the user's browser, without waiting; return the thread that does.

    It calls *failed* if there is no browser.
    """

    def run() -> None:
        if not webbrowser.open(link):
            failed()

    # Some browsers take seconds to start.
    thread = Thread(target=run, daemon=True)
    thread.start()
    return thread


def _last_port(folder: Path) -> int:
    """Return the port of the last run; 0 if it is not known."""
    with suppress(OSError, msgspec.MsgspecError):
        port = msgspec.json.decode((folder / FILE).read_bytes(), type=_Running).port
        return port if 0 < port <= LARGEST_PORT else 0
    return 0


def _opened(running: _Running, token: str, *, is_new: bool) -> Opened:
    url = f"http://{HOST}:{running.port}"
    return Opened(
        url=url,
        link=f"{url}{HOME}/enter?token={token}",
        is_new=is_new,
        is_read_only=running.is_read_only,
    )


def _of_running(folder: Path, *, is_read_only: bool) -> Opened:
    """Return a link of the server that uses *folder*.

    Raises:
        InUseError: it does not answer, or *is_read_only* is wanted and it is not.
    """
    end = time.monotonic() + _START_S
    while True:
        with suppress(OSError, msgspec.MsgspecError, http.client.HTTPException):
            data = (folder / FILE).read_bytes()
            running = msgspec.json.decode(data, type=_Running)
            token = _ask(running)
            break
        if time.monotonic() > end:
            raise InUseError(
                "'hopsartifacts ui' runs for this project already, but does not "
                "answer: end it, and try again"
            )
        time.sleep(_LOOK_S)
    if is_read_only and not running.is_read_only:
        raise InUseError(
            "'hopsartifacts ui' runs for this project already, without --read-only: "
            "end it, and try again"
        )
    return _opened(running, token, is_new=False)


def _ask(running: _Running) -> str:
    """Return a token from the server that runs."""
    connection = http.client.HTTPConnection(HOST, running.port, timeout=_TIMEOUT_S)
    try:
        headers = {"Authorization": f"{_SCHEME} {running.secret}"}
        connection.request("POST", _LINK, headers=headers)
        answer = connection.getresponse()
        data = answer.read()
    finally:
        connection.close()
    if answer.status != HTTPStatus.OK:
        raise http.client.HTTPException(f"status {answer.status}")
    return msgspec.json.decode(data, type=_New).token
