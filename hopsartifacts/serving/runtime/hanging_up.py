"""Noticing that a client is gone, so that nothing is predicted for nobody."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

PATIENCE_S = 0.05
"""How long a request is not watched: most are answered by then, and cost nothing."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


@contextmanager
def watching(receive: Receive) -> Iterator[None]:
    """Cancel the task within the block when the client hangs up.

    For ASGI applications that have read the whole body; *receive* is not called by
    anybody else meanwhile.
    """
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    watchers: list[asyncio.Task[None]] = []

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        if task is not None:
            task.cancel()

    handle = loop.call_later(
        PATIENCE_S, lambda: watchers.append(loop.create_task(watch()))
    )
    try:
        yield
    finally:
        handle.cancel()
        for watcher in watchers:
            watcher.cancel()
