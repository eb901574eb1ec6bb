import os
import subprocess
import sys
from typing import Any

import pytest

from hopsartifacts.serving.contract import Limits
from hopsartifacts.serving.local.keeper.workers import confine, used_mb
from hopsartifacts.serving.process_environment import launch_limits

MINE = Limits(cores=1.5, memory_mb=100)


@pytest.mark.parametrize(
    ("of_transformer", "of_both"),
    [
        (Limits(cores=0.5, memory_mb=50), Limits(cores=2.0, memory_mb=150)),
        (Limits(cores=0.5), Limits(cores=2.0)),
        (Limits(memory_mb=50), Limits(memory_mb=150)),
        (Limits(), Limits()),
    ],
)
def test_a_transformer_adds_its_limits(
    make_launch: Any, of_transformer: Limits, of_both: Limits
) -> None:
    given = {"limits": MINE, "transformer_limits": of_transformer}
    assert launch_limits(make_launch("", "", **given)) == of_both
    assert launch_limits(make_launch("", **given)) == MINE


def test_the_memory_of_children_counts() -> None:
    child = "kept = b'x' * 50_000_000; print('ready', flush=True); input()"
    parent = (
        "import subprocess, sys; kept = b'x' * 50_000_000; "
        f"subprocess.run([sys.executable, '-c', {child!r}])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert 100 < used_mb(process.pid) < 200
        process.communicate(b"\n")
    assert used_mb(process.pid) == 0, "it has ended"


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two processors, and a system that binds processes to them",
)
def test_workers_are_kept_to_as_many_processors_as_they_may_use() -> None:
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        all_of_them = os.sched_getaffinity(process.pid)
        confine(process.pid, Limits(), 0)
        confine(process.pid, Limits(cores=len(all_of_them)), 0)
        assert os.sched_getaffinity(process.pid) == all_of_them
        confine(process.pid, Limits(cores=0.2), 0)
        first = os.sched_getaffinity(process.pid)
        assert len(first) == 1
        os.sched_setaffinity(process.pid, all_of_them)
        confine(process.pid, Limits(cores=0.2), 1)
        assert os.sched_getaffinity(process.pid) != first, "the next one has another"
        process.communicate(b"\n")
    confine(process.pid, Limits(cores=0.2), 0)
