"""The browsers that are logged in with the caller's API key."""

import msgspec
from msgspec import structs

from hopsartifacts.errors import NotFoundError
from hopsartifacts.rest.api.conventions import Page, Paging, operations, page_of
from hopsartifacts.rest.browsers import BrowserSession
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.sorted_lists import SortOrder


class SessionRow(BrowserSession, frozen=True, kw_only=True):
    """A session, as the browser sees it.

    Attributes:
        is_this: whether it sent this request.
    """

    is_this: bool


class LoggedOut(msgspec.Struct, frozen=True):
    """How many sessions were ended."""

    ended: int


_ORDER: SortOrder[SessionRow] = SortOrder(
    identity=lambda row: (row.id,),
    fields={
        "created": lambda row: row.created.timestamp(),
        "used": lambda row: row.used.timestamp(),
    },
    default="-used",
)


def _list(call: OperationCall) -> Page[SessionRow]:
    current: BrowserSession | None = call.request.state.session
    own = call.hosted.sessions.of(call.caller.id)
    rows = [
        SessionRow(
            **structs.asdict(it),
            is_this=current is not None and it.id == current.id,
        )
        for it in own
    ]
    return page_of(rows, call.query, _ORDER)


def _end(call: OperationCall) -> None:
    session = call.path["session"]
    if not call.hosted.sessions.end(call.caller.id, session):
        raise NotFoundError(
            f"there is no session {session!r} of this key: GET /sessions lists them"
        )


def _end_all(call: OperationCall) -> LoggedOut:
    return LoggedOut(ended=call.hosted.sessions.end(call.caller.id))


_operation = operations("sessions", "read")

OPERATIONS = (
    _operation(
        "GET",
        "/sessions",
        _list,
        "The browsers that are logged in with this key",
        query=Paging,
        answer=Page[SessionRow],
        errors=(),
    ),
    _operation(
        "DELETE",
        "/sessions",
        _end_all,
        "Log out everywhere: end all sessions of this key",
        answer=LoggedOut,
        errors=(),
    ),
    _operation(
        "DELETE",
        "/sessions/{session}",
        _end,
        "End one session of this key",
        status=204,
    ),
)
