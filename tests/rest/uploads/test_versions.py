"""A version that is claimed, filled and registered: whole afterwards, or not there."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import msgspec
import pytest

from hopsartifacts.documents import is_checked
from hopsartifacts.errors import (
    AlreadyExistsError,
    ConflictError,
    HopsArtifactsError,
    InvalidInputError,
    InvalidModelError,
    InvalidNameError,
    ManagedPathError,
    StorageError,
)
from hopsartifacts.project import Project
from hopsartifacts.registry.versions import model_state
from hopsartifacts.rest.errors import UPLOAD_FULL, RefusedError
from hopsartifacts.rest.uploads import Chunk, Details, Uploads
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.faults import FAIL, Fault, FaultyStorage, StorageCall
from tests.rest.uploads.conftest import LIMITS
from tests.rest.uploads.sending import (
    CHUNK,
    ME,
    OTHER,
    chunk_of,
    fill,
    seal,
    send,
    send_part,
)

FILES = {"Files/a.bin": b"0123456789", "Files/deep/b.txt": b"abcd"}
START = Callable[..., Uploads]


def statuses(storage: Storage) -> dict[int, str]:
    return {n: it.status for n, it in model_state(storage, "m").records.items()}


def stored(project: Project, version: int = 1) -> dict[str, bytes]:
    """Return the files of a sealed version; the copy of its manifest is there, too."""
    top = f"Models/m/{version}/"
    found = {
        it.path.removeprefix(top): project.storage.read(it.path)
        for it in project.storage.find(top.rstrip("/"))
    }
    assert is_checked(found.pop("manifest.json"))
    return found


def spooled(tmp_path: Path) -> list[str]:
    return [it.name for it in (tmp_path / "server" / "spool").iterdir()]


def test_what_was_sent_is_sealed_as_it_was(
    uploads: Uploads, project: Project, tmp_path: Path
) -> None:
    embedded = {"input_example.json": b'[1, "x"]', "model_schema.json": b'{"a": 1}'}
    fill(uploads, {**FILES, **embedded, "Files/empty": b""})
    assert project.get_model_registry().get_models("m") == []
    manifest = seal(
        uploads,
        framework="SKLEARN",
        description="d",
        metrics={"auc": "0.5"},
        tags={"t": [1]},
    )
    assert stored(project) == {**FILES, **embedded, "Files/empty": b""}
    model = project.get_model_registry().get_model("m", 1)
    assert (model.id, model.framework) == (manifest.id, "SKLEARN")
    assert (model.description, model.training_metrics) == ("d", {"auc": 0.5})
    assert model.get_tags() == {"t": [1]}
    assert model.input_example == [1, "x"]
    assert project.verify().ok
    assert spooled(tmp_path) == []


@pytest.mark.parametrize("order", [[3, 1, 2], [2, 2, 3, 1, 1], [1, 3, 2, 3]])
def test_parts_come_in_any_order_and_again(
    uploads: Uploads, project: Project, order: list[int]
) -> None:
    fill(uploads, {})
    send(uploads, "Models/m/1/Files/a.bin", b"0123456789", order=order)
    seal(uploads)
    assert stored(project) == {"Files/a.bin": b"0123456789"}


def test_parts_come_from_several_threads(uploads: Uploads, project: Project) -> None:
    data = bytes(range(256)) * 64
    fill(uploads, {})
    numbers = [*range(1, len(data) // CHUNK + 1)] * 2

    def one(number: int) -> None:
        send_part(uploads, "Models/m/1/Files/a.bin", data, number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, numbers))
    seal(uploads)
    assert stored(project) == {"Files/a.bin": data}


def test_large_parts_are_read_piece_by_piece(
    uploads: Uploads, project: Project
) -> None:
    class Watched(BytesIO):
        largest = 0

        def read(self, size: int | None = -1) -> bytes:
            found = super().read(size)
            Watched.largest = max(Watched.largest, len(found))
            return found

    data = os.urandom(2_500_000)
    fill(uploads, {})
    for number in (3, 1, 2):
        chunk = chunk_of("a.bin", data, number, 1_000_000)
        part = Watched(data[chunk.start : chunk.start + chunk.length])
        uploads.put_chunk("Models/m/1/Files", chunk, part, ME)
    seal(uploads)
    assert stored(project) == {"Files/a.bin": data}
    assert 0 < Watched.largest <= 256 * 1024


def test_the_same_name_in_two_folders_is_two_files(
    uploads: Uploads, project: Project
) -> None:
    files = {"Files/x/a.bin": b"0123", "Files/y/a.bin": b"4567"}
    fill(uploads, files)
    seal(uploads)
    assert stored(project) == files


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (b"01xx456789", "differs from the one that was sent before"),
        (b"0123456789x", "this chunk is of 11 bytes"),
    ],
)
def test_another_file_is_never_mixed_in(
    uploads: Uploads, project: Project, second: bytes, words: str
) -> None:
    path = "Models/m/1/Files/a.bin"
    fill(uploads, {})
    send_part(uploads, path, b"0123456789", 1)
    with pytest.raises(ConflictError, match=words):
        send_part(uploads, path, second, 1)
    send_part(uploads, path, b"0123456789", 2)
    send_part(uploads, path, b"0123456789", 3)
    seal(uploads)
    assert stored(project) == {"Files/a.bin": b"0123456789"}


def test_a_removed_file_is_sent_again(uploads: Uploads, project: Project) -> None:
    fill(uploads, FILES)
    assert uploads.remove("Models/m/1/Files/a.bin", ME)
    assert not uploads.remove("Models/m/1/Files/a.bin", ME)
    send(uploads, "Models/m/1/Files/a.bin", b"another")
    seal(uploads)
    assert stored(project) == {**FILES, "Files/a.bin": b"another"}


def test_a_removed_folder_may_be_a_file(uploads: Uploads, project: Project) -> None:
    fill(uploads, FILES)
    assert uploads.remove("Models/m/1/Files/deep", ME)
    assert uploads.stat("Models/m/1/Files/deep", ME) is None
    send(uploads, "Models/m/1/Files/deep", b"file")
    seal(uploads)
    assert stored(project) == {
        "Files/a.bin": FILES["Files/a.bin"],
        "Files/deep": b"file",
    }


@pytest.mark.parametrize(
    "chunk",
    [
        Chunk(name="a", number=0, chunks=3, chunk_size=4, size=10),
        Chunk(name="a", number=4, chunks=3, chunk_size=4, size=10),
        Chunk(name="a", number=1, chunks=2, chunk_size=4, size=10),
        Chunk(name="a", number=1, chunks=1, chunk_size=0, size=10),
        Chunk(name="a", number=1, chunks=0, chunk_size=4, size=-1),
        Chunk(name="a", number=1, chunks=1, chunk_size=-4, size=4),
        Chunk(name="a", number=1, chunks=10**9, chunk_size=1, size=10**9),
        Chunk(name="a/b", number=1, chunks=1, chunk_size=4, size=4),
        Chunk(name="..", number=1, chunks=1, chunk_size=4, size=4),
        Chunk(name="", number=1, chunks=1, chunk_size=4, size=4),
        Chunk(name="a\\b", number=1, chunks=1, chunk_size=4, size=4),
    ],
)
def test_parts_that_cannot_be_are_refused(uploads: Uploads, chunk: Chunk) -> None:
    fill(uploads, {})
    with pytest.raises(InvalidInputError):
        uploads.put_chunk("Models/m/1/Files", chunk, BytesIO(b"0123"), ME)
    assert uploads.list("Models/m/1/Files", ME) == []


@pytest.mark.parametrize(("data", "many"), [(b"012", "only 3"), (b"01234", "more")])
def test_a_part_with_too_few_or_many_bytes_is_not_taken(
    uploads: Uploads, data: bytes, many: str
) -> None:
    fill(uploads, {})
    chunk = chunk_of("a.bin", b"0123456789", 1)
    with pytest.raises(InvalidInputError, match=f"must have 4 bytes, and {many} came"):
        uploads.put_chunk("Models/m/1/Files", chunk, BytesIO(data), ME)
    send_part(uploads, "Models/m/1/Files/a.bin", b"0123456789", 2)
    with pytest.raises(InvalidModelError, match=r"incomplete: 1 of 3 chunks"):
        seal(uploads)


def test_a_body_that_breaks_off_is_not_taken(
    uploads: Uploads, project: Project
) -> None:
    class Broken(BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            raise ConflictError("the client went away")

    fill(uploads, {})
    with pytest.raises(ConflictError, match="went away"):
        uploads.put_chunk("Models/m/1/Files", chunk_of("a", b"0123", 1), Broken(), ME)
    send(uploads, "Models/m/1/Files/a", b"0123")
    seal(uploads)
    assert stored(project) == {"Files/a": b"0123"}


@pytest.mark.parametrize(
    "path",
    [
        "Models/m/1/a.bin",
        "Models/m/1/Artifacts/1/predictor-x.py",
        "Models/m/1/manifest.json",
        "Models/m/1/Files",
        "Models/m/x.bin",
        "Models/README",
        "Models/my file",
        "Models/x.d/x.bin",
        "Models/m/_log/000000000009.json",
        "Models/m/_log/v000000000009.json",
        "Models/m/01/Files/a.bin",
        "models/m/1/Files/a.bin",
        "Deployments/d/1/deployment.json",
        "Deployments/d/_log/000000000001.json",
        "deployments/d/resources/x.py",
        ".hopsartifacts/project.json",
        ".HopsArtifacts/x",
    ],
)
def test_nothing_else_that_is_managed_is_written(
    uploads: Uploads, storage: Storage, path: str
) -> None:
    fill(uploads, {})
    before = [it.path for it in storage.find("")]
    with pytest.raises((ManagedPathError, InvalidNameError)):
        send(uploads, path, b"x")
    assert [it.path for it in storage.find("")] == before


def test_without_a_claim_nothing_is_taken(uploads: Uploads) -> None:
    fill(uploads, {})
    for owner, version in ((OTHER, 1), (ME, 2)):
        top = f"Models/m/{version}"
        with pytest.raises(ConflictError, match="is not being saved"):
            send_part(uploads, f"{top}/Files/a", b"x", 1, owner)
        with pytest.raises(ConflictError, match="is not being saved"):
            uploads.make_folder(f"{top}/Files/x", owner)
        with pytest.raises(ConflictError, match="is not being saved"):
            seal(uploads, version, owner)


def test_the_loser_of_a_number_deletes_nothing(
    uploads: Uploads, project: Project
) -> None:
    fill(uploads, FILES)
    for owner in (OTHER, ME):
        with pytest.raises(AlreadyExistsError, match="another client: save again"):
            uploads.claim("m", 1, owner)
        assert uploads.remove("Models/m/1", owner)
    assert not uploads.remove("Models/m/1", OTHER)
    seal(uploads)
    assert stored(project) == FILES
    assert not uploads.remove("Models/m/1", ME)
    with pytest.raises(AlreadyExistsError, match="version 1 exists"):
        uploads.claim("m", 1, OTHER)
    assert uploads.remove("Models/m/1", OTHER)
    assert not uploads.remove("Models/m/1", OTHER)
    assert stored(project) == FILES


@pytest.mark.parametrize("next_one", [ME, OTHER])
def test_a_save_that_fails_does_not_use_its_number_up(
    uploads: Uploads, storage: Storage, project: Project, next_one: str
) -> None:
    for _ in range(2):
        fill(uploads, FILES)
        assert uploads.remove("Models/m/1", ME)
        assert statuses(storage) == {1: "reserved"}
        for owner in (ME, OTHER):
            assert uploads.stat("Models/m/1", owner) is None
            assert uploads.list("Models/m", owner) == []
            assert uploads.numbers("m", owner) == set()
            assert not uploads.remove("Models/m/1", owner)
            assert not uploads.remove("Models/m/1/Files/a.bin", owner)
            with pytest.raises(ConflictError, match="is not being saved"):
                send_part(uploads, "Models/m/1/Files/a", b"x", 1, owner)
    with pytest.raises(ConflictError, match="is not being saved"):
        seal(uploads)
    fill(uploads, {"Files/other": b"x"}, owner=next_one)
    for owner in {ME, OTHER} - {next_one}:
        assert uploads.numbers("m", owner) == {1}
        with pytest.raises(AlreadyExistsError):
            uploads.claim("m", 1, owner)
    seal(uploads, owner=next_one)
    assert stored(project) == {"Files/other": b"x"}
    assert project.verify().ok


def test_a_number_that_is_free_again_outlives_the_server(
    start: START, project: Project
) -> None:
    uploads = start()
    fill(uploads, FILES)
    assert uploads.remove("Models/m/1", ME)
    uploads = start()
    assert uploads.numbers("m", OTHER) == set()
    fill(uploads, FILES, owner=OTHER)
    seal(uploads, owner=OTHER)
    assert stored(project) == FILES


def test_a_number_that_nobody_takes_again_is_given_up(
    start: START, storage: Storage, tmp_path: Path
) -> None:
    uploads = start()
    fill(uploads, FILES)
    assert uploads.remove("Models/m/1", ME)
    uploads.sweep()
    assert statuses(storage) == {1: "reserved"}
    uploads = start(expiry_s=0)
    uploads.sweep()
    assert statuses(storage) == {1: "aborted"}
    assert spooled(tmp_path) == []
    assert uploads.numbers("m", ME) == {1}
    with pytest.raises(AlreadyExistsError, match="was used before"):
        uploads.claim("m", 1, ME)
    fill(uploads, FILES, version=2)
    seal(uploads, 2)
    assert uploads.numbers("m") == set()


def test_a_number_that_gc_took_meanwhile_is_not_taken_again(
    uploads: Uploads, storage: Storage, project: Project
) -> None:
    fill(uploads, FILES)
    assert uploads.remove("Models/m/1", ME)
    project.gc(grace_s=0)
    with pytest.raises(ConflictError, match="save again"):
        uploads.claim("m", 1, OTHER)
    assert uploads.remove("Models/m/1", OTHER)
    assert statuses(storage) == {1: "aborted"}
    assert uploads.numbers("m", OTHER) == {1}


def test_a_number_that_is_just_being_claimed_is_seen(
    storage: Storage, tmp_path: Path
) -> None:
    under_way, go = Event(), Event()

    def wait(call: StorageCall) -> Fault | None:
        if is_entry(call):
            under_way.set()
            go.wait(10)
        return None

    uploads = Uploads(FaultyStorage(storage, wait), tmp_path / "server", LIMITS)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(uploads.claim, "m", 1, ME)
        assert under_way.wait(10)
        assert uploads.numbers("m", OTHER) == uploads.numbers("m", ME) == {1}
        go.set()
        first.result()
    assert uploads.numbers("m", OTHER) == {1}
    uploads.close()


@pytest.mark.parametrize("model", ["a b", "é", "", "m/3", "..", "m#"])
def test_models_have_names_within_the_rule(uploads: Uploads, model: str) -> None:
    with pytest.raises(InvalidNameError):
        uploads.claim(model, 1, ME)
    assert uploads.remove(f"Models/{model}/1", ME)


def test_a_new_models_folder_is_there_for_whoever_made_it(
    uploads: Uploads, storage: Storage
) -> None:
    assert uploads.stat("Models/m", ME) is None
    uploads.make_folder("Models/m", ME)
    there = uploads.stat("Models/m", ME)
    assert there is not None
    assert there.kind == "directory"
    assert uploads.stat("Models/m", OTHER) is None
    assert list(storage.find("")) == []
    fill(uploads, {})
    with pytest.raises(AlreadyExistsError, match="too close to the existing 'm'"):
        uploads.make_folder("Models/M", ME)


def test_only_its_owner_sees_what_is_unfinished(uploads: Uploads) -> None:
    fill(uploads, FILES)
    send_part(uploads, "Models/m/1/Files/half", b"0123456789", 1)
    seen = {
        it.path: (it.kind, it.size_bytes)
        for folder in ("Models/m", "Models/m/1", "Models/m/1/Files")
        for it in uploads.list(folder, ME)
    }
    assert seen == {
        "Models/m/1": ("directory", 0),
        "Models/m/1/Files": ("directory", 0),
        "Models/m/1/Files/a.bin": ("file", 10),
        "Models/m/1/Files/deep": ("directory", 0),
    }
    for path, (kind, size) in seen.items():
        found = uploads.stat(path, ME)
        assert found is not None
        assert (found.path, found.kind, found.size_bytes) == (path, kind, size)
        assert uploads.stat(path, OTHER) is None
        assert uploads.list(path, OTHER) == []
    assert uploads.stat("Models/m/1/Files/half", ME) is None
    assert uploads.numbers("m") == {1}


def test_a_file_that_never_came_is_named(uploads: Uploads, project: Project) -> None:
    fill(uploads, FILES)
    uploads.stat("Models/m/1/Files/none.txt", ME)
    uploads.stat("Models/m/1/Files/later", ME)
    uploads.make_folder("Models/m/1/Files/later", ME)
    words = r"'Files/none.txt' was not uploaded: some clients before 4.6"
    with pytest.raises(InvalidModelError, match=words):
        seal(uploads)
    assert project.get_model_registry().get_models("m") == []
    send(uploads, "Models/m/1/Files/none.txt", b"x")
    assert seal(uploads).version == 1


@pytest.mark.parametrize(
    ("files", "details", "words"),
    [
        ({}, {}, "no file was uploaded"),
        ({"input_example.json": b"1"}, {}, "no file was uploaded"),
        (
            {**FILES, "input_example.json": b"[NaN]"},
            {},
            r"input_example.json\[0\] is NaN",
        ),
        ({**FILES, "model_schema.json": b"\xff"}, {}, "is not JSON"),
        ({**FILES, "model_schema.json": b""}, {}, "is not JSON"),
        ({**FILES, "Files/A.bin": b"x"}, {}, "differ only in case"),
        (FILES, {"metrics": {"a": "x"}}, "metric"),
        (FILES, {"metrics": {"a": float("inf")}}, "metric"),
        (FILES, {"tags": {"a b": 1}}, "tag"),
        (FILES, {"description": "\ud800"}, "is not valid text"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_can_be_mended(
    uploads: Uploads,
    project: Project,
    files: dict[str, bytes],
    details: dict[str, Any],
    words: str,
) -> None:
    fill(uploads, files)
    with pytest.raises(InvalidInputError, match=words):
        seal(uploads, **details)
    assert project.get_model_registry().get_models("m") == []
    for name in ("Files", "input_example.json", "model_schema.json"):
        uploads.remove(f"Models/m/1/{name}", ME)
    send(uploads, "Models/m/1/Files/new", b"x")
    seal(uploads)
    assert stored(project) == {"Files/new": b"x"}


def test_a_file_is_no_folder(uploads: Uploads) -> None:
    fill(uploads, FILES)
    with pytest.raises(AlreadyExistsError):
        send(uploads, "Models/m/1/Files/a.bin/c", b"x")
    with pytest.raises(AlreadyExistsError):
        send_part(uploads, "Models/m/1/Files/deep", b"x", 1)
    with pytest.raises(AlreadyExistsError):
        uploads.make_folder("Models/m/1/Files/a.bin", ME)


def test_files_that_the_server_has_are_taken_whole(
    uploads: Uploads, project: Project
) -> None:
    fill(uploads, {})
    uploads.stat("Models/m/1/Files/a", ME)
    uploads.put_file("Models/m/1/Files/a", iter([b"01", b"23"]), ME)
    uploads.put_file("Models/m/1/Files/none", iter([]), ME)
    with pytest.raises(AlreadyExistsError):
        uploads.put_file("Models/m/1/Files/a", iter([b"x"]), ME)
    with pytest.raises(ConflictError):
        uploads.put_file("Models/m/1/Files/b", iter([b"x"]), OTHER)
    seal(uploads)
    assert stored(project) == {"Files/a": b"0123", "Files/none": b""}


def test_limits_are_told(start: START) -> None:
    uploads = start(
        max_file_bytes=10, max_version_bytes=15, max_chunk_bytes=8, max_files=3
    )
    fill(uploads, {"Files/a": b"0123456789"})
    for path, data, size, words in (
        ("b", b"0123456789x", 4, "a file may have at most 10 bytes"),
        ("b", b"012345", 4, "one upload may have at most 15 bytes"),
        ("b", b"012345789", 9, "may have"),
    ):
        with pytest.raises(RefusedError, match=words) as caught:
            send_part(uploads, f"Models/m/1/Files/{path}", data, 1, ME, size)
        assert caught.value.status == 413
    with pytest.raises(RefusedError, match="may have at most 5 bytes here"):
        uploads.put_file("Models/m/1/Files/c", [b"012", b"345"], ME)
    assert [it.name for it in uploads.list("Models/m/1/Files", ME)] == ["a"]
    send(uploads, "Models/m/1/Files/third", b"")
    with pytest.raises(RefusedError, match="more than 3 files"):
        send_part(uploads, "Models/m/1/Files/x", b"", 1)


def test_an_owner_has_so_many_unfinished_uploads(start: START) -> None:
    uploads = start(max_open=2)
    uploads.claim("m", 1, ME)
    uploads.claim("m", 2, ME)
    with pytest.raises(RefusedError, match="this API key has 2 unfinished uploads"):
        uploads.claim("m", 3, ME)
    uploads.claim("m", 3, OTHER)
    assert uploads.remove("Models/m/3", ME)


def test_a_full_disk_is_told_in_the_clients_code(start: START) -> None:
    uploads = start(min_free_bytes=2**62)
    fill(uploads, {})
    with pytest.raises(RefusedError, match="no room") as caught:
        send(uploads, "Models/m/1/Files/a", b"x")
    assert (caught.value.status, caught.value.code) == (507, UPLOAD_FULL)


def test_an_inactive_upload_may_be_started_over(start: START, project: Project) -> None:
    uploads = start(takeover_s=0)
    fill(uploads, FILES)
    assert uploads.stat("Models/m/1", ME) is None
    assert uploads.list("Models/m", ME) == []
    assert uploads.numbers("m", ME) == set()
    assert uploads.numbers("m", OTHER) == {1}
    with pytest.raises(AlreadyExistsError):
        uploads.claim("m", 1, OTHER)
    fill(uploads, {"Files/new": b"x"})
    seal(uploads)
    assert stored(project) == {"Files/new": b"x"}


def test_a_file_that_is_lost_after_a_silence_is_missed(start: START) -> None:
    uploads = start(takeover_s=0)
    fill(uploads, FILES)
    assert uploads.stat("Models/m/1/Files/none.txt", ME) is None
    with pytest.raises(InvalidModelError, match=r"none\.txt' was not uploaded"):
        seal(uploads)


def test_a_claim_that_gc_took_meanwhile_is_not_sealed(
    uploads: Uploads, project: Project, storage: Storage, tmp_path: Path
) -> None:
    fill(uploads, FILES)
    project.gc(grace_s=0)
    with pytest.raises(ConflictError, match="was aborted while it was being saved"):
        seal(uploads)
    assert uploads.remove("Models/m/1", ME)
    assert statuses(storage) == {1: "aborted"}
    assert list(project.storage.find("Models/m/1")) == []
    assert spooled(tmp_path) == []


def test_what_nobody_touches_is_given_up(
    start: START, storage: Storage, tmp_path: Path
) -> None:
    uploads = start(expiry_s=0)
    fill(uploads, FILES)
    send_part(uploads, "Resources/half.bin", b"0123456789", 1)
    send(uploads, "Deployments/d/resources/x.py", b"code")
    start().sweep()
    assert statuses(storage) == {1: "reserved"}
    start(expiry_s=0).sweep()
    assert statuses(storage) == {1: "aborted"}
    assert spooled(tmp_path) == []


def test_one_server_uses_a_folder(uploads: Uploads, tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="another server uses the folder"):
        Uploads(uploads._storage, tmp_path / "server")


def test_six_threads_save_one_model_at_once(uploads: Uploads, project: Project) -> None:
    """Clients choose numbers themselves, so several choose the same one."""
    start = Barrier(6)

    def save(number: int) -> int | None:
        """Do what the client does: list, claim the next number, or clean up."""
        start.wait()
        owner = f"owner {number % 3}"
        data = bytes([number]) * 10
        for _ in range(20):
            live = model_state(project.storage, "m").live()
            version = max([*live, *uploads.numbers("m", owner)], default=0) + 1
            try:
                uploads.claim("m", version, owner)
            except ConflictError:
                assert uploads.remove(f"Models/m/{version}", owner)
                time.sleep(0.02)
                continue
            send(uploads, f"Models/m/{version}/Files/a", data, owner)
            send(uploads, f"Models/m/{version}/Files/b", data * 3, owner)
            uploads.seal("m", version, Details(description=str(number)), owner)
            return version
        return None

    with ThreadPoolExecutor(6) as pool:
        versions = list(pool.map(save, range(6)))
    assert sorted(it for it in versions if it) == sorted(
        model_state(project.storage, "m").live()
    )
    for number, version in enumerate(versions):
        assert version is not None
        data = bytes([number]) * 10
        assert stored(project, version) == {"Files/a": data, "Files/b": data * 3}
    assert project.verify().ok


def test_six_claimants_of_one_number(uploads: Uploads, storage: Storage) -> None:
    start = Barrier(6)

    def claim(number: int) -> bool:
        start.wait()
        try:
            uploads.claim("m", 1, f"owner {number % 2}")
        except HopsArtifactsError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(claim, range(6))) == 1
    assert statuses(storage) == {1: "reserved"}


class Failing:
    """A storage of which some calls fail as long as it is told so."""

    def __init__(self, inner: Storage, is_due: Callable[[StorageCall], bool]) -> None:
        self.is_broken = True
        self.storage = FaultyStorage(
            inner, lambda call: FAIL if self.is_broken and is_due(call) else None
        )


def is_entry(call: StorageCall) -> bool:
    return call.method == "create" and "/_log/" in call.path


def is_file(call: StorageCall) -> bool:
    return call.method in {"create", "write"} and call.path.endswith("a.bin")


def test_a_claim_whose_fate_is_unknown_is_asked_for_again(
    storage: Storage, tmp_path: Path
) -> None:
    failing = Failing(storage, is_entry)
    uploads = Uploads(failing.storage, tmp_path / "server", LIMITS)
    with pytest.raises(StorageError):
        uploads.claim("m", 1, ME)
    assert uploads.remove("Models/m/1", ME)
    with pytest.raises(ConflictError):
        send_part(uploads, "Models/m/1/Files/a", b"x", 1)
    failing.is_broken = False
    with pytest.raises(AlreadyExistsError):
        uploads.claim("m", 1, OTHER)
    fill(uploads, FILES)
    seal(uploads)
    assert stored(Project(storage)) == FILES
    uploads.close()


def test_a_claim_whose_fate_stays_unknown_is_given_up(
    storage: Storage, tmp_path: Path
) -> None:
    failing = Failing(storage, is_entry)
    limits = msgspec.structs.replace(LIMITS, takeover_s=0)
    uploads = Uploads(failing.storage, tmp_path / "server", limits)
    with pytest.raises(StorageError):
        uploads.claim("m", 1, ME)
    uploads.sweep()
    assert spooled(tmp_path) == []
    failing.is_broken = False
    uploads.claim("m", 1, OTHER)
    uploads.close()


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("is_due", [is_file, is_entry], ids=["files", "seal"])
def test_a_store_that_fails_while_sealing_leaves_nothing(
    storage: Storage,
    tmp_path: Path,
    is_due: Callable[[StorageCall], bool],
    *,
    is_restarted: bool,
) -> None:
    failing = Failing(storage, is_due)
    failing.is_broken = False
    uploads = Uploads(failing.storage, tmp_path / "server", LIMITS)
    fill(uploads, FILES)
    failing.is_broken = True
    with pytest.raises(StorageError):
        seal(uploads)
    failing.is_broken = False
    if is_restarted:
        uploads.close()
        uploads = Uploads(failing.storage, tmp_path / "server", LIMITS)
    else:
        assert uploads.remove("Models/m/1", ME)
    uploads.remove("Models/m/1", ME)
    assert statuses(storage) == {1: "aborted"}
    assert spooled(tmp_path) == []
    project = Project(storage)
    project.gc(grace_s=0)
    assert list(project.storage.find("Models/m/1")) == []
    fill(uploads, FILES, 2)
    seal(uploads, 2)
    assert project.verify().ok
    uploads.close()
