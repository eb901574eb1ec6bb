"""Deployment versions: each save that changes anything is one log entry."""

from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from hopsartifacts import layout
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.documents import (
    DeploymentState,
    DeploymentVersion,
    Specification,
)
from hopsartifacts.documents import encode_pretty
from hopsartifacts.errors import (
    AlreadyExistsError,
    CommitUncertainError,
    DeploymentNotFoundError,
    NotFoundError,
    StorageError,
)
from hopsartifacts.registry.deletion import withdraw_deletion
from hopsartifacts.registry.documents import ModelState
from hopsartifacts.registry.versions import model_state
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.identity import new_token, now, user
from hopsartifacts.store.log import Log
from hopsartifacts.store.root import check_claim, check_log_is_there, claim_name
from hopsartifacts.store.workers import each_result


def deployment_log(storage: Storage, name: str) -> Log[DeploymentState]:
    """Return the log of a deployment."""
    return Log(storage, layout.deployment_log(name), DeploymentState)


def deployment_names(storage: Storage) -> list[str]:
    """Return the names of all deployments that ever were, sorted."""
    return [
        entry.name
        for entry in storage.list(layout.DEPLOYMENTS)
        if entry.kind == "directory"
    ]


def find_deployment(storage: Storage, name: str) -> DeploymentState | None:
    """Return the newest state of a deployment, None if there is none (any more)."""
    head = deployment_log(storage, name).head()
    return live_part(storage, head.state) if head else None


def read_deployment(storage: Storage, name: str) -> DeploymentState:
    """Return the newest state of a deployment.

    Raises:
        DeploymentNotFoundError: there is none; the message says which there are.
    """
    found = find_deployment(storage, name)
    if found is None:
        live = ", ".join(repr(known) for known in live_deployments(storage))
        raise DeploymentNotFoundError(
            f"there is no deployment {name!r}: the project has {live or 'none'}"
        )
    return found


def pick_version(state: DeploymentState, name: str, number: int) -> DeploymentVersion:
    """Return one version of a live deployment.

    Raises:
        DeploymentNotFoundError: there is no such version; the message says which.
    """
    if number not in state.versions:
        known = ", ".join(map(str, sorted(state.versions)))
        raise DeploymentNotFoundError(
            f"deployment {name!r} has no version {number}: it has {known}"
        )
    return state.versions[number]


def live_deployments(storage: Storage) -> dict[str, DeploymentState]:
    """Return all deployments by name, sorted."""
    names, workers = deployment_names(storage), storage.capabilities.workers
    found = each_result(lambda name, _: find_deployment(storage, name), names, workers)
    return {name: state for name, state in zip(names, found, strict=True) if state}


def users_of(storage: Storage, model: str, version: int) -> list[str]:
    """Name the deployments any of whose versions pins a model version."""
    pinned = (model, version)
    return _pinning(storage, lambda it: (it.model.name, it.model.version), pinned)


def artifact_users_of(
    storage: Storage, model: str, version: int, artifact: int
) -> list[str]:
    """Name the deployments any of whose versions pins an artifact version."""
    pinned = (model, version, artifact)
    return _pinning(
        storage,
        lambda it: (it.model.name, it.model.version, it.artifact.version),
        pinned,
    )


def _pinning(
    storage: Storage, pins: Callable[[Specification], object], pinned: object
) -> list[str]:
    return [
        f"deployment {name!r}"
        for name, state in live_deployments(storage).items()
        if any(pins(it.specification) == pinned for it in state.versions.values())
    ]


def check_name(
    storage: Storage,
    name: str,
    model: str,
    *,
    known_id: str | None,
    adopt: bool = True,
) -> DeploymentState | None:
    """Refuse early, storing nothing, what ``save_specification`` would refuse.

    Returns:
        The deployment that has this name now, None if there is none.
    """
    claim = layout.deployment_name_claim(name)
    check_claim(storage, claim, name, "deployment")
    log = deployment_log(storage, name)
    head = log.head()
    if head is None:
        check_log_is_there(storage, log, claim)
    live = live_part(storage, head.state) if head else None
    _check_owner(live, name, model, known_id, adopt=adopt)
    return live


def save_specification(
    storage: Storage,
    specification: Specification,
    *,
    known_id: str | None,
    why: str = "",
    adopt: bool = True,
) -> DeploymentState:
    """Seal *specification* as the deployment's next version, and make it active.

    Nothing is written if it equals the active version.

    Args:
        storage: where.
        specification: what.
        known_id: the deployment the caller means to change; None to create one. If
            the name belongs to a deployment of any version of the same model, that
            deployment gets the new version.
        why: a word for those who read the history.
        adopt: False to refuse every name that is taken.

    Raises:
        AlreadyExistsError: the name belongs to a deployment of another model (or,
            without *adopt*, to any other deployment), or has a twin.
        DeploymentNotFoundError: the deployment meant was deleted.
        ModelNotFoundError: the model version was deleted meanwhile.
    """
    name = specification.name
    claim = layout.deployment_name_claim(name)
    claim_name(storage, claim, name, "deployment")
    token = new_token()
    model = specification.model.name

    def decide(state: DeploymentState | None, _: int) -> Draft[DeploymentState] | None:
        live = live_part(storage, state) if state else None
        _check_owner(live, name, model, known_id, adopt=adopt)
        if live and live.current.specification == specification:
            return None
        after = _sealed(state, live, specification, token)
        op = activating("save", after.active, why)
        return Draft(op=op, state=after, token=token)

    after = activate(storage, name, decide, token)
    # It is committed: a document that is missing is written by the next save, or by a
    # repair. So this one writes that of the version before too.
    with suppress(StorageError):
        for number in sorted(after.versions)[-2:]:
            project_version(storage, name, after.versions[number])
        project_version(storage, name, after.current)
    return after


def activate(
    storage: Storage,
    name: str,
    decide: Callable[[DeploymentState | None, int], Draft[DeploymentState] | None],
    token: str,
) -> DeploymentState:
    """Commit what *decide* wants, and keep what the version that is then active pins.

    Raises:
        NotFoundError: one of them was deleted; the version was taken back.
        CommitUncertainError: the storage failed before that was known.
    """
    head = deployment_log(storage, name).append(decide)
    if head is None:
        raise DeploymentNotFoundError(f"deployment {name!r} has an empty log")
    if head.token == token:
        keep_parts(storage, name, head.state, token)
    return head.state


def activating(kind: str, number: int, why: str) -> dict[str, object]:
    """Return what an entry says that makes *number* the active version."""
    return {"kind": kind, "version": number, **({"why": why} if why else {})}


def delete_deployment(storage: Storage, name: str, known_id: str) -> None:
    """Delete the deployment *known_id*; its version numbers are not given again.

    Raises:
        DeploymentNotFoundError: there is none, or another one of that name.
    """
    read = read_deployment(storage, name).versions

    def decide(state: DeploymentState | None, _: int) -> Draft[DeploymentState]:
        if state is None or state.status == "deleted" or state.id != known_id:
            raise DeploymentNotFoundError(f"deployment {name!r} was deleted before")
        return Draft(op={"kind": "delete"}, state=_deleted(state))

    deployment_log(storage, name).append(decide)
    for version in read:
        # It is deleted: files that stay behind are found by verify.
        with suppress(StorageError):
            storage.delete_tree(layout.deployment_version_dir(name, version))


def project_version(storage: Storage, name: str, version: DeploymentVersion) -> None:
    """Write a version's document for people and tools; anybody may redo it."""
    path = layout.deployment_document(name, version.version)
    storage.create(path, document_bytes(version))


def document_bytes(version: DeploymentVersion) -> bytes:
    """Return the bytes of a version's document."""
    return encode_pretty(version)


def _check_owner(
    live: DeploymentState | None,
    name: str,
    model: str,
    known_id: str | None,
    *,
    adopt: bool,
) -> None:
    """See that a version for *model* may be added to the deployment as it is now."""
    if known_id is not None and (live is None or live.id != known_id):
        raise DeploymentNotFoundError(
            f"deployment {name!r} was deleted: create it again"
        )
    if live is None:
        return
    there = live.current.specification.model
    if there.name != model:
        raise AlreadyExistsError(
            f"deployment {name!r} exists and runs another model, {there.name!r}, not "
            f"{model!r}: choose another name, or delete that deployment first"
        )
    if known_id is None and not adopt:
        raise AlreadyExistsError(
            f"deployment {name!r} exists and runs model {there.name!r} version "
            f"{there.version}: choose another name, or change that deployment"
        )


def _sealed(
    state: DeploymentState | None,
    live: DeploymentState | None,
    specification: Specification,
    token: str,
) -> DeploymentState:
    number = (state.last if state else 0) + 1
    version = DeploymentVersion(
        version=number, created=now(), creator=user(), specification=specification
    )
    return DeploymentState(
        status="live",
        id=live.id if live else token,
        created=live.created if live else version.created,
        creator=live.creator if live else version.creator,
        last=number,
        active=number,
        before=live.active if live else 0,
        versions={**(live.versions if live else {}), number: version},
        tags=live.tags if live else {},
    )


def _deleted(state: DeploymentState) -> DeploymentState:
    return replace(state, status="deleted", active=0, before=0, versions={}, tags={})


def live_part(storage: Storage, state: DeploymentState) -> DeploymentState | None:
    """Return what readers see of *state*; None if that is nothing.

    A writer that ended between its seal and its look at the model leaves a version
    whose model may be gone: such a version is not there.
    """
    if state.status != "live":
        return None
    models: dict[str, ModelState] = {}
    rest: dict[int, DeploymentVersion] = {}
    for number, version in state.versions.items():
        pin = version.specification.model
        if pin.name not in models:
            models[pin.name] = model_state(storage, pin.name)
        if pin.version in models[pin.name].live():
            rest[number] = version
    return _with_only(state, rest) if rest else None


def _with_only(
    state: DeploymentState, rest: dict[int, DeploymentVersion]
) -> DeploymentState:
    """Return *state* with only some versions; what was active before may be again."""
    wanted = (number for number in (state.active, state.before) if number in rest)
    return replace(state, active=next(wanted, max(rest)), versions=rest)


def keep_parts(
    storage: Storage, name: str, sealed: DeploymentState, token: str
) -> None:
    """Make sure that the model and artifact version of the active version stay.

    It is committed, and now what marks them is withdrawn: see ``store.fence``.

    Raises:
        NotFoundError: one of them was deleted; the version was taken back.
        CommitUncertainError: the storage failed before that was known.
    """
    model = sealed.current.specification.model
    artifact = sealed.current.specification.artifact.version
    try:
        withdraw_deletion(storage, model.name, model.version)
        ArtifactStore(storage, model.name, model.version).withdraw_deletion(artifact)
    except NotFoundError as error:
        _take_back(storage, name, sealed)
        raise type(error)(
            f"model {model.name!r} version {model.version} or its artifact version "
            f"{artifact} was deleted while it was being deployed: nothing was deployed"
        ) from error
    except StorageError as error:
        raise CommitUncertainError(
            f"deployment {name!r} was saved, but the storage failed before it was "
            f"known whether its model is still there ({error}): save it again",
            token,
        ) from error


def _take_back(storage: Storage, name: str, sealed: DeploymentState) -> None:
    number = sealed.active

    def decide(state: DeploymentState | None, _: int) -> Draft[DeploymentState] | None:
        if state is None or number not in state.versions:
            return None
        rest = {n: kept for n, kept in state.versions.items() if n != number}
        after = _with_only(state, rest) if rest else _deleted(state)
        op = {"kind": "take back", "version": number, "active": after.active}
        return Draft(op=op, state=after)

    deployment_log(storage, name).append(decide)
