"""From run files and liveness to the state of a deployment."""

import signal

from hopsartifacts.serving.contract import Condition, RunState
from hopsartifacts.serving.local.runs import Run
from hopsartifacts.serving.runtime.handover import Report

NEVER_RAN = RunState(
    status="Created",
    condition=Condition(
        type="STOPPED", status=True, reason="the deployment is not running"
    ),
)
_SCHEDULED = Condition(type="SCHEDULED", status=True, reason="the process was started")


def run_state(
    run: Run, report: Report | None, *, is_alive: bool, exit_code: int | None
) -> RunState:
    """Return the state of a deployment whose newest run is *run*."""
    said = report or Report(status="Starting", condition=_SCHEDULED)
    if not is_alive:
        return _ended(run, said, exit_code)
    if said.status in {"Failed", "Stopped"}:
        # The process said its last word and is about to be gone.
        return RunState(
            status=said.status, condition=said.condition, revision=run.revision
        )
    is_running = said.status == "Running"
    return RunState(
        status=said.status,
        condition=said.condition,
        available_predictor_instances=int(is_running),
        available_transformer_instances=int(is_running and run.has_transformer),
        deployment_version=run.deployment_version,
        url=run.url,
        port=run.port,
        revision=run.revision,
        is_detached=run.parent_pid is None,
    )


def _ended(run: Run, said: Report, exit_code: int | None) -> RunState:
    if said.status in {"Failed", "Stopped"}:
        return RunState(
            status=said.status, condition=said.condition, revision=run.revision
        )
    condition = Condition(
        type=said.condition.type, status=False, reason=_end_in_words(exit_code)
    )
    return RunState(status="Failed", condition=condition, revision=run.revision)


def _end_in_words(exit_code: int | None) -> str:
    if exit_code is None:
        return "the server process is gone: it was killed, or the machine restarted"
    if exit_code >= 0:
        return f"the server process ended with exit code {exit_code}"
    try:
        name = f" ({signal.Signals(-exit_code).name})"
    except ValueError:
        name = ""
    return f"the server process ended with signal {-exit_code}{name}"
