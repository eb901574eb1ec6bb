"""What kind of file it is, by its name and first bytes; and its preview."""

from msgspec.structs import replace

from hopsartifacts.rest.previews.archives import archive
from hopsartifacts.rest.previews.csv_tables import csv_table
from hopsartifacts.rest.previews.documents import (
    Content,
    Preview,
    Task,
    TextContent,
    Unreadable,
)
from hopsartifacts.rest.previews.file_bytes import FileBytes, UnreadableError
from hopsartifacts.rest.previews.images import image
from hopsartifacts.rest.previews.notebooks import notebook
from hopsartifacts.rest.previews.parquet_tables import parquet_table
from hopsartifacts.rest.previews.pickles import decompressed, pickle_imports
from hopsartifacts.rest.previews.tensors import tensors
from hopsartifacts.rest.previews.texts import (
    Encoding,
    encoding_of,
    hexadecimal,
    json_text,
    text_part,
)

_HEAD = 8 * 1024
_PICKLES = ("pkl", "pickle", "joblib", "pt", "pth", "sav")
_PICKLE = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))


def preview(file: FileBytes, task: Task) -> Preview:
    """Return the preview that *task* asks for."""
    notes: list[str] = []
    content: Content
    try:
        content = _content(file, task, notes)
    except UnreadableError as error:
        content = _fallback(file, task, str(error), notes)
    return Preview(
        path=task.path, size_bytes=task.size_bytes, content=content, notes=notes
    )


def _content(file: FileBytes, task: Task, notes: list[str]) -> Content:
    head = file.head(_HEAD)
    encoding = encoding_of(head, is_whole=len(head) == file.size_bytes)
    if not task.is_raw and (found := _binary(file, head, task, notes)):
        return found
    ending = task.path.rpartition("/")[2].rpartition(".")[2].lower()
    if encoding is None or task.is_raw:
        return _plain(file, encoding, task, notes)
    if ending in {"csv", "tsv"}:
        return csv_table(file, encoding, task.offset, task.rows, notes)
    if not task.offset and ending in {"json", "ipynb"}:
        is_json = ending == "json"
        return json_text(file, encoding, notes) if is_json else notebook(file, notes)
    found = _plain(file, encoding, task, notes)
    if isinstance(found, TextContent) and ending in {"md", "markdown"}:
        return replace(found, format="markdown")
    return found


def _binary(
    file: FileBytes, head: bytes, task: Task, notes: list[str]
) -> Content | None:
    """Return the preview of a file of a known format that is no text."""
    ending = task.path.rpartition(".")[2].lower()
    if head.startswith(b"PAR1"):
        return parquet_table(file, task.offset, task.rows, notes)
    if head.startswith(b"PK\x03\x04"):
        return archive(file, notes)
    if ending == "safetensors":
        return tensors(file, notes)
    if head.startswith(_PICKLE) or ending in _PICKLES:
        # The oldest protocol begins with any instruction.
        return pickle_imports(decompressed(file, notes) or file, notes)
    return image(file)


def _plain(
    file: FileBytes, encoding: Encoding | None, task: Task, notes: list[str]
) -> Content:
    if encoding is None:
        return hexadecimal(file, task.offset)
    if encoding.note:
        notes.append(encoding.note)
    text, following = text_part(file, encoding, task.offset)
    return TextContent(text=text, encoding=encoding.name, next=following)


def _fallback(file: FileBytes, task: Task, reason: str, notes: list[str]) -> Content:
    """Return the file as text if it is text; else only the reason."""
    head = file.head(_HEAD)
    encoding = encoding_of(head, is_whole=len(head) == file.size_bytes)
    if encoding is None or task.is_raw:
        return Unreadable(reason=reason)
    notes.append(reason)
    try:
        return _plain(file, encoding, task, notes)
    except UnreadableError:
        return Unreadable(reason=reason)
