"""What runs of a deployment, as users ask for it: its state, logs and URL."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from hopsartifacts.deployments.held import Held
from hopsartifacts.deployments.state import PredictorState
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.serving.contract import COMPONENTS, Component
from hopsartifacts.serving.inference_log.asking import count_drops, read_log


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
        known = component_name(component)
        return self._context.backend().read_logs(self._key, known, tail)

    def follow_logs(
        self, component: str = "predictor", tail: int = 10
    ) -> Iterator[str]:
        """Return the last lines of the log, and each line that comes until it ends.

        Raises:
            InvalidInputError: no such component.
        """
        known = component_name(component)
        lines = self._context.backend().follow_logs(self._key, known, tail)
        return (line.text for line in lines)

    def read_inference_log(
        self,
        since: datetime | date | str | None = None,
        until: datetime | date | str | None = None,
        *,
        version: int | None = None,
        message_type: str | None = None,
        limit: int | None = None,
    ) -> Any:
        """Return what was asked and answered as a ``pyarrow.Table``.

        It has one row for each message, by the time of its request, from every version
        that had an inference logger without a Kafka topic. What waits on this machine
        is put into the project first. What an earlier deployment of the same name
        logged is not among them: it stays in the files of the log.

        Args:
            since: only requests that came then or later: a datetime, a date (its first
                moment) or an ISO 8601 text, in local time if it has no zone.
            until: only requests that came before.
            version: only those that this deployment version answered.
            message_type: ``request`` or ``response``.
            limit: only so many, the newest.

        Raises:
            InvalidInputError: a choice makes no sense, or pyarrow is not installed.
            IntegrityError: a file of the log is damaged.
            StorageError: the project does not answer.
        """
        return read_log(
            self._context.storage,
            self._key,
            self._context.backend().inference_log_spool(self._key),
            since=since,
            until=until,
            version=version,
            message_type=message_type,
            limit=limit,
        )

    def inference_log_drops(self) -> int:
        """Return how many exchanges were answered but could not be logged.

        Because the sink was gone for too long or the disk was full; over all versions,
        and as far as this machine and the project know.

        Raises:
            InvalidInputError: pyarrow is not installed.
            StorageError: the project does not answer.
        """
        spool = self._context.backend().inference_log_spool(self._key)
        return count_drops(self._context.storage, self._key, spool)

    def get_url(self) -> str | None:
        """Return the URL that takes prediction requests; None when nothing runs."""
        return self.get_state().hopsworks_inference_path


def component_name(given: str) -> Component:
    """Return *given* if there is such a component.

    Raises:
        InvalidInputError: there is none.
    """
    for known in COMPONENTS:
        if given == known:
            return known
    raise InvalidInputError(f"component {given!r}: use one of {', '.join(COMPONENTS)}")
