"""The files of a deployment's newest run: its process, its port and its reports.

A keeper reports the progress of its run. The first final report is kept.
"""

import signal
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.machine.posix import delete_folder
from hopsartifacts.serving.contract import (
    ENDED,
    Condition,
    ConditionType,
    DeploymentKey,
    LastError,
    Reported,
    Status,
)
from hopsartifacts.serving.local.control import KeeperOrder
from hopsartifacts.serving.local.run_history import add_to_history, read_history
from hopsartifacts.serving.runtime.failures import MOST_CHARACTERS, sayable

REASON_CHARS = MOST_CHARACTERS + 1000
"""The longest reason in a state: an error of a script, and the step that failed."""

_TRAFFIC = "traffic-"
_OF_RUNS = ("launch-*", "state-*", "history-*", "control-*", "worker-*", "metrics-*")


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The progress of a run, as its keeper reports it."""

    status: Status
    condition: Condition
    deployment: DeploymentKey | None = None
    """The key with the version that serves, or is about to."""
    available: int = 0
    """How many workers accept requests."""
    has_transformer: bool = False
    grpc_port: int | None = None
    last_error: LastError | None = None
    next_version: int | None = None
    """The version that it moves to."""

    def at(self, moment: datetime) -> Reported:
        """Return what it says as an entry of a history."""
        return Reported(
            at=moment,
            status=self.status,
            condition=self.condition,
            version=self.deployment.version if self.deployment else None,
            next_version=self.next_version,
        )


class RunReporter:
    """Writes reports that differ from the last one; silent after a final report.

    It also adds them to the history of the run.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: Report | None = None

    def say(self, report: Report) -> None:
        """Write *report* as the newest."""
        is_final = self._last is not None and self._last.status in ENDED
        if not is_final and report != self._last:
            # If this fails, as on a full disk, the next call tries again.
            with suppress(OSError):
                write_whole(self._path, bounded(report))
                self._last = report
                add_to_history(self._path, bounded(report).at(datetime.now(UTC)))


def bounded(report: Report) -> Report:
    """Return *report* with its reason cut to ``REASON_CHARS``."""
    reason = report.condition.reason
    if reason is None or len(reason) <= REASON_CHARS:
        return report
    short = replace(report.condition, reason=sayable(reason, REASON_CHARS))
    return replace(report, condition=short)


def final(
    status: Status, step: ConditionType, reason: str, *, is_well: bool = False
) -> Report:
    """Return the last report of a run."""
    condition = Condition(type=step, status=is_well, reason=reason)
    return Report(status=status, condition=condition)


def stopped(reason: str) -> Report:
    """Return the report of a run that was stopped on request."""
    return final("Stopped", "STOPPED", reason, is_well=True)


def read_report(path: Path) -> Report | None:
    """Return the newest report; None before the first one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except (FileNotFoundError, msgspec.MsgspecError):
        # Only a crash of the machine can damage the file.
        return None


def write_whole(path: Path, value: msgspec.Struct) -> None:
    """Replace the file atomically, so that readers never see a part of it."""
    with written_aside(path, is_durable=False) as file:
        file.write(msgspec.json.encode(value))


def end_in_words(exit_code: int | None) -> str:
    """Return how a process ended, by its exit code (negative: the signal) if known."""
    if exit_code is None:
        return "the server process is gone: it was killed, or the machine restarted"
    if exit_code >= 0:
        return f"the server process ended with exit code {exit_code}"
    try:
        name = f" ({signal.Signals(-exit_code).name})"
    except ValueError:
        name = ""
    return f"the server process ended with signal {-exit_code}{name}"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One start of a deployment, as recorded by the process that started it.

    The process of the run is its keeper. It is identified by its id, its creation time
    and the order file on its command line: the id alone may have been reused.
    """

    deployment: DeploymentKey
    """The deployment and its version at the start; reports have the current one."""
    revision: str
    pid: int
    created_s: float
    port: int
    parent_pid: int | None
    """The process whose end ends this run; None if it is detached."""
    log_path: str
    order_path: str

    @property
    def url(self) -> str:
        """Base URL of the model server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def transformer_log_path(self) -> Path:
        """The log of this run's transformers."""
        return transformer_log(Path(self.log_path))


class RunFolder:
    """The folder of one deployment's run files, with its lock file beside it.

    If the lock file were inside, ``clear`` would delete the lock while it is held.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock_path = path.with_name(f"{path.name}.lock")
        self._record = path / "run.json"

    def spool_path(self, deployment_id: str) -> Path:
        """Return the folder in which exchanges of one deployment wait to be shipped.

        It is beside the run files, since exchanges are the user's and outlive the run.
        Each id has its own, apart from earlier deployments of the same name.
        """
        return self.path.with_name(f"{self.path.name}.{deployment_id}.spool")

    def traffic_path(self, deployment_id: str) -> Path:
        """Return the file in which the requests of one deployment are counted."""
        return self.path / f"{_TRAFFIC}{deployment_id}"

    def create(self) -> None:
        """Create the folder, accessible to this user only."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        self.path.chmod(0o700)

    def read_run(self) -> Run | None:
        """Return the newest run; None if there was none."""
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=Run)
        except (FileNotFoundError, msgspec.MsgspecError):
            # Only a crash of the machine can damage the file; after one, nothing runs.
            return None

    def run_stamp(self) -> tuple[int, int] | None:
        """Return a value that changes with every recorded run."""
        return _stamp(self._record)

    def report_stamp(self, revision: str) -> tuple[int, int] | None:
        """Return a value that changes with every report of a run."""
        return _stamp(self.report_path(revision))

    def write_run(self, run: Run) -> None:
        """Record *run* as the newest."""
        write_whole(self._record, run)

    def order_path(self, revision: str) -> Path:
        """Return the path of the order file of a run's keeper."""
        return self.path / f"launch-{revision}.json"

    def report_path(self, revision: str) -> Path:
        """Return the path of the report file of a run's keeper."""
        return self.path / f"state-{revision}.json"

    def control_path(self, revision: str) -> Path:
        """Return the path of the control socket of a run's keeper."""
        return self.path / f"control-{revision}.sock"

    def write_order(self, order: KeeperOrder) -> Path:
        """Write the order for a keeper; return its path."""
        path = self.order_path(order.revision)
        write_whole(path, order)
        return path

    def read_report(self, run: Run) -> Report | None:
        """Return the newest report of the run's keeper."""
        return read_report(self.report_path(run.revision))

    def write_report(self, run: Run, report: Report) -> None:
        """Write the last report on behalf of a keeper that ended without one."""
        before = self.read_report(run)
        if before is not None:
            report = replace(report, last_error=before.last_error)
        path = self.report_path(run.revision)
        write_whole(path, bounded(report))
        add_to_history(path, bounded(report).at(datetime.now(UTC)))

    def read_history(self, run: Run) -> list[Reported]:
        """Return what the run's keeper has reported, oldest first."""
        return read_history(self.report_path(run.revision))

    def drop_others(self, run: Run) -> None:
        """Delete the files of all runs other than *run*, except for their logs.

        The counts of other deployments that had the name are deleted, too.
        """
        for pattern in _OF_RUNS:
            for path in self.path.glob(pattern):
                if run.revision not in path.name:
                    _delete(path)
        for path in self.path.glob(f"{_TRAFFIC}*"):
            if path != self.traffic_path(run.deployment.id):
                _delete(path)

    def clear(self) -> None:
        """Delete the folder."""
        with suppress(OSError):
            delete_folder(self.path)


def transformer_log(log: Path) -> Path:
    """Return the path of the transformer's log, which is beside the predictor's."""
    return log.with_name(log.name.replace("_predictor.log", "_transformer.log"))


def _delete(path: Path) -> None:
    if path.is_dir():
        with suppress(OSError):
            delete_folder(path)
    else:
        path.unlink(missing_ok=True)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
