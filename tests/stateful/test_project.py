"""Random work on a project, against a model of it made of plain dictionaries.

The machine does what users do, also what must fail, on a storage that breaks now and
then; after each step everything that can be read is compared with the dictionaries.
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
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

import hopsartifacts
from hopsartifacts.digests import digest_of
from hopsartifacts.errors import (
    AlreadyExistsError,
    ArtifactNotFoundError,
    DeploymentNotFoundError,
    HopsArtifactsError,
    InUseError,
    InvalidDeploymentError,
    InvalidModelError,
    ModelNotFoundError,
    StorageError,
)
from hopsartifacts.project import Project
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.testing.faults import FAIL, LOSE_ANSWER, Call, Fault, FaultyStorage
from tests.stateful.backend import StatesOnly

STEPS = 2000
STEPS_AN_EXAMPLE = 50
SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n# "

NAMES = {"iris": "iris", "wine-2": "wine2"}
"""Models, and the names of deployments inferred from them."""

models = st.sampled_from(sorted(NAMES))
# None stands for the name inferred from the model's.
deployments = st.sampled_from([None, "other"])
scripts = st.sampled_from([None, "one", "two"]) | st.text(
    st.characters(codec="utf-8", categories=["L", "N"]), max_size=3
)
asked_versions = st.sampled_from([None, None, "CREATE", "MODEL-ONLY"]) | st.integers(
    0, 4
)
descriptions = st.sampled_from([None, None, "new"])
NEVER = 5
versions = st.integers(1, NEVER)
metrics = st.sampled_from([None, 0.25, 0.5, 1])


@st.composite
def plans(draw: st.DrawFn) -> Callable[[Call], Fault | None] | None:
    """Draw how the storage fails during an operation: mostly not at all."""
    if draw(st.integers(0, 3)):
        return None
    due = draw(st.integers(1, 40))
    fault = draw(st.sampled_from([FAIL, LOSE_ANSWER]))
    lasts = draw(st.booleans())
    return lambda call: (
        fault if call.number == due or (lasts and call.number > due) else None
    )


@dataclass
class Version:
    """A live model version."""

    content: bytes
    metric: float | None
    tags: dict[str, Any]
    artifacts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Deployed:
    """A live deployment."""

    model: tuple[str, int]
    active: int
    runs: dict[int, tuple[int, str | None]]
    """Artifact version and description, by version of the deployment."""


@dataclass
class Known:
    """Everything readers should see."""

    models: dict[tuple[str, int], Version] = field(default_factory=dict)
    deployments: dict[str, Deployed] = field(default_factory=dict)


@dataclass
class Step:
    """One operation: how it is called, and what it must do."""

    call: Callable[[], Any]
    apply: Callable[[Any], None]
    """Change what is known as success would; checks the result unless it is None."""
    error: type[HopsArtifactsError] | None = None
    halfway: Callable[[], None] | None = None
    """Change what is known as the operation's first half would."""


class ProjectMachine(RuleBasedStateMachine):
    """One project; subclasses say where."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="stateful-"))
        self.serial = count(1)
        self.plan: Callable[[Call], Fault | None] | None = None
        self.known = Known()
        self.used: dict[str, set[int]] = {name: set() for name in NAMES}
        # Numbers that a failed save may have used up.
        self.perhaps: dict[str, set[int]] = {name: set() for name in NAMES}
        self.last: dict[str, int] = {}
        self.open()

    def url(self) -> str:
        raise NotImplementedError

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def open(self) -> None:
        self.storage = FaultyStorage(hopsartifacts.login(self.url()).storage, self.due)
        self.project = Project(self.storage, backend=StatesOnly())
        self.mr = self.project.get_model_registry()
        self.ms = self.project.get_model_serving()

    def due(self, call: Call) -> Fault | None:
        return self.plan(call) if self.plan else None

    @initialize(names=st.lists(models, min_size=2, max_size=4))
    def start_with_some_models(self, names: list[str]) -> None:
        for name in names:
            self.save(name, b"w", None, None, None)

    # What users do ----------------------------------------------------------------

    @rule()
    def reopen(self) -> None:
        self.open()

    @rule(
        name=models,
        content=st.binary(min_size=1, max_size=8),
        metric=metrics,
        requested=st.none() | st.none() | versions,
        plan=plans(),
    )
    def save(
        self,
        name: str,
        content: bytes,
        metric: float | None,
        requested: int | None,
        plan: Callable[[Call], Fault | None] | None,
    ) -> None:
        folder = self.new_folder()
        (folder / "weights").write_bytes(content)
        saved = Version(content, metric, {"first": 1})
        used = self.used[name]
        perhaps = self.perhaps[name] - used
        possible = {requested} if requested else self.next_numbers(name)
        if requested in perhaps:
            # Whether it was used up, only trying tells.
            requested, possible = None, self.next_numbers(name)

        def call() -> int | None:
            given = {} if metric is None else {"m": metric}
            model = self.mr.sklearn.create_model(
                name, version=requested, metrics=given, tags={"first": 1}
            )
            return model.save(folder).version

        def apply(number: int | None) -> None:
            if number is None:
                seen = {version for at, version in self.seen().models if at == name}
                [number] = seen - {v for at, v in self.known.models if at == name}
            assert number in possible
            self.known.models[name, number] = saved
            used.add(number)

        error = AlreadyExistsError if requested in used else None
        self.perform(Step(call, apply, error), plan)
        if plan:
            self.perhaps[name] |= possible

    @rule(name=models, flaw=st.sampled_from(["nan", "missing", "empty", "link"]))
    def save_what_cannot_be(self, name: str, flaw: str) -> None:
        folder = self.new_folder()
        given: dict[str, float] = {}
        if flaw == "nan":
            (folder / "weights").write_bytes(b"w")
            given = {"m": float("nan")}
        elif flaw == "missing":
            folder /= "missing"
        elif flaw == "link":
            (folder / "weights").symlink_to("/")

        def call() -> None:
            self.mr.sklearn.create_model(name, metrics=given).save(folder)

        self.perform(Step(call, lambda _: None, InvalidModelError), None)

    @rule(name=models, version=versions, plan=plans())
    def delete(
        self, name: str, version: int, plan: Callable[[Call], Fault | None] | None
    ) -> None:
        at = (name, version)
        error: type[HopsArtifactsError] | None = None
        if at not in self.known.models:
            error = ModelNotFoundError
        elif any(it.model == at for it in self.known.deployments.values()):
            error = InUseError

        def call() -> None:
            self.mr.get_model(name, version).delete()

        def apply(_: None) -> None:
            del self.known.models[at]

        self.perform(Step(call, apply, error), plan)

    @rule(name=models, version=versions, value=st.none() | st.integers(), plan=plans())
    def tag(
        self,
        name: str,
        version: int,
        value: int | None,
        plan: Callable[[Call], Fault | None] | None,
    ) -> None:
        at = self.likely(name, version)

        def call() -> None:
            model = self.mr.get_model(*at)
            if value is None:
                model.delete_tag("colour")
            else:
                model.add_tag("colour", value)

        def apply(_: None) -> None:
            tags = self.known.models[at].tags
            tags.pop("colour", None)
            if value is not None:
                tags["colour"] = value

        error = None if at in self.known.models else ModelNotFoundError
        self.perform(Step(call, apply, error), plan)

    @rule(
        model=models,
        version=versions,
        name=deployments,
        script=scripts,
        asked=asked_versions,
        description=descriptions,
        plan=plans(),
    )
    def deploy(
        self,
        model: str,
        version: int,
        name: str | None,
        script: str | None,
        asked: str | int | None,
        description: str | None,
        plan: Callable[[Call], Fault | None] | None,
    ) -> None:
        at = self.likely(model, version)
        final = name or NAMES[at[0]]
        content = None if script is None else (SCRIPT + script).encode()
        path = None
        if content is not None:
            path = self.new_folder() / "predict.py"
            path.write_bytes(content)

        def call() -> tuple[Any, Any]:
            deployment = self.mr.get_model(*at).deploy(
                name,
                script_file=path,
                artifact_version=asked,
                description=description,
            )
            return deployment.artifact_version, deployment.version

        found = self.artifact(at, final, content, asked)
        if not isinstance(found, int):
            self.perform(Step(call, lambda _: None, found), plan)
            return
        number = found

        def halfway() -> None:
            if content is not None:
                self.known.models[at].artifacts[number] = content

        def apply(result: tuple[Any, Any] | None) -> None:
            halfway()
            self.run(final, at, (number, description))
            active = self.known.deployments[final].active
            assert result in {None, (number, active)}

        self.perform(Step(call, apply, halfway=halfway), plan)

    @rule(version=versions, script=st.sampled_from(["one", "two"]), again=st.booleans())
    def deploy_a_script(self, version: int, script: str, again: bool) -> None:
        asked = "CREATE" if again else None
        self.deploy("iris", version, None, script, asked, None, None)

    @rule(
        name=st.sampled_from([*NAMES.values(), "other"]),
        description=descriptions,
        plan=plans(),
    )
    def change_deployment(
        self,
        name: str,
        description: str | None,
        plan: Callable[[Call], Fault | None] | None,
    ) -> None:
        name = self.likely_deployment(name)
        known = self.known.deployments.get(name)

        def call() -> int | None:
            deployment = self.ms.get_deployment(name)
            deployment.predictor.description = description
            deployment.save()
            return deployment.version

        def apply(result: int | None) -> None:
            assert known
            artifact, _ = known.runs[known.active]
            self.run(name, known.model, (artifact, description))
            assert result in {None, self.known.deployments[name].active}

        error = None if known else DeploymentNotFoundError
        self.perform(Step(call, apply, error), plan)

    @rule(name=st.sampled_from([*NAMES.values(), "other"]), plan=plans())
    def delete_deployment(
        self, name: str, plan: Callable[[Call], Fault | None] | None
    ) -> None:
        name = self.likely_deployment(name)

        def call() -> None:
            self.ms.get_deployment(name).delete()

        def apply(_: None) -> None:
            del self.known.deployments[name]

        error = None if name in self.known.deployments else DeploymentNotFoundError
        self.perform(Step(call, apply, error), plan)

    # What must hold ---------------------------------------------------------------

    @invariant()
    def readers_see_what_is_known(self) -> None:
        type(self).steps += 1
        assert self.seen() == self.known

    @invariant()
    def every_byte_is_as_sealed(self) -> None:
        report = self.project.verify()
        assert report.ok, report

    @invariant()
    def the_latest_and_the_best_are_found(self) -> None:
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

    def perform(self, step: Step, plan: Callable[[Call], Fault | None] | None) -> None:
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
            # What could not be written after the commit can be written now.
            assert self.project.repair().ok
            assert step.error is None
            step.apply(result)
        finally:
            self.plan = None

    def settle(self, step: Step) -> None:
        """Find out what a failed operation did: nothing, or all, or its first half."""
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

    def artifact(  # noqa: PLR0911 - one return a rule
        self,
        at: tuple[str, int],
        name: str,
        content: bytes | None,
        asked: str | int | None,
    ) -> int | type[HopsArtifactsError]:
        """Return the artifact version a deployment gets, or the error it raises."""
        if at not in self.known.models:
            return ModelNotFoundError
        other = self.known.deployments.get(name)
        if other and other.model != at:
            return AlreadyExistsError
        artifacts = self.known.models[at].artifacts
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

    def run(self, name: str, at: tuple[str, int], what: tuple[int, str | None]) -> None:
        there = self.known.deployments.setdefault(name, Deployed(at, 0, {}))
        if there.active and there.runs[there.active] == what:
            return
        there.active = self.last[name] = self.last.get(name, 0) + 1
        there.runs[there.active] = what

    def next_numbers(self, name: str) -> set[int]:
        """Return the numbers a save may get; one, unless an earlier one failed."""
        lowest = max(self.used[name], default=0) + 1
        highest = max(self.used[name] | self.perhaps[name], default=0) + 1
        return set(range(lowest, highest + 1))

    def seen(self) -> Known:
        found = Known()
        for name in self.mr.list_models():
            for model in self.mr.get_models(name):
                assert model.version is not None
                at = (name, model.version)
                artifacts = self.ms.get_artifacts(model)
                contents = {n: artifacts.read(n) for n in artifacts.list()}
                assert contents.pop(0) == {}
                [record] = model.manifest.files
                found.models[at] = Version(
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
            assert deployment.model_version is not None
            known = self.known.deployments.get(deployment.name)
            specification = deployment.specification
            runs = dict(known.runs) if known else {}
            if known is None or deployment.version not in runs:
                runs = {n: it for n, it in runs.items() if n < deployment.version}
            runs[deployment.version] = (
                specification.artifact.version,
                specification.description,
            )
            at = (deployment.model_name, deployment.model_version)
            found.deployments[deployment.name] = Deployed(at, deployment.version, runs)
        return found

    def content(self, at: tuple[str, int], sha256: str) -> bytes:
        """Return the content that was saved if the digest is its; verify reads it."""
        known = self.known.models.get(at)
        if known and digest_of(known.content).sha256 == sha256:
            return known.content
        return self.storage.read(f"Models/{at[0]}/{at[1]}/Files/weights")

    def likely(self, name: str, version: int) -> tuple[str, int]:
        """Return a live version, or now and then any; most would not exist else."""
        live = sorted(self.known.models)
        if not live or version == NEVER:
            return name, version
        return live[version % len(live)]

    def likely_deployment(self, name: str) -> str:
        return name if name == "other" else min(self.known.deployments, default=name)

    def new_folder(self) -> Path:
        folder = self.folder / f"user{next(self.serial)}"
        folder.mkdir()
        return folder


class FileMachine(ProjectMachine):
    def url(self) -> str:
        return (self.folder / "project").as_uri()


class MemoryMachine(ProjectMachine):
    def url(self) -> str:
        return f"memory://{self.folder.name}"

    def teardown(self) -> None:
        super().teardown()
        MemoryStorage("").delete_tree("")


@pytest.mark.parametrize("machine", [FileMachine, MemoryMachine])
def test_random_work_on_a_project(
    machine: type[ProjectMachine], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pauses between tries would be most of the time.
    monkeypatch.setattr("hopsartifacts.store.log._pause_s", lambda _: 0.0)
    monkeypatch.setattr("hopsartifacts.guard.verify._SECOND_LOOK_S", 0)
    # Nothing crashes here that fsync would help against.
    monkeypatch.setattr("hopsartifacts.storage.local.os.fsync", lambda _: None)
    machine.steps = 0
    run_state_machine_as_test(
        machine,
        settings=settings(
            # Some examples end early.
            max_examples=2 * STEPS // STEPS_AN_EXAMPLE,
            stateful_step_count=STEPS_AN_EXAMPLE,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert machine.steps >= STEPS
