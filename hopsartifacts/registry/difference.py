"""How two versions of a model differ: metrics, tags, schema, files and the rest."""

import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, Literal

import msgspec

from hopsartifacts.documents import encode, is_same_json
from hopsartifacts.registry.documents import (
    EmbeddedFile,
    FileRecord,
    Manifest,
    VersionRecord,
)

Change = Literal["added", "removed", "changed"]
Effect = Literal["same", "compatible", "incompatible", "unknown"]
"""Whether callers of the first version can call the second with the same inputs."""


class ChangedValue(msgspec.Struct, frozen=True, kw_only=True):
    """One value that differs; None where a version does not have it."""

    name: str
    """Of a nested value with a dot for each level: ``predictor.resources``."""
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.name}: {_words(self.before)} -> {_words(self.after)}"


class ChangedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file that differs, with its size in each version; None where it is not."""

    path: str
    change: Change
    before_bytes: int | None
    after_bytes: int | None

    def __str__(self) -> str:
        return f"{self.change}: {self.path}"


class SchemaDifference(msgspec.Struct, frozen=True, kw_only=True):
    """How the inputs and outputs differ, and what that means for callers.

    Attributes:
        effect: ``compatible`` if every request that fits the first schema fits the
            second, and its result has all that it had; ``unknown`` if one of the
            versions has no schema, or one of another form than Hopsworks'.
        reasons: one sentence for each difference of the two schemas.
        before: the first schema; None if there is none.
        after: the second schema; None if there is none.
    """

    effect: Effect
    reasons: tuple[str, ...]
    before: Any
    after: Any


class ModelDifference(msgspec.Struct, frozen=True, kw_only=True):
    """How the second version of a model differs from the first.

    Attributes:
        first: number of the first version.
        second: number of the second version.
        settings: framework, description and input example, if they differ.
        metrics: the metrics that differ.
        tags: the tags that differ now; tags can change after a save.
        files: the model files that differ, by their digests.
        model_schema: how the schemas differ.
    """

    first: int
    second: int
    settings: tuple[ChangedValue, ...]
    metrics: tuple[ChangedValue, ...]
    tags: tuple[ChangedValue, ...]
    files: tuple[ChangedFile, ...]
    model_schema: SchemaDifference

    def __bool__(self) -> bool:
        parts = (self.settings, self.metrics, self.tags, self.files)
        return any(parts) or bool(self.model_schema.reasons)

    def __str__(self) -> str:
        return "\n".join(self._lines()) or "no difference"

    def _lines(self) -> Iterator[str]:
        yield from map(str, self.settings)
        yield from (f"metric {it}" for it in self.metrics)
        yield from (f"tag {it}" for it in self.tags)
        if self.model_schema.reasons:
            yield f"schema: {self.model_schema.effect}"
            yield from (f"  {reason}" for reason in self.model_schema.reasons)
        yield from (f"file {it}" for it in self.files)


def compare_versions(
    first: tuple[Manifest, VersionRecord], second: tuple[Manifest, VersionRecord]
) -> ModelDifference:
    """Return how the *second* version differs from the *first*.

    Each is a manifest, and the log's record with the current tags and description.
    """
    (old, old_record), (new, new_record) = first, second
    return ModelDifference(
        first=old.version,
        second=new.version,
        settings=changed_values(_settings(old, old_record), _settings(new, new_record)),
        metrics=changed_values(old.metrics, new.metrics),
        tags=changed_values(old_record.tags, new_record.tags),
        files=tuple(_changed_files(old.files, new.files)),
        model_schema=compare_schemas(
            _document(old.model_schema), _document(new.model_schema)
        ),
    )


def compare_schemas(before: Any, after: Any) -> SchemaDifference:
    """Return how two schemas differ, each a document of ``model_schema.json`` or None.

    Requests and results may give values by position, so the order of columns counts.
    Inputs stay compatible if each column or tensor keeps its place and name, and its
    type stays the same or becomes a wider number. Of a tensor's shape the first
    dimension, the rows, may differ. Outputs stay compatible if each keeps its place,
    name, type and shape; more may follow.
    """
    found: list[_Finding] = []
    if before is None or after is None:
        if before is not after:
            found = [_lost_or_new("a schema", after)]
    elif not is_same_json(before, after):
        found = [it for side in _SIDES for it in _compare_side(before, after, side)]
        found = found or [("unknown", "members that Hopsworks does not define differ")]
    effects = {effect for effect, _ in found}
    worst: Effect = next((it for it in _WORST_FIRST if it in effects), "same")
    reasons = tuple(reason for _, reason in found)
    return SchemaDifference(effect=worst, reasons=reasons, before=before, after=after)


_Finding = tuple[Effect, str]
_SIDES = ("input", "output")
_WORST_FIRST: tuple[Effect, ...] = ("incompatible", "unknown", "compatible")
_NUMBER = re.compile(r"(u?int|float)(8|16|32|64)", re.ASCII)
_LONG_NAMES = {"int": "int64", "long": "int64", "float": "float64", "double": "float64"}


class _Part(msgspec.Struct, frozen=True):
    """A column or tensor of a schema."""

    type: str
    name: str | None = None
    shape: str | None = None
    description: str = ""


class _Side(msgspec.Struct, frozen=True):
    """The schema of the inputs or of the outputs."""

    columnar_schema: tuple[_Part, ...] = ()
    tensor_schema: _Part | tuple[_Part, ...] = ()

    def parts(self) -> tuple[str, tuple[_Part, ...]]:
        """Return the word for the parts of this schema, and the parts."""
        if self.columnar_schema:
            return "column", self.columnar_schema
        tensors = self.tensor_schema
        return "tensor", (tensors,) if isinstance(tensors, _Part) else tensors


def _compare_side(before: Any, after: Any, side: str) -> Iterator[_Finding]:
    old, new = [_member(it, f"{side}_schema") for it in (before, after)]
    if is_same_json(old, new):
        return
    if old is None or new is None:
        yield _lost_or_new(f"an {side} schema", new)
        return
    try:
        kind, parts = msgspec.convert(old, _Side).parts()
        new_kind, new_parts = msgspec.convert(new, _Side).parts()
    except msgspec.ValidationError:
        yield "unknown", f"the {side} schemas differ, and have not Hopsworks' form"
        return
    if kind != new_kind:
        yield "incompatible", f"{side}s were {kind}s and are {new_kind}s"
        return
    for number, (one, other) in enumerate(zip_longest(parts, new_parts), 1):
        yield from _compare_parts(side, f"{side} {kind} {number}", one, other)


def _compare_parts(
    side: str, which: str, old: _Part | None, new: _Part | None
) -> Iterator[_Finding]:
    if old is None or new is None:
        there, fate = (new, "is new") if new else (old, "is gone")
        name = f" ({there.name})" if there and there.name else ""
        is_fine = side == "output" and new is not None
        yield "compatible" if is_fine else "incompatible", f"{which}{name} {fate}"
        return
    if old.name != new.name:
        yield "incompatible", f"{which} was {old.name!r} and is {new.name!r}"
        return
    name = f" ({old.name})" if old.name else ""
    if old.type != new.type:
        is_fine = side == "input" and _is_wider(new.type, old.type)
        yield (
            "compatible" if is_fine else "incompatible",
            f"{which}{name} was {old.type} and is {new.type}",
        )
    if old.shape != new.shape:
        is_fine = side == "input" and _has_other_rows(old.shape, new.shape)
        yield (
            "compatible" if is_fine else "incompatible",
            f"{which}{name} had shape {old.shape} and has {new.shape}",
        )
    if old.description != new.description:
        yield "compatible", f"{which}{name} has another description"


def _is_wider(new: str, old: str) -> bool:
    """Tell whether the range of number type *new* includes that of type *old*."""
    found = [_NUMBER.fullmatch(_LONG_NAMES.get(it, it)) for it in (old, new)]
    if not (found[0] and found[1]):
        return False
    (old_kind, old_bits), (kind, bits) = found[0].groups(), found[1].groups()
    more_bits = int(bits) - int(old_bits)
    if kind in {old_kind, "float"}:
        return more_bits >= 0
    return (old_kind, kind) == ("uint", "int") and more_bits > 0


def _has_other_rows(old: str | None, new: str | None) -> bool:
    """Tell whether two shapes such as ``(100, 4)`` differ in the first number only."""
    rows, comma, rest = (old or "").partition(",")
    new_rows, _, new_rest = (new or "").partition(",")
    return bool(comma and rest.strip(" )")) and rest == new_rest and rows != new_rows


def _lost_or_new(what: str, after: Any) -> _Finding:
    which = "first" if after is None else "second"
    return "unknown", f"only the {which} version has {what}"


def _member(document: Any, name: str) -> Any:
    return document.get(name) if isinstance(document, Mapping) else None


def _document(schema: EmbeddedFile | None) -> Any:
    return msgspec.json.decode(schema.text) if schema else None


def _settings(manifest: Manifest, record: VersionRecord) -> dict[str, Any]:
    example = manifest.input_example
    return {
        "framework": manifest.framework,
        "description": record.description,
        "input_example": msgspec.json.decode(example.text) if example else None,
    }


def changed_values(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[ChangedValue, ...]:
    """Return the values that differ, as JSON; first those of *before*, in order."""
    return tuple(
        ChangedValue(name=name, before=before.get(name), after=after.get(name))
        for name in {**before, **after}
        if (name in before) != (name in after)
        or not is_same_json(before.get(name), after.get(name))
    )


def _changed_files(
    before: tuple[FileRecord, ...], after: tuple[FileRecord, ...]
) -> Iterator[ChangedFile]:
    old = {file.path: file.digest for file in before}
    new = {file.path: file.digest for file in after}
    for path in sorted(old.keys() | new.keys()):
        was, now = old.get(path), new.get(path)
        if was != now:
            yield ChangedFile(
                path=path,
                change="changed" if was and now else "added" if now else "removed",
                before_bytes=was.size_bytes if was else None,
                after_bytes=now.size_bytes if now else None,
            )


def _words(value: Any) -> str:
    return "nothing" if value is None else encode(value).decode()
