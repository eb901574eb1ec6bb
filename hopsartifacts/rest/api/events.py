"""Live state as server-sent events: deployments and jobs, and logs being written.

A frame has an ``id``; a client that reconnects with ``Last-Event-ID`` continues after
that frame. The data of each event is one line of JSON.
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
from hopsartifacts.rest.api.deployments import DEPLOYMENT
from hopsartifacts.rest.api.history import MAX_LINES
from hopsartifacts.rest.api.table import operations
from hopsartifacts.rest.dispatch import is_let_in
from hopsartifacts.rest.event_streams import (
    HEARTBEAT,
    HEARTBEAT_S,
    LONGEST_S,
    MEDIA_TYPE,
    RETRY,
    EventStream,
    frame,
)
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.serving.contract import Component, LogLine

_MARK = "last-event-id"


class Following(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters: the component, and how many existing lines to send first."""

    component: Component = "predictor"
    tail: Annotated[int, msgspec.Meta(ge=0, le=MAX_LINES)] = 10


class Text(msgspec.Struct, frozen=True):
    """A line of a log."""

    text: str


async def _events(call: OperationCall) -> Response:
    hosted = call.hosted
    hosted.listeners.check()
    mark = call.request.headers.get(_MARK, "")
    frames = hosted.announcer.listen(mark, begun=hosted.watch.begin)
    return EventStream(frames, hosted.listeners, _key_of(call))


async def _follow(call: OperationCall) -> Response:
    hosted, wanted = call.hosted, call.query
    hosted.log_listeners.check()
    name, mark = deployment_name(call.path["name"]), call.request.headers.get(_MARK, "")
    sealed = await to_thread.run_sync(read_deployment, hosted.storage, name)
    is_left = Event()
    lines = hosted.project.get_model_serving().follow_run(
        sealed,
        wanted.component,
        wanted.tail,
        after=mark,
        is_wanted=lambda: not (is_left.is_set() or hosted.announcer.is_closed),
    )
    return EventStream(_frames(lines, is_left), hosted.log_listeners, _key_of(call))


def _key_of(call: OperationCall) -> Callable[[], bool]:
    """Return a check whether the caller's key still allows it to listen."""
    return partial(is_let_in, call.hosted, call.request, "read")


async def _frames(lines: Iterator[LogLine], is_left: Event) -> AsyncIterator[bytes]:
    """Yield frames of *lines*; wait for each line in a thread that can be abandoned."""
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
                yield frame("end", {})
                break
            yield frame("line", Text(line.text), line.mark)
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
        "Server-sent events: deployment, deployment-removed, job, and reload for a "
        "client that has missed events",
        gives=MEDIA_TYPE,
        errors=(),
    ),
    _operation(
        "GET",
        f"{DEPLOYMENT}/logs/follow",
        _follow,
        "Lines of a component's log as they are written, as server-sent events",
        query=Following,
        gives=MEDIA_TYPE,
    ),
)
