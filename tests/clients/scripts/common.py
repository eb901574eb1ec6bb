"""What the scripts share: which release runs, how it logs in, how steps are checked.

They run in the client's own environment, which has nothing of this project.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hopsworks
from hopsworks_common.client.exceptions import RestAPIError

RELEASE = tuple(int(it) for it in importlib.metadata.version("hopsworks").split("."))
MISSING_IS_NONE = RELEASE >= (4, 2)
SENDS_EMPTY_FILES = RELEASE >= (4, 2)
GETS_ONE_TAG = not (4, 2) <= RELEASE < (5,)
"""Between, it asks a list for the name of a tag, whatever it was answered."""
LISTS_PATHS = RELEASE >= (4, 6)
"""Before, the one way to list that gives paths is ``list_files``."""
CHECKS_MODEL_NAMES = RELEASE >= (4, 8)
UPLOADS_SCRIPTS = RELEASE >= (5,)

HOST = os.environ["SERVER_HOST"]
PORT = int(os.environ["SERVER_PORT"])
PROJECT = os.environ["SERVER_PROJECT"]
KEY = os.environ["SERVER_KEY"]
CERTIFICATE = os.environ["SERVER_CERTIFICATE"]

Step = Callable[[Any], None]


def login(**settings: Any) -> Any:
    """Log in with what the test says, or what *settings* say instead."""
    given = {"host": HOST, "port": PORT, "project": PROJECT, "api_key_value": KEY}
    return hopsworks.login(**{**given, **settings})


@contextlib.contextmanager
def refused(
    *kinds: type[BaseException], says: str = "", status: int | None = None
) -> Iterator[None]:
    """Expect an error of these kinds (the server's, if none is named)."""
    expected = kinds or (RestAPIError,)
    seen: Any = None
    try:
        yield
    except expected as error:
        seen = error
    assert seen is not None, "this was not refused"
    assert says in str(seen), f"{says!r} is not in: {seen}"
    assert status in {None, seen.response.status_code if status else None}, str(seen)


def folder(name: str, files: Mapping[str, str | bytes]) -> str:
    """Write a new folder with files; return its path."""
    place = Path(name).absolute()
    for path, content in files.items():
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        target.write_bytes(data)
    return str(place)


def contents(place: str) -> dict[str, bytes]:
    """Return the files of a folder, but for the mark that a client puts there."""
    root = Path(place)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name != ".download_complete"
    }


def missing(found: Callable[[], Any]) -> bool:
    """Tell whether a getter says that there is none, each release in its way."""
    if MISSING_IS_NONE:
        return found() is None
    with refused(status=404):
        found()
    return True


def run(topics: Mapping[str, Sequence[Step]]) -> None:
    """Do the steps of the topic that the command line names; fail if one fails.

    Only some of them, if it names some.
    """
    project = login()
    failed = []
    topic, *chosen = sys.argv[1:]
    for step in topics[topic]:
        if chosen and step.__name__ not in chosen:
            continue
        started = time.monotonic()
        try:
            step(project)
        except BaseException:  # noqa: BLE001 - whatever it is, it is reported
            traceback.print_exc(file=sys.stdout)
            failed.append(step.__name__)
        result = "FAILED" if step.__name__ in failed else "ok"
        seconds = time.monotonic() - started
        print(f"--- {step.__name__}: {result}, {seconds:.1f} s", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")
