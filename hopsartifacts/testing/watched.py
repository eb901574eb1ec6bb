"""A project that is compared after each step with a model made of dictionaries.

The model has the content that readers should see, and the rules of a project.
"""

import shutil
import tempfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant

from hopsartifacts.digests import digest_of
from hopsartifacts.errors import (
    AlreadyExistsError,
    ArtifactNotFoundError,
    HopsArtifactsError,
    InvalidDeploymentError,
    ModelNotFoundError,
    StorageError,
)
from hopsartifacts.testing.checker import check
from hopsartifacts.testing.faults import Fault, FaultyStorage, StorageCall
from hopsartifacts.testing.jobs import project_at
from hopsartifacts.testing.places import Place

FaultPlan = Callable[[StorageCall], Fault | None] | None
"""The faults of one operation; None if there are none."""
At = tuple[str, int]
"""A model name and a version."""
Runs = tuple[At, int, str | None]
"""The content of a deployment version: model, artifact version, and description."""
NAMES = {"iris": "iris", "wine-2": "wine2"}
"""Model names, and the deployment names inferred from them."""
NEVER = 5
"""A version number that few examples reach."""


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


@dataclass
class Step:
    """One operation: how to call it, and its expected effect."""

    call: Callable[[], Any]
    apply: Callable[[Any], None]
    """Apply the effect of success to the model state; check the result unless it is
    None."""
    error: type[HopsArtifactsError] | None = None
    halfway: Callable[[], None] | None = None
    """Apply the effect of the operation's first half to the model state."""


class WatchedProject(RuleBasedStateMachine):
    """One project; its model state is ``known`` and ``numbers``."""

    new_place: Callable[[], Place]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hopsartifacts-work-"))
        self.serial = count(1)
        self.plan: FaultPlan = None
        self.known = KnownProject()
        self.numbers = {name: Numbers() for name in NAMES}
        self.place = type(self).new_place()
        self.open()

    def teardown(self) -> None:
        """Check the history and clean up."""
        checked = check(self.storage, has_chosen_numbers=True)
        assert checked.ok, checked
        self.storage.delete_tree("")
        shutil.rmtree(self.folder, ignore_errors=True)

    def open(self) -> None:
        """Reopen the project."""
        self.storage = FaultyStorage(self.place(), self.due)
        self.project = project_at(self.storage)
        self.mr = self.project.get_model_registry()
        self.ms = self.project.get_model_serving()

    def due(self, call: StorageCall) -> Fault | None:
        """Return the fault that is planned for *call*."""
        return self.plan(call) if self.plan else None

    # What must hold ---------------------------------------------------------------

    @invariant()
    def readers_see_what_is_known(self) -> None:
        """Readers see exactly the expected models, artifacts and deployments."""
        assert self.seen() == self.known

    @invariant()
    def every_byte_is_as_sealed(self) -> None:
        """``verify`` finds nothing."""
        report = self.project.verify()
        assert report.ok, report

    @invariant()
    def the_latest_and_the_best_are_found(self) -> None:
        """The latest and the best live version of each model are found."""
        for name in NAMES:
            live = {v: it for (at, v), it in self.known.models.items() if at == name}
            if not live:
                with pytest.raises(ModelNotFoundError):
                    self.mr.get_model(name)
            else:
                assert self.mr.get_model(name).version == max(live)
            rated = [(it.metric, v) for v, it in live.items() if it.metric is not None]
            for direction, sign in [("max", 1), ("min", -1)]:
                best = self.mr.get_best_model(name, "m", direction)
                expected = max(((sign * value, v) for value, v in rated), default=None)
                assert (best.version if best else None) == (expected and expected[1])

    # How --------------------------------------------------------------------------

    def perform(self, step: Step, plan: FaultPlan) -> None:
        """Run *step* on a storage that fails by *plan*, and update the model state."""
        if plan is None:
            if step.error:
                with pytest.raises(step.error):
                    step.call()
            else:
                step.apply(step.call())
            return
        expected = (step.error,) if step.error else ()
        self.open()
        self.plan = plan
        try:
            result = step.call()
        except StorageError:
            self.plan = None
            assert self.project.repair().ok
            self.settle(step)
        except expected:
            pass
        else:
            self.plan = None
            # Writes that failed after the commit can succeed now.
            assert self.project.repair().ok
            assert step.error is None
            step.apply(result)
        finally:
            self.plan = None

    def settle(self, step: Step) -> None:
        """Find out whether a failed operation did nothing, all, or its first half."""
        seen = self.seen()
        if seen == self.known:
            return
        assert step.error is None
        old = deepcopy(self.known)
        if step.halfway:
            step.halfway()
            if seen == self.known:
                return
            self.known = old
        step.apply(None)
        assert seen == self.known

    def seen(self) -> KnownProject:
        """Return the state that readers see."""
        found = KnownProject()
        for name in self.mr.list_models():
            for model in self.mr.get_models(name):
                assert model.version is not None
                at = (name, model.version)
                artifacts = self.ms.get_artifacts(model)
                contents = {n: artifacts.read(n) for n in artifacts.list()}
                assert contents.pop(0) == {}
                [record] = model.manifest.files
                found.models[at] = KnownVersion(
                    content=self.content(at, record.digest.sha256),
                    metric=model.training_metrics.get("m"),
                    tags=model.get_tags(),
                    artifacts={
                        n: files["predictor-predict.py"]
                        for n, files in contents.items()
                    },
                )
        for deployment in self.ms.get_deployments():
            assert deployment.version is not None
            runs: dict[int, Runs] = {
                it.version: (
                    (it.specification.model.name, it.specification.model.version),
                    it.specification.artifact.version,
                    it.specification.description,
                )
                for it in deployment.get_versions()
            }
            found.deployments[deployment.name] = KnownDeployment(
                deployment.version, runs
            )
        return found

    def content(self, at: tuple[str, int], sha256: str) -> bytes:
        """Return the saved content if its digest is known, without reading it again."""
        known = self.known.models.get(at)
        if known and digest_of(known.content).sha256 == sha256:
            return known.content
        return self.storage.read(f"Models/{at[0]}/{at[1]}/Files/weights")

    def likely(self, name: str, version: int) -> tuple[str, int]:
        """Return a live version, occasionally any; otherwise most would not exist."""
        live = sorted(self.known.models)
        if not live or version == NEVER:
            return name, version
        return live[version % len(live)]

    def likely_deployment(self, name: str) -> str:
        """Return a live deployment, occasionally any."""
        return name if name == "other" else min(self.known.deployments, default=name)

    def likely_run(self, name: str, version: int) -> int:
        """Return a version of a live deployment, occasionally any."""
        known = self.known.deployments.get(name)
        if known is None or version == NEVER:
            return version
        return sorted(known.runs)[version % len(known.runs)]

    def new_folder(self) -> Path:
        """Return a new folder for user files."""
        folder = self.folder / f"user{next(self.serial)}"
        folder.mkdir()
        return folder
