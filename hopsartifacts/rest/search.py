"""Search by words over models, aliases and tags of versions, deployments and files.

Every word of a query must occur in an item, in any case. An item whose name is the word
comes before one that begins with it, and both come before one that contains it.
"""

import unicodedata
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from heapq import nsmallest
from time import monotonic
from typing import Literal

import msgspec

from hopsartifacts import layout
from hopsartifacts.datasets import own
from hopsartifacts.documents import encode
from hopsartifacts.rest.rows import Rows, VersionRow
from hopsartifacts.rest.sorted_lists import SortedList
from hopsartifacts.storage.contract import Storage

HitKind = Literal["model", "version", "deployment", "file"]

_Place = tuple[str, int]
"""Model and version."""
KINDS: tuple[HitKind, ...] = ("model", "deployment", "version", "file")
"""Of items that match equally well, the first kind comes first."""
_VALUE_LENGTH = 200
"""How much of a tag's value is searched."""
FILES_S = 0.15
"""After this time no further folder is listed."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """An item that was found. Only the attributes that identify it are not null.

    Attributes:
        name: the name of the model, of the deployment or of the file.
        matched: the alias or tag of a version that was found; empty if its number was,
            and for the other kinds.
        model: the model, of a model or of a version.
        version: the number, of a version.
        deployment: the deployment.
        path: the path in the project, of a file.
    """

    kind: HitKind
    name: str
    matched: str = ""
    model: str | None = None
    version: int | None = None
    deployment: str | None = None
    path: str | None = None


class Found(msgspec.Struct, frozen=True):
    """The best hits, and whether everything was searched.

    Attributes:
        hits: the best first.
        is_whole: false if there was no time to look at all files.
    """

    hits: list[Hit]
    is_whole: bool


_Candidate = tuple[int, int, int, str, int, "Hit | VersionRow"]
"""How well it matches, its kind, length of its name, its name, a number; the item."""


class _Version(msgspec.Struct, frozen=True):
    """A model version, and the words by which it is found.

    Attributes:
        model: the name of its model, as ``_lines`` returns it.
        own: its aliases and tags.
    """

    row: VersionRow
    model: str
    own: str


class Search:
    """Finds items in the rows of a project, and among the user's own files.

    Args:
        storage: the project's storage.
        rows: the cached rows.
    """

    def __init__(self, storage: Storage, rows: Rows) -> None:
        self._storage = storage
        self._rows = rows
        self._known: dict[_Place, _Version] = {}
        self._listed: SortedList[VersionRow] | None = None
        """The list from which ``_known`` was made."""

    def find(self, query: str, limit: int, kinds: Collection[HitKind] = KINDS) -> Found:
        """Return the best *limit* hits.

        Args:
            query: words; ``model@alias`` are two.
            limit: the most hits.
            kinds: of what kinds.
        """
        words = _folded(query.replace("@", " ")).split()
        if not words:
            return Found([], is_whole=True)
        walk = FileWalk(self._storage, FILES_S)
        found: list[_Candidate] = []
        for kind in kinds:
            if kind == "version":
                found += self._versions(words)
            else:
                items = walk if kind == "file" else self._names(kind)
                found += _matching(kind, items, words)
        best = [it[-1] for it in nsmallest(limit, found, key=lambda it: it[:-1])]
        hits = [it if isinstance(it, Hit) else _hit(it, words) for it in best]
        return Found(hits, is_whole=not walk.is_cut)

    def _names(self, kind: HitKind) -> Iterator[str]:
        rows = self._rows.models() if kind == "model" else self._rows.deployments()
        return (row.name for row in rows)

    def _versions(self, words: list[str]) -> Iterator[_Candidate]:
        """Yield versions of which an alias, a tag or the number is among *words*.

        A number only counts beside another word, which can be the model's name.
        """
        numbers = {it: _number(it) for it in words} if len(words) > 1 else {}
        place = KINDS.index("version")
        for it in self._version_words():
            score, is_own = 0, False
            for word in words:
                if word in it.own:
                    is_own = True
                    score += _score(word, it.own)
                elif numbers.get(word) == it.row.version:
                    is_own = True
                elif word in it.model:
                    score += _score(word, it.model)
                else:
                    break
            else:
                if is_own:
                    name, number = it.row.model, it.row.version
                    yield score, place, len(name), name, -number, it.row

    def _version_words(self) -> Iterable[_Version]:
        """Return all versions with their words; only those of new rows are made."""
        listed = self._rows.versions_by("model")
        known = self._known
        if listed is not self._listed:
            known = {
                (row.model, row.version): _version(row, known) for row in listed.items
            }
            self._known, self._listed = known, listed
        return known.values()


class FileWalk:
    """The paths of the user's own files, as far as there is time to list them.

    Attributes:
        is_cut: whether there was not enough time for all, once they were listed.
    """

    def __init__(self, storage: Storage, seconds: float) -> None:
        self.is_cut = False
        self._storage = storage
        self._seconds = seconds

    def __iter__(self) -> Iterator[str]:
        """Yield the paths, those in fewer folders first."""
        over = monotonic() + self._seconds
        folders = deque([""])
        while folders:
            if monotonic() > over:
                self.is_cut = True
                return
            for entry in own.children(self._storage, folders.popleft()):
                is_folder = entry.kind == "directory"
                is_managed = layout.is_managed(entry.path, is_folder=is_folder)
                if is_folder and (not is_managed or entry.path == layout.MODELS):
                    folders.append(entry.path)
                elif entry.kind == "file" and not is_managed:
                    yield entry.path


def _matching(
    kind: HitKind, names: Iterable[str], words: list[str]
) -> Iterator[_Candidate]:
    """Yield the items of one kind in whose name all *words* are."""
    place = KINDS.index(kind)
    for name in names:
        text = _folded(name)
        if all(word in text for word in words):
            lines = _lines([*name.split("/"), name])
            score = sum(_score(word, lines) for word in words)
            yield score, place, len(name), name, 0, _named(kind, name)


def _named(kind: HitKind, name: str) -> Hit:
    if kind == "file":
        return Hit(kind=kind, name=name.rpartition("/")[2], path=name)
    if kind == "model":
        return Hit(kind=kind, name=name, model=name)
    return Hit(kind=kind, name=name, deployment=name)


def _version(row: VersionRow, known: dict[_Place, _Version]) -> _Version:
    before = known.get((row.model, row.version))
    if before and before.row is row:
        return before
    own_words = [*row.aliases, *(it for pair in _tags(row) for it in pair)]
    return _Version(row, _lines([row.model]), _lines(own_words))


def _tags(row: VersionRow) -> Iterator[tuple[str, str]]:
    for name, value in row.tags.items():
        text = value if isinstance(value, str) else encode(value).decode()
        yield name, text[:_VALUE_LENGTH]


def _hit(row: VersionRow, words: list[str]) -> Hit:
    """Return a version with the first of its aliases and tags that was found."""
    named = [(it, f"alias {it}") for it in row.aliases]
    named += [(f"{tag}\n{it}", f"tag {tag}: {it}") for tag, it in _tags(row)]
    texts = [(_folded(text), label) for text, label in named]
    matched = (label for text, label in texts if any(word in text for word in words))
    return Hit(
        kind="version",
        name=row.model,
        matched=next(matched, ""),
        model=row.model,
        version=row.version,
    )


def _score(word: str, lines: str) -> int:
    """Return how well *word* matches: 0 is a whole line, 1 the start of one, 2 else."""
    if f"\n{word}\n" in lines:
        return 0
    return 1 if f"\n{word}" in lines else 2


def _lines(words: Iterable[str]) -> str:
    """Return *words*, each between two line breaks, as searches compare them."""
    return _folded("\n".join(["", *words, ""]))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _number(word: str) -> int | None:
    digits = word.removeprefix("v")
    return int(digits) if digits.isascii() and digits.isdecimal() else None
