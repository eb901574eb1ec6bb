"""The choice, by name, of the model file that a predictor without a script loads."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from hopsartifacts.errors import InvalidModelError

_SAVED_MODEL = "saved_model.pb"
_SHOWN = 5


class _Rule(NamedTuple):
    suffixes: tuple[str, ...]
    """Of files directly in the folder of the model's files."""
    folder_of: str | None
    """Name of a file whose folder is loaded: the folder of the model's files or one
    directly in it, as in TensorFlow Serving."""
    wanted: str
    advice: str = ""


_RULES: Mapping[str, _Rule] = {
    "SKLEARN": _Rule(
        (".joblib", ".pkl", ".pickle"),
        None,
        "without a predictor script the model's files must include exactly one of "
        "*.joblib, *.pkl, *.pickle",
        ". Provide a predictor script that loads the right one",
    ),
    "TENSORFLOW": _Rule(
        (".keras",),
        _SAVED_MODEL,
        "the model's files must include exactly one SavedModel (a folder with "
        f"{_SAVED_MODEL}) or one *.keras",
    ),
}

WITHOUT_SCRIPT = frozenset(_RULES)
"""Frameworks whose models can be served without a script."""


def loadable(framework: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that a predictor without a script could load, sorted.

    Args:
        framework: the framework of the model.
        names: the model's files, relative to their folder.

    Returns:
        Names of files or of folders, which may be ``.``; empty for frameworks that need
        a script.
    """
    rule = _RULES.get(framework)
    if rule is None:
        return ()
    found = []
    for path in map(PurePosixPath, names):
        depth = len(path.parts)
        if depth == 1 and path.suffix in rule.suffixes:
            found.append(str(path))
        elif path.name == rule.folder_of and depth in {1, 2}:
            found.append(str(path.parent))
    return tuple(sorted(found))


def chosen(framework: str, folder: Path, found: Sequence[str] | None = None) -> Path:
    """Return the path that a predictor without a script loads from *folder*.

    Args:
        framework: the framework of the model.
        folder: the folder of the model's files.
        found: the result of ``loadable`` for the sealed files; None: search *folder*.

    Raises:
        InvalidModelError: see ``only_one``.
    """
    if found is None:
        files = (path for path in folder.rglob("*") if path.is_file())
        names = [path.relative_to(folder).as_posix() for path in files]
        found = loadable(framework, names)
    return folder / only_one(framework, found)


def only_one(framework: str, found: Sequence[str]) -> str:
    """Return the only item of *found*, which is the result of ``loadable``.

    Raises:
        InvalidModelError: there is none, or more than one, or the framework needs a
            script.
    """
    rule = _RULES.get(framework)
    if rule is None:
        raise InvalidModelError(
            f"models of framework {framework} need a predictor script"
        )
    if len(found) == 1:
        return found[0]
    names = ", ".join(found[:_SHOWN]) or "none"
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise InvalidModelError(
        f"{rule.wanted}; there are {len(found)}: {names}{more}{rule.advice}"
    )
