"""Random work on a project, more of it than the kit does to every back end."""

from pathlib import Path

import pytest

from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.testing.random_work import RandomWorkConformance
from hopsartifacts.testing.watched import WatchedProject
from tests import depth
from tests.format.agreement import check_agreement


class LongWork(RandomWorkConformance):
    # Some examples end early. Each day has other examples.
    work_rounds, work_steps, work_seed = depth.usually(20, 80), 50, depth.part()

    @pytest.fixture(autouse=True)
    def _without_pauses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # The pauses between tries would be most of the time.
        monkeypatch.setattr("hopsartifacts.store.races.pause_s", lambda *_: 0.0)


class TestOnDisk(LongWork):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return LocalStorage(tmp_path / "project")

    @pytest.fixture(autouse=True)
    def _read_twice(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """At its end each project is read by the second reader, too."""
        teardown = WatchedProject.teardown

        def read_and_end(machine: WatchedProject) -> None:
            check_agreement(machine.storage)
            teardown(machine)

        monkeypatch.setattr(WatchedProject, "teardown", read_and_end)


@pytest.mark.usefixtures("clear_memory")
class TestInMemory(LongWork):
    @pytest.fixture
    def storage(self) -> Storage:
        return MemoryStorage("work")
