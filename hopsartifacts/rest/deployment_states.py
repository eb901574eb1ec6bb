"""The states of deployments: as JSON documents, and watched for changes.

While there are listeners, a thread polls the project and publishes changes. The state
of runs is known on this machine and read every second. The logs of models and
deployments are checked less often on remote storage, as that costs requests, but at
once after this server has written to them.
"""

import logging
from threading import Event, Lock, Thread
from time import monotonic, sleep

import msgspec

from hopsartifacts.deployments.state import PredictorState
from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.project import Project
from hopsartifacts.rest.deployment_rows import SealedRow
from hopsartifacts.rest.event_streams import Announcer
from hopsartifacts.rest.rows import Rows
from hopsartifacts.serving.contract import Condition, LastError, RunState, Status
from hopsartifacts.store.damage import log_damage

_PAUSE_S = 1.0
_SHORTEST_S = 0.1
"""The least time between two looks."""
_FAR_S = 10.0
"""How often to check the logs on remote storage; on a local disk: at each look."""
_IDLE_PER_LOOK = 10
"""How many times longer than a check of remote logs is the pause after it, at least."""
_LOGGER = logging.getLogger(__name__)


class RunStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The run of a deployment at one moment.

    Attributes:
        name: name of the deployment.
        condition: details of the status.
        deployed: whether anything runs.
        deployment_version: the version that runs; null if nothing does.
        revision: unique identifier of this run.
        url: for prediction requests from the server's machine; null if nothing runs.
        last_error: the last error of the newest run, which may have ended; null if it
            had none.
    """

    name: str
    status: Status
    condition: Condition | None
    deployed: bool
    deployment_version: int | None
    revision: str | None
    available_predictor_instances: int
    available_transformer_instances: int
    port: int | None
    grpc_port: int | None
    url: str | None
    last_error: LastError | None = None


def run_status(name: str, run: RunState) -> RunStatus:
    """Return *run* as a document."""
    state = PredictorState(name, run)
    plain = state.to_dict()
    fields = {it: plain[it] for it in RunStatus.__struct_fields__ if it in plain}
    known = {"name": name, "port": state.internal_port, "url": plain["inference_url"]}
    return msgspec.convert({**fields, **known}, RunStatus)


def has_error(run: RunState) -> bool:
    """Return whether the run failed, its last step did, or a request or process."""
    is_last_failed = run.condition is not None and run.condition.status is False
    return run.status == "Failed" or is_last_failed or run.last_error is not None


class DeploymentEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event: a deployment was created or has changed.

    Attributes:
        id: unique, even after the deployment is deleted.
        version: number of the active version.
        entry: number of the newest entry of its log, which grows with each change, also
            of its tags or of versions that are not active.
        state: the state of its processes.
    """

    name: str
    id: str
    version: int
    entry: int
    state: RunStatus


class DeploymentRemoved(msgspec.Struct, frozen=True):
    """An event: a deployment was deleted."""

    name: str


class Watch:
    """Publishes changes of a project while there are listeners.

    Args:
        project: the project.
        announcer: publishes the events.
        rows: publish the changes of models when they are looked at.
    """

    def __init__(self, project: Project, announcer: Announcer, rows: Rows) -> None:
        self._project = project
        self._announcer = announcer
        self._rows = rows
        self._lock = Lock()
        self._thread: Thread | None = None
        self._over = False
        self._woken = Event()
        self._sealed: list[SealedRow] = []
        self._damaged: set[str] = set()
        # Kept without listeners, so that those that reconnect get the changes since.
        self._told: dict[str, DeploymentEvent] | None = None
        self._is_near = project.storage.local_path("") is not None
        self._next_look = 0.0

    def begin(self) -> None:
        """Start polling, until there are no more listeners."""
        with self._lock:
            if self._thread is None and not self._over:
                name = "hopsartifacts-watch"
                self._thread = Thread(target=self._run, name=name, daemon=True)
                self._thread.start()

    def hurry(self) -> None:
        """Look at the logs soon, as this server has just written to them."""
        self._next_look = 0.0
        self._woken.set()

    def close(self) -> None:
        """Stop polling."""
        self._over = True
        self._woken.set()

    def _run(self) -> None:
        while True:
            try:
                self._look()
            except HopsArtifactsError as error:
                _LOGGER.warning("the project cannot be looked at: %s", error)
            except Exception:
                _LOGGER.exception("the project cannot be looked at")
            sleep(_SHORTEST_S)
            self._woken.wait(_PAUSE_S)
            self._woken.clear()
            with self._lock:
                if self._over or not self._announcer.has_listeners:
                    self._thread = None
                    return

    def _look(self) -> None:
        started = monotonic()
        if started > self._next_look:
            self._next_look = started + (0 if self._is_near else _FAR_S)
            self._look_at_logs()
            # What takes long, as on remote storage, is a small part of the time.
            took = monotonic() - started
            if self._next_look:
                self._next_look += _IDLE_PER_LOOK * took
        serving = self._project.get_model_serving()
        found = {
            it.name: DeploymentEvent(
                name=it.name,
                id=it.id,
                version=it.version,
                entry=it.entry,
                state=run_status(it.name, serving.state_of(it)),
            )
            for it in self._sealed
        }
        if self._told is not None:
            self._tell(self._told, found)
        self._told = found

    def _look_at_logs(self) -> None:
        self._sealed = self._rows.deployments()
        damaged = self._rows.damaged_deployments()
        if damaged.keys() != self._damaged:
            log_damage("deployment", damaged)
        self._damaged = {*damaged}

    def _tell(
        self, before: dict[str, DeploymentEvent], now: dict[str, DeploymentEvent]
    ) -> None:
        for name, event in now.items():
            if before.get(name) != event:
                self._announcer.publish("deployment", event)
        for name in before.keys() - now.keys():
            self._announcer.publish("deployment-removed", DeploymentRemoved(name))
