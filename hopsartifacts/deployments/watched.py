"""What runs of a deployment, as users ask for it: its state, its logs, its URL."""

from collections.abc import Iterator

from hopsartifacts.deployments.held import Held
from hopsartifacts.deployments.state import PredictorState
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.serving.contract import COMPONENTS, Component, RunState


class Watched(Held):
    """What can be asked about the processes of a deployment."""

    def get_state(self) -> PredictorState:
        """Return what runs now.

        Raises:
            DeploymentNotFoundError: it was not saved, or was deleted.
        """
        self._fresh()
        return PredictorState(self.name, self._run_state())

    def is_created(self) -> bool:
        """Tell whether it is saved."""
        return self._state is not None

    def is_running(
        self,
        or_idle: bool = True,
        or_updating: bool = True,
    ) -> bool:
        """Tell whether it answers."""
        wanted = {"Running"} | ({"Idle"} if or_idle else set())
        wanted |= {"Updating"} if or_updating else set()
        return self._run_state().status in wanted

    def is_stopped(self, or_created: bool = True) -> bool:
        """Tell whether nothing runs."""
        status = self._run_state().status
        return status == "Stopped" or (or_created and status in {"Created", "Creating"})

    def get_logs(
        self, component: str = "predictor", tail: int = 10, *, follow: bool = False
    ) -> None:
        """Print the last lines of the newest run's log, also after it ended.

        Args:
            component: ``predictor`` or ``transformer``.
            tail: how many lines.
            follow: go on with what is written, until the run ends or the program is
                interrupted.
        """
        if not follow:
            print(self.read_logs(component, tail))  # noqa: T201 - that is what it is for
            return
        for line in self.follow_logs(component, tail):
            print(line, flush=True)  # noqa: T201 - that is what it is for

    def read_logs(self, component: str = "predictor", tail: int = 10) -> str:
        """Return what ``get_logs`` prints.

        Raises:
            InvalidInputError: no such component.
        """
        known = _component(component)
        return self._runner.backend.read_logs(self.name, known, tail)

    def follow_logs(
        self, component: str = "predictor", tail: int = 10
    ) -> Iterator[str]:
        """Return the last lines of the log, and each line that comes until it ends.

        Raises:
            InvalidInputError: no such component.
        """
        known = _component(component)
        return self._runner.backend.follow_logs(self.name, known, tail)

    def get_url(self) -> str | None:
        """Return the URL that takes prediction requests; None when nothing runs."""
        return self.get_state().hopsworks_inference_path

    def _run_state(self) -> RunState:
        return self._runner.backend.state(self.name)


def _component(given: str) -> Component:
    for known in COMPONENTS:
        if given == known:
            return known
    raise InvalidInputError(f"component {given!r}: use one of {', '.join(COMPONENTS)}")
