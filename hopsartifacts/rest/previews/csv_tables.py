"""Rows of CSV files, read from any row on."""

import csv
from collections.abc import Iterator

from hopsartifacts.rest.previews.documents import CELL_CHARACTERS, Table, TableColumn
from hopsartifacts.rest.previews.file_bytes import FileBytes, UnreadableError
from hopsartifacts.rest.previews.texts import Encoding

MOST_COLUMNS = 100
MOST_OUT = 160 * 1024
"""A table of more bytes ends earlier."""
_STEP = 64 * 1024
_LONGEST_LINE = 1024 * 1024
_SEPARATORS = ",;\t|"


class _Lines:
    """The lines of a file, from a byte on, and where the next one begins."""

    def __init__(self, file: FileBytes, encoding: Encoding, start: int) -> None:
        self._file = file
        self._encoding = encoding
        self._fetched = start
        self._rest = b""
        self.offset = start

    def __iter__(self) -> Iterator[str]:
        while line := self._line():
            self.offset += len(line)
            yield line.decode(self._encoding.name, "replace")

    def _line(self) -> bytes:
        while (end := self._rest.find(b"\n") + 1) == 0:
            more = self._file.at(self._fetched, _STEP)
            self._fetched += len(more)
            if not more:
                line, self._rest = self._rest, b""
                return line
            self._rest += more
            if len(self._rest) > _LONGEST_LINE:
                raise UnreadableError(
                    f"a line is longer than {_LONGEST_LINE >> 20} MiB"
                )
        line, self._rest = self._rest[:end], self._rest[end:]
        return line


def csv_table(
    file: FileBytes, encoding: Encoding, offset: int, rows: int, notes: list[str]
) -> Table:
    """Return at most *rows* rows from byte *offset* on, where a row must begin.

    The first row of the file has the names of the columns. Adds to *notes* what was
    left out.

    Raises:
        UnreadableError: it is not a table.
    """
    if encoding.name.startswith("utf-16"):
        raise UnreadableError("it is UTF-16, of which only text is shown")
    lines = _Lines(file, encoding, encoding.skipped)
    separator = _separator(file.head(_STEP))
    try:
        header = next(csv.reader(lines, delimiter=separator), [])
        if offset > lines.offset:
            lines = _Lines(file, encoding, offset)
        found, following, is_numeric = _rows(lines, separator, len(header), rows)
    except csv.Error as error:
        raise UnreadableError(f"it is not a table: {error}") from error
    if any(len(row) > len(header) for row in found):
        notes.append(
            "some rows have more values than the first row; these are left out"
        )
    width = min(len(header), MOST_COLUMNS)
    if width < len(header):
        notes.append(f"the first {width} of {len(header)} columns are shown")
    return Table(
        format="csv",
        columns=[
            TableColumn(cut(name), None, is_number=number)
            for name, number in zip(header[:width], is_numeric[:width], strict=True)
        ],
        rows=[
            [cut(row[at]) if at < len(row) else None for at in range(width)]
            for row in found
        ],
        columns_in_file=len(header),
        next=following if following < file.size_bytes else None,
    )


def _rows(
    lines: _Lines, separator: str, width: int, most: int
) -> tuple[list[list[str]], int, list[bool]]:
    """Return the rows, the offset after them, and which columns have only numbers."""
    found: list[list[str]] = []
    size = 0
    reader = csv.reader(lines, delimiter=separator)
    while len(found) < most and size < MOST_OUT:
        row = next(reader, None)
        if row is None:
            break
        if row:
            found.append(row)
            size += sum(min(len(it), CELL_CHARACTERS) + 4 for it in row[:MOST_COLUMNS])
    is_numeric = [
        any(cells) and all(it == "" or is_number(it) for it in cells)
        for cells in (
            [row[at] for row in found if at < len(row)] for at in range(width)
        )
    ]
    return found, lines.offset, is_numeric


def _separator(head: bytes) -> str:
    """Return the most frequent separator in the first line, outside of quotes."""
    line = head.partition(b"\n")[0].decode("latin-1")
    plain = "".join(line.split('"')[::2])
    return max(_SEPARATORS, key=plain.count)


def is_number(text: str) -> bool:
    """Return whether *text* is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def cut(text: str) -> str:
    """Return *text*, with an ellipsis if it is too long for a cell."""
    is_long = len(text) > CELL_CHARACTERS
    return text[: CELL_CHARACTERS - 1] + "…" if is_long else text
