"""HDFS over its native protocol: creation by a rename that never overwrites.

A file is visible before it is closed, so exclusive creation alone is not enough: the
file is written to a temporary path and renamed.
"""

import stat as stat_bits
from collections.abc import Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from hdfs_native import Client, FileStatus, WriteOptions

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.options import BY_PROTOCOL
from hopsartifacts.storage.rename_storage import RenamingStorage

_READ_BYTES = 4 * 1024 * 1024
_DEFAULTS = {"dfs.client.failover.max.attempts": "3"}
"""Without this limit, an unreachable name node is retried for three minutes."""


def hdfs_storage(path: str, options: Mapping[str, Any]) -> RenamingStorage:
    """Return the storage at ``[<name node or name service>]/<absolute path>``.

    *options* are those of ``hdfs_native.Client``; all others are Hadoop settings.

    Raises:
        InvalidInputError: the path names no folder, or the Hadoop settings do not
            define the name node.
    """
    host, _, root = path.partition("/")
    root = root.strip("/")
    if not root:
        raise InvalidInputError(
            f"hdfs://{path} names no folder: use hdfs://<name node>:8020/<path>"
        )
    settings = {**_DEFAULTS, **options}
    taken = BY_PROTOCOL["hdfs"].taken & options.keys()
    named = {name: settings.pop(name) for name in taken}
    client = Client(f"hdfs://{host}" if host else None, settings, **named)
    return RenamingStorage(_Hdfs(client), root, f"hdfs://{host}/{root}")


class _Hdfs:
    """An HDFS name node: see ``hopsartifacts.storage.rename_storage``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def put(self, path: str, chunks: Iterable[bytes], mode: int) -> None:
        """Write the file, sync it on every data node, and close it."""
        options = WriteOptions(permission=mode, overwrite=False, create_parent=False)
        file = self._client.create(path, options)
        try:
            for chunk in chunks:
                file.write(chunk)
            file.hsync()
        finally:
            file.close()

    def chunks(self, path: str, start: int, size_bytes: int) -> Iterator[bytes]:
        file = self._client.read(path)
        for first in range(start, size_bytes, _READ_BYTES):
            yield file.read_range(first, min(_READ_BYTES, size_bytes - first))

    def rename(self, source: str, target: str) -> None:
        """Rename; raise if *target* exists."""
        self._client.rename(source, target, overwrite=False)

    def replace(self, source: str, target: str) -> None:
        self._client.rename(source, target, overwrite=True)

    def stat(self, path: str) -> Any | None:
        try:
            return _found(self._client.get_file_info(path))
        except FileNotFoundError:
            return None

    def children(self, path: str) -> dict[str, Any]:
        try:
            listed = list(self._client.list_status(path))
        except Exception:
            # For a path below a file, HDFS reports a missing permission.
            found = self.stat(path)
            if found is None or not stat_bits.S_ISDIR(found.st_mode):
                return {}
            raise
        # Listing a file returns the file itself.
        return {
            status.path.rpartition("/")[2]: _found(status)
            for status in listed
            if status.path.rstrip("/") != path
        }

    def make_folder(self, path: str) -> None:
        self._client.mkdirs(path, 0o755, create_parent=True)

    def set_mode(self, path: str, mode: int) -> None:
        self._client.set_permission(path, mode)

    def remove_file(self, path: str) -> None:
        if not self._client.delete(path):
            raise FileNotFoundError(path)

    def remove_folder(self, path: str) -> None:
        """Remove the folder if it is empty; check first, as HDFS also deletes files."""
        found = self.stat(path)
        if found is None or not stat_bits.S_ISDIR(found.st_mode):
            raise NotADirectoryError(path)
        self.remove_file(path)


def _found(status: FileStatus) -> Any:
    """Return *status* in the fields of ``os.stat_result``."""
    kind = stat_bits.S_IFDIR if status.isdir else stat_bits.S_IFREG
    return SimpleNamespace(
        st_mode=kind | status.permission,
        st_size=status.length,
        st_mtime=status.modification_time / 1000,
    )
