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
    before_path: str | None = None
    """The name in the first version, of a script whose file has another name there."""

    @property
    def changed_lines(self) -> int:
        """How many lines were added or removed; 0 if the file is not text."""
        # The first two lines name the file.
        return sum(line[:1] in {"+", "-"} for line in self.lines[2:])

    def __str__(self) -> str:
        before = f"{self.before_path} -> " if self.before_path else ""
        return "\n".join([f"{self.change}: {before}{self.path}", *self.lines])


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
    names = _renamed(first, second)
    gone = {*names.values()}
    return Difference(
        files=tuple(
            FileDifference(
                path=path,
                change="changed" if path in names else change,
                lines=text_difference(
                    path, before.get(names.get(path, path), b""), after.get(path, b"")
                ),
                before_path=names.get(path),
            )
            for path, change in _changes(first, second)
            if path not in gone
        )
    )


def _renamed(
    first: Sequence[ArtifactRecord], second: Sequence[ArtifactRecord]
) -> dict[str, str]:
    """Return the scripts and configuration files whose names differ: new name to old.

    An artifact has one file of each of these roles, so both are the same part of it.
    """
    old = {file.role: file.path for file in first if file.role != "file"}
    new = {file.role: file.path for file in second if file.role != "file"}
    before, after = ({file.path for file in it} for it in (first, second))
    return {
        path: old[role]
        for role, path in new.items()
        if role in old and path not in before and old[role] not in after
    }


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
