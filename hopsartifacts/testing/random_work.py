"""Random work on a project, compared with a model made of plain dictionaries.

The machine runs the operations of users, including ones that must fail, on a storage
that fails occasionally. After each step, everything readable is compared with the
model.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from hopsartifacts.errors import (
    AlreadyExistsError,
    DeploymentNotFoundError,
    HopsArtifactsError,
    InUseError,
    InvalidModelError,
    ModelNotFoundError,
)
from hopsartifacts.testing.faults import FAIL, LOSE_ANSWER
from hopsartifacts.testing.jobs import SCRIPT
from hopsartifacts.testing.places import Connecting, Place
from hopsartifacts.testing.random_calls import bounded
from hopsartifacts.testing.watched import (
    NAMES,
    NEVER,
    FaultPlan,
    KnownVersion,
    Step,
    WatchedProject,
)

models = st.sampled_from(sorted(NAMES))
# None stands for the name inferred from the model's name.
deployments = st.sampled_from([None, "other"])
deployed = st.sampled_from([*NAMES.values(), "other"])
scripts = st.sampled_from([None, "one", "two"]) | st.text(
    st.characters(codec="utf-8", categories=["L", "N"]), max_size=3
)
asked_versions = st.sampled_from([None, None, "CREATE", "MODEL-ONLY"]) | st.integers(
    0, 4
)
descriptions = st.sampled_from([None, None, "new"])
versions = st.integers(1, NEVER)
metrics = st.sampled_from([None, 0.25, 0.5, 1])


@st.composite
def plans(draw: st.DrawFn) -> FaultPlan:
    """Draw how the storage fails during an operation: mostly not at all."""
    if draw(st.integers(0, 3)):
        return None
    due = draw(st.integers(1, 40))
    fault = draw(st.sampled_from([FAIL, LOSE_ANSWER]))
    lasts = draw(st.booleans())
    return lambda call: (
        fault if call.number == due or (lasts and call.number > due) else None
    )


class _WorkMachine(WatchedProject):
    """The operations of users."""

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
        plan: FaultPlan,
    ) -> None:
        folder = self.new_folder()
        (folder / "weights").write_bytes(content)
        saved = KnownVersion(content, metric, {"first": 1})
        numbers = self.numbers[name]
        possible = {requested} if requested else numbers.following()
        if requested in numbers.perhaps - numbers.used:
            # Only an attempt shows whether the number was used up.
            requested, possible = None, numbers.following()

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
            numbers.used.add(number)

        error = AlreadyExistsError if requested in numbers.used else None
        self.perform(Step(call, apply, error), plan)
        if plan:
            numbers.perhaps |= possible

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
    def delete(self, name: str, version: int, plan: FaultPlan) -> None:
        at = (name, version)
        error: type[HopsArtifactsError] | None = None
        if at not in self.known.models:
            error = ModelNotFoundError
        elif self.known.is_pinned(at):
            error = InUseError

        def call() -> None:
            self.mr.get_model(name, version).delete()

        def apply(_: None) -> None:
            del self.known.models[at]

        self.perform(Step(call, apply, error), plan)

    @rule(name=models, version=versions, value=st.none() | st.integers(), plan=plans())
    def tag(self, name: str, version: int, value: int | None, plan: FaultPlan) -> None:
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
        plan: FaultPlan,
    ) -> None:
        at = self.likely(model, version)
        final = name or NAMES[at[0]]
        content = None if script is None else f"{SCRIPT}# {script}".encode()
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

        found = self.known.artifact(at, final, content, asked)
        if not isinstance(found, int):
            self.perform(Step(call, lambda _: None, found), plan)
            return
        number = found

        def halfway() -> None:
            if content is not None:
                self.known.models[at].artifacts[number] = content

        def apply(result: tuple[Any, Any] | None) -> None:
            halfway()
            self.known.run(final, (at, number, description))
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
        self, name: str, description: str | None, plan: FaultPlan
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
            at, artifact, _ = known.runs[known.active]
            self.known.run(name, (at, artifact, description))
            assert result in {None, self.known.deployments[name].active}

        error = None if known else DeploymentNotFoundError
        self.perform(Step(call, apply, error), plan)

    @rule(name=deployed, version=versions, plan=plans())
    def roll_back(self, name: str, version: int, plan: FaultPlan) -> None:
        name = self.likely_deployment(name)
        known = self.known.deployments.get(name)
        version = self.likely_run(name, version)

        def call() -> int | None:
            deployment = self.ms.get_deployment(name)
            deployment.rollback(version)
            return deployment.version

        def apply(result: int | None) -> None:
            assert known
            known.active = version
            assert result in {None, version}

        is_there = known and version in known.runs
        error = None if is_there else DeploymentNotFoundError
        self.perform(Step(call, apply, error), plan)

    @rule(name=deployed, version=versions, plan=plans())
    def give_a_version_up(self, name: str, version: int, plan: FaultPlan) -> None:
        name = self.likely_deployment(name)
        known = self.known.deployments.get(name)
        version = self.likely_run(name, version)
        error: type[HopsArtifactsError] | None = None
        if known is None or version not in known.runs:
            error = DeploymentNotFoundError
        elif known.active == version:
            error = InUseError

        def call() -> None:
            self.ms.get_deployment(name).delete_version(version)

        def apply(_: None) -> None:
            del self.known.deployments[name].runs[version]

        self.perform(Step(call, apply, error), plan)

    @rule(name=deployed, plan=plans())
    def delete_deployment(self, name: str, plan: FaultPlan) -> None:
        name = self.likely_deployment(name)

        def call() -> None:
            self.ms.get_deployment(name).delete()

        def apply(_: None) -> None:
            del self.known.deployments[name]

        error = None if name in self.known.deployments else DeploymentNotFoundError
        self.perform(Step(call, apply, error), plan)


class RandomWorkConformance(Connecting):
    """Operations in any order have the same effect on a project as on dictionaries.

    Attributes:
        work_rounds: how many projects are created.
        work_steps: how many operations each gets; everything is read after each one.
        work_seed: another number chooses other operations; None leaves the choice to
            Hypothesis.
    """

    work_rounds = 20
    work_steps = 20
    work_seed: int | None = None

    def test_random_work_does_what_it_does_to_dictionaries(
        self, new_place: Callable[[], Place]
    ) -> None:
        """Saves, tags, deployments and deletions, with occasional failures."""
        machine = type("Work", (_WorkMachine,), {"new_place": staticmethod(new_place)})
        if self.work_seed is not None:
            machine = seed(self.work_seed)(machine)
        run_state_machine_as_test(
            machine, settings=bounded(self.work_rounds, self.work_steps)
        )
