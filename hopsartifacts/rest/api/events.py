"""Live state as server-sent events: what changes in the project, and logs.

An event has an ``id``; a client that reconnects with ``Last-Event-ID`` continues after
that event. The data of each event is one line of JSON.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from threading import Event
from typing import Annotated

import msgspec
from anyio import CapacityLimiter, to_thread
from starlette.responses import Response

from hopsartifacts.deployments.versions import read_deployment
from hopsartifacts.names import deployment_name
from hopsartifacts.rest.api.conventions import operations
from hopsartifacts.rest.api.deployments import DEPLOYMENT
from hopsartifacts.rest.api.history import MAX_LINES
from hopsartifacts.rest.dispatch import is_allowed
from hopsartifacts.rest.event_streams import (
    HEARTBEAT,
    HEARTBEAT_S,
    LONGEST_S,
    MEDIA_TYPE,
    RETRY,
    EventStream,
    encoded_event,
)
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.serving.contract import Component, LogLine

_LAST_EVENT_ID = "last-event-id"


class LogQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters of a log that is followed.

    Attributes:
        component: the component whose log to follow.
        tail: how many of the existing lines to send first.
        after: the position of a line: send the lines after it instead. A client that
            reconnects sends it in ``Last-Event-ID``, which takes precedence.
    """

    component: Component = "predictor"
    tail: Annotated[int, msgspec.Meta(ge=0, le=MAX_LINES)] = 10
    after: str = ""


class Text(msgspec.Struct, frozen=True):
    """A line of a log."""

    text: str


async def _events(call: OperationCall) -> Response:
    hosted = call.hosted
    hosted.listeners.check()
    last = call.request.headers.get(_LAST_EVENT_ID, "")
    events = hosted.announcer.listen(last, begun=hosted.watch.begin)
    return EventStream(events, hosted.listeners, _key_of(call))


async def _follow(call: OperationCall) -> Response:
    hosted, wanted = call.hosted, call.query
    hosted.log_listeners.check()
    name = deployment_name(call.path["name"])
    last = call.request.headers.get(_LAST_EVENT_ID, "") or wanted.after
    sealed = await to_thread.run_sync(read_deployment, hosted.storage, name)
    is_left = Event()
    lines = hosted.project.get_model_serving().follow_run(
        sealed,
        wanted.component,
        wanted.tail,
        after=last,
        is_wanted=lambda: not (is_left.is_set() or hosted.announcer.is_closed),
    )
    return EventStream(
        _line_events(lines, is_left), hosted.log_listeners, _key_of(call)
    )


def _key_of(call: OperationCall) -> Callable[[], bool]:
    """Return a check whether the caller's key still allows it to listen."""
    return partial(is_allowed, call.hosted, call.request, "read")


async def _line_events(
    lines: Iterator[LogLine], is_left: Event
) -> AsyncIterator[bytes]:
    """Yield an event for each line; wait for lines in a thread that can be left."""
    limiter = CapacityLimiter(1)
    wait = partial(
        to_thread.run_sync, next, lines, None, abandon_on_cancel=True, limiter=limiter
    )
    coming: asyncio.Task[LogLine | None] | None = None
    loop = asyncio.get_running_loop()
    over = loop.time() + LONGEST_S
    try:
        yield RETRY
        while loop.time() < over:
            coming = coming or asyncio.ensure_future(wait())
            done, _ = await asyncio.wait({coming}, timeout=HEARTBEAT_S)
            if not done:
                yield HEARTBEAT
                continue
            line, coming = coming.result(), None
            if line is None:
                yield encoded_event("end", {})
                break
            yield encoded_event("line", Text(line.text), line.position)
    finally:
        is_left.set()
        if coming:
            coming.cancel()


_operation = operations("events")

OPERATIONS = (
    _operation(
        "GET",
        "/events",
        _events,
        "Server-sent events: model, model-removed, alias, file, deployment, "
        "deployment-removed, job, and reload for a client that has missed events",
        gives=MEDIA_TYPE,
        errors=(),
    ),
    _operation(
        "GET",
        f"{DEPLOYMENT}/logs/follow",
        _follow,
        "Lines of a component's log as they are written, as server-sent events",
        query=LogQuery,
        gives=MEDIA_TYPE,
    ),
)
