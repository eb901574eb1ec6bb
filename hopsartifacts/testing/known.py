"""The expected content of a project, as plain dictionaries with the project's rules."""

from dataclasses import dataclass, field
from typing import Any

from hopsartifacts.errors import (
    AlreadyExistsError,
    ArtifactNotFoundError,
    HopsArtifactsError,
    InvalidDeploymentError,
    ModelNotFoundError,
)

At = tuple[str, int]
"""A model name and a version."""
Runs = tuple[At, int, str | None]
"""The content of a deployment version: model, artifact version, and description."""


@dataclass
class KnownVersion:
    """A live model version."""

    content: bytes
    metric: float | None
    tags: dict[str, Any]
    artifacts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class KnownDeployment:
    """A live deployment."""

    active: int
    runs: dict[int, Runs]
    """By version of the deployment."""

    @property
    def model(self) -> str:
        """The model whose versions the deployment runs."""
        return self.runs[self.active][0][0]


@dataclass
class KnownProject:
    """Everything that readers should see."""

    models: dict[At, KnownVersion] = field(default_factory=dict)
    deployments: dict[str, KnownDeployment] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict, compare=False)
    """The last version number that each deployment got."""

    def artifact(  # noqa: PLR0911 - one return a rule
        self, at: At, name: str, content: bytes | None, asked: str | int | None
    ) -> int | type[HopsArtifactsError]:
        """Return the artifact version a deployment gets, or the error it raises."""
        if at not in self.models:
            return ModelNotFoundError
        other = self.deployments.get(name)
        if other and other.model != at[0]:
            return AlreadyExistsError
        artifacts = self.models[at].artifacts
        if isinstance(asked, int):
            if asked and asked not in artifacts:
                return ArtifactNotFoundError
            is_same = content is None or content == artifacts.get(asked)
            return asked if is_same else InvalidDeploymentError
        if content is None:
            return 0
        if asked == "MODEL-ONLY":
            return InvalidDeploymentError
        same = [n for n, it in artifacts.items() if it == content and asked is None]
        return min(same, default=max(artifacts, default=0) + 1)

    def is_pinned(self, at: At) -> bool:
        """Return whether any deployment version, active or not, runs *at*."""
        deployed = self.deployments.values()
        return any(at == pin for it in deployed for pin, *_ in it.runs.values())

    def run(self, name: str, what: Runs) -> None:
        """Make *what* the active version of a deployment, unless it already is."""
        there = self.deployments.setdefault(name, KnownDeployment(0, {}))
        if there.active and there.runs[there.active] == what:
            return
        there.active = self.last[name] = self.last.get(name, 0) + 1
        there.runs[there.active] = what


@dataclass
class Numbers:
    """The version numbers assigned for one model."""

    used: set[int] = field(default_factory=set)
    perhaps: set[int] = field(default_factory=set)
    """The numbers that a failed save may have used up."""

    def following(self) -> set[int]:
        """Return the numbers a save may get: one, unless an earlier save failed."""
        lowest = max(self.used, default=0) + 1
        highest = max(self.used | self.perhaps, default=0) + 1
        return set(range(lowest, highest + 1))
