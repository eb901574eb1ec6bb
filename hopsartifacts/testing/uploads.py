"""The storage contract for unfinished uploads, as tests."""

import time

from hopsartifacts.storage.contract import FileInfo, Storage

_LARGE_BYTES = 9 * 1024 * 1024
"""More than any back end sends in one request."""


class UploadConformance:
    """Unfinished uploads; part of ``StorageConformance``."""

    def test_what_is_finished_leaves_no_upload(self, storage: Storage) -> None:
        """Neither created nor written objects leave one, small or large."""
        storage.create("a/created", b"bytes")
        storage.write("a/written", [b"bytes"])
        storage.write("a/large", [b"x" * _LARGE_BYTES] * 2)
        assert list(storage.unfinished("")) == []
        assert list(storage.unfinished("a")) == []
        assert list(storage.unfinished("absent")) == []

    def test_discarding_no_upload_is_silent(self, storage: Storage) -> None:
        """An existing object stays."""
        storage.create("a/b", b"bytes")
        for path in ("a/b", "a/absent", "absent"):
            entry = FileInfo(path=path, kind="file", modified=time.time())
            storage.discard_unfinished(entry)
        assert [entry.path for entry in storage.find("")] == ["a/b"]
        assert storage.read("a/b") == b"bytes"
