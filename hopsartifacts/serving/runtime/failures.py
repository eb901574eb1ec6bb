"""What went wrong, as text: made so that making it cannot fail.

Scripts raise anything: exceptions whose ``__str__`` raises, texts that are no Unicode,
messages of a hundred megabytes. Whatever it was, it has to be answered and logged.
"""

import asyncio
import traceback
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePath

from hopsartifacts.serving.contract import COMPONENTS

MOST_CHARACTERS = 2000
"""The length to which the text of an error is cut before it is sent to a client."""
MOST_LOGGED_CHARACTERS = 64 * 1024
"""The length to which a traceback is cut before it is logged."""

_MOST_LEAVES = 3
_UNTOLD = "an error that cannot be put into words"
_SCRIPT_MODULES = frozenset(f"{component}_script" for component in COMPONENTS)


def error_text(error: BaseException, limit: int = MOST_CHARACTERS) -> str:
    """Return the type and message of *error*: ``ValueError: no such flower``.

    The text is valid Unicode (what is not is escaped with backslashes) and at most
    about *limit* characters long. For a group of exceptions it has the first of those
    in the group, too. Never raises.
    """
    try:
        return shortened(_described(error), limit)
    except BaseException:  # noqa: BLE001 - a script's __str__ raises what it likes
        return _UNTOLD


def traceback_text(error: BaseException) -> str:
    """Return the traceback of *error*, valid and bounded as above. Never raises."""
    try:
        lines = traceback.format_exception(error)
        return shortened("".join(lines).rstrip("\n"), MOST_LOGGED_CHARACTERS)
    except BaseException:  # noqa: BLE001 - as above
        return error_text(error)


def script_line(error: BaseException) -> str | None:
    """Return the line of a script that *error* passed last: ``predictor-p.py, line 7``.

    None if it was raised outside the scripts. Never raises.
    """
    try:
        place = None
        for frame, line in traceback.walk_tb(error.__traceback__):
            if frame.f_globals.get("__name__") in _SCRIPT_MODULES:
                name = PurePath(frame.f_code.co_filename).name
                place = f"{shortened(name, MOST_CHARACTERS)}, line {line}"
    except BaseException:  # noqa: BLE001 - as above
        return None
    return place


def shortened(text: str, limit: int) -> str:
    """Return *text* with its middle left out if it is longer than *limit*.

    What is no Unicode, such as half a surrogate pair, is escaped with backslashes.
    """
    # Through str's own methods: text may be of a subclass with methods of its own.
    length = str.__len__(text)
    if length > limit:
        half = limit // 2
        first = str.__getitem__(text, slice(0, half))
        last = str.__getitem__(text, slice(length - half, length))
        text = f"{first} … ({length - 2 * half} characters left out) … {last}"
    return str.encode(text, "utf-8", "backslashreplace").decode()


def is_cancellation(error: BaseException) -> bool:
    """Tell whether *error* is the end of the running task that somebody asked for.

    A script may raise ``CancelledError``, too, though nobody cancels its task.
    """
    if not isinstance(error, asyncio.CancelledError):
        return False
    try:
        task = asyncio.current_task()
    except RuntimeError:
        # Outside the event loop there is no task to cancel.
        return False
    return task is not None and task.cancelling() > 0


def _described(error: BaseException) -> str:
    name = type(error).__name__
    try:
        words = shortened(str(error), MOST_LOGGED_CHARACTERS)
    except BaseException as failure:  # noqa: BLE001 - as above
        words = f"(its text is unknown: making it raised {type(failure).__name__})"
    if isinstance(error, BaseExceptionGroup):
        leaves = [*map(error_text, islice(_leaves(error), _MOST_LEAVES))]
        words = f"{words}: {'; '.join(leaves)}"
    return f"{name}: {words}" if words else name


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """Yield the exceptions in *group* that are not groups themselves."""
    waiting: list[BaseException] = [group]
    while waiting:
        error = waiting.pop()
        if isinstance(error, BaseExceptionGroup):
            waiting.extend(reversed(error.exceptions))
        else:
            yield error
