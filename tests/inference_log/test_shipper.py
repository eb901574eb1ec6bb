"""The shipper as a process: told through its input, until that ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hopsartifacts.errors import UnsupportedHereError
from hopsartifacts.serving.inference_log import shipper
from hopsartifacts.serving.inference_log.orders import (
    ShipperOrder,
    shipper_input,
)
from hopsartifacts.serving.inference_log.shipper import ship
from hopsartifacts.serving.runtime.recorder import Recorder
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from tests.inference_log.conftest import (
    PACKAGE_HOME,
    logged_ids,
    make_exchange,
    make_launch,
    make_recorder,
    start_shipper,
)

Start = Callable[..., "subprocess.Popen[bytes]"]
SECRET = "hush-hush"  # noqa: S105 - made up


@pytest.fixture
def start(spool: Path, local: Storage, tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(storage: Storage = local, **order: Any) -> "subprocess.Popen[bytes]":
        what = ShipperOrder(spool=str(spool), deployment="flowers", **order)
        process = start_shipper(shipper_input(what, storage), tmp_path / "shipper.log")
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        if process.stdin:
            process.stdin.close()


def end(process: "subprocess.Popen[bytes]") -> int:
    if process.stdin:
        process.stdin.close()
    return process.wait(60)


def await_rows(local: Storage, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(logged_ids(local, None)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_ships_every_now_and_then_and_once_more_at_its_end(
    start: Start, local: Storage, recorder: Recorder
) -> None:
    recorder.see(make_exchange("r1"))
    process = start(interval_s=0.1)
    await_rows(local, 1)
    recorder.see(make_exchange("r2"))
    await_rows(local, 2)
    assert end(process) == 0
    process = start(interval_s=3600)
    recorder.see(make_exchange("r3"))
    assert end(process) == 0
    assert logged_ids(local, None) == ["r1", "r2", "r3"]


def test_much_does_not_wait_for_the_interval(
    start: Start, local: Storage, recorder: Recorder
) -> None:
    process = start(interval_s=3600, ship_bytes=1000)
    recorder.see(make_exchange("r1", request=b"x" * 2000))
    await_rows(local, 1)
    end(process)


def test_a_sigterm_ends_it_after_the_last_flush(
    start: Start, local: Storage, recorder: Recorder
) -> None:
    process = start(interval_s=0.1)
    recorder.see(make_exchange("r1"))
    await_rows(local, 1)
    recorder.see(make_exchange("r2"))
    process.terminate()
    assert process.wait(60) == 0
    assert logged_ids(local, None) == ["r1", "r2"]


def test_it_ends_with_its_owner_and_flushes(
    spool: Path, local: Storage, recorder: Recorder, tmp_path: Path
) -> None:
    recorder.see(make_exchange("r1"))
    told = tmp_path / "told"
    order = ShipperOrder(spool=str(spool), deployment="flowers", interval_s=3600)
    told.write_bytes(shipper_input(order, local))
    code = """
import os, signal, sys
from pathlib import Path
from tests.inference_log.conftest import start_shipper
start_shipper(Path(sys.argv[1]).read_bytes(), Path(sys.argv[1] + ".log"))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run(
        [sys.executable, "-c", code, str(told)],
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": PACKAGE_HOME},
    )
    await_rows(local, 1)


def test_one_that_was_killed_is_followed_by_one_that_goes_on(
    start: Start, local: Storage, spool: Path
) -> None:
    recorder = make_recorder(spool, segment_bytes=2000)
    names: list[str] = []
    for number in range(6):
        process = start(interval_s=0.05)
        for step in range(20):
            names.append(f"r{number}-{step:02}")
            recorder.see(make_exchange(names[-1]))
            time.sleep(0.01)
        await_rows(local, len(names) - 20 + 1)
        time.sleep(0.013 * number)
        process.kill()
        process.wait()
    assert end(start(interval_s=3600)) == 0
    assert logged_ids(local, None) == names
    recorder.close()


def test_a_sink_that_is_gone_is_asked_again_until_it_is_back(
    start: Start,
    local: Storage,
    recorder: Recorder,
    tmp_path: Path,
) -> None:
    recorder.see(make_exchange("r1"))
    logs = tmp_path / "iris" / "Logs"
    logs.parent.mkdir()
    logs.write_text("in the way")
    process = start(interval_s=0.1)
    deadline = time.monotonic() + 60
    while (
        b"the inference log is not shipped yet"
        not in (tmp_path / "shipper.log").read_bytes()
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    recorder.see(make_exchange("r2"))
    logs.unlink()
    await_rows(local, 2)
    assert end(process) == 0
    assert logged_ids(local, None) == ["r1", "r2"]


class SecretStorage(LocalStorage):
    """Needs a password, which it gets when it is made and passes on when pickled."""

    def __init__(self, root: Path, password: str) -> None:
        super().__init__(root)
        self.password = password

    def create(self, path: str, data: bytes) -> bool:
        assert self.password == SECRET
        return super().create(path, data)


def test_credentials_are_on_no_command_line_in_no_environment_and_no_file(
    start: Start, local: Storage, recorder: Recorder, tmp_path: Path
) -> None:
    proc = Path("/proc/self")
    if not proc.exists():
        pytest.skip("needs /proc")
    recorder.see(make_exchange("r1"))
    secret = SecretStorage(tmp_path / "iris", SECRET)
    process = start(secret, interval_s=0.1)
    await_rows(local, 1)
    seen = Path(f"/proc/{process.pid}")
    for name in ("cmdline", "environ"):
        assert SECRET.encode() not in (seen / name).read_bytes()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    end(process)


def test_what_a_client_looks_up_in_the_environment_is_there(
    start: Start,
    local: Storage,
    recorder: Recorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MADE_UP", SECRET)
    recorder.see(make_exchange("r1"))
    process = start(EnvironmentStorage(tmp_path / "iris"), interval_s=0.1)
    await_rows(local, 1)
    end(process)


class EnvironmentStorage(LocalStorage):
    """Looks its password up when it needs it, as clients of clouds do."""

    def create(self, path: str, data: bytes) -> bool:
        assert os.environ["MADE_UP"] == SECRET
        return super().create(path, data)


def test_where_modules_are_searched_does_not_depend_on_the_working_folder(
    local: Storage, spool: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "src", "/other"])
    order = ShipperOrder(spool=str(spool), deployment="flowers")
    told = shipper_input(order, local).partition(b"\n")[0]
    search = msgspec.json.decode(told, type=ShipperOrder).search
    assert search == (str(tmp_path), str(tmp_path / "src"), "/other")


def test_a_storage_that_no_other_process_can_open_is_refused(spool: Path) -> None:
    order = ShipperOrder(spool=str(spool), deployment="flowers")
    with pytest.raises(UnsupportedHereError, match="sees a project in memory"):
        shipper_input(order, MemoryStorage("iris"))
    unpicklable = LocalStorage(spool)
    unpicklable.hook = lambda: None  # type: ignore[attr-defined]
    with pytest.raises(UnsupportedHereError, match="LocalStorage picklable"):
        shipper_input(order, unpicklable)


def test_an_interrupt_of_the_terminal_is_left_to_the_owner(
    start: Start, local: Storage, recorder: Recorder
) -> None:
    recorder.see(make_exchange("r1"))
    process = start(interval_s=0.1)
    await_rows(local, 1)
    process.send_signal(signal.SIGINT)
    recorder.see(make_exchange("r2"))
    await_rows(local, 2)
    assert end(process) == 0


def test_records_for_kafka_reach_it_whatever_the_deployment_does_now(
    start: Start, spool: Path, local: Storage, recorder: Recorder
) -> None:
    kafka = pytest.importorskip("tests.inference_log.test_kafka")
    cluster = kafka.Cluster()
    launch = make_launch(2, kafka_topic=kafka.TOPIC, kafka_servers=cluster.servers)
    before = Recorder(spool, launch)
    before.see(make_exchange("r1"))
    before.close()
    recorder.see(make_exchange("r2"))
    process = start(interval_s=3600)
    assert end(process) == 0
    assert kafka.ids_of(cluster.read(2)) == [("r1", "request"), ("r1", "response")]
    assert logged_ids(local, None) == ["r2"]


def test_records_for_kafka_wait_until_its_package_is_there(
    spool: Path, local: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    monkeypatch.delitem(
        sys.modules, "hopsartifacts.serving.inference_log.kafka", raising=False
    )
    launch = make_launch(kafka_topic="t", kafka_servers="host:9092")
    made = Recorder(spool, launch)
    made.see(make_exchange("r1"))
    made.close()
    failures = ship(spool, "flowers", local, shipper.LateKafka().produce).failures
    assert len(failures) == 1
    assert failures[0].endswith('pip install "hopsartifacts[kafka]"')
    assert len([*spool.glob("*.spool")]) == 1
