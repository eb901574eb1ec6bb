"""From a sealed specification to something that can run: checked, local files.

Also what goes into the model by its schema, in the words of the V2 protocol.
"""

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import ArtifactVersion, identity_of
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.context import ProjectContext, ProjectPlace
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
    SealedVersion,
)
from hopsartifacts.serving.runtime.predictors import loadable
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.cache import Cache
from hopsartifacts.store.checks import Finding, check_folder
from hopsartifacts.store.transfer import download

AWAIT_S = 120
"""How long to wait by default until a deployment has started, moved or stopped."""
KAFKA_SERVERS = "HOPSARTIFACTS_KAFKA_SERVERS"

_SHOWN_FINDINGS = 3
_IDLE_S = 30.0
"""After how long without requests a deployment that scales to zero is stopped."""


@contextmanager
def placed(
    storage: Storage, cache: Callable[[], Cache], sealed: SealedVersion
) -> Iterator[Launch]:
    """Yield *sealed* with checked files on this machine, until the block ends.

    A process that inherits the descriptors ``Launch.held`` keeps them longer.

    Args:
        storage: that of the project.
        cache: returns the cache for the files of a project that is not on a local disk.
        sealed: the version; its digests decide what its files are.

    Raises:
        IntegrityError: a file differs from what was sealed.
        ModelNotFoundError: the model version was deleted.
        StorageError: local copies cannot be written.
    """
    held: list[int] = []
    notes: list[str] = []
    with ExitStack() as leases:

        def local(folder: _Folder) -> str:
            path = storage.local_path(folder.path)
            if path is not None:
                folder.prepare()
                notes.extend(check_in_place(storage, folder.path, folder.sealed))
                return str(path)
            lease = cache().use(folder.digest, folder.sealed, folder.fetch)
            leases.enter_context(lease)
            held.append(lease.descriptor)
            return str(lease.path)

        yield Launch(
            **structs.asdict(sealed),
            model_files_path=local(_model(storage, sealed)),
            artifact_files_path=local(_artifact(storage, sealed)),
            notes=tuple(notes),
            held=tuple(held),
        )


def start(
    context: ProjectContext,
    sealed: Deployed,
    await_running_s: float,
    *,
    port: int | None,
    detach: bool,
) -> None:
    """Run the active version; see ``Deployment.start``.

    Raises:
        UnsupportedHereError: this machine cannot run it.
    """
    if detach and not context.storage.capabilities.is_shared:
        raise UnsupportedHereError(
            "a deployment of a project in memory cannot outlive this process: "
            "start it without detach"
        )
    context.backend().start(
        version_of(context, sealed, sealed.current),
        await_running_s=await_running_s,
        port=port,
        detach=detach,
    )


def move_to(context: ProjectContext, sealed: Deployed, await_running_s: float) -> None:
    """Move the running processes to the active version without a failed request.

    Raises:
        DeploymentFailedError: it does not start; the previous version keeps running.
    """
    version = version_of(context, sealed, sealed.current)
    try:
        context.backend().update(version, await_running_s=await_running_s)
    except DeploymentFailedError as error:
        raise DeploymentFailedError(_with_way_out(error, sealed)) from error


def _with_way_out(error: DeploymentFailedError, sealed: Deployed) -> str:
    """Add to a failure which version is active now, since the next start runs it."""
    before = sealed.state.head.before
    back = f", or go back with rollback({before})" if before else ""
    return (
        f"{error}\nVersion {sealed.active} is saved and is the active version now, "
        f"which the next start runs: change the deployment and save it again{back}"
    )


def version_of(
    context: ProjectContext, deployed: Deployed, sealed: DeploymentVersion
) -> SealedVersion:
    """Return one of a deployment's versions, for the back end that runs it.

    Raises:
        ModelNotFoundError: its model version was deleted.
        IntegrityError: its model or its artifact differs from what it pins.
        InvalidDeploymentError: a setting is missing on this machine.
    """
    specification = sealed.specification
    model, artifact = specification.model, specification.artifact
    manifest = pinned_manifest(
        context.storage, model.name, model.version, model.manifest
    )
    made = pinned_artifact(
        context.storage, model.name, model.version, artifact.version, artifact.identity
    )
    return sealed_version(
        context,
        specification,
        manifest,
        [file.path for file in made.files],
        deployment_id=deployed.id,
        number=sealed.version,
    )


def sealed_version(
    project: ProjectPlace,
    specification: Specification,
    manifest: Manifest,
    artifact_files: Collection[str],
    *,
    deployment_id: str = "",
    number: int = 0,
) -> SealedVersion:
    """Return what a back end needs to know about a specification.

    Args:
        project: where it is.
        specification: what would run.
        manifest: that of its model version.
        artifact_files: the names of its artifact's files.
        deployment_id: that of the deployment; empty if it was not saved yet.
        number: that of the deployment version; 0 if it was not saved yet.

    Raises:
        InvalidDeploymentError: a setting is missing on this machine.
    """
    transformer = specification.transformer
    golden = specification.golden_request
    model_files = [file.path for file in manifest.files]
    return SealedVersion(
        project=project.project,
        project_url=project.url,
        deployment=specification.name,
        deployment_id=deployment_id,
        deployment_version=number,
        specification=specification.digest,
        model=manifest.model,
        model_version=manifest.version,
        manifest=specification.model.manifest,
        artifact_version=specification.artifact.version,
        artifact_identity=specification.artifact.identity,
        framework=specification.model.framework,
        model_server=specification.model_server,
        serving_tool=specification.serving_tool,
        api_protocol=specification.api_protocol,
        loadable=loadable(specification.model.framework, model_files),
        columns=input_columns(manifest.model_schema),
        inputs=model_inputs(manifest.model_schema),
        artifact_files=tuple(sorted(artifact_files)),
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
        resources=specification.predictor.resources,
        transformer_resources=transformer.resources if transformer else None,
        batching=_batching(specification.inference_batcher),
        logging=_logging(specification.inference_logger),
        golden=golden.for_launch() if golden else None,
        env_vars=specification.env_vars,
    )


class _Folder:
    """A sealed folder that a deployment needs, with a way to fetch its files."""

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


def pinned_manifest(storage: Storage, model: str, number: int, digest: str) -> Manifest:
    """Return the manifest of a model version that a deployment pins by its *digest*.

    Raises:
        ModelNotFoundError: the model version was deleted.
        IntegrityError: it differs from the one that was pinned.
    """
    version = live_version(storage, model, number)
    if version.sha256 != digest:
        raise IntegrityError(
            f"model {model!r} version {number} differs from the one that the "
            "deployment pins: see project.verify()"
        )
    return manifest_of(storage, model, version)


def pinned_artifact(
    storage: Storage, model: str, number: int, artifact: int, identity: str
) -> ArtifactVersion:
    """Return the artifact version that a deployment pins by its *identity*.

    Raises:
        NotFoundError: it was deleted.
        IntegrityError: it differs from the one that was pinned.
    """
    sealed = ArtifactStore(storage, model, number).get(artifact)
    # The identity in the log is not trusted: the files themselves have to give it.
    if identity_of(sealed.files) != identity:
        raise IntegrityError(
            f"artifact version {artifact} of model {model!r} version {number} differs "
            "from the one that the deployment pins: see project.verify()"
        )
    return sealed


def _model(storage: Storage, sealed: SealedVersion) -> _Folder:
    manifest = pinned_manifest(
        storage, sealed.model, sealed.model_version, sealed.manifest
    )
    path = layout.files_dir(sealed.model, sealed.model_version)
    files = {file.path: file.digest for file in manifest.files}
    return _Folder(path, sealed.manifest, files, storage)


def _artifact(storage: Storage, sealed: SealedVersion) -> _Folder:
    model, version, number = (
        sealed.model,
        sealed.model_version,
        sealed.artifact_version,
    )
    made = pinned_artifact(storage, model, version, number, sealed.artifact_identity)
    path = layout.artifact_dir(model, version, number)
    files = {file.path: file.digest for file in made.files}

    def prepare() -> None:
        # The writer of the version may have been killed before it wrote the folder.
        ArtifactStore(storage, model, version).project(number)

    return _Folder(path, sealed.artifact_identity, files, storage, prepare=prepare)


def check_in_place(
    storage: Storage,
    folder: str,
    sealed: Mapping[str, Digest],
    *,
    is_strict: bool = False,
) -> Iterator[str]:
    """Check every sealed file of *folder*, and describe its extra files.

    Extra files do not prevent a start, since only sealed files are used. The deployment
    may have written them itself: root can write to read-only folders. See
    ``check_folder`` for *is_strict*.

    Raises:
        IntegrityError: a sealed file is missing or differs.
    """
    findings = check_folder(storage, folder, sealed, is_strict=is_strict)
    wrong = [it for it in findings if it.kind not in {"unprotected", "extra"}]
    if wrong:
        raise IntegrityError(
            "the deployment does not start, because its files differ from what was "
            f"sealed: {_shown(wrong)}. See project.verify() and project.repair()"
        )
    if extra := [it for it in findings if it.kind == "extra"]:
        yield (
            "a folder of the deployment contains files that were not sealed; "
            f"project.repair() moves them to quarantine: {_shown(extra)}"
        )


def _shown(findings: Sequence[Finding]) -> str:
    shown = "; ".join(map(str, findings[:_SHOWN_FINDINGS]))
    more = len(findings) - _SHOWN_FINDINGS
    return f"{shown}; and {more} more" if more > 0 else shown


def _scales_to_zero(specification: Specification) -> bool:
    return specification.predictor.resources.num_instances == 0


def _limits(component: ComponentSpecification) -> Limits:
    """Return the limits that the user set, as far as the specification shows them.

    The official client sends the default limits as if the user had set them. So a limit
    that equals the default counts as not set, even if the user set it.
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
            f"the servers of Kafka topic {topic.name!r} are unknown: deploy with "
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
"""The length of an axis of any length."""
_TENSOR_NAME = "input-0"
"""The name of a schema's only tensor, which has none; requests may use any name."""

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
"""The V2 datatype of each type that libraries write into schemas, in lower case. Types
of any content, such as ``object``, and those that V2 cannot express are left out."""
_STORED = re.compile(r"\[(?:python|pyarrow|pyarrow_numpy)\]$")
"""The storage that pandas names in its types of texts."""
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
    """The inputs in ``model_schema.json``; the rest is not read."""

    input_schema: _Side | None = None


def model_inputs(schema: EmbeddedFile | None) -> tuple[ModelInput, ...]:
    """Return the tensors that a request must have: one for each column, or only one.

    The result is empty if there is no schema, or if the protocol cannot express a part
    of it: a type without a datatype, a column without a name, several tensors.
    """
    if schema is None:
        return ()
    try:
        side = msgspec.json.decode(schema.text, type=_Document).input_schema
    except msgspec.DecodeError:
        # A user may have stored a dict of any form.
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
    # The first axis is the rows; a request may have any number of them.
    shape = (_UNKNOWN, *lengths[1:])
    return ModelInput(name=_TENSOR_NAME, datatype=datatype, shape=shape)


def _length(text: str) -> int:
    return _UNKNOWN if text == "None" or text.startswith("-") else int(text)


def _datatype(kind: Any) -> str | None:
    return _DATATYPES.get(_STORED.sub("", str(kind).strip().lower()))
