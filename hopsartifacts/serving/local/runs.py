"""The files of a deployment's newest run: its process, its port and its reports."""

import shutil
from pathlib import Path

import msgspec

from hopsartifacts.serving.contract import DeploymentKey
from hopsartifacts.serving.local.keeper.orders import KeeperOrder
from hopsartifacts.serving.local.reports import (
    Report,
    bounded,
    read_report,
    write_whole,
)

_OF_RUNS = ("launch-*", "state-*", "control-*", "worker-*", "metrics-*")


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
        write_whole(self.report_path(run.revision), bounded(report))

    def drop_others(self, revision: str) -> None:
        """Delete the files of all runs other than *revision*, except for their logs."""
        for pattern in _OF_RUNS:
            for path in self.path.glob(pattern):
                if revision not in path.name:
                    _delete(path)

    def clear(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.path, ignore_errors=True)


def transformer_log(log: Path) -> Path:
    """Return the path of the transformer's log, which is beside the predictor's."""
    return log.with_name(log.name.replace("_predictor.log", "_transformer.log"))


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
