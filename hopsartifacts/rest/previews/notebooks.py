"""The cells of Jupyter notebooks."""

import base64
import binascii
from typing import Any

import msgspec

from hopsartifacts.rest.previews.documents import (
    OUT_BYTES,
    CellOutput,
    Notebook,
    NotebookCell,
)
from hopsartifacts.rest.previews.file_bytes import FileBytes, UnreadableError

_OUT = OUT_BYTES // 2
_SOURCE_CHARACTERS = 16 * 1024
_OUTPUT_CHARACTERS = 4 * 1024
_IMAGE_CHARACTERS = 96 * 1024
_MOST_CELLS = 500
_MOST_OUTPUTS = 20
_IMAGES = ("image/png", "image/jpeg", "image/gif")

_Lines = str | list[str]


class _Output(msgspec.Struct):
    output_type: str = ""
    text: _Lines = ""
    data: dict[str, Any] = {}
    ename: str = ""
    evalue: str = ""


class _Cell(msgspec.Struct):
    cell_type: str = ""
    source: _Lines = ""
    execution_count: int | None = None
    outputs: list[_Output] = []


class _Info(msgspec.Struct):
    name: str | None = None


class _Metadata(msgspec.Struct):
    language_info: _Info = msgspec.field(default_factory=_Info)


class _File(msgspec.Struct):
    cells: list[msgspec.Raw]
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


def notebook(file: FileBytes, notes: list[str]) -> Notebook:
    """Return the first cells; adds to *notes* what was left out.

    Raises:
        UnreadableError: it is not a notebook, or too long.
    """
    data = file.whole()
    if data is None:
        raise UnreadableError("the notebook is too long for a preview: download it")
    cells: list[NotebookCell] = []
    try:
        found = msgspec.json.decode(data, type=_File)
        left = _OUT
        for raw in found.cells[:_MOST_CELLS]:
            cell = _shown(msgspec.json.decode(raw, type=_Cell), left)
            left -= len(msgspec.json.encode(cell))
            if left < 0:
                break
            cells.append(cell)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UnreadableError(f"it is not a notebook: {error}") from error
    if len(cells) < len(found.cells):
        notes.append(f"the first {len(cells)} of {len(found.cells)} cells are shown")
    return Notebook(
        language=found.metadata.language_info.name,
        cells=cells,
        cells_in_file=len(found.cells),
    )


def _shown(cell: _Cell, left: int) -> NotebookCell:
    return NotebookCell(
        kind=cell.cell_type[:40],
        source=_joined(cell.source, _SOURCE_CHARACTERS),
        number=cell.execution_count,
        outputs=[_output(it, left) for it in cell.outputs[:_MOST_OUTPUTS]],
    )


def _output(output: _Output, left: int) -> CellOutput:
    if output.output_type == "error":
        text = f"{output.ename}: {output.evalue}"
        return CellOutput(kind="error", text=text[:_OUTPUT_CHARACTERS])
    for media in _IMAGES:
        if media in output.data:
            data = _joined(output.data[media], _IMAGE_CHARACTERS + 1).replace("\n", "")
            return CellOutput(kind="image", text=media, data=_base64(data, left))
    plain = output.text or output.data.get("text/plain", "")
    return CellOutput(kind="text", text=_joined(plain, _OUTPUT_CHARACTERS))


def _base64(data: str, left: int) -> str | None:
    if len(data) > min(_IMAGE_CHARACTERS, left):
        return None
    try:
        base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data


def _joined(lines: object, most: int) -> str:
    if isinstance(lines, list):
        return "".join(it for it in lines if isinstance(it, str))[:most]
    return lines[:most] if isinstance(lines, str) else ""
