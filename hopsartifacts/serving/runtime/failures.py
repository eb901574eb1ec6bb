"""Error texts for exceptions of scripts that are always safe to store and send.

Scripts raise anything: exceptions whose ``__str__`` raises, texts that are not valid
Unicode, messages of a hundred megabytes. All of them must be answered and logged.
"""

import asyncio
import re
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import PurePath
from typing import NamedTuple

from hopsartifacts.serving.contract import COMPONENTS, Component, LastError

MOST_CHARACTERS = 4000
"""Longer error texts are cut."""
MOST_LOGGED_CHARACTERS = 64 * 1024
"""Longer tracebacks are cut."""

_LOST_CLASS = re.compile(r"[Cc]an't get attribute '([^']*)' on <module '[^']*__main__'")
_MOST_LEAVES = 3
_UNTOLD = "an error that cannot be shown as text"
_SCRIPT_MODULES: dict[str, Component] = {
    f"{component}_script": component for component in COMPONENTS
}


def error_text(error: BaseException) -> str:
    """Return the type and text of *error*: ``ValueError: no such flower``.

    Never raises; see ``said_by``. For an exception group the first ones are included.
    """
    try:
        said = said_by(error)
        if isinstance(error, BaseExceptionGroup):
            leaves = map(error_text, islice(_leaves(error), _MOST_LEAVES))
            said = sayable(f"{said}: {'; '.join(leaves)}")
        name = type(error).__name__
        return f"{name}: {said}{_way_out(error, said)}" if said else name
    except BaseException:  # noqa: BLE001 - scripts raise anything, of any class
        return _UNTOLD


def said_by(error: BaseException) -> str:
    """Return the text of *error*. Never raises.

    If ``str()`` raises, say so instead; escape characters that UTF-8 cannot encode; cut
    texts that are too long.
    """
    try:
        return sayable(str(error))
    except BaseException as broken:  # noqa: BLE001 - scripts raise anything
        return f"(its str() raised {type(broken).__name__})"


def sayable(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return *text* with non-UTF-8 characters escaped, cut to *most* characters."""
    # Call the methods of str directly: *text* may be of a subclass that overrides them.
    length = str.__len__(text)
    if length > most:
        text = str.__getitem__(text, slice(most))
        text = f"{text}… ({length - most} more characters)"
    return str.encode(text, errors="backslashreplace").decode()


def traceback_text(error: BaseException) -> str:
    """Return the traceback of *error*, made encodable and cut. Never raises."""
    try:
        lines = traceback.format_exception(error)
        return sayable("".join(lines).rstrip("\n"), MOST_LOGGED_CHARACTERS)
    except BaseException:  # noqa: BLE001 - as above
        return error_text(error)


class ScriptPlace(NamedTuple):
    """A line of a script."""

    component: Component
    file: str
    line: int


def script_place(error: BaseException) -> ScriptPlace | None:
    """Return the last line of a script in the traceback.

    None if *error* was raised outside the scripts. Never raises.
    """
    place = None
    try:
        for frame, line in traceback.walk_tb(error.__traceback__):
            component = _SCRIPT_MODULES.get(frame.f_globals.get("__name__", ""))
            if component:
                name = sayable(PurePath(frame.f_code.co_filename).name)
                place = ScriptPlace(component, name, line)
    except BaseException:  # noqa: BLE001 - as above
        return None
    return place


def script_line(error: BaseException) -> str | None:
    """Return ``script_place`` in words: ``predictor-p.py, line 7``."""
    place = script_place(error)
    return None if place is None else f"{place.file}, line {place.line}"


def last_error(
    error: BaseException, version: int, component: Component | None = None
) -> LastError:
    """Return *error*, which happened just now, as a value. Never raises.

    Args:
        error: the exception.
        version: the deployment version that runs.
        component: whose script it is, if that is known otherwise.
    """
    place = script_place(error)
    try:
        name = sayable(type(error).__name__)
    except BaseException:  # noqa: BLE001 - as above
        name = "BaseException"
    return LastError(
        type=name,
        message=said_by(error),
        component=place.component if place else component,
        file=place.file if place else None,
        line=place.line if place else None,
        time=datetime.now(UTC),
        version=version,
    )


def is_cancellation(error: BaseException) -> bool:
    """Return whether *error* was raised because the running task was cancelled.

    A script may also raise ``CancelledError`` while its task is not cancelled.
    """
    if not isinstance(error, asyncio.CancelledError):
        return False
    try:
        task = asyncio.current_task()
    except RuntimeError:
        # Outside the event loop there is no task to cancel.
        return False
    return task is not None and task.cancelling() > 0


def _way_out(error: BaseException, said: str) -> str:
    """Return advice for a pickle of a class that only the saving program defined."""
    found = _LOST_CLASS.search(said)
    if not isinstance(error, AttributeError) or found is None:
        return ""
    return (
        f". {found[1]} was defined in a notebook or in the main script of the program "
        "that made the file, and a pickle has only its name: put it into a module, "
        "import it from there, pass the module in files=, and save the model again"
    )


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """Yield the exceptions in *group* that are not groups themselves."""
    waiting: list[BaseException] = [group]
    while waiting:
        error = waiting.pop()
        if isinstance(error, BaseExceptionGroup):
            waiting.extend(reversed(error.exceptions))
        else:
            yield error
