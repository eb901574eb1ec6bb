"""A golden request is answered as it was recorded, or nothing is served."""

import asyncio
import math
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from hopsartifacts.errors import DeploymentFailedError
from hopsartifacts.serving.contract import Golden, Launch
from hopsartifacts.serving.local import LocalBackend
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.golden import check_golden, differences
from tests.serving.conftest import FLOWERS

REQUEST = {"instances": [[1, 2], [3, 4]]}

ASYNC = """
import asyncio

class Predictor:
    def __init__(self):
        self.loop = None

    async def predict(self, inputs):
        # As a client's connection does, it belongs to the loop that it was made on.
        self.loop = self.loop or asyncio.get_running_loop()
        if self.loop is not asyncio.get_running_loop():
            raise RuntimeError("another loop")
        return [sum(row) for row in inputs]
"""


class Sums:
    def predict(self, inputs: list[list[float]]) -> list[float]:
        return [sum(row) for row in inputs]


def golden(predictions: Any, tolerance: float = 0.0) -> Golden:
    return Golden(
        request=REQUEST, answer={"predictions": predictions}, tolerance=tolerance
    )


@pytest.mark.parametrize(
    ("recorded", "answered", "tolerance"),
    [
        (1, 1.0, 0),
        (1.0, 1.0 + 1e-9, 1e-6),
        (-200, -201, 0.01),
        (10**400, 10**400, 0),
        (math.nan, math.nan, 0),
        (None, None, 0),
        ("a", "a", 0),
        (True, True, 0),
        ({"a": [1, {"b": 2}]}, {"a": [1.0, {"b": 2}]}, 0),
        ([], [], 0),
    ],
)
def test_what_is_the_same(recorded: Any, answered: Any, tolerance: float) -> None:
    assert list(differences(recorded, answered, tolerance)) == []


@pytest.mark.parametrize(
    ("recorded", "answered", "words"),
    [
        (1, 1.01, "the answer is 1.01, but 1 was recorded"),
        (0, 1e-300, "but 0 was recorded"),
        (1, True, "the answer is true, but 1 was recorded"),
        (1, "1", 'the answer is "1", but 1 was recorded'),
        (1, None, "the answer is null, but 1 was recorded"),
        (10**400, 10**400 + 1, "but 1000"),
        ([1, 2], [1], "the answer has length 1, but 2 was recorded"),
        ([1, [2, 3]], [1, [2, 4]], r"the answer\[1\]\[1\] is 4, but 3 was recorded"),
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}, r"^a\.b\[0\] is 2, but 1 was recorded"),
        ({"a": 1}, {}, "^a is missing"),
        ({}, {"a": 1}, "^a is 1 and was not recorded"),
        ([1], {"a": 1}, 'is {"a":1}, but \\[1\\] was recorded'),
        ("x" * 99, "y" * 99, "y…, but "),
    ],
)
def test_what_differs_is_told(recorded: Any, answered: Any, words: str) -> None:
    [found] = differences(recorded, answered, 1e-6)
    with pytest.raises(ValueError, match=words):
        raise ValueError(found)


def test_a_chain_that_answers_as_recorded_passes() -> None:
    asyncio.run(check_golden(Chain(Sums()), golden([3, 7.0])))


def test_a_chain_that_answers_otherwise_is_refused() -> None:
    with pytest.raises(DeploymentFailedError) as caught:
        asyncio.run(check_golden(Chain(Sums()), golden([3, 8])))
    assert "predictions[1] is 7, but 8 was recorded" in str(caught.value)
    assert "answering the golden request" in str(caught.value)


def test_no_more_than_a_few_differences_are_shown() -> None:
    class Wrong:
        def predict(self, inputs: Any) -> Any:  # noqa: ARG002 - the interface
            return [0] * 9

    with pytest.raises(DeploymentFailedError, match=r"\[2\] is 0.*; and 6 more\."):
        asyncio.run(check_golden(Chain(Wrong()), golden([1] * 9)))


@pytest.mark.parametrize(
    ("answer", "words"),
    [(lambda _: {1, 2} and object(), "has no form in JSON"), (lambda _: 1 / 0, "Zero")],
)
def test_a_chain_that_cannot_answer_is_refused(
    answer: Callable[[Any], Any], words: str
) -> None:
    predictor = type("Broken", (), {"predict": staticmethod(answer)})()
    with pytest.raises(DeploymentFailedError, match=f"golden request failed.*{words}"):
        asyncio.run(check_golden(Chain(predictor), golden([1])))


def test_a_request_that_is_none_is_refused() -> None:
    wrong = Golden(request={"rows": []}, answer={})
    with pytest.raises(DeploymentFailedError, match=r"golden request failed.*neither"):
        asyncio.run(check_golden(Chain(Sums()), wrong))


def test_a_server_is_ready_after_it_answered_on_the_loop_that_serves(
    backend: LocalBackend, make_launch: Callable[..., Launch]
) -> None:
    launch = msgspec.structs.replace(make_launch(ASYNC), golden=golden([3, 7]))
    backend.start(launch, await_running_s=60)
    assert backend.predict(FLOWERS, REQUEST) == {"predictions": [3, 7]}
    backend.stop(FLOWERS, await_stopped_s=30)


def test_a_server_that_answers_otherwise_does_not_get_ready(
    backend: LocalBackend,
    make_launch: Callable[..., Launch],
    live: Callable[[], list[Any]],
) -> None:
    launch = msgspec.structs.replace(make_launch(ASYNC), golden=golden([3, 8]))
    with pytest.raises(
        DeploymentFailedError, match=r"predictions\[1\] is 7, but 8 was"
    ):
        backend.start(launch, await_running_s=60)
    state = backend.state(FLOWERS)
    assert state.status == "Failed"
    assert state.condition is not None
    assert state.condition.status is False
    assert "golden request" in str(state.condition.reason)
    assert live() == []
