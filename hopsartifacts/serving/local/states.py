"""The state of a deployment, derived from run files and whether its process lives."""

from hopsartifacts.serving.contract import Condition, DeploymentKey, RunState
from hopsartifacts.serving.local.reports import Report, end_in_words
from hopsartifacts.serving.local.runs import Run

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
        # The process has written its last report and is about to exit.
        return RunState(
            status=said.status, condition=said.condition, revision=run.revision
        )
    return RunState(
        status=said.status,
        condition=said.condition,
        available_predictor_instances=said.available,
        available_transformer_instances=said.available if said.has_transformer else 0,
        deployment_version=key_of(run, said).version,
        url=run.url,
        port=run.port,
        grpc_port=said.grpc_port,
        revision=run.revision,
        started_s=run.created_s,
        is_detached=run.parent_pid is None,
    )


def key_of(run: Run, report: Report | None) -> DeploymentKey:
    """Return the key of the run's deployment, with the version that serves."""
    return report.deployment if report and report.deployment else run.deployment


def _ended(run: Run, said: Report, exit_code: int | None) -> RunState:
    if said.status in {"Failed", "Stopped"}:
        return RunState(
            status=said.status, condition=said.condition, revision=run.revision
        )
    condition = Condition(
        type=said.condition.type, status=False, reason=end_in_words(exit_code)
    )
    return RunState(status="Failed", condition=condition, revision=run.revision)
