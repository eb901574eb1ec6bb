"""Checks of a bundle's table of contents against the rules that every save obeys."""

import re
from collections.abc import Iterable
from typing import Any

from hopsartifacts.artifacts.documents import EMPTY, ArtifactRecord, identity_of
from hopsartifacts.bundles.documents import (
    BundleContents,
    BundledArtifact,
    BundledModel,
)
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.digests import digest_of
from hopsartifacts.errors import (
    InvalidBundleError,
    InvalidInputError,
    InvalidNameError,
)
from hopsartifacts.layout import artifact_file
from hopsartifacts.names import (
    alias_name,
    deployment_name,
    distinct_paths,
    file_path,
    is_unicode,
    kubernetes_name,
    model_name,
    tag_name,
)
from hopsartifacts.registry.given import checked_metrics

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


def check_contents(contents: BundleContents, where: str) -> None:
    """Check that the contents of a bundle are valid and consistent.

    Raises:
        InvalidBundleError: a value breaks a rule; the message names both.
    """
    try:
        _check_members(contents)
        _distinct("model version", [model.key for model in contents.models])
        distinct_paths(model.manifest.model for model in contents.models)
        for model in contents.models:
            _check_model(model)
        aliases = [(it.key[0], alias) for it in contents.models for alias in it.aliases]
        _distinct("alias", aliases)
        names = [it.specification.name for it in contents.deployments]
        for deployment in contents.deployments:
            _check_deployment(deployment.specification, contents)
            for tag in deployment.tags:
                tag_name(tag)
        _distinct("deployment", [kubernetes_name(name) for name in names])
    except InvalidInputError as error:
        raise InvalidBundleError(f"{where} cannot be imported: {error}") from error


def _check_members(contents: BundleContents) -> None:
    members = contents.members
    for digest in members:
        _check(
            bool(_SHA256.fullmatch(digest.sha256)) and digest.size_bytes >= 0,
            f"{digest.sha256!r} with {digest.size_bytes} bytes is not a valid digest",
        )
    _distinct("member", [digest.sha256 for digest in members])
    held = set(members)
    for model in contents.models:
        for digest in model.digests():
            _check(
                digest in held,
                f"the file with {digest.sha256} is not among its members",
            )


def _check_model(model: BundledModel) -> None:
    manifest = model.manifest
    model_name(manifest.model)
    _check(
        manifest.version >= 1,
        f"{manifest.version} is not a version of a model: the first is 1",
    )
    for text in (manifest.description, model.description or ""):
        _check(is_unicode(text), "a description is not valid Unicode text")
    for alias in model.aliases:
        alias_name(alias)
    _check(
        checked_metrics(manifest.metrics) == manifest.metrics,
        "a metric is not a number",
    )
    for tag in model.tags:
        tag_name(tag)
    _check(bool(manifest.files), f"model {manifest.model!r} has no files")
    _check_paths(file.path for file in manifest.files)
    for embedded in manifest.embedded.values():
        _check(
            is_unicode(embedded.text)
            and digest_of(embedded.text.encode()) == embedded.digest,
            f"the schema or example of {manifest.model!r} differs from its digest",
        )
    _distinct("artifact version", [artifact.version for artifact in model.artifacts])
    for artifact in model.artifacts:
        _check_artifact(artifact)


def _check_artifact(artifact: BundledArtifact) -> None:
    _check(artifact.version >= 1, f"artifact version {artifact.version} has no files")
    _check(bool(artifact.files), f"artifact version {artifact.version} has no files")
    _check_paths(file.path for file in artifact.files)
    for file in artifact.files:
        _check(
            artifact_file(file.role, given_name(file)) == file.path,
            f"{file.path!r} is not a valid name for a {file.role}",
        )
    _check(
        identity_of(artifact.files) == artifact.identity,
        f"artifact version {artifact.version} does not match its declared identity",
    )


def given_name(file: ArtifactRecord) -> str:
    """Return the name of an artifact file without the prefix of its role."""
    return file.path if file.role == "file" else file.path.removeprefix(f"{file.role}-")


def _check_paths(paths: Iterable[str]) -> None:
    listed = [file_path(path) for path in paths]
    _distinct("file", listed)
    distinct_paths(listed)
    folders = {
        path[:at] for path in listed for at, char in enumerate(path) if char == "/"
    }
    for path in listed:
        _check(path not in folders, f"{path!r} is both a file and a folder")


def _check_deployment(specification: Specification, contents: BundleContents) -> None:
    name = deployment_name(specification.name)
    models = {model.key: model for model in contents.models}
    pin = specification.model
    model = models.get((pin.name, pin.version))
    if model is None or model.manifest.id != pin.id:
        raise InvalidNameError(
            f"deployment {name!r} runs model {pin.name!r} version {pin.version}, which "
            "is not in the bundle"
        )
    artifacts = {artifact.version: artifact for artifact in model.artifacts}
    number = specification.artifact.version
    identity = artifacts[number].identity if number in artifacts else EMPTY.identity
    is_held = number == 0 or number in artifacts
    _check(
        is_held and identity == specification.artifact.identity,
        f"deployment {name!r} runs artifact version {number}, which is not in the "
        "bundle",
    )
    files = artifacts[number].files if number else ()
    roles = {file.role: file.path for file in files if file.role != "file"}
    transformer = specification.transformer
    named = {
        "predictor": specification.predictor.script,
        "transformer": transformer.script if transformer else None,
        "configfile": specification.config_file,
    }
    for role, path in named.items():
        _check(
            roles.get(role) == path,  # type: ignore[call-overload]  # role is a str
            f"deployment {name!r} has {path!r} as its {role}, but its artifact has "
            f"{roles.get(role)!r}",  # type: ignore[call-overload]  # as above
        )


def _distinct(kind: str, values: list[Any]) -> None:
    seen: set[Any] = set()
    for value in values:
        _check(value not in seen, f"{kind} {value!r} occurs twice")
        seen.add(value)


def _check(is_so: bool, flaw: str) -> None:
    if not is_so:
        raise InvalidNameError(flaw)
