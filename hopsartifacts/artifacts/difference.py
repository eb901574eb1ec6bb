"""Differences between two artifact versions: files, and lines in them."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Literal

import msgspec

from hopsartifacts.artifacts.documents import ArtifactRecord

_SHOWN_BYTES = 1 << 20
_MOST_STEPS = 5_000_000
"""Texts that take longer to compare, by far the most of which differs, are not."""


class FileDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One file that differs; ``lines`` is a unified diff if both versions are text."""

    path: str
    change: Literal["added", "removed", "changed"]
    lines: tuple[str, ...] = ()

    @property
    def changed_lines(self) -> int:
        """How many lines were added or removed; 0 if the file is not text."""
        # The first two lines name the file.
        return sum(line[:1] in {"+", "-"} for line in self.lines[2:])

    def __str__(self) -> str:
        return "\n".join([f"{self.change}: {self.path}", *self.lines])


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The differences between two artifacts; false if there are none."""

    files: tuple[FileDifference, ...]

    def __bool__(self) -> bool:
        return bool(self.files)

    def __str__(self) -> str:
        return "\n".join(map(str, self.files)) or "no difference"


def compare(first: Sequence[ArtifactRecord], second: Sequence[ArtifactRecord]) -> str:
    """List in one line which files of *second* differ from those of *first*."""
    changes = [f"{path} {change}" for path, change in _changes(first, second)]
    return ", ".join(changes) or "none"


def difference(
    first: Sequence[ArtifactRecord],
    second: Sequence[ArtifactRecord],
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
) -> Difference:
    """Return the files and lines that differ; *before* and *after* are their bytes."""
    return Difference(
        files=tuple(
            FileDifference(
                path=path,
                change=change,
                lines=text_difference(
                    path, before.get(path, b""), after.get(path, b"")
                ),
            )
            for path, change in _changes(first, second)
        )
    )


def _changes(
    first: Sequence[ArtifactRecord], second: Sequence[ArtifactRecord]
) -> Iterator[tuple[str, Literal["added", "removed", "changed"]]]:
    old = {file.path: file.digest.sha256 for file in first}
    new = {file.path: file.digest.sha256 for file in second}
    for path in sorted(old.keys() | new.keys()):
        if path not in old:
            yield path, "added"
        elif path not in new:
            yield path, "removed"
        elif old[path] != new[path]:
            yield path, "changed"


def text_difference(path: str, before: bytes, after: bytes) -> tuple[str, ...]:
    """Return a unified difference of two texts; one line of words if it is none."""
    if max(len(before), len(after)) > _SHOWN_BYTES:
        return ("(too big to show)",)
    try:
        old, new = before.decode().splitlines(), after.decode().splitlines()
    except UnicodeDecodeError:
        return ("(not text)",)
    if _is_long(old, new):
        return ("(too many differences to show)",)
    return tuple(difflib.unified_diff(old, new, path, path, lineterm=""))


def _is_long(old: list[str], new: list[str]) -> bool:
    """Return whether it takes too long to find how two texts differ.

    The time can grow with the square of the number of lines.
    """
    try:
        _Measured(old, new).get_matching_blocks()
    except TimeoutError:
        return True
    return False


class _Measured(difflib.SequenceMatcher[str]):
    """Compares lines, and raises ``TimeoutError`` after too many steps."""

    def __init__(self, old: list[str], new: list[str]) -> None:
        super().__init__(None, old, new)
        places: Mapping[str, list[int]] = self.b2j  # type: ignore[attr-defined]
        steps = (1 + len(places.get(line, ())) for line in old)
        self._steps = [*accumulate(steps, initial=0)]
        self._left = _MOST_STEPS

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> difflib.Match:
        """Return the longest match in parts of both texts."""
        end = len(self._steps) - 1 if ahi is None else ahi
        self._left -= self._steps[end] - self._steps[alo]
        if self._left < 0:
            raise TimeoutError
        return super().find_longest_match(alo, ahi, blo, bhi)
