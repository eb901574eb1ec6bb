"""The results of checking a deployment, or a rollback, before it is done."""

from typing import Literal

import msgspec

from hopsartifacts.artifacts.decision import Action
from hopsartifacts.artifacts.difference import FileDifference
from hopsartifacts.deployments.history import DeploymentDifference
from hopsartifacts.deployments.rules import ModelServer
from hopsartifacts.deployments.scripts import Outline
from hopsartifacts.errors import Problem
from hopsartifacts.registry.documents import Framework
from hopsartifacts.serving.contract import Component


class NameCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The name that the deployment would have.

    Attributes:
        is_free: whether no deployment has it.
        model: the model of the deployment that has it; null if it is free.
    """

    value: str
    is_free: bool
    model: str | None = None


class ModelCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The model version that the deployment would pin.

    Attributes:
        version: the given one, or the latest if none is given.
        aliases: the aliases that point at this version now.
        files: number of its files.
        manifest: digest of the manifest, which pins every file.
    """

    name: str
    version: int
    latest: int
    aliases: list[str]
    framework: Framework
    files: int
    size_bytes: int
    manifest: str


class NearestArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """The artifact version that a new one is most like, and how it differs.

    Attributes:
        used_by: the deployments with a version that runs it.
        files: the files that differ, with their lines if they are text.
        lines: how many lines were added or removed.
    """

    version: int
    used_by: tuple[str, ...]
    files: tuple[FileDifference, ...]
    lines: int


class ArtifactCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The artifact version that the deployment would have.

    Attributes:
        version: its number; null if it is not known.
        action: ``unknown`` if the files are too large to be read for a check.
        sentence: what happens, and why.
        compared: versions 1 to this one were compared; 0 if none were.
        files: names of its files.
        used_by: the deployments with a version that runs it now.
        nearest: only for a new version.
    """

    version: int | None
    action: Action | Literal["unknown"]
    sentence: str
    compared: int = 0
    identity: str | None = None
    files: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()
    nearest: NearestArtifact | None = None


class ScriptCheck(Outline, frozen=True, kw_only=True):
    """A script of the deployment, parsed and not run.

    Attributes:
        path: as it was given; of a sealed file its name.
        problem: why it cannot be served; null if it can.
    """

    component: Component
    path: str
    problem: str | None = None


class RunCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Whether this machine can run the deployment, and the reasons if it cannot."""

    is_possible: bool
    reasons: tuple[str, ...]


class DeploymentCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a save of a deployment would do. A part that cannot be known is null.

    Attributes:
        is_valid: whether a save would succeed now: there are no problems.
        difference: how it differs from the active version of the deployment that has
            the name; null if there is none.
        runs_here: whether this machine could run it; a save does not depend on that.
        problems: all that keeps it from being saved, with the settings at fault.
    """

    is_valid: bool
    name: NameCheck | None = None
    model: ModelCheck | None = None
    model_server: ModelServer | None = None
    artifact: ArtifactCheck | None = None
    difference: DeploymentDifference | None = None
    scripts: tuple[ScriptCheck, ...] = ()
    runs_here: RunCheck | None = None
    problems: list[Problem] = []

    def __str__(self) -> str:
        said = [f"It cannot be saved: {it}" for it in self.problems]
        if self.artifact is not None:
            said.append(self.artifact.sentence)
        if self.difference is not None:
            said.append(f"It differs from the active version:\n{self.difference}")
        if self.runs_here is not None:
            said += [f"It cannot run here: {it}" for it in self.runs_here.reasons]
        return "\n".join(said)


class RollbackCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a rollback of a deployment would do. A part that cannot be known is null.

    Attributes:
        is_valid: whether it would succeed now.
        version: the version that would be active.
        is_active: whether it is active already, so that nothing would change.
        difference: how it differs from the active version.
        runs_here: whether this machine could run it.
        problems: all that keeps it from being done.
    """

    is_valid: bool
    version: int
    is_active: bool = False
    difference: DeploymentDifference | None = None
    runs_here: RunCheck | None = None
    problems: list[Problem] = []
