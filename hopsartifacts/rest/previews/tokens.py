"""Source code as tokens, by Pygments if it is installed."""

from collections.abc import Iterable

import msgspec

from hopsartifacts.rest.previews.documents import OUT_BYTES, Task, Token, Tokens
from hopsartifacts.rest.previews.file_bytes import FileBytes, UnreadableError
from hopsartifacts.rest.previews.texts import encoding_of, text_part

_CODE_BYTES = 64 * 1024
_HEAD = 8 * 1024
_OUT = OUT_BYTES * 3 // 4


def tokens(file: FileBytes, task: Task) -> Tokens:
    """Return lines from the offset of *task* on, as tokens.

    Raises:
        UnreadableError: it is not text.
    """
    head = file.head(_HEAD)
    encoding = encoding_of(head, is_whole=len(head) == file.size_bytes)
    if encoding is None:
        raise UnreadableError("it is not text")
    text, following = text_part(file, encoding, task.offset, _CODE_BYTES)
    notes = [encoding.note] if encoding.note else []
    language, lines = _highlighted(task.path, text.replace("\r\n", "\n"), notes)
    if not lines[-1]:
        lines.pop()  # after the last line end
    kept, size = 0, 0
    for line in lines:
        size += len(msgspec.json.encode(line)) + 1
        if size > _OUT:
            break
        kept += 1
    if kept < len(lines):
        before = "".join(text.splitlines(keepends=True)[:kept])
        following = max(task.offset, encoding.skipped) + len(
            before.encode(encoding.name)
        )
    return Tokens(
        path=task.path,
        language=language,
        lines=lines[:kept],
        next=following,
        notes=notes,
    )


def _highlighted(
    path: str, text: str, notes: list[str]
) -> tuple[str | None, list[list[Token]]]:
    plain = [[("", line)] if line else [] for line in text.split("\n")]
    try:
        from pygments.lexers import find_lexer_class_for_filename  # noqa: PLC0415 - optional
    except ImportError:
        notes.append(
            "it is not highlighted, as Pygments is not installed on the server: "
            "pip install 'hopsartifacts[ui]'"
        )
        return None, plain
    kind = find_lexer_class_for_filename(path.rpartition("/")[2])
    if kind is None:
        return None, plain
    lines = _lines(kind(stripnl=False, ensurenl=False).get_tokens(text))
    is_same = ["".join(part for _, part in line) for line in lines] == text.split("\n")
    return (kind.name, lines) if is_same else (None, plain)


def _lines(found: Iterable[tuple[object, str]]) -> list[list[Token]]:
    from pygments.token import STANDARD_TYPES  # noqa: PLC0415 - optional

    lines: list[list[Token]] = [[]]
    for kind, text in found:
        known = kind
        while known not in STANDARD_TYPES:
            known = known.parent  # type: ignore[attr-defined]  # a token type
        name = STANDARD_TYPES[known]
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append([])
            if part:
                _add(lines[-1], name, part)
    return lines


def _add(line: list[Token], name: str, part: str) -> None:
    if line and line[-1][0] == name:
        line[-1] = (name, line[-1][1] + part)
    else:
        line.append((name, part))
