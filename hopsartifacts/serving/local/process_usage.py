"""What the processes of a run use: processor time and memory, measured from outside."""

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from hopsartifacts.serving.contract import ProcessUsage
from hopsartifacts.serving.local.processes import find_server
from hopsartifacts.serving.local.runs import Run
from hopsartifacts.serving.process_environment import WORKER_VARIABLE

if TYPE_CHECKING:
    import psutil

_MOMENT_S = 0.25

_Kind = Literal["worker", "keeper", "shipper"]


class _Family(NamedTuple):
    """A process of a run, and the processes that it started."""

    kind: _Kind
    first: "psutil.Process"
    all: "list[psutil.Process]"


def measured(run: Run) -> list[ProcessUsage]:
    """Return what each process of *run* uses, over a quarter of a second."""
    keeper = find_server(run)
    if keeper is None:
        return []
    families = [*_families(keeper)]
    before = [_used_s(family) for family in families]
    began = time.monotonic()
    time.sleep(_MOMENT_S)
    return [*_usages(families, before, began)]


def _usages(
    families: list[_Family], before: list[float], began: float
) -> Iterator[ProcessUsage]:
    import psutil  # noqa: PLC0415 - late

    for family, used_s in zip(families, before, strict=True):
        with suppress(psutil.Error):  # it has ended meanwhile
            after_s, seconds = _used_s(family), time.monotonic() - began
            yield ProcessUsage(
                kind=family.kind,
                pid=family.first.pid,
                started=datetime.fromtimestamp(family.first.create_time(), UTC),
                cores=round(max(0.0, after_s - used_s) / seconds, 2),
                memory_bytes=sum(map(_memory, family.all)),
            )


def _families(keeper: "psutil.Process") -> Iterator[_Family]:
    import psutil  # noqa: PLC0415 - late

    yield _Family("keeper", keeper, [keeper])
    with suppress(psutil.Error):
        for child in keeper.children():
            with suppress(psutil.Error):
                is_worker = WORKER_VARIABLE in child.environ()
                family = [child, *child.children(recursive=True)]
                yield _Family("worker" if is_worker else "shipper", child, family)


def _used_s(family: _Family) -> float:
    import psutil  # noqa: PLC0415 - late

    used_s = 0.0
    for process in family.all:
        with suppress(psutil.Error):
            times = process.cpu_times()
            used_s += times.user + times.system
    return used_s


def _memory(process: "psutil.Process") -> int:
    import psutil  # noqa: PLC0415 - late

    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0
