"""The values that a preview consists of, and what the two processes send each other."""

from typing import Literal

import msgspec

READ_BYTES = 4 * 1024 * 1024
"""The most bytes of a file that are read for one preview."""
OUT_BYTES = 256 * 1024
"""The longest preview, as JSON."""
TEXT_BYTES = 96 * 1024
"""The bytes of text in one preview: escaped as JSON they still fit."""
CELL_CHARACTERS = 500
"""A longer value in a table is cut."""


class TextContent(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="text"
):
    """Text, beginning at the offset that was asked for.

    Attributes:
        format: how the text can be shown. JSON is indented here; its values are not
            changed.
        encoding: the encoding of the file.
        next: the ``offset`` of the text after this; null at the end.
    """

    format: Literal["plain", "markdown", "json"] = "plain"
    text: str
    encoding: str
    next: int | None = None


class TableColumn(msgspec.Struct, frozen=True):
    """A column of a table; its type is null if the format has none."""

    name: str
    type: str | None
    is_number: bool = False


class Table(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="table"):
    """Rows of a table.

    Attributes:
        format: the format of the file.
        rows: the values as text, as long as ``columns``; null stands for no value.
        rows_in_file: null if unknown.
        columns_in_file: the number of columns; the first of them are in ``columns``.
        next: the ``offset`` of the rows after these; null at the end. It counts bytes
            in a CSV file and rows in a Parquet file.
    """

    format: Literal["csv", "parquet"]
    columns: list[TableColumn]
    rows: list[list[str | None]]
    rows_in_file: int | None = None
    columns_in_file: int
    next: int | None = None


class CellOutput(msgspec.Struct, frozen=True, kw_only=True):
    """An output of a cell.

    Attributes:
        kind: ``error`` is a traceback.
        text: the text; of an image, its media type.
        data: an image in base64; null if there is none, or it is too long.
    """

    kind: Literal["text", "error", "image"]
    text: str
    data: str | None = None


class NotebookCell(msgspec.Struct, frozen=True, kw_only=True):
    """A cell of a notebook; its number is that of its execution."""

    kind: str
    source: str
    number: int | None = None
    outputs: list[CellOutput] = []


class Notebook(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="notebook"
):
    """The first cells of a notebook.

    Attributes:
        language: language of the code; null if unknown.
        cells_in_file: the number of cells; the first of them are in ``cells``.
    """

    language: str | None
    cells: list[NotebookCell]
    cells_in_file: int


class Image(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="image"):
    """An image; width and height are in pixels, and null if unknown."""

    media_type: str
    width: int | None
    height: int | None


class TensorHeader(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor in a safetensors file."""

    name: str
    type: str
    shape: list[int]
    size_bytes: int


class Tensors(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="tensors"
):
    """The header of a safetensors file.

    Attributes:
        metadata: the texts that its writer added.
        tensors_in_file: the number of tensors; the first are in ``tensors``.
        parameters: the number of values in all tensors.
    """

    metadata: dict[str, str]
    tensors: list[TensorHeader]
    tensors_in_file: int
    parameters: int


class Import(msgspec.Struct, frozen=True, order=True):
    """A name that a pickle imports when it is loaded.

    Attributes:
        name: module and name, such as ``sklearn.svm._classes.SVC``.
        is_dangerous: whether it can run commands or reach files or the network. Others
            may do so as well: load only pickles that you trust.
    """

    name: str
    is_dangerous: bool


class Pickle(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="pickle"):
    """The imports of a pickle; it was read, not loaded, so nothing was run.

    Attributes:
        is_complete: whether the whole pickle was read. If not, it may import more.
    """

    imports: list[Import]
    is_complete: bool


class Entry(msgspec.Struct, frozen=True):
    """A file in an archive."""

    name: str
    size_bytes: int


class Archive(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="archive"
):
    """The files in a zip archive, such as one that PyTorch wrote.

    Attributes:
        entries_in_file: the number of files; the first are in ``entries``.
        pickle: imports of the pickles in it; null if it has none.
    """

    entries: list[Entry]
    entries_in_file: int
    pickle: Pickle | None = None


class Binary(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="binary"):
    """The bytes from the offset on, as hexadecimal text of 16 bytes a line."""

    text: str


class Unreadable(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="unreadable"
):
    """There is no preview, for this reason."""

    reason: str


Content = (
    TextContent
    | Table
    | Notebook
    | Image
    | Tensors
    | Pickle
    | Archive
    | Binary
    | Unreadable
)


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a file contains, without reading all of it.

    The bytes are those that are stored. They are not compared with a seal here.

    Attributes:
        path: path in the project.
        notes: sentences about what was left out or found.
    """

    path: str
    size_bytes: int
    content: Content
    notes: list[str] = []


Token = tuple[str, str]
"""A short class name, such as ``k`` for a keyword, and its text."""


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of source code as tokens, for highlighting.

    Attributes:
        path: path in the project.
        language: null if it is unknown, or highlighting is not installed. Each line is
            then one token without a class.
        lines: the lines, without line ends; each is a list of class and text. Classes
            are the short names of Pygments.
        next: the ``offset`` of the next line; null at the end.
        notes: sentences about what was left out or found.
    """

    path: str
    language: str | None
    lines: list[list[Token]]
    next: int | None = None
    notes: list[str] = []


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What the helper process is asked to make.

    Attributes:
        kind: a preview, or tokens.
        path: path of the file in the project.
        size_bytes: its size.
        offset: where the part to show begins.
        rows: at most so many rows of a table.
        is_raw: show the file as text, whatever it contains.
    """

    kind: Literal["preview", "tokens"]
    path: str
    size_bytes: int
    offset: int = 0
    rows: int = 50
    is_raw: bool = False


class Wanted(msgspec.Struct, frozen=True, tag=True):
    """The helper process needs these bytes of the file."""

    start: int
    size: int


class Made(msgspec.Struct, frozen=True, tag=True):
    """The helper process has made this: the answer as JSON."""

    document: bytes


Message = Wanted | Made
