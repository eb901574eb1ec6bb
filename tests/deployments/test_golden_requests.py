"""A golden request is recorded with its answer, and travels with the version."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hopsartifacts import Deployment, GoldenRequest, Model, ModelServing, Project
from hopsartifacts.errors import (
    DeploymentFailedError,
    InvalidDeploymentError,
    InvalidInputError,
    NotRunningError,
)
from hopsartifacts.serving.contract import Golden
from hopsartifacts.testing.states_only import StatesOnly

ANSWER = {"predictions": [[1, 2]]}


@pytest.fixture
def model(save_model: Callable[..., Model]) -> Model:
    return save_model("m", framework="sklearn", input_example=[[7, 8]])


def recorded(deployment: Deployment) -> tuple[Any, Any]:
    golden = deployment.golden_request
    assert golden is not None
    return golden.request, golden.answer


def test_an_answer_is_recorded_and_sealed_in_the_next_version(
    project: Project, model: Model, ms: ModelServing, backend: StatesOnly
) -> None:
    deployment = model.deploy("d")
    deployment.start()
    assert backend.running["d"].golden is None
    golden = deployment.record_golden([1, 2], tolerance=0.01)
    assert golden.answer == ANSWER
    found = ms.get_deployment("d")
    assert found.version == 2
    assert recorded(found) == ({"instances": [[1, 2]]}, ANSWER)
    assert found.get_history()[0].why == "the golden request was recorded"
    launch = backend.running["d"]
    assert launch.deployment_version == 2
    assert launch.golden == Golden(
        request={"instances": [[1, 2]]}, answer=ANSWER, tolerance=0.01
    )
    found.record_golden()
    assert found.golden_request
    assert found.golden_request.tolerance == 1e-6
    found.record_golden()
    assert found.version == 3
    assert project.verify().ok


def test_the_request_is_the_given_one_or_the_models_example(
    model: Model, save_model: Callable[..., Model]
) -> None:
    deployment = model.deploy("d", golden_request=np.array([[1.5, 2]]))
    assert recorded(deployment) == ({"instances": [[1.5, 2.0]]}, None)
    deployment.start()
    deployment.record_golden()
    assert recorded(deployment)[0] == {"instances": [[1.5, 2.0]]}
    other = model.deploy("other")
    other.start()
    other.record_golden()
    assert recorded(other)[0] == {"instances": [[7, 8]]}
    bare = save_model("bare", framework="sklearn").deploy("bare")
    bare.start()
    with pytest.raises(InvalidInputError, match="no input example: give the request"):
        bare.record_golden()
    assert bare.version == 1


def test_a_whole_request_is_taken_as_it_is(model: Model) -> None:
    whole = {"instances": [{"x": 1}], "parameters": {"k": 2}}
    deployment = model.deploy("d", golden_request=whole)
    assert recorded(deployment)[0] == whole
    inputs = model.deploy("inputs", golden_request={"inputs": [[1]]})
    assert recorded(inputs)[0] == {"instances": [[1]]}
    rows = model.deploy("rows", golden_request={"x": 1})
    assert recorded(rows)[0] == {"instances": [{"x": 1}]}


def test_the_protocol_does_not_matter(model: Model, backend: StatesOnly) -> None:
    deployment = model.deploy("d", api_protocol="GRPC")
    deployment.start()
    deployment.record_golden({"inputs": [[1, 2]]})
    assert recorded(deployment) == ({"instances": [[1, 2]]}, ANSWER)
    assert backend.running["d"].golden


def test_only_the_active_version_is_asked(
    model: Model, ms: ModelServing, backend: StatesOnly
) -> None:
    deployment = model.deploy("d")
    with pytest.raises(NotRunningError, match="'d' does not run: start version 1"):
        deployment.record_golden()
    deployment.start()
    old = backend.running["d"]
    deployment.description = "second"
    deployment.save()
    backend.running["d"] = old
    with pytest.raises(NotRunningError, match="'d' runs version 1: start version 2"):
        ms.get_deployment("d").record_golden()
    assert ms.get_deployment("d").version == 2


def test_a_request_alone_is_not_compared(model: Model, backend: StatesOnly) -> None:
    model.deploy("d", golden_request=[[1, 2]]).start()
    assert backend.running["d"].golden is None


def test_an_answer_that_is_known_beforehand_is_compared(
    model: Model, backend: StatesOnly
) -> None:
    known = GoldenRequest([[1, 2]], {"predictions": [0.5]}, 0)
    model.deploy("d", golden_request=known).start()
    golden = backend.running["d"].golden
    assert golden is not None
    assert (golden.answer, golden.tolerance) == ({"predictions": [0.5]}, 0.0)


def test_another_model_version_forgets_the_answer_and_keeps_the_request(
    model: Model, save_model: Callable[..., Model]
) -> None:
    save_model("m", framework="sklearn")
    deployment = model.deploy("d", golden_request=GoldenRequest([[1, 2]], ANSWER))
    deployment.model_version = 2
    assert recorded(deployment) == ({"instances": [[1, 2]]}, None)
    deployment.save()
    deployment.rollback(1)
    assert recorded(deployment) == ({"instances": [[1, 2]]}, ANSWER)
    deployment.golden_request = None
    deployment.save()
    assert deployment.specification.golden_request is None


def test_an_unchanged_request_is_an_unchanged_version(
    model: Model, ms: ModelServing
) -> None:
    golden = GoldenRequest([(1, np.float64(2))], {"predictions": [float("nan")]})
    deployment = model.deploy("d", golden_request=golden)
    deployment.save()
    found = ms.get_deployment("d")
    found.golden_request = golden
    found.save()
    assert found.version == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("text", "golden request: inputs is a str"),
        ([], "golden request: inputs is an empty list"),
        ({"instances": []}, "has no row"),
        ([object()], r"inputs\[0\] is of the type object"),
        (GoldenRequest([[1]], object()), "golden request: "),
        (GoldenRequest([[1]], {}, -1.0), "the tolerance is -1.0"),
        (GoldenRequest([[1]], {}, float("nan")), "the tolerance is nan"),
        (GoldenRequest([[1]], {}, "a"), "golden request: "),  # type: ignore[arg-type]
        ([[1] * 40_000], "more than 65536: give fewer rows"),
    ],
)
def test_a_golden_request_that_is_none_is_refused(
    project: Project,
    model: Model,
    snapshot: Callable[[Project], dict[str, bytes]],
    given: Any,
    words: str,
) -> None:
    before = snapshot(project)
    with pytest.raises(InvalidDeploymentError, match=words):
        model.deploy("d", golden_request=given)
    assert snapshot(project) == before


def test_a_version_that_answers_otherwise_does_not_replace_the_one_that_runs(
    local_project: Project,
    make_files: Callable[..., Path],
    make_script: Callable[..., Path],
) -> None:
    """With real processes: the recorded answer is replayed before it is ready."""
    pytest.importorskip("uvicorn", reason="needs the extra serving")
    code = "class Predictor:\n    def predict(self, inputs):\n        return {}\n"
    model = local_project.get_model_registry().python.create_model("m")
    model.save(make_files())
    deployment = model.deploy(
        "d", script_file=make_script(code.format("[sum(it) for it in inputs]"))
    )
    deployment.start()
    try:
        deployment.record_golden([[1, 2], [3, 4]])
        assert deployment.version == 2
        assert deployment.predict(inputs=[5, 6]) == {"predictions": [11]}
        deployment.script_file = str(make_script(code.format("[0 for _ in inputs]")))
        with pytest.raises(DeploymentFailedError) as caught:
            deployment.save()
        assert "predictions[0] is 0, but 3 was recorded" in str(caught.value)
        assert deployment.get_state().deployment_version == 2
        assert deployment.predict(inputs=[5, 6]) == {"predictions": [11]}
        deployment.rollback(2)
        assert deployment.predict(inputs=[5, 6]) == {"predictions": [11]}
    finally:
        deployment.stop()
