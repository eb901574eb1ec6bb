"""The state of a deployment, derived from run files and whether its process lives."""

from hopsartifacts.serving.contract import (
    ENDED,
    NEVER_RAN,
    Condition,
    DeploymentKey,
    RunState,
)
from hopsartifacts.serving.local import processes
from hopsartifacts.serving.local.processes import exit_code
from hopsartifacts.serving.local.runs import Report, Run, RunFolder, end_in_words

_SCHEDULED = Condition(type="SCHEDULED", status=True, reason="the process was started")


def own_run(folder: RunFolder, key: DeploymentKey) -> Run | None:
    """Return the newest run if it is of this deployment."""
    run = folder.read_run()
    if run is None or not key_of(run, folder.read_report(run)).is_of(key):
        return None
    return run


def newest_state(folder: RunFolder, run: Run | None) -> RunState:
    """Return what *run*, the newest of its folder, does now."""
    if run is None:
        return NEVER_RAN
    # Liveness first: a server that ends meanwhile has reported before that.
    is_alive = processes.find_server(run) is not None
    report = folder.read_report(run)
    return run_state(run, report, is_alive=is_alive, exit_code=exit_code(run.revision))


def is_over(folder: RunFolder, run: Run) -> bool:
    """Return whether the run was stopped and its server is gone."""
    if processes.find_server(run) is not None:
        return False
    return newest_state(folder, run).status == "Stopped"


def run_state(
    run: Run, report: Report | None, *, is_alive: bool, exit_code: int | None
) -> RunState:
    """Return the state of a deployment whose newest run is *run*."""
    said = report or Report(status="Starting", condition=_SCHEDULED)
    if said.status in ENDED:
        # The process has written its last report; it may be about to exit.
        return RunState(
            status=said.status, condition=said.condition, revision=run.revision
        )
    if not is_alive:
        condition = Condition(
            type=said.condition.type, status=False, reason=end_in_words(exit_code)
        )
        return RunState(status="Failed", condition=condition, revision=run.revision)
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
