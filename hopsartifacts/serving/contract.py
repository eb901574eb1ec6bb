"""The contract between a sealed deployment and the place where it runs.

A *launch* is everything a back end has to know about one deployment version; a
*run state* is everything it can say about it. The names of states, conditions
and components are Hopsworks' own, so that tools that know them keep working.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

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

SCRIPT_CLASSES: dict[Component, tuple[str, ...]] = {
    "predictor": ("Predictor", "Predict"),
    "transformer": ("Transformer",),
}
"""Names a script's class may have; of two the first one counts."""


class DeploymentKey(msgspec.Struct, frozen=True, kw_only=True):
    """Which deployment is meant: its name alone may have been given again.

    A name can be used again after its deployment was deleted, and a project can be
    made again at the same URL. So a run belongs to a deployment only if its id is the
    same, and if its version was sealed from the same specification.
    """

    name: str
    id: str
    version: int
    """The version of which the specification is known."""
    specification: str
    """Digest of that version's specification."""

    def is_of(self, other: "DeploymentKey") -> bool:
        """Tell whether both are versions of one deployment.

        Two versions may differ. The same version sealed twice from different
        specifications is of two projects, one of them restored from a copy.
        """
        return self.id == other.id and (
            self.version != other.version or self.specification == other.specification
        )


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The most that each instance may use; None is no limit."""

    cores: float | None = None
    memory_mb: int | None = None


class Batching(msgspec.Struct, frozen=True, kw_only=True):
    """How concurrent requests are put together for the predictor."""

    max_batch_size: int = 32
    """Most rows (items of ``instances``) in a batch."""
    max_latency_ms: int = 0
    """Longest wait for a batch to fill; 0 takes what is there and waits for nothing."""
    timeout_s: float | None = None
    """Longest a request may take in a batch and before it; None is no bound."""


class RequestLogging(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the requests and answers are logged, and where to."""

    mode: Literal["ALL", "MODEL_INPUTS", "PREDICTIONS"]
    kafka_topic: str | None = None
    kafka_servers: str | None = None
    """Both None: a data set of Parquet files in the project."""


class Golden(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose answer is known: what answers otherwise does not get ready."""

    request: dict[str, Any]
    answer: Any
    tolerance: float = 0.0
    """Largest relative difference of two numbers that count as equal."""


class ModelInput(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor that goes into the model, as the V2 protocol describes it."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    """Length of each axis; -1: any."""


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment version, ready to run: every path is local and absolute.

    The files under the two paths were checked against their seals by the caller.
    Script and configuration names are names inside ``artifact_files_path``
    (``predictor-predict.py``); None where the deployment has none.
    """

    project: str
    project_url: str
    deployment: str
    deployment_id: str
    deployment_version: int
    specification: str
    """Digest of the version's specification."""
    model: str
    model_version: int
    artifact_version: int
    framework: str
    model_server: str
    serving_tool: str
    api_protocol: str
    model_files_path: str
    artifact_files_path: str
    columns: tuple[str, ...] = ()
    """Names of the model's inputs by its schema, in order; none if it names none."""
    inputs: tuple[ModelInput, ...] = ()
    """The model's inputs by its schema; none if they are not known."""
    artifact_files: tuple[str, ...] | None = None
    """The sealed files under ``artifact_files_path``; None: all that lie there."""
    loadable: tuple[str, ...] | None = None
    """Which files or folders under ``model_files_path`` a predictor without a script
    could load; it takes one that is alone. None: what is found there."""
    notes: tuple[str, ...] = ()
    """What the log should say at the start."""
    predictor_script: str | None = None
    transformer_script: str | None = None
    config_file: str | None = None
    features: frozenset[str] = frozenset()
    """Optional parts the specification uses: ``transformer``, ``batcher``,
    ``logger``, ``grpc``, ``instances``, ``gpu``."""
    instances: int = 1
    """How many predictors answer behind the one port; 1 or more."""
    transformer_instances: int = 1
    idle_s: float | None = None
    """Without requests for so long, every process ends until the next request comes;
    None: they stay."""
    limits: Limits = Limits()
    """Of each predictor."""
    transformer_limits: Limits = Limits()
    batching: Batching | None = None
    logging: RequestLogging | None = None
    golden: Golden | None = None
    env_vars: dict[str, str] = {}
    """Further environment variables for the scripts; never one of the documented."""
    held: tuple[int, ...] = ()
    """Descriptors that keep the files where they are: a process of this machine that
    uses the files inherits them and leaves them open."""

    @property
    def key(self) -> DeploymentKey:
        """Which deployment it is of, and which version."""
        return DeploymentKey(
            name=self.deployment,
            id=self.deployment_id,
            version=self.deployment_version,
            specification=self.specification,
        )


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """How far a deployment has come.

    ``status`` is None while the step is under way, True when it is done and
    False when it failed; ``reason`` is a sentence for people.
    """

    type: ConditionType
    status: bool | None = None
    reason: str | None = None


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """What a back end knows about a deployment at this moment."""

    status: Status
    condition: Condition | None = None
    available_predictor_instances: int = 0
    available_transformer_instances: int = 0
    deployment_version: int | None = None
    """The version that runs, None when nothing does."""
    url: str | None = None
    """Base URL of the model server (``http://127.0.0.1:43211``)."""
    port: int | None = None
    grpc_port: int | None = None
    """Where it answers over gRPC; None where it does not."""
    revision: str | None = None
    """Identifies one run: it differs between any two starts."""
    started_s: float | None = None
    """When it was started, in seconds since the epoch; None when nothing runs."""
    is_detached: bool = False
    """It goes on when the process that started it ends."""


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a log; *mark* tells where it stands, for who goes on behind it."""

    text: str
    mark: str


class ServingBackend(Protocol):
    """Somewhere deployments can run.

    What runs under a name belongs to a deployment if ``DeploymentKey.is_of`` says so.
    Otherwise the deployment does not run: it has no state, no logs and no answers of
    that run. ``start``, ``stop`` and ``forget`` end such a run as they end their own,
    since only one run can have the name.
    """

    name: str
    """The word for it in specifications and messages (``local``)."""

    def check(self, launch: Launch) -> None:
        """Refuse what this back end cannot run, before anything is started.

        Raises:
            UnsupportedHereError: names what is missing and what would be needed.
        """
        ...

    def start(
        self,
        launch: Launch,
        *,
        await_running_s: float,
        port: int | None = None,
        detach: bool = False,
    ) -> None:
        """Run *launch* and wait until it is ready.

        With ``await_running_s`` 0 return as soon as it is scheduled. Unless
        *detach*, the deployment ends when the calling process does.

        Raises:
            UnsupportedHereError: see ``check``.
            PortTakenError: *port* is in use; nothing was started.
            DeploymentFailedError: it did not become ready in time, or failed;
                the message carries the condition's reason. Nothing is left
                running.
        """
        ...

    def update(self, launch: Launch, *, await_running_s: float) -> None:
        """Move what runs to *launch*, another version of it, without a failed request.

        The version that runs answers until the new one is ready, and goes on if that
        fails. With ``await_running_s`` 0 return as soon as the new one is scheduled.

        Raises:
            UnsupportedHereError: see ``check``.
            NotRunningError: the deployment does not run.
            DeploymentFailedError: the new version did not become ready in time, or
                failed; the version before it goes on.
        """
        ...

    def stop(self, deployment: DeploymentKey, *, await_stopped_s: float) -> None:
        """End what runs under the deployment's name; silent when nothing does.

        The state keeps the reason of a failure before.
        """
        ...

    def state(self, deployment: DeploymentKey) -> RunState:
        """Say what runs now; a deployment that never ran here is ``Created``.

        It is ``Created``, too, where nothing can be known of earlier runs.
        """
        ...

    def predict(self, deployment: DeploymentKey, payload: dict[str, Any]) -> Any:
        """Send *payload* to the running model server and return its JSON answer.

        Raises:
            NotRunningError: it does not run, or ended while it answered; the message
                has the reason if one is known.
            PredictionError: the server answered with an error.
        """
        ...

    def read_logs(
        self, deployment: DeploymentKey, component: Component, tail: int
    ) -> str:
        """Return the last *tail* lines of the newest run, also after it ended."""
        ...

    def inference_log_spool(self, deployment: DeploymentKey) -> Path | None:
        """Return the folder of this machine in which logged exchanges wait.

        It holds those of this deployment only, and need not exist. None if none wait
        on this machine.
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
        """Return the last *tail* lines, and each that comes until the run ends.

        With the ``mark`` of a line as *after* it goes on behind that one, if it is of
        this run. *is_wanted* is asked now and then, and a no ends it.
        """
        ...

    def forget(self, deployment: DeploymentKey) -> None:
        """End what runs under the name of a deleted deployment; drop its run files.

        Its archived logs stay, and so does its inference log.
        """
        ...
