"""Text: encodings, parts of long text, indented JSON, bytes as hexadecimal text."""

import codecs
import re
from collections.abc import Iterator

import msgspec

from hopsartifacts.rest.previews.documents import TEXT_BYTES, Binary, TextContent
from hopsartifacts.rest.previews.file_bytes import FileBytes, UnreadableError

_HEX_BYTES = 512
_LINE_BYTES = 16
_DEEPEST = 40
_MOST_CONTROLS = 0.01
_CONTROLS = re.compile(rb"[\x00-\x07\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_TOKEN = re.compile(r'\s+|"(?:[^"\\]|\\.)*"?|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)


class Encoding(msgspec.Struct, frozen=True):
    """The encoding of a file.

    Attributes:
        name: as Python calls it.
        skipped: length of the mark at the beginning of the file.
        note: what to say about it; empty if it is usual.
    """

    name: str
    skipped: int = 0
    note: str = ""


def encoding_of(head: bytes, *, is_whole: bool) -> Encoding | None:
    """Return the encoding of text that begins with *head*; None if it is no text."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return Encoding(name, len(mark))
    if b"\0" in head or len(_CONTROLS.findall(head)) > len(head) * _MOST_CONTROLS:
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=is_whole)
    except UnicodeDecodeError as error:
        return Encoding(
            "latin-1",
            note=f"it is not UTF-8 (byte {error.start} is invalid), so it is shown as "
            "Latin-1: some characters may be wrong",
        )
    return Encoding("utf-8")


def text_part(
    file: FileBytes, encoding: Encoding, offset: int, most: int = TEXT_BYTES
) -> tuple[str, int | None]:
    """Return a part of the text from byte *offset* on, and the offset after it.

    It ends after a line if it has one. The offset is None at the end of the file.
    """
    start = max(offset, encoding.skipped)
    unit = 2 if encoding.name.startswith("utf-16") else 1
    if (start - encoding.skipped) % unit:
        raise UnreadableError(
            f"offset {offset} is within a character: use 'next' of the answer before"
        )
    data = file.at(start, most)
    is_end = start + len(data) >= file.size_bytes
    if not is_end:
        data = _whole_lines(data, encoding.name)
    decoder = codecs.getincrementaldecoder(encoding.name)("replace")
    text = decoder.decode(data, final=is_end)
    kept = 0 if is_end else len(decoder.getstate()[0])
    return text, None if is_end else start + len(data) - kept


def _whole_lines(data: bytes, encoding: str) -> bytes:
    if encoding.startswith("utf-16"):
        return data[: len(data) // 2 * 2]
    end = data.rfind(b"\n") + 1
    return data[:end] if end else data


def indented(text: str, most: int) -> tuple[str, bool]:
    """Return the JSON *text* with line breaks and indentation, and whether all of it.

    Works on any text, also invalid or unfinished JSON: only space between tokens
    changes. What is nested more than 40 deep is not indented further.
    """
    out: list[str] = []
    length = 0
    for piece in _laid_out(text):
        length += len(piece.encode(errors="replace"))
        if length > most:
            return "".join(out), False
        out.append(piece)
    return "".join(out), True


def _laid_out(text: str) -> Iterator[str]:
    depth = 0
    is_open = False
    for match in _TOKEN.finditer(text):
        piece = match.group()
        if piece.isspace():
            continue
        if piece in "]}":
            depth = max(0, depth - 1)
            yield piece if is_open else _line(depth) + piece
        else:
            yield (_line(depth) if is_open else "") + _with_space(piece, depth)
        is_open = piece in "[{"
        depth += is_open


def _with_space(piece: str, depth: int) -> str:
    if piece == ",":
        return piece + _line(depth)
    return ": " if piece == ":" else piece


def _line(depth: int) -> str:
    return "\n" + "  " * min(depth, _DEEPEST)


def json_text(file: FileBytes, encoding: Encoding, notes: list[str]) -> TextContent:
    """Return indented JSON; adds to *notes* what is wrong with it, or left out."""
    data = file.whole()
    if data is not None and encoding.name == "utf-8":
        try:
            msgspec.json.decode(data[encoding.skipped :], type=msgspec.Raw)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            notes.append(f"it is not valid JSON: {error}")
    text, following = text_part(file, encoding, 0)
    shown, is_all = indented(text, TEXT_BYTES)
    if following is not None or not is_all:
        notes.append("only its beginning is shown")
    return TextContent(format="json", text=shown, encoding=encoding.name)


def hexadecimal(file: FileBytes, offset: int) -> Binary:
    """Return the bytes from *offset* on as lines of numbers and characters."""
    data = file.at(offset, _HEX_BYTES)
    lines = []
    for at in range(0, len(data), _LINE_BYTES):
        part = data[at : at + _LINE_BYTES]
        shown = "".join(chr(it) if 32 <= it < 127 else "." for it in part)  # noqa: PLR2004 - ASCII
        lines.append(f"{offset + at:08x}  {part.hex(' '):<47}  {shown}")
    return Binary(text="\n".join(lines))
