"""The contract between a sealed deployment and the back end that runs it.

A *sealed version* is everything a back end needs to know about one deployment version;
a *launch* is one whose files are on this machine. A *run state* is everything that a
back end can report about it. States, conditions and components have the names that
Hopsworks gives them, so that tools written for Hopsworks keep working.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from hopsartifacts.serving.traffic import Period, Traffic

Status = Literal[
    "Creating",
    "Created",
    "Starting",
    "Failed",
    "Running",
    "Idle",
    "Updating",
    "Stopping",
    "Stopped",
]
ConditionType = Literal["STOPPED", "SCHEDULED", "INITIALIZED", "STARTED", "READY"]
Component = Literal["predictor", "transformer"]

COMPONENTS: tuple[Component, ...] = ("predictor", "transformer")

UP: frozenset[Status] = frozenset({"Starting", "Running", "Idle", "Updating"})
"""States in which something runs."""
ANSWERING: frozenset[Status] = UP - {"Starting"}
"""States in which requests are answered."""
ENDED: frozenset[Status] = frozenset({"Failed", "Stopped"})
"""States of a run that has ended, or is about to."""

SCRIPT_CLASSES: dict[Component, tuple[str, ...]] = {
    "predictor": ("Predictor", "Predict"),
    "transformer": ("Transformer",),
}
"""Names that the class in a script may have; if both exist, the first one is used."""

_TO_WAIT = "wait until it runs"


def way_to_answers(status: Status) -> str:
    """Return what to do with a deployment that does not answer in state *status*."""
    return _TO_WAIT if status == "Starting" else f"start it and {_TO_WAIT}"


class DeploymentKey(msgspec.Struct, frozen=True, kw_only=True):
    """The identity of a deployment, since a name alone may be reused.

    A name can be reused after its deployment was deleted, and a project can be created
    again at the same URL. So a run belongs to a deployment only if the id is the same
    and its version was sealed from the same specification.
    """

    name: str
    id: str
    version: int
    """The version whose specification is known."""
    specification: str
    """Digest of the specification of that version."""

    def is_of(self, other: "DeploymentKey") -> bool:
        """Return whether both keys are of versions of the same deployment.

        The versions may differ. If the same version was sealed from two specifications,
        the keys are of two projects, one of which was restored from a copy.
        """
        return self.id == other.id and (
            self.version != other.version or self.specification == other.specification
        )


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The most that each instance may use; None means no limit."""

    cores: float | None = None
    memory_mb: int | None = None


class Batching(msgspec.Struct, frozen=True, kw_only=True):
    """How concurrent requests are combined into batches for the predictor."""

    max_batch_size: int = 32
    """The most rows (items of ``instances``) in a batch."""
    max_latency_ms: int = 0
    """Longest wait for a batch to fill; 0 takes the queued requests without a wait."""
    timeout_s: float | None = None
    """Longest time a request may take, queueing included; None means no limit."""


class RequestLogging(msgspec.Struct, frozen=True, kw_only=True):
    """Which requests and answers are logged, and where."""

    mode: Literal["ALL", "MODEL_INPUTS", "PREDICTIONS"]
    kafka_topic: str | None = None
    kafka_servers: str | None = None
    """If topic and servers are None, Parquet files in the project are the sink."""


class Golden(msgspec.Struct, frozen=True, kw_only=True):
    """A request with a known answer; a version that answers otherwise is not ready."""

    request: dict[str, Any]
    answer: Any
    tolerance: float = 0.0
    """Largest relative difference between two numbers that count as equal."""


class ModelInput(msgspec.Struct, frozen=True, kw_only=True):
    """An input tensor of the model, as the V2 protocol describes it."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    """Length of each axis; -1 means any length."""


class Resources(msgspec.Struct, frozen=True):
    """An amount of resources, as a request or as a limit.

    Args:
        cores: CPU cores, fractions allowed.
        memory: memory in MB.
        gpus: whole GPUs.

    In a limit, -1 means unlimited.
    """

    cores: float = 0.2
    memory: int = 32
    gpus: int = 0


class ComponentResources(msgspec.Struct, frozen=True, kw_only=True):
    """The number of instances of a component, with the requests and limits of each."""

    num_instances: int
    requests: Resources
    limits: Resources

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


class SealedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment version as it was sealed, and the address of its project.

    It says nothing about the place where it runs: a back end finds the files by the
    address, and checks them against the digests. The names of scripts and of the
    configuration file are names in the artifact (``predictor-predict.py``); they are
    None if the deployment has none.
    """

    project: str
    project_url: str
    deployment: str
    deployment_id: str
    deployment_version: int
    specification: str
    """Digest of the specification of the version, which pins all the others."""
    model: str
    model_version: int
    manifest: str = ""
    """Digest of the model version's manifest, which pins every model file."""
    artifact_version: int
    artifact_identity: str = ""
    """Digest of the artifact version, which pins every file of the artifact."""
    framework: str
    model_server: str
    serving_tool: str
    api_protocol: str
    columns: tuple[str, ...] = ()
    """Names of the model's inputs in its schema, in order; empty if it has none."""
    inputs: tuple[ModelInput, ...] = ()
    """The model's inputs in its schema; empty if they are not known."""
    artifact_files: tuple[str, ...] | None = None
    """The sealed files of the artifact; None means all files in its folder."""
    loadable: tuple[str, ...] | None = None
    """Files or folders of the model that a predictor without a script could load; there
    must be exactly one. None means that the folder is searched."""
    predictor_script: str | None = None
    transformer_script: str | None = None
    config_file: str | None = None
    features: frozenset[str] = frozenset()
    """Optional features that the specification uses: ``transformer``, ``batcher``,
    ``logger``, ``grpc``, ``instances``, ``gpu``."""
    instances: int = 1
    """How many predictors serve the one port; 1 or more."""
    transformer_instances: int = 1
    idle_s: float | None = None
    """Seconds without a request after which all processes end, until the next request
    arrives; None means that they stay."""
    limits: Limits = Limits()
    """The limits of each predictor that a user set; see ``resources`` for all."""
    transformer_limits: Limits = Limits()
    resources: ComponentResources | None = None
    """The resources of the predictor as sealed; its number of instances may be 0."""
    transformer_resources: ComponentResources | None = None
    batching: Batching | None = None
    logging: RequestLogging | None = None
    golden: Golden | None = None
    env_vars: dict[str, str] = {}
    """Further environment variables for the scripts; never a documented one."""

    @property
    def key(self) -> DeploymentKey:
        """The deployment and version that this is of."""
        return DeploymentKey(
            name=self.deployment,
            id=self.deployment_id,
            version=self.deployment_version,
            specification=self.specification,
        )


class Launch(SealedVersion, frozen=True, kw_only=True):
    """A sealed version with its files on this machine; all paths are absolute.

    Whoever makes one has checked the files under both paths against their seals.
    """

    model_files_path: str
    artifact_files_path: str
    notes: tuple[str, ...] = ()
    """Lines to write at the start of the log."""
    held: tuple[int, ...] = ()
    """File descriptors that keep the files in place. Each process on this machine that
    uses the files inherits them and leaves them open."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """How far a deployment has progressed.

    ``status`` is None while the step is in progress, True when it is done and False
    when it failed. ``reason`` is a sentence for people.
    """

    type: ConditionType
    status: bool | None = None
    reason: str | None = None


class Reported(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run reported at one moment.

    Attributes:
        at: when; None if it is not known.
        version: the version that serves, or is about to; None if none is.
        next_version: the version that it moves to; None if it does not move.
    """

    at: datetime | None
    status: Status
    condition: Condition
    version: int | None = None
    next_version: int | None = None


class LastError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last error of a run: of a script, or the end of a process.

    Attributes:
        message: what was wrong.
        type: the class of the exception; None if a process ended without one.
        component: the component whose script raised it; None if no script did.
        file: the script, as the artifact names it (``predictor-predict.py``).
        line: the line of the script that was running.
        time: when it happened. Of the same error again and again, within a minute.
        version: the deployment version that it happened in.
    """

    message: str
    time: datetime
    version: int
    type: str | None = None
    component: Component | None = None
    file: str | None = None
    line: int | None = None


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a deployment's processes now, according to its back end."""

    status: Status
    condition: Condition | None = None
    available_predictor_instances: int = 0
    available_transformer_instances: int = 0
    deployment_version: int | None = None
    """The version that runs; None if none does."""
    url: str | None = None
    """Base URL of the model server (``http://127.0.0.1:43211``)."""
    port: int | None = None
    grpc_port: int | None = None
    """The port for gRPC; None if the deployment does not serve gRPC."""
    revision: str | None = None
    """Identifies one run; no two starts have the same revision."""
    started_s: float | None = None
    """Time of the start, in seconds since the epoch; None if nothing runs."""
    is_detached: bool = False
    """Whether it continues when the process that started it ends."""
    last_error: LastError | None = None
    """The last error of the newest run, which may have ended; None if it had none."""


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a log; *position* is its place, from which reading can be resumed."""

    text: str
    position: str


class LogLines(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of a log, in order.

    Attributes:
        lines: the lines.
        earlier: the position up to which earlier lines go; None at the beginning.
        later: the position from which later lines go; None at the end, as it is now.
    """

    lines: list[LogLine]
    earlier: str | None
    later: str | None


class StoredLog(Protocol):
    """The log of one component in one run, as far as it is kept."""

    @property
    def size_bytes(self) -> int:
        """Its size now."""
        ...

    def chunks(self, start: int) -> Iterator[bytes]:
        """Yield its bytes from an offset on."""
        ...

    def lines(self, count: int, *, before: str = "", after: str = "") -> LogLines:
        """Return *count* lines: the last ones, those up to a position, or from it on.

        Raises:
            InvalidInputError: the position is not one of this log, or both are given.
            NotFoundError: the part of the log at the position was deleted.
        """
        ...


class LogArchive(msgspec.Struct, frozen=True, kw_only=True):
    """The logs of one run, which may have ended long ago.

    Attributes:
        id: unique for each run.
        deployment_id: the deployment; earlier ones may have had the same name.
        started: when the run began.
        is_written: whether the run may still write to it.
        components: those that have a log of their own, with its size in bytes.
    """

    id: str
    deployment_id: str
    started: datetime
    is_written: bool
    components: dict[Component, int]


class ProcessUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What one process of a run uses now, together with the processes that it started.

    Attributes:
        kind: ``worker`` answers requests; ``keeper`` watches the others; ``shipper``
            writes the inference log.
        pid: the process id.
        started: when the process was started.
        cores: the processor time per second, over a short moment.
        memory_bytes: the memory that it uses.
    """

    kind: Literal["worker", "keeper", "shipper"]
    pid: int
    started: datetime
    cores: float
    memory_bytes: int


NEVER_RAN = RunState(
    status="Created",
    condition=Condition(
        type="STOPPED", status=True, reason="the deployment is not running"
    ),
)
"""The state of a deployment that has never run here."""


class ServingBackend(Protocol):
    """A place where deployments can run.

    A run under a name belongs to a deployment if ``DeploymentKey.is_of`` is true of
    their keys. If it is false, the deployment does not run: it has no state, logs or
    answers of that run. ``start``, ``stop`` and ``forget`` also end such a run, since
    only one run can have the name.
    """

    name: str
    """The name of the back end in specifications and messages (``local``)."""

    def check(self, sealed: SealedVersion) -> None:
        """Refuse a version that this back end cannot run, before anything is started.

        Raises:
            UnsupportedHereError: names what is missing and what would be needed.
        """
        ...

    def start(
        self,
        sealed: SealedVersion,
        *,
        await_running_s: float,
        port: int | None = None,
        detach: bool = False,
    ) -> None:
        """Run a version and wait until it is ready.

        The back end gets the files from the project, and checks each against its seal.
        If ``await_running_s`` is 0, return as soon as it is scheduled. Unless *detach*
        is true, the deployment ends with the calling process.

        Raises:
            UnsupportedHereError: see ``check``.
            IntegrityError: a file differs from what was sealed.
            PortTakenError: *port* is in use; nothing was started.
            DeploymentFailedError: it did not become ready in time, or failed; the
                message has the reason of the condition. Nothing is left running.
        """
        ...

    def update(self, sealed: SealedVersion, *, await_running_s: float) -> None:
        """Move a running deployment to another version; no request fails.

        The current version serves until the new one is ready, and continues if that
        fails. If ``await_running_s`` is 0, return as soon as it is scheduled.

        Raises:
            UnsupportedHereError: see ``check``.
            NotRunningError: the deployment does not run.
            DeploymentFailedError: the new version did not become ready in time, or
                failed; the current version continues.
        """
        ...

    def stop(self, deployment: DeploymentKey, *, await_stopped_s: float) -> None:
        """End the run under the deployment's name; do nothing if there is none.

        If the run had failed before, the state keeps the reason.
        """
        ...

    def state(self, deployment: DeploymentKey) -> RunState:
        """Return the current state; it is ``Created`` if the deployment never ran here.

        It is also ``Created`` if nothing can be known about earlier runs.
        """
        ...

    def history(self, deployment: DeploymentKey) -> list[Reported]:
        """Return what the newest run has reported until now, oldest first.

        The last one is what ``state`` returns. It is empty if the deployment never ran
        here. Of a long history only the newest part is kept.
        """
        ...

    def predict(self, deployment: DeploymentKey, payload: dict[str, Any]) -> Any:
        """Send *payload* to the running model server and return its JSON answer.

        Raises:
            NotRunningError: the deployment does not run, or ended before it answered;
                the message has the reason if it is known.
            PredictionError: the server answered with an error.
        """
        ...

    def read_logs(
        self, deployment: DeploymentKey, component: Component, tail: int
    ) -> str:
        """Return the last *tail* lines of the newest run, even after it ended."""
        ...

    def inference_log_spool(self, deployment: DeploymentKey) -> Path | None:
        """Return the local folder in which logged exchanges wait to be shipped.

        It holds exchanges of this deployment only and need not exist. Return None if
        none wait on this machine.
        """
        ...

    def follow_logs(
        self,
        deployment: DeploymentKey,
        component: Component,
        tail: int,
        *,
        after: str = "",
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Iterator[LogLine]:
        """Yield the last *tail* lines, then each new line until the run ends.

        If *after* is the ``position`` of a line of this run, start after that line
        instead. *is_wanted* is called repeatedly; a False result ends the iteration.
        """
        ...

    def traffic(self, deployment: DeploymentKey, period: Period) -> Traffic:
        """Return how many requests were answered here, in each step of *period*."""
        ...

    def log_archives(self, name: str) -> list[LogArchive]:
        """Return the logs of all runs under a name, newest first.

        Runs of earlier deployments of this name are included.
        """
        ...

    def stored_log(self, name: str, archive: str, component: Component) -> StoredLog:
        """Return one log of the run with this id; see ``log_archives``.

        Raises:
            NotFoundError: there is no such log.
        """
        ...

    def usage(self, deployment: DeploymentKey) -> list[ProcessUsage]:
        """Return what the processes of the run use; empty if nothing runs."""
        ...

    def forget(self, deployment: DeploymentKey) -> None:
        """End the run under the name of a deleted deployment and delete its run files.

        Its archived logs and its inference log are kept.
        """
        ...
