"""Decides for each version of a bundle whether it exists here and keeps its number."""

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec.structs import replace

from hopsartifacts import layout
from hopsartifacts.bundles.documents import (
    BundleContents,
    BundledDeployment,
    BundledModel,
)
from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.deployments.rules import MODEL_SERVERS
from hopsartifacts.deployments.settings import DeploymentSettings, sealed_settings
from hopsartifacts.deployments.versions import check_tag_bytes, find_deployment
from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import encode
from hopsartifacts.errors import (
    AlreadyExistsError,
    InvalidBundleError,
    InvalidDeploymentError,
    InvalidInputError,
)
from hopsartifacts.layout import Role
from hopsartifacts.registry.documents import Manifest, ModelState, Tags
from hopsartifacts.registry.versions import manifest_of, model_state
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.root import check_claim

Key = tuple[str, int]

_NO_TIME = "1970-01-01T00:00:00Z"
"""The time of manifests that are compared without their times."""


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """The decision for one model version."""

    kind: Literal["there", "same number", "new number"]
    number: int | None
    """Its number in this project; None if it gets the next free one."""


def fates_of(
    storage: Storage, models: Iterable[BundledModel], *, strict_numbers: bool
) -> dict[Key, Fate]:
    """Return the decision for each model version, without storing anything.

    Raises:
        AlreadyExistsError: *strict_numbers* is set, and a version cannot keep its
            number.
    """
    named: dict[str, list[BundledModel]] = {}
    for model in sorted(models, key=lambda model: model.key):
        named.setdefault(model.manifest.model, []).append(model)
    fates: dict[Key, Fate] = {}
    for name, versions in named.items():
        fates |= _Matching(storage, name).fates(versions)
    moved = [key for key, fate in fates.items() if fate.number != key[1]]
    if strict_numbers and moved:
        listed = ", ".join(f"{name!r} version {version}" for name, version in moved)
        raise AlreadyExistsError(
            "these versions cannot keep their number, or have another number here: "
            f"{listed}; nothing was imported; leave out strict_numbers to give them "
            "new numbers"
        )
    return fates


def content_of(manifest: Manifest) -> str:
    """Return a digest of a version that ignores its number, origin and description."""
    bare = replace(
        manifest, version=0, id="", created=_NO_TIME, creator="", description=""
    )
    return sha256_of(encode(bare))


class _Matching:
    """The versions of one model in this project; each matches at most one version."""

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage = storage
        self._name = name
        self._state: ModelState = model_state(storage, name)
        self._taken: set[int] = set()

    def fates(self, versions: list[BundledModel]) -> dict[Key, Fate]:
        numbers = {model.key: self._same(model, own=True) for model in versions}
        for model in versions:
            if numbers[model.key] is None:
                numbers[model.key] = self._same(model, own=False)
        return {key: self._fate(key, number) for key, number in numbers.items()}

    def _fate(self, key: Key, there: int | None) -> Fate:
        if there is not None:
            return Fate(kind="there", number=there)
        if key[1] in self._state.records:
            return Fate(kind="new number", number=None)
        return Fate(kind="same number", number=key[1])

    def _same(self, model: BundledModel, *, own: bool) -> int | None:
        """Return the number of an equal version, and mark it as taken.

        With *own*, only the version with the same number is compared.
        """
        manifest = model.manifest
        for number, known in self._state.live().items():
            is_candidate = (
                number not in self._taken
                and (number == manifest.version or not own)
                and (known.framework, known.metrics)
                == (manifest.framework, manifest.metrics)
            )
            if is_candidate:
                found = manifest_of(self._storage, self._name, known)
                if content_of(found) == content_of(manifest):
                    self._taken.add(number)
                    return number
        return None


def check_deployments(storage: Storage, contents: BundleContents) -> None:
    """Check the deployments of a bundle against the rules and the names in use.

    Raises:
        InvalidBundleError: a deployment breaks a rule, or its tags are too large
            together with those that the deployment has here.
        AlreadyExistsError: a name belongs to a deployment of another model.
    """
    manifests = {model.key: model.manifest for model in contents.models}
    for deployment in contents.deployments:
        specification = deployment.specification
        pin = specification.model
        _check_rules(specification, manifests[pin.name, pin.version])
        there = _check_name(storage, specification)
        _check_tags(deployment, there.tags if there else {})


def _check_rules(specification: Specification, manifest: Manifest) -> None:
    transformer = specification.transformer
    roles: dict[Role, str | None] = {
        "predictor": specification.predictor.script,
        "transformer": transformer.script if transformer else None,
        "configfile": specification.config_file,
    }
    try:
        settings = DeploymentSettings.of(**sealed_settings(specification))
        settings.check_rules(manifest.framework, {it for it in roles if roles[it]})
    except InvalidInputError as error:
        raise InvalidBundleError(
            f"deployment {specification.name!r} cannot be imported: {error}"
        ) from error
    found = manifest.framework, MODEL_SERVERS[manifest.framework]
    if found != (specification.model.framework, specification.model_server):
        raise InvalidBundleError(
            f"deployment {specification.name!r} is for {specification.model.framework} "
            f"on {specification.model_server}, but its model is {manifest.framework}"
        )


def _check_name(storage: Storage, specification: Specification) -> Deployed | None:
    """Return the deployment that has the name here, if the bundle may change it."""
    name = specification.name
    check_claim(storage, layout.deployment_name_claim(name), name, "deployment")
    there = find_deployment(storage, name)
    if there and there.current.specification.model.name != specification.model.name:
        raise AlreadyExistsError(
            f"deployment {name!r} exists here and runs model "
            f"{there.current.specification.model.name!r}, not "
            f"{specification.model.name!r}: nothing was imported; delete it first, or "
            "export without this deployment"
        )
    return there


def _check_tags(deployment: BundledDeployment, here: Tags) -> None:
    name = deployment.specification.name
    try:
        check_tag_bytes(name, deployment.tags_beside(here))
    except InvalidDeploymentError as error:
        raise InvalidBundleError(
            f"deployment {name!r} cannot be imported: {error}. Nothing was imported; "
            "delete tags of the deployment here, or export with smaller ones"
        ) from error
