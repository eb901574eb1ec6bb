"""Errors of scripts in words: words that can always be made, stored and sent."""

import re

MOST_CHARACTERS = 4000
"""Longer texts of errors are cut."""

_LOST_CLASS = re.compile(r"[Cc]an't get attribute '([^']*)' on <module '[^']*__main__'")


def error_text(error: BaseException) -> str:
    """Return the type of *error* and what it says."""
    said = said_by(error)
    return f"{type(error).__name__}: {said}{_way_out(error, said)}"


def said_by(error: BaseException) -> str:
    """Return what *error* says, whatever that is.

    Making the text may fail; it may hold what UTF-8 cannot, and may be of any length.
    The first is said instead, the second is escaped, the third is cut.
    """
    try:
        return sayable(str(error))
    except BaseException as broken:  # noqa: BLE001 - scripts raise anything
        return f"(its text cannot be made: {type(broken).__name__})"


def sayable(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return *text* without what UTF-8 cannot hold, cut to *most* characters."""
    if len(text) > most:
        text = f"{text[:most]}… ({len(text) - most} more characters)"
    return text.encode(errors="backslashreplace").decode()


def _way_out(error: BaseException, said: str) -> str:
    """Say what to do about a pickle of a class that only another program had."""
    found = _LOST_CLASS.search(said)
    if not isinstance(error, AttributeError) or found is None:
        return ""
    return (
        f". {found[1]} was defined in a notebook or in the main script of the program "
        "that made the file, and a pickle holds its name only: put it into a module, "
        "import it from there, pass the module in files=, and save the model again"
    )
