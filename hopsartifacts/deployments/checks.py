"""What a save of a deployment would do, found without storing anything.

It is found by the steps that a save makes before its first write, so that a check and a
save agree. Unlike a save, a check goes on after a refusal, and collects all of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from msgspec import Struct, structs
from msgspec.structs import replace

from hopsartifacts import layout
from hopsartifacts.artifacts.difference import difference
from hopsartifacts.artifacts.documents import ArtifactRecord
from hopsartifacts.artifacts.payloads import Readers, contents
from hopsartifacts.context import ProjectContext
from hopsartifacts.deployments.artifact_files import shown_path, unchecked_sources
from hopsartifacts.deployments.check_results import (
    ArtifactCheck,
    DeploymentCheck,
    ModelCheck,
    NameCheck,
    NearestArtifact,
    RollbackCheck,
    RunCheck,
    ScriptCheck,
)
from hopsartifacts.deployments.deployed import Deployed, Logs
from hopsartifacts.deployments.documents import PinnedModel, Specification
from hopsartifacts.deployments.environment import obstacles
from hopsartifacts.deployments.history import compare_specifications, compare_with
from hopsartifacts.deployments.launch import pinned_manifest, sealed_version
from hopsartifacts.deployments.predictor import (
    Predictor,
    PreparedDeployment,
    unchecked_predictor,
)
from hopsartifacts.deployments.scripts import check_script, outline
from hopsartifacts.deployments.settings import FILE_SETTINGS, DeploymentSettings
from hopsartifacts.deployments.versions import (
    check_owner,
    find_deployment,
    pick_version,
    read_sound,
)
from hopsartifacts.errors import (
    CollectedErrors,
    InvalidInputError,
    InvalidNameError,
    Problem,
    ServingError,
)
from hopsartifacts.names import default_deployment_name, model_name
from hopsartifacts.registry.documents import Manifest
from hopsartifacts.registry.versions import manifest_in, pick_live
from hopsartifacts.serving.contract import Component
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.root import check_claim

Users = Callable[[str, int], Mapping[int, Sequence[str]]]
"""A function from a model version to the names of the deployments that run each of its
artifact versions."""


class WantedDeployment(Struct, frozen=True, kw_only=True):
    """A deployment that may be saved, as far as it is known.

    Attributes:
        settings: as ``DeploymentSettings.of`` takes them.
        model: name of the model; None if it is not known yet.
        model_version: its version; None if it is not known yet.
        adopt: whether a deployment of the same model that has the name already would
            get the next version. Otherwise a name that is taken is a problem.
    """

    settings: Mapping[str, Any]
    model: str | None
    model_version: int | None
    adopt: bool


def check_predictor(
    context: ProjectContext, predictor: Predictor, settings: DeploymentSettings
) -> DeploymentCheck:
    """Return what a save of *predictor*, which has *settings*, would do.

    Nothing is stored. As with a save, a deployment of the same model that has the name
    already would get the next version.
    """
    check = _Check(
        context,
        adopt=True,
        most_bytes=None,
        users=partial(artifact_users, context.storage),
    )
    check.of_predictor(predictor, settings)
    return check.result()


def check_deployment(
    context: ProjectContext,
    wanted: WantedDeployment,
    *,
    most_bytes: int | None = None,
    users: Users | None = None,
    refusals: CollectedErrors | None = None,
) -> DeploymentCheck:
    """Return what a save of *wanted* would do; nothing is stored.

    Args:
        context: the project.
        wanted: the deployment, of which any part may still be missing.
        most_bytes: files in the project that are larger together are not read, and the
            artifact is not known then. None for no limit.
        users: finds the users of artifacts; by default ``artifact_users``.
        refusals: what is refused already.
    """
    check = _Check(
        context,
        adopt=wanted.adopt,
        most_bytes=most_bytes,
        users=users or partial(artifact_users, context.storage),
        refusals=refusals,
    )
    check.of_settings(wanted)
    return check.result()


def check_rollback(
    context: ProjectContext, found: Deployed, number: int, refusals: CollectedErrors
) -> RollbackCheck:
    """Return what a rollback of the deployment *found* would do; nothing is stored.

    Args:
        context: the project.
        found: the deployment.
        number: the version to go back to.
        refusals: what is refused already; the problems of the rollback are added.
    """
    storage = context.storage
    version = refusals.of(partial(pick_version, found, number), "version")
    if version is None:
        return RollbackCheck(is_valid=False, version=number, problems=refusals.problems)
    now, then = found.current.specification, version.specification
    logs = Logs(storage)
    pin = then.model
    store = logs.artifact_store(pin.name, pin.version)
    return RollbackCheck(
        is_valid=not refusals.errors,
        problems=refusals.problems,
        version=number,
        is_active=number == found.active,
        difference=compare_specifications(storage, now, then),
        runs_here=_runs_here(
            context,
            then,
            pinned_manifest(
                storage, then.model.name, then.model.version, then.model.manifest
            ),
            store.read(then.artifact.version),
        ),
    )


def artifact_users(storage: Storage, model: str, version: int) -> dict[int, list[str]]:
    """Return the deployments that run each artifact version of a model version.

    The logs of all deployments are read. Damaged ones are left out.
    """
    pin, found = PinnedModel(name=model, version=version), dict[int, list[str]]()

    def pinned(it: Deployed) -> set[int]:
        return {
            record.artifact for record in it.records().values() if record.model == pin
        }

    for name, artifacts in read_sound(storage, pinned)[0].items():
        for number in artifacts:
            found.setdefault(number, []).append(name)
    return found


class _Check:
    """One check: what is known so far, and what was refused."""

    def __init__(
        self,
        context: ProjectContext,
        *,
        adopt: bool,
        most_bytes: int | None,
        users: Users,
        refusals: CollectedErrors | None = None,
    ) -> None:
        self._context = context
        self._storage = context.storage
        self._adopt = adopt
        self._most_bytes = most_bytes
        self._users = users
        self._logs = Logs(context.storage)
        self._refusals = refusals or CollectedErrors()
        self._found: dict[str, Any] = {}

    def result(self) -> DeploymentCheck:
        problems = self._refusals.problems
        return DeploymentCheck(is_valid=not problems, problems=problems, **self._found)

    def of_settings(self, wanted: WantedDeployment) -> None:
        """Find all about settings, some of which may be missing or refused."""
        settings, refused = DeploymentSettings().changed_where_valid(**wanted.settings)
        self._refusals.errors += refused.values()
        manifest = self._model(wanted.model, wanted.model_version)
        name = settings.name
        if manifest and name is None and "name" not in refused:
            default = partial(default_deployment_name, manifest.model)
            name = self._refusals.of(default, "name")
        there = self._name(name, manifest) if name else None
        if manifest:
            # Without a valid name, the rest can be checked under another.
            named = replace(settings, name=name or manifest.model)
            predictor = unchecked_predictor(self._context, manifest, named)
            # Without one of its files, it would have another artifact.
            lacks_files = not refused.keys().isdisjoint(FILE_SETTINGS)
            self._rest(predictor, named, manifest, there, has_artifact=not lacks_files)

    def of_predictor(self, predictor: Predictor, settings: DeploymentSettings) -> None:
        """Find all about a predictor, each of whose settings is valid by itself."""
        manifest = self._model(predictor.model_name, predictor.model_version)
        there = self._name(predictor.name, manifest)
        if manifest:
            self._rest(predictor, settings, manifest, there)

    def _model(self, name: str | None, version: int | None) -> Manifest | None:
        """Find the model version; without a number, the latest."""
        refusals = self._refusals
        if not name:
            refusals.add(_NO_MODEL)
            return None
        if refusals.of(partial(model_name, name), "model") is None:
            return None
        log = self._logs.model(name)
        latest = log.seen_state().head.latest
        if not latest:
            pick = partial(pick_live, model=name, version=version or 1)
            refusals.of(partial(log.decided, pick), "model")
            return None
        if version is None:
            refusals.add(_no_version(name, latest))
        chosen = latest if version is None else version
        pick = partial(pick_live, model=name, version=chosen)
        record = refusals.of(partial(log.decided, pick), "model_version")
        if record is None:
            return None
        manifest, state = manifest_in(log, record), log.seen_state()
        self._found["model"] = ModelCheck(
            name=name,
            version=manifest.version,
            latest=latest,
            aliases=state.aliases_of(manifest.version),
            framework=manifest.framework,
            files=record.files,
            size_bytes=record.size_bytes,
            manifest=record.sha256 or "",
        )
        return manifest

    def _name(self, name: str, manifest: Manifest | None) -> Deployed | None:
        """Find out whether a save could use the name; return who has it."""
        there = find_deployment(self._storage, name, self._logs)
        runs = there.current.specification.model.name if there else None
        self._found["name"] = NameCheck(value=name, is_free=there is None, model=runs)
        owned = partial(
            check_owner,
            self._logs,
            name,
            manifest.model if manifest else runs or "",
            known_id=None,
            adopt=self._adopt,
        )
        # The name of a deployment that is changed stays, so its model is at fault.
        self._refusals.of(owned, "model" if there and self._adopt else "name")
        if there is None:
            claim = layout.deployment_name_claim(name)
            claimed = partial(check_claim, self._storage, claim, name, "deployment")
            self._refusals.of(claimed, "name")
        return there

    def _rest(
        self,
        predictor: Predictor,
        settings: DeploymentSettings,
        manifest: Manifest,
        there: Deployed | None,
        *,
        has_artifact: bool = True,
    ) -> None:
        self._found["model_server"] = predictor.model_server
        if size_bytes := self._beyond(settings):
            self._found["artifact"] = _too_large(size_bytes)
            return
        prepared = predictor.prepare_where_valid(self._logs, self._refusals)
        self._found["scripts"] = tuple(self._scripts(settings, prepared))
        if prepared is None or not has_artifact:
            return
        self._found["artifact"] = self._artifact(prepared)
        specification = predictor.foreseen(prepared)
        files, readers = _files_of(prepared)
        self._found["runs_here"] = _runs_here(
            self._context, specification, manifest, readers
        )
        if there is not None:
            self._found["difference"] = compare_with(
                self._storage,
                there.current.specification,
                specification,
                lambda: (files, readers),
            )

    def _beyond(self, settings: DeploymentSettings) -> int:
        """Return the bytes of the files in the project if a check does not read them.

        Otherwise, return 0.
        """
        if self._most_bytes is None:
            return 0
        size_bytes = 0
        for path in settings.paths_in_project():
            with suppress(InvalidNameError):
                relative = layout.relative(self._context.project, path)
                entry = self._storage.stat(relative)
                size_bytes += entry.size_bytes if entry else 0
        return size_bytes if size_bytes > self._most_bytes else 0

    def _scripts(
        self, settings: DeploymentSettings, prepared: PreparedDeployment | None
    ) -> Iterator[ScriptCheck]:
        if settings.uses_sealed_files:
            yield from _sealed_scripts(prepared) if prepared else ()
            return
        own = [it.path.rpartition("/")[2] for it in settings.files]
        if prepared is not None:
            own = [it.path for it in prepared.artifact.sources]
        storage, project = self._storage, self._context.project
        for component, file in settings.scripts().items():
            path = shown_path(file, component) or ""
            try:
                source = unchecked_sources(storage, project, component, file)[0]
            except InvalidInputError as error:
                yield ScriptCheck(component=component, path=path, problem=str(error))
                continue
            data = b"".join(source.chunks())
            yield _script(component, path, source.name, data, own)

    def _artifact(self, prepared: PreparedDeployment) -> ArtifactCheck:
        decision, artifacts = prepared.decision, prepared.artifacts
        users = self._users(artifacts.model, artifacts.version)
        return ArtifactCheck(
            version=decision.version,
            action=decision.action,
            sentence=str(decision),
            compared=decision.compared,
            identity=decision.identity,
            files=decision.files,
            used_by=tuple(users.get(decision.version, ())),
            nearest=self._nearest(prepared, users) if decision.is_new else None,
        )

    def _nearest(
        self, prepared: PreparedDeployment, users: Mapping[int, Sequence[str]]
    ) -> NearestArtifact | None:
        artifacts = prepared.artifacts
        number = artifacts.nearest(prepared.artifact)
        if number is None:
            return None
        files, readers = _files_of(prepared)
        changed = difference(
            artifacts.get(number).files,
            files,
            contents(artifacts.read(number)),
            contents(readers),
        ).files
        return NearestArtifact(
            version=number,
            used_by=tuple(users.get(number, ())),
            files=changed,
            lines=sum(it.changed_lines for it in changed),
        )


_NO_MODEL = Problem(
    pointer="/model",
    detail="no model is given",
    fix="give the name of a model of this project",
)


def _no_version(model: str, latest: int) -> Problem:
    return Problem(
        pointer="/model_version",
        detail=f"no version of model {model!r} is given",
        fix=f"give a number; the latest is {latest}",
    )


def _too_large(size_bytes: int) -> ArtifactCheck:
    return ArtifactCheck(
        version=None,
        action="unknown",
        sentence=f"The files have {size_bytes:,} bytes together, which is too much to "
        "read for a check. Their artifact version is known when they are saved.",
    )


def _files_of(
    prepared: PreparedDeployment,
) -> tuple[Sequence[ArtifactRecord], Readers]:
    """Return the files of the artifact, and functions that read them."""
    decision, artifact = prepared.decision, prepared.artifact
    if decision.is_new:
        readers = {it.path: it.chunks for it in artifact.sources}
        return artifact.records, readers
    artifacts, number = prepared.artifacts, decision.version
    return artifacts.get(number).files, artifacts.read(number)


def _sealed_scripts(prepared: PreparedDeployment) -> Iterator[ScriptCheck]:
    files, readers = _files_of(prepared)
    for file in files:
        if file.role == "predictor" or file.role == "transformer":  # noqa: PLR1714 - narrows
            name = file.path.removeprefix(f"{file.role}-")
            data = b"".join(readers[file.path]())
            yield _script(file.role, name, name, data, readers)


def _script(
    component: Component, path: str, name: str, data: bytes, own: Iterable[str]
) -> ScriptCheck:
    """Return what a script contains, and why it cannot be served.

    Args:
        component: what the script is for.
        path: the script, for the user.
        name: the name of its file.
        data: its text.
        own: the other files of the artifact.
    """
    problem = None
    try:
        check_script(component, name, data)
    except InvalidInputError as error:
        problem = str(error)
    found = structs.asdict(outline(component, data, own))
    return ScriptCheck(component=component, path=path, problem=problem, **found)


def _runs_here(
    context: ProjectContext,
    specification: Specification,
    manifest: Manifest,
    readers: Readers,
) -> RunCheck:
    """Return whether this machine can run it; the model files are not read."""
    reasons: list[str] = []
    try:
        sealed = sealed_version(context, specification, manifest, readers)
        context.backend().check(sealed)
    except (InvalidInputError, ServingError) as error:
        reasons.append(str(error))
    try:
        reasons += obstacles(specification, readers)
    except InvalidInputError as error:
        reasons.append(str(error))
    return RunCheck(is_possible=not reasons, reasons=tuple(reasons))
