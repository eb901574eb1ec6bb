"""Functions on the log of a deployment: an entry for each save, tag and deletion."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from hopsartifacts import layout
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.deployed import Deployed, Logs, deployed
from hopsartifacts.deployments.documents import (
    DeploymentRecord,
    DeploymentState,
    DeploymentVersion,
    PinnedModel,
    Specification,
)
from hopsartifacts.documents import encode, encode_pretty, is_same_json
from hopsartifacts.errors import (
    AlreadyExistsError,
    ArtifactNotFoundError,
    CommitUncertainError,
    DeploymentNotFoundError,
    IntegrityError,
    InUseError,
    InvalidDeploymentError,
    NotFoundError,
    PathNotFoundError,
    StorageError,
)
from hopsartifacts.machine.identity import new_token, now, user
from hopsartifacts.machine.local_paths import local_folder
from hopsartifacts.machine.workers import Stop, each_result
from hopsartifacts.registry.documents import Tags
from hopsartifacts.registry.versions import pick_live, withdraw_deletion
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.damage import Damaged, Result, read_each_sound
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.root import check_log_is_there, claim_in_project
from hopsartifacts.store.transfer import download

MOST_TAG_BYTES = 16 * 1024
"""The most bytes of all tags of one deployment, as JSON."""


def deployment_names(storage: Storage) -> list[str]:
    """Return the names of all deployments, also of deleted ones, sorted."""
    return [
        entry.name
        for entry in storage.list(layout.DEPLOYMENTS)
        if entry.kind == "directory"
    ]


def find_deployment(
    storage: Storage, name: str, logs: Logs | None = None
) -> Deployed | None:
    """Return the deployment that has the name now; None if there is none.

    Args:
        storage: the project's storage.
        name: the name.
        logs: logs that may have been read already; by default all are read again.
    """
    logs = logs or Logs(storage)
    return deployed(logs, name, logs.deployment(name).seen_state())


def read_deployment(storage: Storage, name: str, logs: Logs | None = None) -> Deployed:
    """Return the deployment that has the name now.

    Raises:
        DeploymentNotFoundError: there is none; the message lists the others.
    """
    found = find_deployment(storage, name, logs)
    if found is None:
        sound, damaged = read_sound(storage, lambda it: it.name)
        known = ", ".join(map(repr, sorted([*sound, *damaged])))
        raise DeploymentNotFoundError(
            f"there is no deployment {name!r}: the project has {known or 'none'}"
        )
    return found


def read_again(storage: Storage, known: Deployed) -> Deployed:
    """Return the current state of a deployment that was read earlier.

    Raises:
        DeploymentNotFoundError: it was deleted; another may have its name now.
    """
    found = read_deployment(storage, known.name)
    if found.id != known.id:
        raise DeploymentNotFoundError(
            f"deployment {known.name!r} was deleted and created again: get it with "
            f"ms.get_deployment({known.name!r})"
        )
    return found


def pick_version(found: Deployed, number: int) -> DeploymentVersion:
    """Return one version of a live deployment.

    Raises:
        DeploymentNotFoundError: it does not exist; the message lists the others.
    """
    if not found.has(number):
        known = ", ".join(map(str, found.records()))
        raise DeploymentNotFoundError(
            f"deployment {found.name!r} has no version {number}: it has {known}"
        )
    return found.version(number)


def live_deployments(storage: Storage) -> dict[str, Deployed]:
    """Return all deployments by name, sorted; artifacts are not looked at.

    Raises:
        IntegrityError: the log of one, or of its model, is damaged.
        FormatError: a later release wrote one of them.
    """

    def find(name: str, _: Stop) -> Deployed | None:
        logs = Logs(storage, checks_artifacts=False)
        return find_deployment(storage, name, logs)

    names, workers = deployment_names(storage), storage.capabilities.workers
    found = each_result(find, names, workers)
    return {name: it for name, it in zip(names, found, strict=True) if it}


def read_sound(
    storage: Storage,
    read: Callable[[Deployed], Result],
    *,
    checks_artifacts: bool = False,
) -> tuple[dict[str, Result], Damaged]:
    """Return the result of *read* for each deployment, and the damaged deployments.

    This is for lists that must show the others even if one is damaged. If a missing
    deployment would do harm, as in a deletion, use ``live_deployments``, which raises.

    Args:
        storage: where the deployments are.
        read: takes a deployment.
        checks_artifacts: see ``Logs``.

    Returns:
        The results by name, and the deployments whose log, or whose model's log,
        cannot be read; both sorted.
    """

    def find(name: str) -> list[Result]:
        logs = Logs(storage, checks_artifacts=checks_artifacts)
        live = find_deployment(storage, name, logs)
        return [read(live)] if live else []

    found, damaged = read_each_sound(storage, deployment_names(storage), find)
    return {name: it for name, results in found.items() for it in results}, damaged


def users_of(storage: Storage, model: str, version: int) -> list[str]:
    """Return the names of the deployments that pin a model version."""
    pin = PinnedModel(name=model, version=version)
    return _pinning(storage, lambda it: it.model == pin)


def artifact_users_of(
    storage: Storage, model: str, version: int, artifact: int
) -> list[str]:
    """Return the names of the deployments that pin an artifact version."""
    pin = PinnedModel(name=model, version=version)
    return _pinning(storage, lambda it: it.model == pin and it.artifact == artifact)


def _pinning(storage: Storage, pins: Callable[[DeploymentRecord], bool]) -> list[str]:
    return [
        f"deployment {name!r}"
        for name, found in live_deployments(storage).items()
        if any(map(pins, found.records().values()))
    ]


def check_owner(
    logs: Logs, name: str, model: str, *, known_id: str | None, adopt: bool = True
) -> Deployed | None:
    """Check whether ``save_specification`` would refuse the name; writes nothing.

    Returns:
        The deployment that has this name now; None if there is none.
    """

    def owner(state: DeploymentState) -> Deployed | None:
        live = deployed(logs, name, state)
        _check_owner(live, name, model, known_id, adopt=adopt)
        return live

    return logs.deployment(name).decided(owner)


def take_name(logs: Logs, name: str) -> None:
    """Claim a deployment's name, if its log has no entry yet.

    Raises:
        AlreadyExistsError: a deployment has a name that a cluster does not distinguish.
        IntegrityError: the log is missing, although the name was claimed.
    """
    log = logs.deployment(name)
    if log.seen() is None:
        claim = layout.deployment_name_claim(name)
        # The project has its marker, since the model was saved there.
        if not claim_in_project(logs.storage, claim, name, "deployment"):
            check_log_is_there(logs.storage, log, claim)


def save_specification(
    logs: Logs,
    specification: Specification,
    *,
    known_id: str | None,
    why: str = "",
    adopt: bool = True,
) -> Deployed:
    """Seal *specification* as the deployment's next version, and make it active.

    Nothing is written if it equals the active version. The name must be claimed.

    Args:
        logs: the project's logs; those of the deployment, its model and its artifacts
            are not read again if they have been read.
        specification: the specification.
        known_id: id of the deployment to change; None to create one. If a deployment of
            the same model, of any version, has the name, that deployment gets the new
            version.
        why: the reason, for the history.
        adopt: False to refuse every name that is taken.

    Raises:
        AlreadyExistsError: the name belongs to a deployment of another model (or,
            without *adopt*, to any other deployment).
        DeploymentNotFoundError: the deployment to change was deleted.
        ModelNotFoundError: the model version was deleted meanwhile.
    """
    name, model = specification.name, specification.model.name
    token = new_token()

    def decide(state: DeploymentState, seq: int) -> Draft[DeploymentState] | None:
        live = deployed(logs, name, state)
        _check_owner(live, name, model, known_id, adopt=adopt)
        if live and is_same_json(live.current.specification, specification):
            return None
        after = _sealed(state, live, specification, token, seq)
        op = activating("save", after.head.active, why)
        return Draft(op=op, state=after, token=token, content=specification)

    after = activate(logs, name, decide, token)
    # The version is committed: if its document is missing, a repair writes it.
    with suppress(StorageError):
        project_version(logs.storage, name, after.current)
    return after


def activate(
    logs: Logs,
    name: str,
    decide: Callable[[DeploymentState, int], Draft[DeploymentState] | None],
    token: str,
) -> Deployed:
    """Commit the draft of *decide*, and protect what the active version then pins.

    Raises:
        NotFoundError: the model or artifact was deleted; the version is undone.
        CommitUncertainError: the storage failed before that could be checked.
    """
    after = logs.deployment(name).append(decide)
    if after is None:
        raise DeploymentNotFoundError(f"deployment {name!r} has an empty log")
    if after.token == token:
        active = Deployed(logs, name, after.state, after.state.head.active)
        keep_parts(logs, active, token)
        return active
    found = deployed(logs, name, after.state)
    if found is None:
        raise DeploymentNotFoundError(
            f"deployment {name!r} was deleted meanwhile: deploy the model again to "
            "create a new one"
        )
    return found


def activating(kind: str, number: int, why: str) -> dict[str, object]:
    """Return the operation of an entry that makes *number* the active version."""
    return {"kind": kind, "version": number, **({"why": why} if why else {})}


def delete_deployment(storage: Storage, name: str, known_id: str) -> None:
    """Delete the deployment *known_id*; its version numbers are not given again.

    Raises:
        DeploymentNotFoundError: it does not exist, or another one has the name.
    """
    logs = Logs(storage)
    records = read_deployment(storage, name, logs).records()

    def decide(state: DeploymentState, _: int) -> Draft[DeploymentState]:
        if state.head.status != "live" or state.head.id != known_id:
            raise DeploymentNotFoundError(f"deployment {name!r} was deleted before")
        return Draft(op={"kind": "delete"}, state=state.deleted())

    logs.deployment(name).append(decide)
    for version in records:
        # It is deleted: verify finds any files that remain.
        with suppress(StorageError):
            storage.delete_tree(layout.deployment_version_dir(name, version))


def download_artifact(
    storage: Storage, specification: Specification, local_path: str | Path | None
) -> str:
    """Copy the files of a deployment's artifact to this machine; return the folder.

    Raises:
        ArtifactNotFoundError: it was deleted, or is version 0, which has no files.
    """
    number, model = specification.artifact.version, specification.model
    if number == 0:
        raise ArtifactNotFoundError(
            f"deployment {specification.name!r} runs artifact version 0, which has no "
            "files"
        )
    store = ArtifactStore(storage, model.name, model.version)
    store.project(number)
    folder = layout.artifact_dir(model.name, model.version, number)
    target = local_folder(
        local_path, model.name, str(model.version), "Artifacts", str(number)
    )
    files = store.get(number).files
    try:
        download(storage, folder, {it.path: it.digest for it in files}, target)
    except (IntegrityError, PathNotFoundError):
        # This raises if the version was deleted meanwhile.
        store.get(number)
        raise
    return str(target)


def project_version(storage: Storage, name: str, version: DeploymentVersion) -> None:
    """Write the readable copy of a version's specification."""
    path = layout.deployment_document(name, version.version)
    storage.create(path, document_bytes(version))


def document_bytes(version: DeploymentVersion) -> bytes:
    """Return the bytes of the readable copy of a version's specification."""
    return encode_pretty(version)


def _check_owner(
    live: Deployed | None,
    name: str,
    model: str,
    known_id: str | None,
    *,
    adopt: bool,
) -> None:
    """Check that a version for *model* may be added to the deployment *there*."""
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
    state: DeploymentState,
    live: Deployed | None,
    specification: Specification,
    token: str,
    seq: int,
) -> DeploymentState:
    number, pin = state.head.last + 1, specification.model
    record = DeploymentRecord(
        status="live",
        model=PinnedModel(name=pin.name, version=pin.version),
        artifact=specification.artifact.version,
        created=now(),
        creator=user(),
        entry=seq,
    )
    head: dict[str, Any] = {"before": live.active if live else 0}
    if live is None:
        # The name is new, or its deployment was deleted.
        head |= {
            "status": "live",
            "id": token,
            "created": record.created,
            "creator": record.creator,
            "first": number,
            "tags": {},
        }
    return state.changed(number, record, active=number, entry=seq, **head)


def keep_parts(logs: Logs, sealed: Deployed, token: str) -> None:
    """Protect the model version and artifact version of the active version.

    Call this after the deployment version is committed. If a deletion has marked one of
    them, its mark is withdrawn; see ``store.two_phase_delete``.

    Raises:
        NotFoundError: the model or artifact was deleted; the version is undone.
        CommitUncertainError: the storage failed before that could be checked.
    """
    record = sealed.record
    model, artifact = record.model, record.artifact
    if model is None:
        return
    try:
        log = logs.model(model.name)
        log.refresh()
        if pick_live(log.seen_state(), model.name, model.version).mark:
            withdraw_deletion(log, model.name, model.version)
        logs.artifact_store(model.name, model.version).withdraw_deletion(artifact)
    except NotFoundError as error:
        _take_back(logs, sealed)
        raise type(error)(
            f"model {model.name!r} version {model.version} or its artifact version "
            f"{artifact} was deleted while it was being deployed: nothing was deployed"
        ) from error
    except StorageError as error:
        raise CommitUncertainError(
            f"deployment {sealed.name!r} was saved, but the storage failed before it "
            f"was known whether its model is still there ({error}): save it again",
            token,
        ) from error


def _take_back(logs: Logs, sealed: Deployed) -> None:
    number = sealed.active

    def decide(state: DeploymentState, _: int) -> Draft[DeploymentState] | None:
        if not state.is_kept(number):
            return None
        after = state.without(number)
        op = {"kind": "take back", "version": number, "active": after.head.active}
        return Draft(op=op, state=after)

    logs.deployment(sealed.name).append(decide)


def activate_version(
    storage: Storage, name: str, number: int, *, known_id: str, why: str
) -> Deployed:
    """Make a sealed version the active one; nothing is written if it is active.

    Raises:
        DeploymentNotFoundError: the version does not exist, or the deployment was
            deleted.
        ModelNotFoundError: the model version was deleted, and the writer of the
            deployment version was killed before it noticed.
    """
    logs, token = Logs(storage), new_token()

    def decide(state: DeploymentState, _: int) -> Draft[DeploymentState] | None:
        live = _known(logs, name, state, known_id, number)
        if live.active == number:
            return None
        after = state.changed(active=live.active).activated(number)
        op = activating("rollback", number, why)
        return Draft(op=op, state=after, token=token)

    return activate(logs, name, decide, token)


def delete_version(
    storage: Storage, name: str, number: int, *, known_id: str
) -> Deployed:
    """Delete a version: what it pins is no longer in use by it.

    Raises:
        DeploymentNotFoundError: the version does not exist, or the deployment was
            deleted.
        InUseError: it is the active one.
    """
    logs = Logs(storage)

    def decide(state: DeploymentState, _: int) -> Draft[DeploymentState]:
        live = _known(logs, name, state, known_id, number)
        if live.active == number:
            raise InUseError(
                f"version {number} of deployment {name!r} is the active one: roll "
                "back to another version, or save a new one, first"
            )
        op = {"kind": "delete version", "version": number}
        # If the active version is not served, this also commits which one is active
        # now.
        after = state.changed(active=live.active, entry=live.record.entry)
        return Draft(op=op, state=after.without(number))

    after = logs.deployment(name).append(decide)
    if after is None:
        raise DeploymentNotFoundError(f"deployment {name!r} has an empty log")
    # It is deleted: verify and gc find a document that remains.
    with suppress(StorageError):
        storage.delete_tree(layout.deployment_version_dir(name, number))
    return Deployed(logs, name, after.state, after.state.head.active)


def _known(
    logs: Logs, name: str, state: DeploymentState, known_id: str, number: int
) -> Deployed:
    live = deployed(logs, name, state)
    if live is None or live.id != known_id:
        raise DeploymentNotFoundError(
            f"deployment {name!r} was deleted: create it again"
        )
    pick_version(live, number)
    return live


def check_tag_bytes(name: str, tags: Tags) -> None:
    """Refuse *tags* of the deployment *name* that are too large together.

    Raises:
        InvalidDeploymentError: they have more bytes than ``MOST_TAG_BYTES``.
    """
    size_bytes = len(encode(tags))
    if size_bytes > MOST_TAG_BYTES:
        raise InvalidDeploymentError(
            f"the tags of deployment {name!r} would have {size_bytes:,} bytes as JSON: "
            f"use at most {MOST_TAG_BYTES:,}, since each entry of its log repeats "
            "them; keep larger values in a file of the project"
        )


def set_tags(
    storage: Storage, name: str, known_id: str, change: Callable[[Tags], Tags]
) -> None:
    """Replace the tags of the deployment *known_id* by the result of *change*.

    Raises:
        DeploymentNotFoundError: it does not exist, or another one has the name.
        InvalidDeploymentError: see ``check_tag_bytes``.
    """
    logs = Logs(storage)

    def decide(state: DeploymentState, _: int) -> Draft[DeploymentState] | None:
        live = deployed(logs, name, state)
        if live is None or live.id != known_id:
            raise DeploymentNotFoundError(
                f"deployment {name!r} was deleted: create it again"
            )
        tags = change(live.tags)
        if is_same_json(tags, live.tags):
            return None
        check_tag_bytes(name, tags)
        return Draft(op={"kind": "tag"}, state=state.changed(tags=tags))

    logs.deployment(name).append(decide)
