"""The helper process: makes previews until its input ends.

Files may be hostile, and what reads them may crash, or use all memory or time. So it
happens here, within limits, and not in the server. Messages are MessagePack with their
length before them.
"""

import os
import resource
import select
import sys
from contextlib import suppress
from typing import Any

import msgspec

from hopsartifacts.rest.previews.documents import (
    OUT_BYTES,
    Made,
    Preview,
    Task,
    Tokens,
    Unreadable,
    Wanted,
)
from hopsartifacts.rest.previews.file_bytes import FileBytes, UnreadableError
from hopsartifacts.rest.previews.kinds import preview
from hopsartifacts.rest.previews.messages import received, sent
from hopsartifacts.rest.previews.tokens import tokens

_MEMORY_BYTES = 2 * 1024 * 1024 * 1024
_IDLE_S = 120.0
_IN, _OUT = 0, 1


def main() -> None:
    """Answer tasks until the input ends, or none comes for two minutes."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    sys.setrecursionlimit(1000)
    while select.select([_IN], [], [], _IDLE_S)[0]:
        data = received(_IN)
        if data is None:
            return
        task = msgspec.msgpack.decode(data, type=Task)
        sent(_OUT, msgspec.msgpack.encode(Made(_document(task))))


def _document(task: Task) -> bytes:
    file = FileBytes(task.size_bytes, _fetch)
    try:
        found: Preview | Tokens = (
            preview(file, task) if task.kind == "preview" else tokens(file, task)
        )
        data = msgspec.json.encode(found)
        if len(data) <= OUT_BYTES:
            return data
        reason = "the preview would be too long: download the file"
    except UnreadableError as error:
        reason = str(error)
    except (MemoryError, RecursionError) as error:
        reason = f"it is too large or too deeply nested for a preview ({error!r})"
    except Exception as error:  # noqa: BLE001 - whatever a library makes of such bytes
        reason = f"it cannot be read ({type(error).__name__})"
    return msgspec.json.encode(_unreadable(task, reason))


def _unreadable(task: Task, reason: str) -> Any:
    if task.kind == "tokens":
        return Tokens(path=task.path, language=None, lines=[], notes=[reason])
    return Preview(
        path=task.path,
        size_bytes=task.size_bytes,
        content=Unreadable(reason=reason),
    )


def _fetch(start: int, size: int) -> bytes:
    sent(_OUT, msgspec.msgpack.encode(Wanted(start, size)))
    data = received(_IN)
    if data is None:
        os._exit(0)  # the server has gone
    return data


if __name__ == "__main__":
    main()
