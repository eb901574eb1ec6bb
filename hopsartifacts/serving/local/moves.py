"""Moves of a running deployment to another version, which its keeper makes."""

import time
from pathlib import Path

from hopsartifacts.errors import DeploymentFailedError
from hopsartifacts.serving.local.keeper import control
from hopsartifacts.serving.local.keeper.orders import Reply, Update
from hopsartifacts.serving.local.log_files import log_end
from hopsartifacts.serving.local.reports import REASON_CHARS
from hopsartifacts.serving.local.runs import Run, RunFolder
from hopsartifacts.serving.local.states import newest_state
from hopsartifacts.serving.runtime.failures import sayable

_BUSY_POLL_S = 0.2


def move(folder: RunFolder, run: Run, update: Update) -> None:
    """Have the keeper move to another version.

    Raises:
        DeploymentFailedError: it did not start; the version before goes on.
    """
    launch = update.launch
    name = f"deployment {launch.deployment!r} version {launch.deployment_version}"
    try:
        reply = _tell(folder.control_path(run.revision), update)
    except OSError as error:
        raise DeploymentFailedError(
            f"{name} did not start: the process that keeps the deployment does not "
            f"answer ({error.strerror or error}); its state and its log say more"
        ) from error
    if reply.reason is not None:
        before = newest_state(folder, run).deployment_version
        goes_on = f"; version {before} goes on" if before else ""
        raise DeploymentFailedError(
            f"{name} did not start: {sayable(reply.reason, REASON_CHARS)}"
            f"{goes_on}\n{log_end(Path(run.log_path))}"
        )


def _tell(path: Path, update: Update) -> Reply:
    """Send *update*, again while another move is under way and there is time."""
    deadline = time.monotonic() + update.await_running_s
    while True:
        reply = control.ask(path, update)
        if not reply.is_busy or time.monotonic() > deadline:
            return reply
        time.sleep(_BUSY_POLL_S)
