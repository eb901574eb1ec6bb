"""From a sealed specification to something that can run: checked, local files.

Also what goes into the model by its schema, in the words of the V2 protocol.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from hopsartifacts import layout
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.context import ProjectContext
from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.documents import (
    ComponentSpecification,
    DeploymentVersion,
    Specification,
)
from hopsartifacts.deployments.parts import (
    NO_LIMIT,
    InferenceBatcher,
    InferenceLogger,
    default_limits,
)
from hopsartifacts.digests import Digest
from hopsartifacts.errors import (
    DeploymentFailedError,
    IntegrityError,
    InvalidDeploymentError,
    UnsupportedHereError,
)
from hopsartifacts.registry.documents import EmbeddedFile, Manifest
from hopsartifacts.registry.schema import input_columns
from hopsartifacts.registry.versions import live_version, manifest_of
from hopsartifacts.serving.contract import (
    Batching,
    Launch,
    Limits,
    ModelInput,
    RequestLogging,
)
from hopsartifacts.serving.runtime.predictors import loadable
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.checks import Finding, check_folder
from hopsartifacts.store.transfer import download

AWAIT_S = 120
"""How long is waited by default until a deployment starts, moves or stops."""
KAFKA_SERVERS = "HOPSARTIFACTS_KAFKA_SERVERS"

_SHOWN_FINDINGS = 3
_IDLE_S = 30.0
"""How long a deployment that scales to zero stays up without requests."""


@contextmanager
def checked_launch(
    context: ProjectContext, deployment_id: str, sealed: DeploymentVersion
) -> Iterator[Launch]:
    """Give *sealed* ready to run; its files stay until the block ends.

    A process that inherits what ``Launch.held`` names goes on holding them.

    Raises:
        IntegrityError: a file is not what the specification pins.
        ModelNotFoundError: the model version was deleted.
        StorageError: local copies cannot be made.
    """
    with ExitStack() as leases:
        yield _launch(context, leases, deployment_id, sealed)


def start(
    context: ProjectContext,
    sealed: Deployed,
    await_running_s: float,
    *,
    port: int | None,
    detach: bool,
) -> None:
    """Run the active version; ``Deployment.start`` says how.

    Raises:
        UnsupportedHereError: this machine cannot run it.
    """
    if detach and not context.storage.capabilities.is_shared:
        raise UnsupportedHereError(
            "a deployment of a project in memory cannot outlive this process: "
            "start it without detach"
        )
    with checked_launch(context, sealed.id, sealed.current) as ready:
        context.backend().check(ready)
        context.backend().start(
            ready, await_running_s=await_running_s, port=port, detach=detach
        )


def move_to(context: ProjectContext, sealed: Deployed, await_running_s: float) -> None:
    """Move what runs to the active version, without a failed request.

    Raises:
        DeploymentFailedError: it does not start; the version before goes on.
    """
    with checked_launch(context, sealed.id, sealed.current) as ready:
        try:
            context.backend().update(ready, await_running_s=await_running_s)
        except DeploymentFailedError as error:
            raise DeploymentFailedError(_with_way_out(error, sealed)) from error


def _with_way_out(error: DeploymentFailedError, sealed: Deployed) -> str:
    """Say which version is the active one now: the next start takes that one."""
    before = sealed.state.head.before
    back = f", or go back with rollback({before})" if before else ""
    return (
        f"{error}\nVersion {sealed.active} is saved and is the active version now, "
        f"which the next start runs: change the deployment and save it again{back}"
    )


def _launch(
    context: ProjectContext,
    leases: ExitStack,
    deployment_id: str,
    sealed: DeploymentVersion,
) -> Launch:
    specification = sealed.specification
    manifest = _pinned_manifest(context.storage, specification)
    files = {file.path: file.digest for file in manifest.files}
    name, version = manifest.model, manifest.version
    held: list[int] = []
    notes: list[str] = []

    def local(folder: _Folder) -> str:
        path = context.storage.local_path(folder.path)
        if path is not None:
            notes.extend(_check_in_place(context.storage, folder))
            return str(path)
        lease = context.cache().use(folder.digest, folder.sealed, folder.fetch)
        leases.enter_context(lease)
        held.append(lease.descriptor)
        return str(lease.path)

    model = _Folder(
        layout.files_dir(name, version),
        specification.model.manifest,
        files,
        context.storage,
    )
    artifact = _artifact(context.storage, specification)
    transformer = specification.transformer
    golden = specification.golden_request
    return Launch(
        project=context.project,
        project_url=context.storage.url,
        deployment=specification.name,
        deployment_id=deployment_id,
        deployment_version=sealed.version,
        specification=specification.digest,
        model=name,
        model_version=version,
        artifact_version=specification.artifact.version,
        framework=specification.model.framework,
        model_server=specification.model_server,
        serving_tool=specification.serving_tool,
        api_protocol=specification.api_protocol,
        model_files_path=local(model),
        loadable=loadable(specification.model.framework, files),
        artifact_files_path=local(artifact),
        columns=input_columns(manifest.model_schema),
        inputs=model_inputs(manifest.model_schema),
        artifact_files=tuple(sorted(artifact.sealed)),
        notes=tuple(notes),
        predictor_script=specification.predictor.script,
        transformer_script=transformer.script if transformer else None,
        config_file=specification.config_file,
        features=_features(specification),
        instances=max(specification.predictor.resources.num_instances, 1),
        transformer_instances=(
            max(transformer.resources.num_instances, 1) if transformer else 1
        ),
        idle_s=_IDLE_S if _scales_to_zero(specification) else None,
        limits=_limits(specification.predictor),
        transformer_limits=_limits(transformer) if transformer else Limits(),
        batching=_batching(specification.inference_batcher),
        logging=_logging(specification.inference_logger),
        golden=golden.for_launch() if golden else None,
        env_vars=specification.env_vars,
        held=tuple(held),
    )


class _Folder:
    """A sealed folder that a deployment needs, and how to get its files."""

    def __init__(
        self,
        path: str,
        digest: str,
        sealed: Mapping[str, Digest],
        storage: Storage,
        *,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self.path = path
        self.digest = digest
        self.sealed = sealed
        self._storage = storage
        self.prepare = prepare

    def fetch(self, missing: Mapping[str, Digest], target: Path) -> None:
        self.prepare()
        download(self._storage, self.path, missing, target)


def _pinned_manifest(storage: Storage, specification: Specification) -> Manifest:
    pin = specification.model
    version = live_version(storage, pin.name, pin.version)
    if version.sha256 != pin.manifest:
        raise IntegrityError(
            f"model {pin.name!r} version {pin.version} is not the one deployment "
            f"{specification.name!r} pins: see project.verify()"
        )
    return manifest_of(storage, pin.name, version)


def _artifact(storage: Storage, specification: Specification) -> _Folder:
    pin = specification.artifact
    model = specification.model
    store = ArtifactStore(storage, model.name, model.version)
    sealed = store.get(pin.version)
    if sealed.identity != pin.identity:
        raise IntegrityError(
            f"artifact version {pin.version} of model {model.name!r} version "
            f"{model.version} is not the one deployment {specification.name!r} pins: "
            "see project.verify()"
        )
    path = layout.artifact_dir(model.name, model.version, pin.version)
    files = {file.path: file.digest for file in sealed.files}

    def prepare() -> None:
        # The writer of the version may have been killed before it wrote the folder.
        store.project(pin.version)

    return _Folder(path, pin.identity, files, storage, prepare=prepare)


def _check_in_place(storage: Storage, folder: _Folder) -> Iterator[str]:
    """Check every sealed file, and say in words what lies there besides.

    Such files do not keep a deployment from starting, since it uses the sealed ones
    alone. It may have written them itself: to root they are not read-only.

    Raises:
        IntegrityError: a sealed file is not there, or differs.
    """
    folder.prepare()
    findings = check_folder(storage, folder.path, folder.sealed)
    wrong = [it for it in findings if it.kind not in {"unprotected", "extra"}]
    if wrong:
        raise IntegrityError(
            "the deployment does not start, because its files differ from what was "
            f"sealed: {_shown(wrong)}. See project.verify() and project.repair()"
        )
    if extra := [it for it in findings if it.kind == "extra"]:
        yield (
            "files that are not part of what was sealed lie beside it, and "
            f"project.repair() moves them aside: {_shown(extra)}"
        )


def _shown(findings: Sequence[Finding]) -> str:
    shown = "; ".join(map(str, findings[:_SHOWN_FINDINGS]))
    more = len(findings) - _SHOWN_FINDINGS
    return f"{shown}; and {more} more" if more > 0 else shown


def _scales_to_zero(specification: Specification) -> bool:
    return specification.predictor.resources.num_instances == 0


def _limits(component: ComponentSpecification) -> Limits:
    """Return the limits that the user set, so far as the specification shows it.

    The official client sends the default limits as if the user had set them. So a limit
    that has the default's amount counts as not set, also if the user gave it.
    """
    most = component.resources.limits
    default = default_limits(component.resources.requests)
    return Limits(
        cores=None if most.cores in {NO_LIMIT, default.cores} else most.cores,
        memory_mb=None if most.memory in {NO_LIMIT, default.memory} else most.memory,
    )


def _batching(batcher: InferenceBatcher | None) -> Batching | None:
    if batcher is None:
        return None
    chosen = {
        "max_batch_size": batcher.max_batch_size,
        "max_latency_ms": batcher.max_latency,
        "timeout_s": batcher.timeout,
    }
    return Batching(**{name: it for name, it in chosen.items() if it is not None})


def _logging(logger: InferenceLogger | None) -> RequestLogging | None:
    if logger is None or logger.mode == "NONE":
        return None
    topic = logger.kafka_topic
    if topic is None:
        return RequestLogging(mode=logger.mode)
    servers = topic.servers or os.environ.get(KAFKA_SERVERS)
    if not servers:
        raise InvalidDeploymentError(
            f"nobody says where Kafka topic {topic.name!r} is: deploy with "
            f'KafkaTopic(…, servers="host:port"), or set {KAFKA_SERVERS}'
        )
    return RequestLogging(
        mode=logger.mode, kafka_topic=topic.name, kafka_servers=servers
    )


def _features(specification: Specification) -> frozenset[str]:
    resources = specification.predictor.resources
    transformer = specification.transformer
    used = {
        "transformer": transformer is not None,
        "batcher": specification.inference_batcher is not None,
        "logger": specification.inference_logger is not None,
        "grpc": specification.api_protocol == "GRPC",
        "gpu": resources.requests.gpus > 0,
        "instances": resources.num_instances != 1
        or (transformer is not None and transformer.resources.num_instances != 1),
    }
    return frozenset(feature for feature, is_used in used.items() if is_used)


_UNKNOWN = -1
"""An axis of any length."""
_TENSOR_NAME = "input-0"
"""A schema gives no name to a tensor; a request may give any to the only one."""

_DATATYPES = {
    **dict.fromkeys(("bool", "boolean"), "BOOL"),
    **dict.fromkeys(("int8", "tinyint"), "INT8"),
    **dict.fromkeys(("int16", "smallint"), "INT16"),
    "int32": "INT32",
    **dict.fromkeys(("int64", "int", "bigint", "long"), "INT64"),
    **{f"uint{bits}": f"UINT{bits}" for bits in (8, 16, 32, 64)},
    **dict.fromkeys(("float16", "halffloat", "half"), "FP16"),
    "float32": "FP32",
    **dict.fromkeys(("float64", "double", "float"), "FP64"),
    "bfloat16": "BF16",
    **dict.fromkeys(
        ("str", "string", "large_string", "string_view", "utf8"),
        "BYTES",
    ),
}
"""Datatypes of the types that libraries write into schemas, in lower case. Missing are
types that may hold anything, such as ``object``, and those that V2 has no form for."""
_STORED = re.compile(r"\[(?:python|pyarrow|pyarrow_numpy)\]$")
"""How pandas says where it keeps texts."""
_SHAPE = re.compile(r"[(\[]\s*((?:-?\d+|None)(?:\s*,\s*(?:-?\d+|None))*)\s*,?\s*[)\]]")


class _Column(msgspec.Struct, frozen=True):
    type: str
    name: str | None = None


class _Tensor(msgspec.Struct, frozen=True):
    type: str
    shape: str


class _Side(msgspec.Struct, frozen=True):
    columnar_schema: tuple[_Column, ...] = ()
    tensor_schema: _Tensor | tuple[_Tensor, ...] = ()


class _Document(msgspec.Struct, frozen=True):
    """As much of ``model_schema.json`` as is about inputs."""

    input_schema: _Side | None = None


def model_inputs(schema: EmbeddedFile | None) -> tuple[ModelInput, ...]:
    """Return the tensors that a request has to have: one a column, or the only one.

    Empty if there is no schema, or if any part of it has no form in the protocol: a
    type without a datatype, a column without a name, several tensors.
    """
    if schema is None:
        return ()
    try:
        side = msgspec.json.decode(schema.text, type=_Document).input_schema
    except msgspec.DecodeError:
        # A dict of the user's own is kept as it is.
        return ()
    if side is None:
        return ()
    if side.columnar_schema:
        found = [_of_column(column) for column in side.columnar_schema]
    else:
        given = side.tensor_schema
        tensors: Sequence[_Tensor] = (given,) if isinstance(given, _Tensor) else given
        found = [_of_tensor(it) for it in tensors] if len(tensors) == 1 else []
    known = tuple(it for it in found if it is not None)
    names = {it.name for it in known}
    return known if len(names) == len(found) else ()


def _of_column(column: _Column) -> ModelInput | None:
    datatype = _datatype(column.type)
    if not column.name or datatype is None:
        return None
    return ModelInput(name=column.name, datatype=datatype, shape=(_UNKNOWN,))


def _of_tensor(tensor: _Tensor) -> ModelInput | None:
    datatype, axes = _datatype(tensor.type), _SHAPE.fullmatch(tensor.shape.strip())
    if datatype is None or axes is None:
        return None
    lengths = [_length(it.strip()) for it in axes[1].split(",")]
    # The first axis is the rows, of which a request may have any number.
    shape = (_UNKNOWN, *lengths[1:])
    return ModelInput(name=_TENSOR_NAME, datatype=datatype, shape=shape)


def _length(text: str) -> int:
    return _UNKNOWN if text == "None" or text.startswith("-") else int(text)


def _datatype(kind: Any) -> str | None:
    return _DATATYPES.get(_STORED.sub("", str(kind).strip().lower()))
