import os
from typing import Any

import psutil

from hopsartifacts.serving.local import processes
from hopsartifacts.serving.local.runs import Run
from tests.serving.conftest import FLOWERS

RUN = Run(
    deployment=FLOWERS,
    revision="r1",
    pid=1,
    created_s=0.0,
    port=80,
    parent_pid=7,
    log_path="log",
    order_path="launch.json",
)


class Vanishing:
    """A process that ends between two looks at it."""

    pid = 1

    def is_running(self) -> bool:
        return True

    def status(self) -> str:
        raise psutil.NoSuchProcess(self.pid)

    def ppid(self) -> int:
        raise psutil.NoSuchProcess(self.pid)

    def children(self, *, recursive: bool) -> list[Any]:
        del recursive
        raise psutil.NoSuchProcess(self.pid)


def test_a_process_may_end_while_it_is_looked_at() -> None:
    vanishing: Any = Vanishing()
    assert not processes.is_alive(vanishing)
    assert processes.is_orphan(RUN, vanishing)
    assert processes._descendants(vanishing) == []


def test_a_fork_does_not_end_the_children_of_its_parent() -> None:
    of_the_parent: Any = None
    processes._end_at_exit(of_the_parent, os.getppid())
