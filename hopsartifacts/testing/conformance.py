"""The storage contract as tests.

Inherit the class, define a ``storage`` fixture, and run pytest:

    class TestMyStorage(StorageConformance):
        @pytest.fixture
        def storage(self) -> Storage:
            return MyStorage("an empty place")

Optional features are looked up in the capabilities, so no test is skipped.
"""

import time
from collections.abc import Iterator

import pytest

from hopsartifacts.errors import AlreadyExistsError, PathNotFoundError, StorageError
from hopsartifacts.storage.contract import FileInfo, Storage
from hopsartifacts.testing.races import ThreadConformance

_CLOCK_S = 600
_LARGE_BYTES = 9 * 1024 * 1024
"""More than a back end sends in one request, or returns in one chunk."""


class ModeConformance:
    """Protected files and folders; part of ``StorageConformance``."""

    def test_protected_files_say_so_where_there_are_modes(
        self, storage: Storage
    ) -> None:
        """A folder is protected with its content; without modes this does nothing."""
        storage.write("t/a", [b""])
        storage.write("t/b/c", [b""])
        storage.protect("t")
        marks = [storage.stat(path) for path in ("t", "t/a", "t/b", "t/b/c")]
        shown = [entry is not None and entry.is_read_only for entry in marks]
        assert shown == [storage.capabilities.has_modes] * 4

    def test_one_file_can_be_protected(self, storage: Storage) -> None:
        """Other files in the folder stay unchanged."""
        storage.write("t/a", [b""])
        storage.write("t/b", [b""])
        storage.protect("t/a")
        marks = [entry.is_read_only for entry in storage.list("t")]
        assert marks == [storage.capabilities.has_modes, False]

    def test_an_unprotected_folder_takes_files_again(self, storage: Storage) -> None:
        """Only the folder itself is writable again; its content stays protected."""
        storage.write("t/a", [b""])
        storage.protect("t")
        storage.unprotect("t")
        assert storage.create("t/b", b"")
        folder, file = storage.stat("t"), storage.stat("t/a")
        assert folder is not None
        assert file is not None
        assert not folder.is_read_only
        assert file.is_read_only == storage.capabilities.has_modes

    def test_created_files_are_read_only_where_there_are_modes(
        self, storage: Storage
    ) -> None:
        """Created files must not be changed later."""
        storage.create("a/b", b"")
        found = storage.stat("a/b")
        assert found is not None
        assert found.is_read_only == storage.capabilities.has_modes

    def test_files_can_be_moved_out_of_a_protected_folder(
        self, storage: Storage
    ) -> None:
        """The guard moves foreign files aside; the folder stays read-only."""
        storage.write("t/a", [b"bytes"])
        storage.protect("t")
        storage.move("t/a", "aside/a")
        assert storage.read("aside/a") == b"bytes"
        folder = storage.stat("t")
        has_modes = storage.capabilities.has_modes
        # Without modes, a back end need not keep empty folders.
        assert (folder.is_read_only if folder else False) == has_modes

    def test_delete_tree_deletes_what_is_protected(self, storage: Storage) -> None:
        """A folder is deleted with its content; its siblings stay."""
        storage.write("t/a", [b""])
        storage.write("t/b/c", [b""])
        storage.write("tt", [b""])
        storage.protect("t")
        storage.delete_tree("t")
        # An object store may still list the folder, but it is empty.
        assert list(storage.find("t")) == []
        assert [entry.path for entry in storage.find("")] == ["tt"]


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


class StorageConformance(ThreadConformance, ModeConformance, UploadConformance):
    """Every promise of ``hopsartifacts.storage.contract``; *storage* starts empty."""

    def test_create_makes_the_object_whole(self, storage: Storage) -> None:
        """A created object is read back unchanged."""
        assert storage.create("a/b/c.json", b"\x00one\n")
        assert storage.read("a/b/c.json") == b"\x00one\n"

    def test_create_takes_no_bytes_at_all(self, storage: Storage) -> None:
        """An empty object exists."""
        assert storage.create("empty", b"")
        assert storage.read("empty") == b""
        assert not storage.create("empty", b"more")

    def test_create_never_overwrites(self, storage: Storage) -> None:
        """The second call returns False, and the first content stays."""
        assert storage.create("a/b", b"first")
        assert not storage.create("a/b", b"second")
        assert storage.read("a/b") == b"first"

    def test_create_does_not_replace_what_was_written(self, storage: Storage) -> None:
        """A written object blocks a creation just like a created one."""
        storage.write("a/b", [b"first"])
        assert not storage.create("a/b", b"second")
        assert storage.read("a/b") == b"first"

    def test_create_works_again_after_a_deletion(self, storage: Storage) -> None:
        """A path is free again after a deletion."""
        storage.create("a/b", b"first")
        storage.delete_tree("a/b")
        assert storage.create("a/b", b"second")

    def test_create_leaves_nothing_else_behind(self, storage: Storage) -> None:
        """Whether the creation succeeds or not, only the object is left."""
        storage.create("a/b", b"first")
        storage.create("a/b", b"second")
        assert [entry.path for entry in storage.find("")] == ["a/b"]

    def test_write_puts_chunks_together(self, storage: Storage) -> None:
        """Chunks of any size, or none at all, make one object."""
        storage.write("a/b", iter([b"one", b"", b"two"]))
        storage.write("a/none", [])
        assert storage.read("a/b") == b"onetwo"
        assert storage.read("a/none") == b""

    def test_write_replaces(self, storage: Storage) -> None:
        """The last content wins, even if it is shorter."""
        storage.write("a/b", [b"a long one"])
        storage.write("a/b", [b"short"])
        assert storage.read("a/b") == b"short"

    def test_write_that_is_interrupted_leaves_nothing(self, storage: Storage) -> None:
        """If the source of the content fails, nothing is left of the object."""
        with pytest.raises(ZeroDivisionError):
            storage.write("a/b", _failing())
        assert storage.stat("a/b") is None
        assert list(storage.find("")) == []

    def test_write_that_is_interrupted_keeps_the_old(self, storage: Storage) -> None:
        """If the source of the content fails, the existing object stays."""
        storage.write("a/b", [b"old"])
        with pytest.raises(ZeroDivisionError):
            storage.write("a/b", _failing())
        assert storage.read("a/b") == b"old"

    def test_chunks_are_the_bytes_in_order(self, storage: Storage) -> None:
        """A large file yields several chunks, an empty one none."""
        data = bytes(range(256)) * (_LARGE_BYTES // 256) + b"end"
        storage.write("big", [data])
        storage.write("none", [])
        chunks = list(storage.chunks("big"))
        assert b"".join(chunks) == data
        assert max(map(len, chunks)) < len(data)
        assert list(storage.chunks("none")) == []

    @pytest.mark.parametrize("start", [1, _LARGE_BYTES - 1, _LARGE_BYTES, 1 << 40])
    def test_chunks_begin_where_they_are_asked_to(
        self, storage: Storage, start: int
    ) -> None:
        """The rest of the content is returned, and nothing from the end on."""
        data = bytes(range(256)) * (_LARGE_BYTES // 256)
        storage.write("big", [data])
        assert b"".join(storage.chunks("big", start)) == data[start:]

    def test_copy_gives_the_same_bytes_or_does_nothing(self, storage: Storage) -> None:
        """Both files exist and are complete; without copying, only the first."""
        storage.create("a/b", b"bytes")
        is_done = storage.copy("a/b", "c/d/e")
        there = [entry.path for entry in storage.find("")]
        assert there == ["a/b", *(["c/d/e"] if is_done else [])]
        assert {storage.read(path) for path in there} == {b"bytes"}
        storage.delete_tree("a")
        assert [storage.read(path) for path in there[1:]] == [b"bytes"] * is_done

    def test_copy_of_nothing_is_refused(self, storage: Storage) -> None:
        """Unless the back end cannot copy at all."""
        storage.create("a/b", b"bytes")
        if storage.copy("a/b", "a/c"):
            with pytest.raises(PathNotFoundError, match="absent"):
                storage.copy("a/absent", "a/d")

    def test_entries_say_when_they_were_written(self, storage: Storage) -> None:
        """By the back end's clock, the same in all three methods; or not at all."""
        storage.create("a/b", b"bytes")
        found = [storage.stat("a/b"), *storage.list("a"), *storage.find("a")]
        times = [entry.modified for entry in found if entry]
        assert len(times) == len(found)
        if times[0] is not None:
            assert times == pytest.approx([times[0]] * len(times), abs=1.1)
            assert times[0] == pytest.approx(time.time(), abs=_CLOCK_S)

    @pytest.mark.parametrize("path", ["absent", "a/absent", "absent/b", "a/b/c", "a"])
    def test_what_is_no_file_cannot_be_read(self, storage: Storage, path: str) -> None:
        """Missing paths, paths below a file, and folders cannot be read."""
        storage.create("a/b", b"")
        with pytest.raises(PathNotFoundError, match=path):
            storage.read(path)
        with pytest.raises(PathNotFoundError, match=path):
            list(storage.chunks(path))

    def test_stat_describes_files_and_folders(self, storage: Storage) -> None:
        """The kind and size of a file, and the kind of the folders above it."""
        storage.write("a/b/c", [b"four"])
        found = storage.stat("a/b/c")
        assert found is not None
        assert (found.path, found.kind, found.size_bytes) == ("a/b/c", "file", 4)
        assert found.name == "c"
        for folder in ("a", "a/b"):
            above = storage.stat(folder)
            assert above is not None
            assert (above.path, above.kind) == (folder, "directory")

    @pytest.mark.parametrize("path", ["absent", "a/absent", "a/b/c"])
    def test_stat_of_nothing_is_none(self, storage: Storage, path: str) -> None:
        """Missing paths, and paths below a file."""
        storage.create("a/b", b"")
        assert storage.stat(path) is None

    def test_list_shows_children_sorted(self, storage: Storage) -> None:
        """Direct children only, sorted by whole path."""
        for path in ("t/b", "t/a/deep/er", "t/a-b", "tt/x", "t/c"):
            assert storage.create(path, b"xy")
        listed = [(entry.path, entry.kind) for entry in storage.list("t")]
        assert listed == [
            ("t/a", "directory"),
            ("t/a-b", "file"),
            ("t/b", "file"),
            ("t/c", "file"),
        ]
        # A back end may keep its own folders at the root.
        assert {"t", "tt"} <= {entry.path for entry in storage.list("")}
        assert storage.list("t")[1].size_bytes == len(b"xy")

    def test_list_is_never_stale(self, storage: Storage) -> None:
        """Each listing shows the latest creation or deletion."""
        storage.create("t/1", b"")
        assert len(storage.list("t")) == 1
        storage.create("t/2", b"")
        assert [entry.name for entry in storage.list("t")] == ["1", "2"]
        storage.delete_tree("t/1")
        assert [entry.name for entry in storage.list("t")] == ["2"]

    @pytest.mark.parametrize("path", ["absent", "absent/b", "a/b", "a/b/c"])
    def test_what_is_no_folder_has_no_children(
        self, storage: Storage, path: str
    ) -> None:
        """Missing paths, files, and paths below a file."""
        storage.create("a/b", b"")
        assert storage.list(path) == []
        assert list(storage.find(path)) == []

    def test_find_goes_all_the_way_down(self, storage: Storage) -> None:
        """All files below a folder, sorted by whole path, without the folders."""
        for path in ("t/a/z", "t/a-b", "t/a/b/c", "tt/x", "t/b"):
            storage.create(path, b"xyz")
        found = list(storage.find("t"))
        assert [entry.path for entry in found] == ["t/a-b", "t/a/b/c", "t/a/z", "t/b"]
        assert {entry.kind for entry in found} == {"file"}
        assert {entry.size_bytes for entry in found} == {3}
        assert [entry.path for entry in storage.find("")][-1] == "tt/x"

    @pytest.mark.parametrize("path", ["", "absent", "absent/b", "a/b", "a/b/c"])
    def test_nothing_is_first_where_nothing_is(
        self, storage: Storage, path: str
    ) -> None:
        """An empty storage, missing paths, files, and paths below a file."""
        assert storage.first(path) is None
        if path:
            storage.create("a/b", b"")
            assert storage.first(path) is None

    def test_first_is_the_first_of_find(self, storage: Storage) -> None:
        """By whole path on every level, in any order of creation."""
        for path in ("t/b", "t/a/z", "tt/x", "t/a/b/c", "t/a.x/q", "t/a-b", "t/a "):
            storage.create(path, path.encode())
            for top in ("", "t", "t/a"):
                found = [entry.path for entry in storage.find(top)]
                assert storage.first(top) == next(iter(found), None)
        assert storage.first("t") == "t/a "

    def test_first_is_found_below_folders_of_digits(self, storage: Storage) -> None:
        """With sibling folders that sort later, and many files."""
        for number in range(30, 0, -1):
            storage.create(f"t/{number % 3}/{number:03}/{number}.json", b"")
        assert storage.first("t") == "t/0/003/3.json"
        assert storage.first("t/2") == "t/2/002/2.json"
        assert storage.first("t/2/029") == "t/2/029/29.json"
        assert storage.first("") == "t/0/003/3.json"

    def test_first_is_never_stale(self, storage: Storage) -> None:
        """It reflects the latest creation or deletion."""
        for path in ("t/2/2", "t/2/1", "t/1/9", "t/0"):
            storage.create(path, b"")
            assert storage.first("t") == path
        for gone, path in (("t/0", "t/1/9"), ("t/1", "t/2/1"), ("t/2/1", "t/2/2")):
            storage.delete_tree(gone)
            assert storage.first("t") == path
        storage.delete_tree("t")
        assert storage.first("t") is None

    def test_first_passes_over_folders_left_behind(self, storage: Storage) -> None:
        """A folder may remain after its last file is deleted."""
        for path in ("t/0/0/0", "t/0/1/0", "t/1/0/0", "t/1/1/0"):
            storage.create(path, b"")
        for path, left in (("t/0/0/0", "t/0/1/0"), ("t/0/1/0", "t/1/0/0")):
            storage.delete_tree(path)
            assert storage.first("t") == left
        storage.delete_tree("t/1/0/0")
        storage.delete_tree("t/1/1/0")
        assert storage.first("t") is None

    def test_names_are_kept_as_they_are(self, storage: Storage) -> None:
        """Spaces, other scripts, brackets and percent signs are plain characters."""
        paths = sorted(["t/a b", "t/größe 数.bin", "t/[x]*", "t/%20", "t/.hidden"])
        for path in paths:
            storage.create(path, path.encode())
        assert [entry.path for entry in storage.find("t")] == paths
        assert all(storage.read(path) == path.encode() for path in paths)

    def test_move_takes_the_file_elsewhere(self, storage: Storage) -> None:
        """The content is at the new path and no longer at the old one."""
        storage.create("a/b", b"bytes")
        storage.move("a/b", "c/d/e")
        assert storage.stat("a/b") is None
        assert storage.read("c/d/e") == b"bytes"

    def test_move_refuses_a_taken_target(self, storage: Storage) -> None:
        """Both files stay unchanged."""
        storage.create("a", b"one")
        storage.create("b", b"two")
        with pytest.raises(AlreadyExistsError, match="'b'"):
            storage.move("a", "b")
        assert (storage.read("a"), storage.read("b")) == (b"one", b"two")

    def test_move_refuses_a_copy_of_what_it_moves(self, storage: Storage) -> None:
        """Both files stay, even if they share their storage."""
        storage.create("a", b"bytes")
        if storage.copy("a", "b"):
            with pytest.raises(AlreadyExistsError, match="'b'"):
                storage.move("a", "b")
            assert (storage.read("a"), storage.read("b")) == (b"bytes", b"bytes")

    def test_move_tree_takes_the_folder_elsewhere(self, storage: Storage) -> None:
        """Every file below is at the new path, and the old folder no longer exists."""
        storage.write("s/a", [b"one"])
        storage.write("s/b/c", [b"two"])
        if not storage.capabilities.moves_trees:
            with pytest.raises(StorageError):
                storage.move_tree("s", "t/u")
            return
        assert storage.move_tree("s", "t/u")
        found = {entry.path: storage.read(entry.path) for entry in storage.find("")}
        assert found == {"t/u/a": b"one", "t/u/b/c": b"two"}
        assert storage.stat("s") is None

    @pytest.mark.parametrize("there", ["t/x", "t/deep/x", "t"])
    def test_move_tree_refuses_a_taken_target(
        self, storage: Storage, there: str
    ) -> None:
        """If the target is a file or a folder with content, nothing changes."""
        storage.write("s/a", [b"one"])
        storage.write(there, [b"two"])
        if storage.capabilities.moves_trees:
            assert not storage.move_tree("s", "t")
        found = {entry.path: storage.read(entry.path) for entry in storage.find("")}
        assert found == {"s/a": b"one", there: b"two"}

    def test_delete_tree_takes_names_literally(self, storage: Storage) -> None:
        """No name is used as a pattern that matches other files or misses itself."""
        for path in ("t/a*", "t/ab", "t/[x]", "t/x", "t/[y]/y", "t/y/y"):
            storage.create(path, b"")
        for path in ("t/a*", "t/[x]", "t/[y]"):
            storage.delete_tree(path)
        assert [entry.path for entry in storage.find("")] == ["t/ab", "t/x", "t/y/y"]

    @pytest.mark.parametrize("path", ["absent", "a/absent", "absent/b"])
    def test_delete_tree_of_nothing_is_silent(
        self, storage: Storage, path: str
    ) -> None:
        """A missing path counts as deleted."""
        storage.create("a/b", b"")
        storage.delete_tree(path)
        assert storage.read("a/b") == b""

    def test_a_local_path_is_where_the_bytes_lie(self, storage: Storage) -> None:
        """A back end that returns a local path stores the file there."""
        storage.create("a/b", b"bytes")
        place, root = storage.local_path("a/b"), storage.local_path("")
        assert (place is None) == (root is None)
        if place is not None:
            assert place.read_bytes() == b"bytes"

    def test_the_url_names_a_protocol(self, storage: Storage) -> None:
        """``login`` could accept it."""
        protocol, separator, _ = storage.url.partition("://")
        assert protocol
        assert separator


def _failing() -> Iterator[bytes]:
    yield b"a part"
    raise ZeroDivisionError
