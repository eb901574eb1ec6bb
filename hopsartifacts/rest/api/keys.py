"""The API keys of the server: list, create, revoke.

The text of a key is in one answer only, that of its creation.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from hopsartifacts.errors import UnsupportedHereError
from hopsartifacts.rest.api.conventions import Page, Paging, operations, page_of
from hopsartifacts.rest.keys import (
    ALLOWED,
    DEFAULT_SCOPES,
    SCOPES,
    Key,
    Keys,
    Scope,
    implied,
)
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.sorted_lists import SortOrder

KeyState = Literal["valid", "expired", "revoked"]


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, without its secret.

    Attributes:
        id: its public part, which the access log has.
        expires: null: never.
        revoked: when it was revoked; null if it was not.
        state: whether it can be used now.
        sessions: number of browsers that are logged in with it.
        is_own: whether the caller uses it now.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    state: KeyState
    sessions: int
    is_own: bool


class MadeKey(KeyRow, frozen=True, kw_only=True):
    """A new API key.

    Attributes:
        key: its text, which cannot be shown again.
    """

    key: str


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An API key to create.

    Attributes:
        name: of the person or the program that will use it.
        scopes: what it allows.
        expires_in_s: its lifetime in seconds; null: it does not expire.
    """

    name: str
    scopes: tuple[Scope, ...] = DEFAULT_SCOPES
    expires_in_s: Annotated[float, msgspec.Meta(gt=0)] | None = None


class ScopeDetail(msgspec.Struct, frozen=True, kw_only=True):
    """What an API key can allow.

    Attributes:
        allows: what it allows, in words.
        includes: other scopes that it includes.
        is_default: whether keys have it for which no scopes are chosen.
    """

    scope: Scope
    allows: str
    includes: list[Scope]
    is_default: bool


_ORDER: SortOrder[KeyRow] = SortOrder(
    identity=lambda row: (row.id,),
    fields={
        "name": lambda row: row.name,
        "created": lambda row: row.created.timestamp(),
        "expires": lambda row: row.expires.timestamp() if row.expires else None,
        "state": lambda row: row.state,
    },
    default="-created",
)


def _list(call: OperationCall) -> Page[KeyRow]:
    return page_of([_row(call, it) for it in _keys(call).list()], call.query, _ORDER)


def _scopes(_: OperationCall) -> list[ScopeDetail]:
    return [
        ScopeDetail(
            scope=it,
            allows=ALLOWED[it],
            includes=implied(it),
            is_default=it in DEFAULT_SCOPES,
        )
        for it in SCOPES
    ]


def _create(call: OperationCall) -> MadeKey:
    wanted: NewKey = call.body
    made, text = _keys(call).create(wanted.name, wanted.scopes, wanted.expires_in_s)
    return MadeKey(**msgspec.structs.asdict(_row(call, made)), key=text)


def _revoke(call: OperationCall) -> KeyRow:
    return _row(call, _keys(call).revoke(call.path["key"]))


def _row(call: OperationCall, key: Key) -> KeyRow:
    now = datetime.now(UTC)
    state: KeyState = "valid" if key.is_valid(now) else "expired"
    return KeyRow(
        id=key.id,
        name=key.name,
        scopes=key.scopes,
        created=key.created,
        expires=key.expires,
        revoked=key.revoked,
        state="revoked" if key.revoked else state,
        sessions=len(call.hosted.sessions.of(key.id)),
        is_own=key.id == call.caller.id,
    )


def _keys(call: OperationCall) -> Keys:
    """Return the server's keys.

    Raises:
        UnsupportedHereError: it has none.
    """
    keys = call.hosted.keys
    if isinstance(keys, Keys):
        return keys
    raise UnsupportedHereError(
        "this server has no API keys: 'hopsartifacts ui' serves the project only to "
        "the user who runs it. Share it with 'hopsartifacts serve', which has keys"
    )


_operation = operations("keys", "admin")

OPERATIONS = (
    _operation(
        "GET",
        "/scopes",
        _scopes,
        "What an API key can allow",
        answer=list[ScopeDetail],
        errors=(),
    ),
    _operation(
        "GET",
        "/keys",
        _list,
        "The API keys of this server, also those that were revoked or expired",
        scope="admin",
        query=Paging,
        answer=Page[KeyRow],
        errors=(422,),
    ),
    _operation(
        "POST",
        "/keys",
        _create,
        "Create an API key; its text is shown only once",
        body=NewKey,
        answer=MadeKey,
        status=201,
        errors=(409, 422),
    ),
    _operation(
        "DELETE",
        "/keys/{key}",
        _revoke,
        "Revoke an API key by its id or name; browsers that use it are logged out",
        answer=KeyRow,
        errors=(404, 422),
    ),
)
