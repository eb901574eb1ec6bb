"""Snapshots of a storage, to be written to others instead of redoing the work."""

from hopsartifacts.machine.workers import each
from hopsartifacts.storage.contract import Storage


class StorageSnapshot:
    """Every file of *storage*, with its read-only state."""

    def __init__(self, storage: Storage) -> None:
        entries = list(storage.find(""))
        self._sealed = [it.path for it in entries if it.is_read_only]
        self._bytes = {it.path: storage.read(it.path) for it in entries}
        above = {folder for path in self._bytes for folder in _above(path)}
        has_modes = storage.capabilities.has_modes
        found = [storage.stat(it) for it in sorted(above)] if has_modes else []
        self._closed = [it.path for it in found if it and it.is_read_only]
        self._open = [it.path for it in found if it and not it.is_read_only]

    def put(self, storage: Storage) -> None:
        """Write the snapshot to the empty *storage*."""
        self._write(storage, self._sealed)
        for folder in self._closed:
            storage.protect(folder)
        below = tuple(f"{folder}/" for folder in self._closed)
        for folder in self._open:
            if folder.startswith(below):
                storage.unprotect(folder)
        if storage.capabilities.has_modes:
            for path in self._sealed:
                if not path.startswith(below):
                    storage.protect(path)
        self._write(storage, sorted(self._bytes.keys() - set(self._sealed)))

    def _write(self, storage: Storage, paths: list[str]) -> None:
        def write(path: str, _: object) -> None:
            storage.write(path, [self._bytes[path]])

        each(write, paths, storage.capabilities.workers)


def _above(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]
