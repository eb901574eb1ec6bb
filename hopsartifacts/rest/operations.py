"""One operation of the server as a value: who may call it, what goes in and out.

Tables of these are all there is to the surfaces: routing, keys, checking and the
OpenAPI document are made from them.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from starlette.requests import Request

from hopsartifacts.rest.callers import Caller, Scope
from hopsartifacts.rest.hosted import Hosted

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Condition = Literal["Range", "If-Match", "If-None-Match"]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request, checked.

    Attributes:
        path: the parameters of the path; each was one raw segment, decoded once.
        query: an instance of the operation's ``query``; None if it has none.
        body: what the operation's ``body`` says; None if it says nothing.
    """

    hosted: Hosted
    caller: Caller
    path: dict[str, str]
    query: Any
    body: Any
    request: Request


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What is done for one method of one path.

    Attributes:
        path: a template; ``{name}`` stands for one segment, where ``%2F`` is no end.
        handle: a function runs in a thread; a coroutine function on the event loop.
            None is answered with an empty body, a Starlette ``Response`` as it is,
            anything else as JSON.
        summary: one line for people.
        scope: what the key must allow; None needs no key.
        query: a struct of the query's parameters; others are ignored.
        body: type of the JSON body; None if there is none.
        answer: type of what is answered; None for an empty body.
        status: of an answer without trouble.
        errors: further statuses, beside those that any operation can have.
        takes: where it is not JSON, the handler reads the body itself.
        gives: media type of the answer.
        also_gives: further media types that a caller may ask for.
        minds: headers of requests that change what is answered.
        form: a struct of the fields of a form, where *takes* is ``multipart``.
    """

    method: Method
    path: str
    handle: Callable[[Call], Any]
    summary: str
    scope: Scope | None = "read"
    query: type | None = None
    body: Any = None
    answer: Any = None
    status: int = 200
    errors: tuple[int, ...] = ()
    tag: str = ""
    takes: Literal["json", "multipart", "bytes"] = "json"
    gives: str = "application/json"
    also_gives: tuple[str, ...] = ()
    minds: tuple[Condition, ...] = ()
    form: type | None = None


class Operations:
    """Makes the operations of one tag.

    Args:
        tag: the tag.
        scope: what changes something needs; what only reads needs ``read``.
        prefix: of all paths.
        errors: statuses that each of them can have, beside those of any operation.
        refusals: further ones of those that change something.
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
        handle: Callable[[Call], Any],
        summary: str,
        **more: Any,
    ) -> Operation:
        """Return an operation; *more* may say otherwise, too."""
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
