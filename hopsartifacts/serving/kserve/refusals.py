"""What a cluster would refuse in an object: the place, the value, and what to do."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from hopsartifacts.errors import Problem, quoted, without_secrets

Step = str | int
Path = tuple[Step, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z_][\w-]*")


def place(path: Path) -> str:
    """Return a path as people write it: ``spec.predictor.containers[0].env``."""
    text = ""
    for step in path:
        if isinstance(step, str) and _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{step}]" if isinstance(step, int) else f"[{step!r}]"
    return text


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One value that a cluster would refuse, or would not do what it says.

    Attributes:
        path: the keys and indexes that lead to the value.
        value: the value; ``msgspec.UNSET`` if it is missing.
        detail: what is wrong with it.
        fix: what to do.
    """

    path: Path
    value: Any
    detail: str
    fix: str

    @property
    def problem(self) -> Problem:
        """The same as a problem of an input; lists and objects are not quoted."""
        if self.value is msgspec.UNSET:
            subject = f"{place(self.path)} is missing: "
        elif isinstance(self.value, str | int | float):
            subject = f"{place(self.path)} is {quoted(self.value)}: "
        else:
            subject = f"{place(self.path)}: " if self.path else ""
        detail = without_secrets(f"{subject}{self.detail}")
        return Problem(detail=detail, fix=self.fix).at(*self.path)

    def __str__(self) -> str:
        return str(self.problem)


class Part(msgspec.Struct, frozen=True):
    """A value in an object, with the path that leads to it; it may be missing.

    Parts of a missing value, or of one of another type, are missing too. So rules need
    not know whether an object is well-formed.
    """

    value: Any
    path: Path = ()

    def at(self, *steps: str) -> "Part":
        """Return the part below, where each step is the key of a member."""
        found = self.value
        for step in steps:
            found = found.get(step) if isinstance(found, Mapping) else None
        return Part(msgspec.UNSET if found is None else found, (*self.path, *steps))

    def elements(self) -> list["Part"]:
        """Return the elements if the value is a list; nothing if it is not."""
        if not isinstance(self.value, list | tuple):
            return []
        return [Part(it, (*self.path, n)) for n, it in enumerate(self.value)]

    def members(self) -> list["Part"]:
        """Return the members if the value is an object; nothing if it is not."""
        if not isinstance(self.value, Mapping):
            return []
        return [self.at(key) for key in self.value if isinstance(key, str)]

    @property
    def is_given(self) -> bool:
        """Whether it exists; Kubernetes takes null for a missing value."""
        return self.value is not msgspec.UNSET

    @property
    def key(self) -> str:
        """The last step of the path."""
        return str(self.path[-1])

    @property
    def text(self) -> str:
        """The value if it is a text, or an empty text."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def whole(self) -> int | None:
        """The value if it is a whole number, or None."""
        is_whole = isinstance(self.value, int) and not isinstance(self.value, bool)
        return self.value if is_whole else None

    def refused(self, detail: str, fix: str) -> Refusal:
        """Return the refusal of this value."""
        return Refusal(path=self.path, value=self.value, detail=detail, fix=fix)
