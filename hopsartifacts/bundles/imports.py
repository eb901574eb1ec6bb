"""Import of bundles: idempotent, and atomic for each model version.

Everything is checked before anything is stored. Each version is then saved like any
other save, so an interrupted import leaves complete versions. The next import of the
bundle finds them and continues.
"""

import os

from msgspec.structs import replace

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import CREATE, EMPTY, ArtifactSource
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.bundles.checks import given_name
from hopsartifacts.bundles.documents import (
    BundledArtifact,
    BundledDeployment,
    BundledModel,
)
from hopsartifacts.bundles.fates import Fate, check_deployments, fates_of
from hopsartifacts.bundles.reader import BundleReader, bundle_source, chunks_of
from hopsartifacts.bundles.values import (
    ImportedAlias,
    ImportedArtifact,
    ImportedDeployment,
    ImportedModel,
    ImportReport,
)
from hopsartifacts.deployments.deployed import Logs
from hopsartifacts.deployments.documents import ArtifactPin, ModelPin, Specification
from hopsartifacts.deployments.versions import (
    check_owner,
    find_deployment,
    save_specification,
    set_tags,
    take_name,
)
from hopsartifacts.errors import AlreadyExistsError, InvalidBundleError
from hopsartifacts.registry.aliases import set_alias
from hopsartifacts.registry.save import NewVersion, save_version
from hopsartifacts.registry.versions import live_version, model_state
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.root import check_claim


def import_bundle(
    storage: Storage,
    path: str | os.PathLike[str],
    *,
    strict_numbers: bool = False,
    digest: str | None = None,
) -> ImportReport:
    """Store the content of a bundle; see ``Project.import_bundle``."""
    with BundleReader.open(path) as bundle:
        if digest is not None and digest != bundle.digest:
            raise InvalidBundleError(
                f"{str(path)!r} is not the expected bundle: its digest is "
                f"{bundle.digest}, not {digest}"
            )
        models = bundle.contents.models
        for name in {model.manifest.model for model in models}:
            check_claim(storage, layout.model_name_claim(name), name, "model")
        fates = fates_of(storage, models, strict_numbers=strict_numbers)
        check_deployments(storage, bundle.contents)
        bundle.check()
        run = _Import(storage, bundle)
        # Versions that need a new number come last: they must not take a number that
        # another version of the bundle keeps.
        for model in sorted(models, key=lambda model: _rank(model, fates[model.key])):
            run.add_model(model, fates[model.key], strict_numbers=strict_numbers)
        for deployment in bundle.contents.deployments:
            run.add_deployment(deployment)
    return run.report(os.fspath(path))


def _rank(model: BundledModel, fate: Fate) -> tuple[bool, str, int]:
    return fate.kind == "new number", *model.key


class _Import:
    """A running import and its results so far."""

    def __init__(self, storage: Storage, bundle: BundleReader) -> None:
        self._storage = storage
        self._bundle = bundle
        self._models: dict[tuple[str, int], ImportedModel] = {}
        self._artifacts: dict[tuple[str, int, int], ImportedArtifact] = {}
        self._aliases: list[ImportedAlias] = []
        self._deployments: list[ImportedDeployment] = []

    def add_model(
        self, model: BundledModel, fate: Fate, *, strict_numbers: bool
    ) -> None:
        """Save a model version unless it exists, then its artifacts and aliases."""
        name, old = model.key
        there = fate.number if fate.kind == "there" else None
        number = there or self._save(model, fate.number, strict_numbers=strict_numbers)
        self._models[model.key] = ImportedModel(
            name=name, old=old, version=number, is_new=there is None
        )
        store = ArtifactStore(self._storage, name, number)
        for artifact in sorted(model.artifacts, key=lambda it: it.version):
            made = self._add_artifact(store, artifact)
            self._artifacts[*model.key, artifact.version] = made
        self._aliases += [self._add_alias(name, it, number) for it in model.aliases]

    def add_deployment(self, deployment: BundledDeployment) -> None:
        """Save a deployment that pins the imported versions, and add its tags."""
        bundled = deployment.specification
        specification = replace(
            bundled,
            model=self._model_pin(bundled),
            artifact=self._artifact_pin(bundled),
        )
        name = specification.name
        logs = Logs(self._storage)
        there = find_deployment(self._storage, name, logs)
        known_id = there.id if there else None
        check_owner(logs, name, specification.model.name, known_id=known_id)
        take_name(logs, name)
        state = save_specification(logs, specification, known_id=known_id)
        set_tags(self._storage, name, state.id, deployment.tags_beside)
        self._deployments.append(
            ImportedDeployment(
                name=name,
                version=state.active,
                is_new=there is None or there.active != state.active,
            )
        )

    def report(self, path: str) -> ImportReport:
        """Return the results so far."""
        return ImportReport(
            path=path,
            models=tuple(self._models[key] for key in sorted(self._models)),
            artifacts=tuple(self._artifacts[key] for key in sorted(self._artifacts)),
            deployments=tuple(self._deployments),
            aliases=tuple(self._aliases),
        )

    def _add_alias(self, model: str, alias: str, number: int) -> ImportedAlias:
        known = model_state(self._storage, model).aliases.get(alias)
        why = f"imported from {self._bundle.path.name} ({self._bundle.digest})"
        record = set_alias(self._storage, model, alias, number, why, only_new=True)
        return ImportedAlias(
            model=model,
            alias=alias,
            wanted=number,
            version=record.version or number,
            is_new=record != known,
        )

    def _save(
        self, model: BundledModel, number: int | None, *, strict_numbers: bool
    ) -> int:
        manifest = model.manifest
        new = NewVersion(
            model=manifest.model,
            framework=manifest.framework,
            description=manifest.description,
            source=bundle_source(self._bundle, manifest),
            requested=number,
            metrics=manifest.metrics,
            tags=model.tags,
            edited_description=model.description,
            input_example=manifest.input_example,
            model_schema=manifest.model_schema,
        )
        try:
            return save_version(self._storage, new).version
        except AlreadyExistsError:
            if strict_numbers or number is None:
                raise
            # Another writer has taken the number since it was checked.
            return save_version(self._storage, replace(new, requested=None)).version

    def _add_artifact(
        self, store: ArtifactStore, artifact: BundledArtifact
    ) -> ImportedArtifact:
        versions = store.versions()
        old = artifact.version
        there = versions.get(old)
        number, is_new = old, False
        if there is None or there.identity != artifact.identity:
            sources = tuple(
                ArtifactSource(
                    role=file.role,
                    name=given_name(file),
                    chunks=chunks_of(self._bundle, file.digest),
                )
                for file in artifact.files
            )
            # CREATE makes a version even if another one has the same files, so that
            # each keeps its number.
            is_next = old == max(versions) + 1
            decision = store.save(sources, CREATE if is_next else None)
            number, is_new = decision.version, decision.is_new
        return ImportedArtifact(
            model=store.model,
            model_version=store.version,
            old=old,
            version=number,
            is_new=is_new,
        )

    def _model_pin(self, bundled: Specification) -> ModelPin:
        pin = bundled.model
        number = self._models[pin.name, pin.version].version
        state = live_version(self._storage, pin.name, number)
        return ModelPin(
            name=pin.name,
            version=number,
            id=state.id,
            framework=pin.framework,
            manifest=state.sha256 or "",
        )

    def _artifact_pin(self, bundled: Specification) -> ArtifactPin:
        pin = bundled.artifact
        if pin.version == 0:
            return ArtifactPin(version=0, identity=EMPTY.identity)
        key = (bundled.model.name, bundled.model.version, pin.version)
        return ArtifactPin(version=self._artifacts[key].version, identity=pin.identity)
