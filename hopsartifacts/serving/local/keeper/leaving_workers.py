"""Workers that end: none is left behind, and none is waited for too long."""

import os
from collections.abc import Iterator, Sequence

from hopsartifacts.serving.local.keeper.ground import Ground
from hopsartifacts.serving.local.keeper.workers import WorkerProcess


class Parting:
    """Workers that finish the requests in progress and end."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._groups: list[tuple[list[WorkerProcess], Sequence[int]]] = []

    def add(self, workers: list[WorkerProcess], held: Sequence[int] = ()) -> None:
        """Watch *workers* until they end, then close the descriptors in *held*."""
        self._groups.append((workers, held))

    @property
    def workers(self) -> Iterator[WorkerProcess]:
        """The workers that have not ended."""
        return (worker for workers, _ in self._groups for worker in workers)

    @property
    def is_over(self) -> bool:
        """Whether all have ended."""
        return not self._groups

    def hurry(self, due_s: float) -> None:
        """Ask all workers to end by *due_s*."""
        for worker in self.workers:
            worker.terminate(due_s)

    def tick(self, now: float) -> None:
        """Clean up after workers that ended, and kill those that are overdue."""
        for workers, held in list(self._groups):
            for worker in list(workers):
                for word in worker.words():
                    worker.has_left = worker.has_left or word.kind == "leaving"
                if worker.exit_code() is not None:
                    workers.remove(worker)
                    worker.has_left = True
                    self._ground.bury(worker)
                elif now > worker.due_s:
                    worker.kill()
            if not workers:
                self._groups.remove((workers, held))
                for descriptor in held:
                    os.close(descriptor)
