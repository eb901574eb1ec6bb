"""The states of deployments: as JSON documents, and watched for changes.

While there are listeners, a thread polls the deployments and publishes changes. The
state of runs is known on this machine and read every second. Saved versions are read
from the logs less often, as that costs requests to remote storage.
"""

import logging
from threading import Event, Lock, Thread
from time import monotonic

import msgspec

from hopsartifacts.catalog.newest_entries import NewestEntry, newest_of_deployments
from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.state import PredictorState
from hopsartifacts.deployments.versions import find_deployment
from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.project import Project
from hopsartifacts.rest.event_streams import Announcer
from hopsartifacts.serving.contract import Condition, LastError, RunState, Status
from hopsartifacts.store.damage import log_damage, read_each_sound

_PAUSE_S = 1.0
_NEAR_S, _FAR_S = 2.0, 10.0
"""How often to check the logs: on local disk, and on remote storage."""
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


class DeploymentEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event: a deployment was created or has changed.

    Attributes:
        id: unique, even after the deployment is deleted.
        version: number of the active version.
        state: the state of its processes.
    """

    name: str
    id: str
    version: int
    state: RunStatus


class DeploymentRemoved(msgspec.Struct, frozen=True):
    """An event: a deployment was deleted."""

    name: str


class Watch:
    """Publishes changes of the deployments of *project* through *announcer*."""

    def __init__(self, project: Project, announcer: Announcer) -> None:
        self._project = project
        self._announcer = announcer
        self._lock = Lock()
        self._thread: Thread | None = None
        self._over = Event()
        self._newest: dict[str, NewestEntry] = {}
        self._sealed: dict[str, Deployed] = {}
        self._damaged: set[str] = set()
        """Deployments whose logs could not be read. They are tried again each time."""
        # Kept without listeners, so that those that reconnect get the changes since.
        self._told: dict[str, DeploymentEvent] | None = None
        self._looked = 0.0

    def begin(self) -> None:
        """Start polling, until there are no more listeners."""
        with self._lock:
            if self._thread is None and not self._over.is_set():
                name = "hopsartifacts-watch"
                self._thread = Thread(target=self._run, name=name, daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop polling."""
        self._over.set()

    def _run(self) -> None:
        while True:
            try:
                self._look()
            except HopsArtifactsError as error:
                _LOGGER.warning("deployments cannot be looked at: %s", error)
            except Exception:
                _LOGGER.exception("deployments cannot be looked at")
            is_over = self._over.wait(_PAUSE_S)
            with self._lock:
                if is_over or not self._announcer.has_listeners:
                    self._thread = None
                    return

    def _look(self) -> None:
        is_near = self._project.storage.local_path("") is not None
        if monotonic() - self._looked > (_NEAR_S if is_near else _FAR_S):
            self._look_at_logs()
            self._looked = monotonic()
        serving = self._project.get_model_serving()
        found = {
            name: DeploymentEvent(
                name=name,
                id=sealed.id,
                version=sealed.active,
                state=run_status(name, serving.state_of(sealed)),
            )
            for name, sealed in self._sealed.items()
        }
        if self._told is not None:
            self._tell(self._told, found)
        self._told = found

    def _look_at_logs(self) -> None:
        storage = self._project.storage
        newest = newest_of_deployments(storage)
        changed = [it for it in sorted(newest) if newest[it] != self._newest.get(it)]
        found, damaged = read_each_sound(
            storage, changed, lambda name: find_deployment(storage, name)
        )
        for name in self._sealed.keys() - newest.keys():
            found[name] = None
        for name, sealed in found.items():
            if sealed:
                self._sealed[name] = sealed
            else:
                self._sealed.pop(name, None)
        if damaged.keys() != self._damaged:
            log_damage("deployment", damaged)
        self._damaged = {*damaged}
        # A damaged log is read again the next time.
        self._newest = {it: newest[it] for it in newest.keys() - damaged.keys()}

    def _tell(
        self, before: dict[str, DeploymentEvent], now: dict[str, DeploymentEvent]
    ) -> None:
        for name, event in now.items():
            if before.get(name) != event:
                self._announcer.publish("deployment", event)
        for name in before.keys() - now.keys():
            self._announcer.publish("deployment-removed", DeploymentRemoved(name))
