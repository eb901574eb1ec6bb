"""Zip archives: their files, and the imports of the pickles that PyTorch puts there."""

import zipfile
import zlib

from hopsartifacts.rest.previews.csv_tables import cut
from hopsartifacts.rest.previews.documents import Archive, Entry, Pickle
from hopsartifacts.rest.previews.file_bytes import (
    FileBytes,
    ReadableFile,
    UnreadableError,
)
from hopsartifacts.rest.previews.pickles import pickle_imports

_MOST_ENTRIES = 500
_MOST_PICKLES = 10
_PICKLE_BYTES = 8 * 1024 * 1024


def archive(file: FileBytes, notes: list[str]) -> Archive:
    """Return the files in a zip archive; adds to *notes* what was left out.

    Raises:
        UnreadableError: it is no zip archive, or its list of files is too long.
    """
    try:
        with zipfile.ZipFile(ReadableFile(file)) as opened:
            found = opened.infolist()
            pickles = [it for it in found if it.filename.endswith(".pkl")]
            read = [_imports(opened, it, notes) for it in pickles[:_MOST_PICKLES]]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise UnreadableError(f"it is not a zip archive: {cut(str(error))}") from error
    if len(found) > _MOST_ENTRIES:
        notes.append(f"the first {_MOST_ENTRIES} of {len(found)} files are shown")
    all_imports = {one for it in read for one in it.imports}
    pickle = Pickle(
        imports=sorted(all_imports),
        is_complete=len(read) == len(pickles) and all(it.is_complete for it in read),
    )
    return Archive(
        entries=[Entry(cut(it.filename), it.file_size) for it in found[:_MOST_ENTRIES]],
        entries_in_file=len(found),
        pickle=pickle if pickles else None,
    )


def _imports(
    opened: zipfile.ZipFile, info: zipfile.ZipInfo, notes: list[str]
) -> Pickle:
    """Return the imports of one pickle in an archive."""
    try:
        with opened.open(info) as file:
            data = file.read(_PICKLE_BYTES)
    except (
        UnreadableError,
        zipfile.BadZipFile,
        zlib.error,
        RuntimeError,
        ValueError,
        OSError,
        EOFError,
    ) as error:
        notes.append(f"{cut(info.filename)} cannot be read: {cut(str(error))}")
        return Pickle(imports=[], is_complete=False)
    held = FileBytes(
        len(data), lambda start, size: data[start : start + size], 2 * _PICKLE_BYTES
    )
    return pickle_imports(held, notes)
