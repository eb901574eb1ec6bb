"""What of the log is read, and how it is asked for."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts.errors import IntegrityError, InvalidInputError, StorageError
from hopsartifacts.serving.inference_log.access import count_drops, read_log
from hopsartifacts.serving.runtime.recorder import Recorder
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.faults import FAIL, FaultyStorage
from tests.inference_log.conftest import (
    FLOWERS,
    NAMES,
    NOON,
    make_exchange,
    make_launch,
)

HOUR_S = 3600
NOON_TIME = datetime.fromtimestamp(NOON, UTC)


@pytest.fixture
def filled(spool: Path, storage: Storage) -> Storage:
    """A request every eight hours for two days, of two versions in turn."""
    for version in (1, 2):
        recorder = Recorder(spool, make_launch(version))
        for number in range(version - 1, 6, 2):
            late_s = number * 8 * HOUR_S
            recorder.see(make_exchange(f"r{number}", received_s=NOON + late_s))
        recorder.close()
    return storage


def read(storage: Storage, spool: Path | None, **asked: Any) -> list[str]:
    table = read_log(storage, FLOWERS, spool, message_type="request", **asked)
    return [str(name) for name in table["inferenceId"].to_pylist()]


def test_rows_come_in_the_order_of_their_requests(filled: Storage, spool: Path) -> None:
    assert read(filled, spool) == ["r0", "r1", "r2", "r3", "r4", "r5"]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"since": NOON_TIME + timedelta(hours=8)}, ["r1", "r2", "r3", "r4", "r5"]),
        ({"since": NOON_TIME + timedelta(hours=8, microseconds=1)}, ["r2", "r3"]),
        ({"until": NOON_TIME + timedelta(hours=8)}, ["r0"]),
        ({"until": NOON_TIME + timedelta(hours=8, microseconds=1)}, ["r0", "r1"]),
        ({"since": NOON_TIME + timedelta(days=9)}, []),
        ({"until": NOON_TIME}, []),
        ({"version": 2}, ["r1", "r3", "r5"]),
        ({"version": 7}, []),
        ({"limit": 1}, ["r5"]),
        ({"limit": 4}, ["r2", "r3", "r4", "r5"]),
        ({"limit": 100}, ["r0", "r1", "r2", "r3", "r4", "r5"]),
        ({"version": 1, "limit": 2}, ["r2", "r4"]),
        (
            {
                "since": NOON_TIME + timedelta(hours=1),
                "until": NOON_TIME + timedelta(hours=20),
            },
            ["r1", "r2"],
        ),
        (
            {"since": NOON_TIME.astimezone(timezone(timedelta(hours=14)))},
            ["r0", "r1"],
        ),
        (
            {"since": NOON_TIME.astimezone().replace(tzinfo=None)},
            ["r0", "r1"],
        ),
    ],
    ids=str,
)
def test_only_what_is_asked_for_comes(
    filled: Storage, spool: Path, asked: dict[str, Any], names: list[str]
) -> None:
    found = read(filled, spool, **asked)
    # Of the longer ones the beginning is enough.
    assert found[: len(names)] == names
    if len(asked) != 1 or "since" not in asked:
        assert found == names


def test_both_messages_are_rows_of_their_own(filled: Storage, spool: Path) -> None:
    table = read_log(filled, FLOWERS, spool, limit=3)
    rows = zip(*(table[it].to_pylist() for it in NAMES), strict=True)
    assert list(rows) == [("r4", "response"), ("r5", "request"), ("r5", "response")]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"message_type": "answer"}, "'answer': use one of request, response"),
        ({"limit": 0}, "limit is 0: give a positive whole number"),
        ({"limit": True}, "limit is True"),
        ({"version": "3"}, "version is '3'"),
        ({"since": "23.11.2026"}, "since is '23.11.2026': give a datetime"),
        ({"until": 5}, "until is 5: give a datetime"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(
    filled: Storage, spool: Path, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read_log(filled, FLOWERS, spool, **asked)


@pytest.mark.parametrize("ask", [read_log, count_drops])
def test_without_pyarrow_the_command_that_installs_it_is_named(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., Any]
) -> None:
    package = "hopsartifacts.serving.inference_log"
    monkeypatch.delattr(f"{package}.data_set", raising=False)
    monkeypatch.delitem(sys.modules, f"{package}.data_set", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InvalidInputError, match=r'pyarrow.*"hopsartifacts\[logger\]"'):
        ask(storage, FLOWERS, None)


def test_days_that_are_not_asked_for_are_not_read(filled: Storage, spool: Path) -> None:
    read_log(filled, FLOWERS, spool)
    watched = FaultyStorage(filled)
    read_log(watched, FLOWERS, spool, since=NOON_TIME + timedelta(hours=38))
    days = {call.path.split("/")[3] for call in watched.calls if call.method == "read"}
    assert days == {"date=2026-11-25"}


def test_what_was_never_logged_is_an_empty_table(storage: Storage) -> None:
    table = read_log(storage, FLOWERS, None)
    assert len(table) == 0
    assert "payload" in table.column_names
    assert count_drops(storage, FLOWERS, None) == 0


def test_a_damaged_file_is_named(filled: Storage, spool: Path) -> None:
    read_log(filled, FLOWERS, spool)
    path, *_ = [entry.path for entry in filled.find("Logs")]
    data = bytearray(filled.read(path))
    data[len(data) // 3] ^= 1
    filled.delete_tree(path)
    filled.create(path, bytes(data))
    with pytest.raises(IntegrityError, match=f"{path!r} is not a file of an inference"):
        read_log(filled, FLOWERS, spool)


def test_other_files_of_the_user_are_left_alone(filled: Storage, spool: Path) -> None:
    read_log(filled, FLOWERS, spool)
    path, *_ = [entry.path for entry in filled.find("Logs")]
    folder = path.rpartition("/")[0]
    for name in ("notes.txt", "mine.parquet", "va-b.parquet"):
        filled.write(f"{folder}/{name}", [b"mine"])
    assert len(read(filled, spool)) == 6


def test_a_storage_that_fails_is_told(filled: Storage, spool: Path) -> None:
    with pytest.raises(StorageError, match="was broken"):
        read_log(FaultyStorage(filled, {1: FAIL}), FLOWERS, spool)


def test_foreign_tools_read_the_data_set(filled: Storage, spool: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    read_log(filled, FLOWERS, spool)
    folder = filled.local_path("Logs/inference/flowers")
    if folder is None:
        pytest.skip("memory has no files")
    log = duckdb.read_parquet(f"{folder}/*/*.parquet", hive_partitioning=True)
    found = log.aggregate("count(*), count(distinct date)").fetchall()
    assert found == [(12, 3)]
