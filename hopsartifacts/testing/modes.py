"""The storage contract for read-only files and folders, as tests."""

from hopsartifacts.storage.contract import Storage


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
