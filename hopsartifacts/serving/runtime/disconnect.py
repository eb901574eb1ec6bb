"""Detection of clients that disconnect, so that their predictions are cancelled."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

PATIENCE_S = 0.05
"""Delay before a request is watched; most are answered earlier, at no extra cost."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


@contextmanager
def watching(receive: Receive) -> Iterator[None]:
    """Cancel the current task if the client disconnects within the block.

    For ASGI applications that have read the whole body. Do not call *receive* within
    the block.
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
