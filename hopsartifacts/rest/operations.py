"""Operations of the server as values: path, scope, types of request and answer.

Tables of them define the server's API. Routes, authentication, validation and the
OpenAPI document are all derived from these tables.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from starlette.requests import Request

from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.keys import Caller, Scope

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Condition = Literal["Range", "If-Match", "If-None-Match"]


class OperationCall(msgspec.Struct, frozen=True, kw_only=True):
    """One validated request.

    Attributes:
        path: the path parameters; each is one raw segment, percent-decoded once.
        query: an instance of the operation's ``query``; None if it has none.
        body: an instance of the operation's ``body``; None if it has none.
    """

    hosted: Hosted
    caller: Caller
    path: dict[str, str]
    query: Any
    body: Any
    request: Request


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """The operation for one method of one path.

    Attributes:
        path: a template; ``{name}`` matches one segment, in which ``%2F`` may occur,
            and ``{name:path}`` the rest of the path.
        handle: a function runs in a thread, a coroutine function on the event loop. If
            it returns None, the answer has no body; a Starlette ``Response`` is sent as
            it is, anything else as JSON.
        summary: one line for people.
        scope: the scope that the API key needs; None if no key is needed.
        query: a struct of the query parameters; others are ignored.
        body: type of the JSON body; None if there is none.
        may_lack_body: whether no body means one without members.
        answer: type of the answer; None if it has no body.
        status: HTTP status on success.
        errors: further error statuses, besides those that any operation can have.
        takes: type of the request body; unless it is ``json``, *handle* reads the body.
        gives: media type of the answer.
        also_gives: further media types that a caller may ask for.
        minds: request headers that affect the answer.
        form: a struct of the form's fields, if *takes* is ``multipart``.
        is_described: whether it is in the OpenAPI document; pages for browsers are not.
        job: type of the job that is the answer (202) if the work takes long.
    """

    method: Method
    path: str
    handle: Callable[[OperationCall], Any]
    summary: str
    scope: Scope | None = "read"
    query: type | None = None
    body: Any = None
    may_lack_body: bool = False
    answer: Any = None
    status: int = 200
    errors: tuple[int, ...] = ()
    tag: str = ""
    takes: Literal["json", "multipart", "bytes"] = "json"
    gives: str = "application/json"
    also_gives: tuple[str, ...] = ()
    minds: tuple[Condition, ...] = ()
    form: type | None = None
    is_described: bool = True
    job: Any = None

    @property
    def is_change(self) -> bool:
        """Whether it changes the project; a prediction, for example, does not."""
        return self.method != "GET" and self.scope not in {None, "read"}


class Operations:
    """A factory for the operations with one tag.

    Args:
        tag: the tag.
        scope: the scope for operations that change something; others need ``read``.
        prefix: prefix of all paths.
        errors: error statuses of each operation, besides those of any operation.
        refusals: further error statuses of operations that change something.
    """

    def __init__(
        self,
        tag: str,
        scope: Scope = "write",
        *,
        prefix: str = "",
        errors: tuple[int, ...] = (404,),
        refusals: tuple[int, ...] = (409,),
    ) -> None:
        self._tag = tag
        self._scope: Scope = scope
        self._prefix = prefix
        self._errors = errors
        self._refusals = refusals

    def __call__(
        self,
        method: Method,
        path: str,
        handle: Callable[[OperationCall], Any],
        summary: str,
        **more: Any,
    ) -> Operation:
        """Return an operation; *more* overrides the defaults."""
        scope: Scope = "read" if method == "GET" else self._scope
        refusals = () if method == "GET" else self._refusals
        errors = (*self._errors, *refusals)
        settings = {"scope": scope, "errors": errors, "tag": self._tag, **more}
        return Operation(
            method=method,
            path=f"{self._prefix}{path}",
            handle=handle,
            summary=summary,
            **settings,
        )
