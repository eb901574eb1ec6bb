"""The files of a deployment's newest run: who runs, on which port, saying what."""

import shutil
from pathlib import Path

import msgspec

from hopsartifacts.serving.runtime.handover import (
    Handover,
    Report,
    read_report,
    write_whole,
)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One start of a deployment, as recorded by the process that started it.

    A process is known by its id, the time it was created and the handover file
    on its command line: an id alone may since have gone to a stranger.
    """

    deployment: str
    deployment_version: int
    revision: str
    pid: int
    created_s: float
    port: int
    parent_pid: int | None
    """The process whose end ends this run; None when detached."""
    has_transformer: bool
    log_path: str
    handover_path: str

    @property
    def url(self) -> str:
        """Base URL of the model server."""
        return f"http://127.0.0.1:{self.port}"


class RunFolder:
    """The folder of one deployment's run files; its lock lies beside it.

    Beside, since ``clear`` would otherwise delete the lock while it is held.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock_path = path.with_name(f"{path.name}.lock")
        # Beside, too: what waits there is the user's, and outlives the run files.
        self.spool_path = path.with_name(f"{path.name}.spool")
        self._record = path / "run.json"

    def create(self) -> None:
        """Make the folder, for this user's eyes only."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        self.path.chmod(0o700)

    def read_run(self) -> Run | None:
        """Return the newest run; None when there was none."""
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=Run)
        except (FileNotFoundError, msgspec.MsgspecError):
            # Only a crash of the machine damages the file; nothing runs after one.
            return None

    def run_stamp(self) -> tuple[int, int] | None:
        """Return a value that changes with every recorded run."""
        try:
            status = self._record.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    def write_run(self, run: Run) -> None:
        """Record *run* as the newest."""
        write_whole(self._record, run)

    def handover_path(self, revision: str) -> Path:
        """Return where the handover of a run is."""
        return self.path / f"launch-{revision}.json"

    def report_path(self, revision: str) -> Path:
        """Return where the process of a run reports."""
        return self.path / f"state-{revision}.json"

    def write_handover(self, revision: str, handover: Handover) -> Path:
        """Write what the server process is told; return the path."""
        path = self.handover_path(revision)
        write_whole(path, handover)
        return path

    def read_report(self, run: Run) -> Report | None:
        """Return the newest word of the run's process."""
        return read_report(self.report_path(run.revision))

    def write_report(self, run: Run, report: Report) -> None:
        """Say the last word for a process that ended without one."""
        write_whole(self.report_path(run.revision), report)

    def drop_others(self, revision: str) -> None:
        """Delete the files of all runs but this one, except for their logs."""
        kept = {self.handover_path(revision), self.report_path(revision)}
        for pattern in ("launch-*.json*", "state-*.json*"):
            for path in self.path.glob(pattern):
                if path not in kept:
                    path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.path, ignore_errors=True)
