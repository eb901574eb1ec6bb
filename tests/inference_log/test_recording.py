"""What a worker notes down, and what it does when it cannot."""

import errno
import fcntl
import gc
import os
import time
from pathlib import Path

import pytest

from hopsartifacts.serving.inference_log.access import count_drops, read_log
from hopsartifacts.serving.inference_log.shipper import ship
from hopsartifacts.serving.inference_log.spool import used_bytes
from hopsartifacts.serving.runtime.recorder import Recorder
from hopsartifacts.storage.contract import Storage
from tests.inference_log.conftest import (
    ANSWER,
    FLOWERS,
    NOON,
    REQUEST,
    logged_ids,
    make_exchange,
    make_launch,
    make_recorder,
)


def test_an_exchange_becomes_a_row_for_each_message(
    recorder: Recorder, storage: Storage, spool: Path
) -> None:
    recorder.see(make_exchange("r1", status=400))
    table = read_log(storage, FLOWERS, spool)
    common = {
        "servingId": "d-1",
        "deploymentName": "flowers",
        "deploymentVersion": 3,
        "modelName": "iris_model",
        "modelVersion": 2,
        "responseHttpCode": 400,
        "inferenceId": "r1",
    }
    rows = table.drop_columns(["requestTimestamp"]).to_pylist()
    assert rows == [
        {**common, "messageType": "request", "payload": REQUEST.decode()},
        {**common, "messageType": "response", "payload": ANSWER.decode()},
    ]
    assert str(table.schema.field("requestTimestamp").type) == "timestamp[ms, tz=UTC]"
    assert [it.timestamp() for it in table["requestTimestamp"].to_pylist()] == [
        NOON,
        NOON,
    ]


@pytest.mark.parametrize(
    ("mode", "kinds"),
    [
        ("ALL", ["request", "response"]),
        ("MODEL_INPUTS", ["request"]),
        ("PREDICTIONS", ["response"]),
    ],
)
def test_the_mode_says_which_messages_are_kept(
    mode: str, kinds: list[str], local: Storage, spool: Path
) -> None:
    recorder = Recorder(spool, make_launch(mode=mode))
    recorder.see(make_exchange(request=b"asked", answer=b"told"))
    kept = b"".join(path.read_bytes() for path in spool.glob("*.spool"))
    assert (b"asked" in kept, b"told" in kept) == (
        "request" in kinds,
        "response" in kinds,
    )
    table = read_log(local, FLOWERS, spool)
    assert table["messageType"].to_pylist() == kinds
    recorder.close()


def test_what_is_no_text_is_kept_as_well_as_can_be(
    recorder: Recorder, local: Storage, spool: Path
) -> None:
    recorder.see(make_exchange(request=b"\xff{"))
    assert read_log(local, FLOWERS, spool)["payload"].to_pylist()[0] == r"\xff{"


def test_each_exchange_is_in_the_file_when_see_returns(
    recorder: Recorder, spool: Path
) -> None:
    for number in range(3):
        recorder.see(make_exchange(f"seen-{number}"))
        [path] = spool.glob("*.spool")
        assert f"seen-{number}".encode() in path.read_bytes()


def test_only_this_user_can_read_what_waits(recorder: Recorder, spool: Path) -> None:
    recorder.see(make_exchange())
    assert {path.stat().st_mode & 0o077 for path in (spool, *spool.iterdir())} == {0}


def test_segments_end_when_they_are_large(spool: Path, local: Storage) -> None:
    recorder = make_recorder(spool, segment_bytes=1000)
    for number in range(50):
        recorder.see(make_exchange(f"r{number:02}"))
    names = sorted(path.name for path in spool.glob("*.spool"))
    assert len(names) > 3
    assert all(path.stat().st_size < 1500 for path in spool.glob("*.spool"))
    assert logged_ids(local, spool) == [f"r{number:02}" for number in range(50)]
    # The one that is written to stays.
    assert [path.name for path in spool.glob("*.spool")] == names[-1:]
    recorder.close()


def test_what_finds_no_room_is_dropped_and_counted(
    spool: Path, storage: Storage
) -> None:
    recorder = make_recorder(spool, spool_bytes=4000, segment_bytes=1000)
    seen = [make_exchange() for _ in range(200)]
    for exchange in seen:
        recorder.see(exchange)
    assert used_bytes(spool) <= 4000
    assert 0 < recorder.drops < 200
    assert len(logged_ids(storage, spool)) == 200 - recorder.drops
    assert count_drops(storage, FLOWERS, spool) == recorder.drops
    recorder.close()


def test_when_the_sink_is_back_there_is_room_again(
    spool: Path, storage: Storage
) -> None:
    recorder = make_recorder(spool, spool_bytes=4000, segment_bytes=1000)
    seen = 0
    for _ in range(5):
        for _ in range(40):
            recorder.see(make_exchange())
            seen += 1
        before = recorder.drops
        ship(spool, "flowers", storage)
        time.sleep(0.06)  # it does not look again at once
        recorder.see(make_exchange())
        seen += 1
        assert recorder.drops == before > 0
    assert len(logged_ids(storage, spool)) == seen - recorder.drops
    assert count_drops(storage, FLOWERS, spool) == recorder.drops
    recorder.close()


def test_a_record_larger_than_all_room_is_dropped_alone(
    spool: Path, local: Storage
) -> None:
    recorder = make_recorder(spool, spool_bytes=4000)
    recorder.see(make_exchange("small"))
    recorder.see(make_exchange(request=b"x" * 5000))
    time.sleep(0.06)
    recorder.see(make_exchange("after"))
    assert recorder.drops == 1
    assert logged_ids(local, spool) == ["after", "small"]
    recorder.close()


def test_segments_of_others_count_too(spool: Path) -> None:
    one, other = (make_recorder(spool, spool_bytes=8000) for _ in range(2))
    for _ in range(100):
        one.see(make_exchange())
        other.see(make_exchange())
    # Each looks when it has filled a sixteenth.
    assert used_bytes(spool) <= 8000 + 8000 / 16 + 200
    assert one.drops > 0 < other.drops
    one.close()
    other.close()


class _Disk:
    """Takes so many more bytes, as a disk does that becomes full in a write."""

    def __init__(self, free: int, *, can_truncate: bool = True) -> None:
        self.free = free
        self._write = os.write
        self._truncate = os.ftruncate
        self._can_truncate = can_truncate

    def write(self, fd: int, data: bytes) -> int:
        if self.free <= 0:
            raise OSError(errno.ENOSPC, "no space left on device")
        written = self._write(fd, data[: self.free])
        self.free -= written
        return written

    def truncate(self, fd: int, size: int) -> None:
        if not self._can_truncate:
            raise OSError(errno.EIO, "broken")
        self.free += os.fstat(fd).st_size - size
        self._truncate(fd, size)


@pytest.mark.parametrize("can_truncate", [True, False])
@pytest.mark.parametrize("free", [0, 50, 160, 400, 1000])
def test_a_full_disk_costs_records_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
    spool: Path,
    local: Storage,
    free: int,
    can_truncate: bool,
) -> None:
    recorder = make_recorder(spool)
    disk = _Disk(free, can_truncate=can_truncate)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", disk.write)
        patch.setattr(os, "ftruncate", disk.truncate)
        for _ in range(20):
            recorder.see(make_exchange())
    assert recorder.drops > 0
    dropped = recorder.drops
    recorder.see(make_exchange("after"))
    assert recorder.drops == dropped
    ids = logged_ids(local, spool)
    assert "after" in ids
    assert len(ids) == 21 - dropped
    assert count_drops(local, FLOWERS, spool) == dropped
    assert not [*spool.glob("*.damaged")]
    recorder.close()


def test_no_folder_can_be_made_and_requests_are_answered(
    tmp_path: Path, local: Storage
) -> None:
    spool = tmp_path / "spool"
    spool.write_text("in the way")
    recorder = make_recorder(spool, spool_bytes=2_000_000)
    recorder.see(make_exchange())
    assert recorder.drops == 1
    spool.unlink()
    time.sleep(0.06)  # it does not look again at once
    recorder.see(make_exchange("kept"))
    assert recorder.drops == 1
    assert logged_ids(local, spool) == ["kept"]
    recorder.see(make_exchange(request=b"x" * 3_000_000))
    # The count that could not be stored is stored with the next.
    assert count_drops(local, FLOWERS, spool) == 2
    recorder.close()


def test_a_segment_that_cannot_be_made_leaves_no_file(
    spool: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, local: Storage
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks here")

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", refuse)
        recorder.see(make_exchange())
    assert recorder.drops == 1
    assert [path.suffix for path in spool.iterdir()] == [".drops"]
    recorder.see(make_exchange("r2"))
    assert logged_ids(local, spool) == ["r2"]


def test_counts_reach_the_project_once_each(spool: Path, storage: Storage) -> None:
    one, other = (make_recorder(spool, spool_bytes=10) for _ in range(2))
    for recorder, drops in ((one, 2), (other, 3), (one, 1)):
        for _ in range(drops):
            recorder.see(make_exchange())
        ship(spool, "flowers", storage)
    assert (one.drops, other.drops) == (3, 3)
    assert count_drops(storage, FLOWERS, spool) == 6
    # Also for who is on another machine.
    assert count_drops(storage, FLOWERS, None) == 6
    [folder] = {it.path.rpartition("/")[0] for it in storage.find("Logs")}
    assert len(storage.list(folder)) == 2


def test_memory_does_not_grow_with_what_is_seen(
    spool: Path, recorder: Recorder
) -> None:
    import tracemalloc  # noqa: PLC0415 - slows what is measured

    exchange = make_exchange()

    # Other threads of this process take memory, too: only what was taken on behalf of
    # this very code is counted.
    ours = tracemalloc.Filter(True, __file__, all_frames=True)  # noqa: FBT003 - so named

    def grown(rounds: int) -> int:
        gc.collect()
        tracemalloc.start(25)
        for _ in range(rounds):
            recorder.see(exchange)
        gc.collect()
        kept = tracemalloc.take_snapshot().filter_traces([ours])
        tracemalloc.stop()
        return sum(trace.size for trace in kept.traces)

    grown(100)
    assert grown(5000) < 10_000
    assert used_bytes(spool) > 300_000
