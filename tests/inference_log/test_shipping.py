"""From the spool to the project: each record once, whoever is killed when."""

import fcntl
import itertools
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from hopsartifacts.errors import StorageError
from hopsartifacts.serving.inference_log.shipper import ship
from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.faults import (
    FAIL,
    KILL_AFTER,
    KILL_BEFORE,
    LOSE_ANSWER,
    Fault,
    FaultyStorage,
)
from tests.crashes.test_crashes import kill_at_event, killed
from tests.inference_log.conftest import (
    FLOWERS,
    NOON,
    logged_ids,
    make_exchange,
    make_launch,
    make_recorder,
)

DAY_S = 24 * 3600
MANY = 200
CUT = 70
"""Less than a record is long."""


def log_files(storage: Storage) -> list[str]:
    return [entry.path for entry in storage.find("Logs")]


def fill(spool: Path) -> list[str]:
    """Leave what two workers of two days noted down, and one that still works."""
    names = []
    for worker in "ab":
        recorder = make_recorder(spool, segment_bytes=600)
        for number in range(6):
            name = f"{worker}{number}"
            late = DAY_S if number > 3 else 0
            recorder.see(make_exchange(name, received_s=NOON + late))
            names.append(name)
        recorder.close()
        if recorder._drops_fd is not None:
            os.close(recorder._drops_fd)
    return names


def test_what_is_shipped_is_dropped_and_not_shipped_again(
    spool: Path, storage: Storage
) -> None:
    names = fill(spool)
    assert ship(spool, "flowers", storage).records == len(names)
    before = log_files(storage)
    assert ship(spool, "flowers", storage).records == 0
    assert log_files(storage) == before
    assert [path.name for path in spool.iterdir()] == ["ship.lock"]
    assert logged_ids(storage, spool) == names


def test_an_open_segment_is_shipped_bit_by_bit(spool: Path, storage: Storage) -> None:
    recorder = make_recorder(spool)
    for number in range(3):
        recorder.see(make_exchange(f"r{number}"))
        assert ship(spool, "flowers", storage).records == 1
    assert len(log_files(storage)) == 3
    assert logged_ids(storage, None) == ["r0", "r1", "r2"]
    recorder.close()


def test_requests_are_filed_by_day_and_version(spool: Path, local: Storage) -> None:
    recorder = make_recorder(spool)
    # Answered in another order than they came in.
    midnight = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
    for late in (-1, 1, -2, 2, 3):
        recorder.see(make_exchange(received_s=midnight + late))
    recorder.close()
    ship(spool, "flowers", local)
    folders = [path.rpartition("/")[0] for path in log_files(local)]
    day = "Logs/inference/flowers/date=2026-11-"
    assert folders == [f"{day}23", f"{day}23", f"{day}24", f"{day}24"]
    assert all("/v3-" in path for path in log_files(local))
    assert len(logged_ids(local, spool)) == 5


def test_nothing_waits_where_nothing_was_logged(spool: Path, local: Storage) -> None:
    assert ship(spool, "flowers", local).records == 0
    assert not spool.exists()
    assert log_files(local) == []


@pytest.mark.parametrize("fault", [KILL_BEFORE, KILL_AFTER], ids=["before", "after"])
def test_a_shipper_killed_at_any_call_neither_loses_nor_doubles(
    tmp_path: Path, fault: Fault
) -> None:
    def work(number: int, spool: Path, storage: Storage) -> None:
        ship(spool, "flowers", FaultyStorage(storage, {number: fault}))

    assert walk(tmp_path, work) > 4


def test_a_shipper_killed_at_any_change_of_a_file_neither_loses_nor_doubles(
    tmp_path: Path,
) -> None:
    def work(number: int, spool: Path, storage: Storage) -> None:
        kill_at_event(number, str(spool))
        ship(spool, "flowers", storage)

    assert walk(tmp_path, work) > 20


def walk(tmp_path: Path, work: Callable[[int, Path, Storage], None]) -> int:
    """Kill a shipper at each step, ship again, and compare; return how many steps."""
    for number in itertools.count(1):
        spool = tmp_path / f"run{number}" / "spool"
        storage = connect(tmp_path / f"run{number}" / "iris")
        names = fill(spool)
        was_killed = killed(partial(work, number, spool, storage))
        assert logged_ids(storage, spool) == names
        left = {path.name for path in spool.iterdir() if not path.name.startswith(".")}
        assert left == {"ship.lock"}
        if not was_killed:
            return number
    raise AssertionError


@pytest.mark.parametrize("fault", [FAIL, LOSE_ANSWER], ids=["fails", "answer lost"])
def test_a_sink_that_fails_at_any_call_is_asked_again(
    spool: Path, storage: Storage, fault: Fault
) -> None:
    names: list[str] = []
    for number in itertools.count(1):
        names += [f"{number}-{name}" for name in ("a", "b")]
        recorder = make_recorder(spool, segment_bytes=100)
        for name in names[-2:]:
            recorder.see(make_exchange(name))
        recorder.close()
        faulty = FaultyStorage(storage, {number: fault})
        try:
            ship(spool, "flowers", faulty)
        except StorageError:
            pass
        else:
            if len(faulty.calls) < number:
                break
    assert logged_ids(storage, spool) == sorted(names)


def test_a_worker_killed_within_a_write_leaves_what_it_answered(
    spool: Path, local: Storage
) -> None:
    """A record that is cut anywhere was not answered yet."""
    for size in range(0, CUT, 7):

        def work(size: int = size) -> None:
            recorder = make_recorder(spool)
            recorder.see(make_exchange(f"answered-{size:03}"))
            write = os.write

            def half(fd: int, data: bytes) -> int:
                assert len(data) >= CUT
                write(fd, data[:size])
                os.kill(os.getpid(), signal.SIGKILL)
                raise AssertionError

            setattr(os, "write", half)  # noqa: B010 - of another type
            recorder.see(make_exchange("cut"))

        assert killed(work)
    expected = [f"answered-{size:03}" for size in range(0, CUT, 7)]
    assert logged_ids(local, spool) == expected
    assert [path.name for path in spool.iterdir()] == ["ship.lock"]


def test_a_worker_killed_at_any_change_of_a_file_leaves_what_it_answered(
    tmp_path: Path,
) -> None:
    for number in itertools.count(1):
        spool = tmp_path / f"run{number}" / "spool"
        storage = connect(tmp_path / f"run{number}" / "iris")
        told = tmp_path / f"run{number}.told"

        def work(number: int = number, spool: Path = spool, told: Path = told) -> None:
            out = told.open("a")
            kill_at_event(number, str(spool))
            recorder = make_recorder(spool, segment_bytes=300)
            for name in "abcdef":
                recorder.see(make_exchange(name))
                out.write(name)
                out.flush()

        was_killed = killed(work)
        assert logged_ids(storage, spool) == list(told.read_text())
        if not was_killed:
            assert number > 5
            return


def test_shipping_beside_a_worker_that_is_killed_loses_nothing(
    tmp_path: Path, spool: Path, local: Storage
) -> None:
    """The shipper reads files that a worker writes until it is killed."""
    told = tmp_path / "told"

    def work() -> None:
        recorder = make_recorder(spool, segment_bytes=6000)
        with told.open("w") as out:
            for number in itertools.count():
                recorder.see(make_exchange(f"r{number:06}"))
                out.write("x")
                out.flush()
                time.sleep(0.005)

    child = os.fork()
    if child == 0:
        work()
    try:
        deadline = time.monotonic() + 60
        rounds = 0
        while rounds < 10 or told.stat().st_size < MANY:
            ship(spool, "flowers", local)
            rounds += spool.exists()
            assert time.monotonic() < deadline
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    count = told.stat().st_size
    ids = logged_ids(local, spool)
    # The last one may be noted down, and its answer not sent.
    assert ids[:count] == [f"r{number:06}" for number in range(count)]
    assert len(ids) <= count + 1
    assert [path.name for path in spool.iterdir()] == ["ship.lock"]


def test_a_worker_killed_before_its_first_record_leaves_nothing(
    spool: Path, local: Storage
) -> None:
    recorder = make_recorder(spool)
    recorder.see(make_exchange("r1"))
    recorder.close()
    for size in (0, 5):
        # Killed when the file had its name and not yet its first words.
        (spool / f"{'0' * 16}-{size:06}.spool").write_bytes(b"x" * size)
    assert logged_ids(local, spool) == ["r1"]
    assert [*spool.glob("*.spool")] == []


def test_what_a_killed_shipper_left_half_written_is_swept_later(
    spool: Path, local: Storage
) -> None:
    fill(spool)
    new, old = spool / ".a.shipped.1.part", spool / "a.spool.1.new"
    for path in (new, old):
        path.touch()
    os.utime(old, (0, 0))
    ship(spool, "flowers", local)
    assert new.exists()
    assert not old.exists()


def test_two_shippers_do_not_double(spool: Path, local: Storage) -> None:
    names = fill(spool)
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            try:
                ship(spool, "flowers", local)
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    assert logged_ids(local, spool) == names


def test_a_new_segment_is_never_taken_for_one_left_behind(
    spool: Path, local: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even between its making and its first record."""
    flock = fcntl.flock

    def ship_first(fd: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        ship(spool, "flowers", local)
        flock(fd, how)

    recorder = make_recorder(spool)
    monkeypatch.setattr(fcntl, "flock", ship_first)
    recorder.see(make_exchange("first"))
    assert logged_ids(local, spool) == ["first"]
    recorder.close()


def test_a_damaged_segment_is_kept_aside_and_told(spool: Path, local: Storage) -> None:
    fill(spool)
    first, *_ = sorted(spool.glob("*.spool"))
    data = bytearray(first.read_bytes())
    data[-5] ^= 1
    first.write_bytes(data)
    [failure] = ship(spool, "flowers", local).failures
    assert f"{first.name} is damaged" in failure
    assert first.with_suffix(".damaged").read_bytes() == data
    assert len(logged_ids(local, spool)) == 11
    assert ship(spool, "flowers", local).failures == ()


def test_a_file_of_somebody_else_in_the_place_of_ours_is_told(
    spool: Path, local: Storage
) -> None:
    recorder = make_recorder(spool)
    recorder.see(make_exchange("r1"))
    ship(spool, "flowers", local)
    [path] = log_files(local)
    recorder.close()
    # As if the shipper had been killed before it noted what it did.
    [noted] = spool.glob("*000001.shipped")
    noted.unlink()
    local.write(path, [b"something else"])
    [failure] = ship(spool, "flowers", local).failures
    assert "is not a file of an inference log" in failure
    local.delete_tree(path)
    assert logged_ids(local, spool) == ["r1"]


def test_versions_are_told_apart(spool: Path, local: Storage) -> None:
    from hopsartifacts.serving.inference_log.access import read_log  # noqa: PLC0415
    from hopsartifacts.serving.runtime.recorder import Recorder  # noqa: PLC0415

    for version in (1, 12):
        recorder = Recorder(spool, make_launch(version))
        recorder.see(make_exchange(f"v{version}"))
        recorder.close()
    table = read_log(local, FLOWERS, spool, version=1)
    assert set(table["inferenceId"].to_pylist()) == {"v1"}
    assert set(read_log(local, FLOWERS, spool)["deploymentVersion"].to_pylist()) == {
        1,
        12,
    }
