"""Filling a version on a real S3 server: the server copies, and a cut save goes on."""

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from hopsartifacts import layout
from hopsartifacts.errors import StorageError
from hopsartifacts.registry.save_journal import open_journal
from hopsartifacts.registry.sources import source
from hopsartifacts.registry.version_files import fill
from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.dedup import StoredFile
from hopsartifacts.testing.faults import Fault, FaultyStorage, StorageCall
from tests.s3.conftest import Server

FILES = {f"{number % 3}/{number}.bin": os.urandom(1000) for number in range(20)}
TOKEN = "one"  # noqa: S105 - names a save


@pytest.fixture
def storage(s3: Server) -> Storage:
    return connect(f"s3://{s3.bucket()}/project", s3.options())


def stored(storage: Storage, folder: str) -> dict[str, bytes]:
    top = f"{folder}/Files/"
    return {
        entry.path.removeprefix(top): storage.read(entry.path)
        for entry in storage.find(folder)
    }


def test_what_the_server_holds_unchanged_is_copied_there(
    storage: Storage, make_files: Callable[..., Path]
) -> None:
    """One listing and the time of the seal tell; what came after it is carried."""
    folder = make_files(FILES)
    records = fill(storage, "Models/m/1", source(folder).files)
    # The server's clock tells seconds.
    time.sleep(1.1)
    seal = layout.log_entry("Models/m/_log", 2)
    storage.create(seal, b"the seal")
    known = [
        StoredFile(
            folder="Models/m/1/Files",
            path=record.path,
            digest=record.digest,
            seal=seal,
        )
        for record in records
    ]
    time.sleep(1.1)
    storage.write("Models/m/1/Files/0/0.bin", [b"x" * 1000])
    (folder / "1" / "1.bin").write_bytes(b"changed")
    counted = FaultyStorage(storage)
    fill(counted, "Models/m/2", source(folder).files, known=known)
    calls = Counter(call.method for call in counted.calls)
    assert calls == {"find": 1, "stat": 1, "write": 2, "copy": len(FILES) - 2}
    assert stored(storage, "Models/m/2") == {**FILES, "1/1.bin": b"changed"}


def test_a_save_whose_connection_broke_goes_on(
    storage: Storage,
    make_files: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A large model is not uploaded again for one lost connection."""
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    folder = make_files(FILES)

    def cut(_: StorageCall) -> None:
        raise StorageError("the connection broke")

    with open_journal(storage.url, "m", folder) or pytest.fail("taken") as journal:
        journal.begin(TOKEN)
        faulty = FaultyStorage(storage, {12: Fault(before=cut)})
        with pytest.raises(StorageError, match="connection"):
            fill(faulty, "Models/m/1", source(folder).files, journal=journal)

    counted = FaultyStorage(storage)
    with open_journal(storage.url, "m", folder) or pytest.fail("taken") as journal:
        assert journal.token == TOKEN
        done = stored(storage, "Models/m/1")
        journal.begin(TOKEN)
        fill(counted, "Models/m/1", source(folder).files, journal=journal)
    calls = Counter(call.method for call in counted.calls)
    assert done
    # What is kept is read first.
    assert calls == {"find": 1, "chunks": len(done), "write": len(FILES) - len(done)}
    assert stored(storage, "Models/m/1") == FILES
