"""An inference log in a bucket, shipped by a process that is told the keys."""

import time
from pathlib import Path

from hopsartifacts.serving.inference_log.access import count_drops
from hopsartifacts.serving.inference_log.orders import (
    ShipperOrder,
    shipper_input,
)
from hopsartifacts.storage.connect import connect
from tests.inference_log.conftest import (
    FLOWERS,
    logged_ids,
    make_exchange,
    make_recorder,
    start_shipper,
)
from tests.s3.conftest import KEYS, Server


def test_a_killed_shipper_neither_loses_nor_doubles(
    s3: Server, bucket: str, tmp_path: Path
) -> None:
    """The next one sees only what lies on disk and in the bucket."""
    direct = connect(f"s3://{bucket}/p", s3.options())
    spool = tmp_path / "spool"
    recorder = make_recorder(spool, segment_bytes=2000, spool_bytes=400_000)
    order = ShipperOrder(spool=str(spool), deployment="flowers", interval_s=0.1)
    told = shipper_input(order, direct)
    assert KEYS["secret"].encode() in told
    names: list[str] = []
    for number in range(3):
        process = start_shipper(told, tmp_path / "shipper.log")
        for step in range(20):
            names.append(f"r{number}-{step:02}")
            recorder.see(make_exchange(names[-1]))
        deadline = time.monotonic() + 60
        while number < 2 and len(logged_ids(direct, None)) <= 20 * number:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        command = Path(f"/proc/{process.pid}")
        for file in ("cmdline", "environ"):
            assert KEYS["secret"].encode() not in (command / file).read_bytes()
        if number < 2:
            process.kill()
        elif process.stdin:
            process.stdin.close()
        assert process.wait(60) == (-9 if number < 2 else 0)
        if process.stdin:
            process.stdin.close()
    recorder.see(make_exchange(request=b"x" * 500_000))
    assert logged_ids(direct, spool) == names
    assert count_drops(direct, FLOWERS, spool) == recorder.drops == 1
    recorder.close()
