"""Concurrent requests get what each would have got alone, in fewer predictions."""

import asyncio
import gc
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopsartifacts.serving.contract import Batching
from hopsartifacts.serving.runtime.chain import Chain, StepFailedError
from hopsartifacts.serving.runtime.protocol import RequestError, predictions_body

PREDICTION_S = 0.02


class Counting:
    """Answers one number a row, and remembers what it was asked for."""

    def __init__(self, answer: Callable[[Any], Any] | None = None) -> None:
        self.batches: list[Any] = []
        self._answer = answer or (lambda inputs: [row[0] * 10 for row in inputs])

    def predict(self, inputs: Any) -> Any:
        self.batches.append(inputs)
        return self._answer(inputs)

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]


class Slow:
    """Answers with its input, once it is told to go on."""

    def __init__(self) -> None:
        self.is_called = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, inputs: Any) -> Any:
        self.is_called.set()
        self.go_on.wait(30)
        return inputs


def ask(
    predictor: Any,
    requests: Iterable[Any],
    *,
    transformer: Any = None,
    batching: Batching | None = Batching(),  # noqa: B008 - a frozen value
) -> list[Any]:
    """Send all requests at once; return answers and errors in their order."""
    chain = Chain(predictor, transformer, batching)

    async def send() -> list[Any]:
        asked = [chain.predict(inputs) for inputs in requests]
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(send())


def confirmed(predictor: Counting, requests: Sequence[Any], **options: Any) -> Any:
    """Ask for one row before, so that the form of answers is known."""
    chain = Chain(predictor, None, Batching(**options))

    async def send() -> list[Any]:
        await chain.predict(requests[0])
        asked = [chain.predict(inputs) for inputs in requests]
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(send())
    del predictor.batches[0]
    return answers


def test_requests_of_the_same_moment_are_one_batch() -> None:
    predictor = Counting()
    answers = confirmed(predictor, [[[1]], [[2], [3]], [[4]]])
    assert answers == [[10], [20, 30], [40]]
    assert predictor.batches == [[[1], [2], [3], [4]]]


def test_what_comes_during_a_prediction_is_the_next_batch() -> None:
    slow = Slow()
    predictor = Counting(slow)
    chain = Chain(predictor, None, Batching())

    async def send() -> list[Any]:
        first = asyncio.create_task(chain.predict([[0]]))
        await asyncio.to_thread(slow.is_called.wait, 30)
        others = [asyncio.create_task(chain.predict([[n]])) for n in range(1, 6)]
        await asyncio.sleep(0.01)
        slow.go_on.set()
        return await asyncio.gather(first, *others)

    assert asyncio.run(send()) == [[[n]] for n in range(6)]
    assert predictor.sizes == [1, 5]


def test_a_batch_has_no_more_rows_than_allowed() -> None:
    predictor = Counting()
    requests = [[[n]] for n in range(10)]
    answers = confirmed(predictor, requests, max_batch_size=4)
    assert answers == [[n * 10] for n in range(10)]
    assert predictor.sizes == [4, 4, 2]


def test_a_request_with_more_rows_goes_alone_and_whole() -> None:
    predictor = Counting()
    answers = confirmed(predictor, [[[n]] * 5 for n in range(2)], max_batch_size=4)
    assert answers == [[0] * 5, [10] * 5]
    assert predictor.sizes == [5, 5]


def test_a_lone_request_waits_for_nobody() -> None:
    chain = Chain(Counting(), None, Batching(max_latency_ms=0))

    async def send() -> float:
        await chain.predict([[1]])
        start = time.perf_counter()
        for _ in range(20):
            await chain.predict([[1]])
        return time.perf_counter() - start

    assert asyncio.run(send()) < 1


def test_a_batch_waits_for_more_if_told_to_but_not_for_longer() -> None:
    predictor = Counting()
    chain = Chain(predictor, None, Batching(max_latency_ms=100))

    async def send() -> float:
        await chain.predict([[0]])
        start = time.perf_counter()
        first = asyncio.create_task(chain.predict([[1]]))
        await asyncio.sleep(0.02)
        answers = await asyncio.gather(first, chain.predict([[2]]))
        assert list(answers) == [[10], [20]]
        return time.perf_counter() - start

    seconds = asyncio.run(send())
    assert predictor.sizes == [1, 2]
    assert 0.09 < seconds < 10


def test_a_full_batch_does_not_wait() -> None:
    predictor = Counting()
    batching = Batching(max_batch_size=2, max_latency_ms=60_000)
    answers = asyncio.run(
        asyncio.wait_for(
            _gather(Chain(predictor, None, batching), [[[1]], [[2]]]), timeout=20
        )
    )
    assert answers == [[10], [20]]


async def _gather(chain: Chain, requests: Sequence[Any]) -> list[Any]:
    return await asyncio.gather(*map(chain.predict, requests))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([[1, 2]], [[1, 2, 3]]),
        ([[1]], [["1"]]),
        ([[1]], [[1.5]]),
        ([[1]], [[2**63]]),
        ([[1]], [[[1]]]),
        ([[1]], [1]),
        ([{"a": 1}], [{"b": 1}]),
        ([{"a": 1}], [{"a": 1.5}]),
        ([{"a": [1]}], [{"a": [1, 2]}]),
        ([{"a": 1}], [[1]]),
        ([{"a": 1}, {"b": 1}], [{"a": 1}, {"b": 1}]),
        ("text", "text"),
        (np.zeros((1, 2)), np.zeros((1, 3))),
        (np.zeros((1, 2)), np.zeros((1, 2), dtype=np.int32)),
        ({"a": [1]}, {"a": [1]}),
        (None, None),
        ([], []),
    ],
)
def test_rows_of_different_kinds_are_not_put_together(one: Any, other: Any) -> None:
    predictor = Counting(len_or_none)
    ask(predictor, [one, other])
    assert len(predictor.batches) == 2


def len_or_none(inputs: Any) -> Any:
    return list(range(len(inputs))) if inputs is not None else None


@pytest.mark.parametrize(
    "one",
    [
        [[1.5, 2]],
        [{"a": 1, "b": ["x", None]}],
        ["text"],
        [[[1], [2]]],
        np.ones((1, 3)),
    ],
)
def test_rows_of_one_kind_are_put_together(one: Any) -> None:
    predictor = Counting(lambda inputs: list(range(len(inputs))))
    confirmed(predictor, [one, one, one])
    assert predictor.sizes == [3]
    assert type(predictor.batches[0]) is type(one)


def refuse_negative(inputs: Any) -> Any:
    if min(row[0] for row in inputs) < 0:
        raise ValueError("negative")
    return [row[0] for row in inputs]


def test_only_the_bad_request_of_a_batch_fails() -> None:
    answers = ask(Counting(refuse_negative), [[[1]], [[-1]], [[2]]])
    assert answers[0] == [1]
    assert isinstance(answers[1], StepFailedError)
    assert str(answers[1]) == "ValueError: negative"
    assert answers[2] == [2]


def test_a_refusal_by_the_predictor_stays_one() -> None:
    def refuse(inputs: Any) -> Any:
        if [0] in inputs:
            raise RequestError(400, "no zeros")
        return inputs

    answers = ask(Counting(refuse), [[[1]], [[0]]])
    assert answers[0] == [[1]]
    assert isinstance(answers[1], RequestError)


@pytest.mark.parametrize(
    "answer",
    [
        lambda inputs: [sum(row[0] for row in inputs)],
        lambda _: ["a", "b", "c"],
        lambda inputs: {"labels": ["a", "b", "c"], "values": inputs},
        len,
        lambda inputs: {"of": {"rows": inputs}},
        lambda inputs: pd.Series([row[0] for row in inputs], index=["x"] * len(inputs)),
    ],
    ids=["sum", "constant", "partly", "number", "nested", "indexed"],
)
def test_a_predictor_that_does_not_answer_by_rows_is_asked_for_each(
    answer: Callable[[Any], Any],
) -> None:
    requests = [[[1]], [[2]], [[3]]]
    answers = ask(Counting(answer), requests)
    assert list(map(predictions_body, answers)) == [
        predictions_body(answer(one)) for one in requests
    ]


@pytest.mark.parametrize(
    "answer",
    [
        lambda inputs: tuple(row[0] for row in inputs),
        np.asarray,
        lambda inputs: {"a": [row[0] for row in inputs], "b": np.asarray(inputs)},
        lambda inputs: pd.DataFrame(inputs, columns=["a"]),
        lambda inputs: pd.Series([row[0] for row in inputs]),
    ],
    ids=["tuple", "array", "dict", "frame", "series"],
)
def test_answers_of_many_forms_are_told_apart(answer: Callable[[Any], Any]) -> None:
    predictor = Counting(answer)
    requests = [[[1]], [[2], [3]], [[4]]]
    answers = confirmed(predictor, requests)
    assert predictor.sizes == [4]
    assert list(map(predictions_body, answers)) == [
        predictions_body(answer(one)) for one in requests
    ]


def test_a_predictor_that_cannot_do_batches_is_soon_asked_for_each_at_once() -> None:
    def only_one(inputs: Any) -> Any:
        if len(inputs) > 1:
            raise ValueError("one row, please")
        return inputs

    predictor = Counting(only_one)
    requests = [[[n]] for n in range(16)]
    for _ in range(2):
        assert ask(predictor, requests) == requests
    calls = len(predictor.batches)
    chain = Chain(predictor, None, Batching())

    async def send() -> None:
        for _ in range(8):
            assert await _gather(chain, requests) == requests

    asyncio.run(send())
    assert len(predictor.batches) - calls < 8 * 16 + 8


def test_a_late_prediction_is_a_504_and_the_rest_goes_on() -> None:
    go_on = threading.Event()

    def slow(inputs: Any) -> Any:
        if inputs[0][0] == 0:
            go_on.wait(30)
        return inputs

    predictor = Counting(slow)
    chain = Chain(predictor, None, Batching(timeout_s=0.2))

    async def send() -> list[Any]:
        with pytest.raises(RequestError, match=r"within 0\.2 s") as raised:
            await chain.predict([[0]])
        waiting = asyncio.create_task(chain.predict([[1]]))
        await asyncio.sleep(0)
        go_on.set()
        return [raised.value.status, await waiting]

    assert asyncio.run(send()) == [504, [[1]]]


def test_while_a_predictor_hangs_nothing_piles_up() -> None:
    """Requests that were given up must not stay in memory meanwhile."""
    go_on = threading.Event()

    class Rows(list[Any]):
        """Can be watched, unlike a plain list."""

    class Hangs:
        def predict(self, inputs: Any) -> Any:
            go_on.wait(30)
            return inputs

    chain = Chain(Hangs(), None, Batching(timeout_s=0.05))
    held: list[weakref.ref[Rows]] = []

    async def one() -> int:
        rows = Rows([1])
        held.append(weakref.ref(rows))
        with pytest.raises(RequestError) as raised:
            await chain.predict(rows)
        return raised.value.status

    async def send() -> int:
        assert set(await asyncio.gather(*(one() for _ in range(50)))) == {504}
        gc.collect()
        count = sum(it() is not None for it in held)
        go_on.set()
        await asyncio.sleep(0.05)
        return count

    # What the predictor has got, it holds.
    assert asyncio.run(send()) <= 1


def test_who_has_hung_up_is_left_out() -> None:
    slow = Slow()
    predictor = Counting(slow)
    chain = Chain(predictor, None, Batching())

    async def send() -> list[Any]:
        first = asyncio.create_task(chain.predict([[0]]))
        await asyncio.to_thread(slow.is_called.wait, 30)
        gone = asyncio.create_task(chain.predict([[1]]))
        stays = asyncio.create_task(chain.predict([[2]]))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.sleep(0)
        slow.go_on.set()
        return [await first, await stays]

    assert asyncio.run(send()) == [[[0]], [[2]]]
    assert predictor.batches == [[[0]], [[2]]]


class PerRequest:
    """Refuses to see more than one request."""

    def preprocess(self, inputs: Any) -> Any:
        assert len(inputs) == 1
        return [[inputs[0][0] + 1]]

    async def postprocess(self, outputs: Any) -> Any:
        assert len(outputs) == 1
        return {"outputs": outputs}


def test_a_transformer_sees_one_request_at_a_time() -> None:
    predictor = Counting()
    answers = ask(predictor, [[[n]] for n in range(4)], transformer=PerRequest())
    assert answers == [{"outputs": [(n + 1) * 10]} for n in range(4)]
    assert max(predictor.sizes) > 1


class AsyncPredictor:
    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def predict(self, inputs: Any) -> Any:
        self.sizes.append(len(inputs))
        await asyncio.sleep(0.001)
        if [13] in inputs:
            raise ValueError("bad luck")
        if [14] in inputs:
            raise asyncio.CancelledError
        return inputs


def test_async_predictors_get_batches_too() -> None:
    predictor = AsyncPredictor()
    answers = ask(predictor, [[[1]], [[2]], [[13]], [[14]], [[3]]])
    assert answers[:2] + answers[4:] == [[[1]], [[2]], [[3]]]
    assert str(answers[2]) == "ValueError: bad luck"
    assert isinstance(answers[3].cause, asyncio.CancelledError)
    assert predictor.sizes[0] == 5


# One set of requests in many ways to come, and predictors that behave and misbehave.

NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, 2.0, 2**64, None, True, "x"])
ROWS: list[st.SearchStrategy[list[Any]]] = [
    st.lists(st.lists(st.sampled_from([-1.0, 0.5, 2.0]), min_size=2, max_size=2)),
    st.lists(st.lists(NUMBERS, min_size=1, max_size=2)),
    st.lists(st.fixed_dictionaries({"a": NUMBERS}, optional={"b": NUMBERS})),
    st.lists(NUMBERS),
]
REQUESTS = st.lists(
    st.tuples(st.one_of(ROWS).filter(len), st.integers(0, 4)), min_size=1, max_size=8
)


def _raise_for_many(inputs: Any) -> Any:
    if len(inputs) > 2:
        raise ValueError(f"{len(inputs)} rows")
    return inputs


def _raise_for_some(inputs: Any) -> Any:
    if any(row in ([0.5, 2.0], 2, {"a": 1}) for row in inputs):
        raise KeyError("some")
    return {"echo": inputs, "kind": [type(row).__name__ for row in inputs]}


PREDICTORS: list[Callable[[Any], Any]] = [
    lambda inputs: inputs,
    np.asarray,
    pd.DataFrame,
    lambda inputs: pd.DataFrame(inputs).iloc[:, 0],
    lambda inputs: {"rows": inputs, "dtypes": [str(np.asarray(inputs).dtype)]},
    lambda inputs: {"first": inputs[:1], "all": np.asarray(inputs)},
    lambda inputs: [str(np.asarray(inputs).dtype) for _ in inputs],
    lambda _: ["a", "b", "c"],
    lambda inputs: {"labels": ["a", "b"], "rows": inputs},
    len,
    lambda inputs: (row for row in inputs),
    _raise_for_many,
    _raise_for_some,
]


def _outcome(answer: Any) -> Any:
    if isinstance(answer, BaseException):
        return type(answer), str(answer)
    try:
        return predictions_body(answer)
    except TypeError:
        return "no JSON"


@settings(max_examples=150, deadline=None)
@given(
    number=st.sampled_from(range(len(PREDICTORS))),
    requests=REQUESTS,
    size=st.integers(1, 8),
    latency=st.sampled_from([0, 1]),
    is_async=st.booleans(),
)
def test_every_request_gets_what_it_would_have_got_alone(
    number: int,
    requests: list[tuple[Any, int]],
    size: int,
    latency: int,
    is_async: bool,
) -> None:
    """A batch may not be seen in any answer: the plain chain is the measure."""
    predict = PREDICTORS[number]

    class Sync:
        def predict(self, inputs: Any) -> Any:
            return predict(inputs)

    class Async:
        async def predict(self, inputs: Any) -> Any:
            await asyncio.sleep(0)
            return predict(inputs)

    batching = Batching(max_batch_size=size, max_latency_ms=latency)
    predictor = Async() if is_async else Sync()
    batched, plain = Chain(predictor, None, batching), Chain(predictor)

    async def send(chain: Chain, inputs: Any, turns: int) -> Any:
        for _ in range(turns):
            await asyncio.sleep(0)
        try:
            return _outcome(await chain.predict(inputs))
        except (StepFailedError, RequestError) as error:
            return _outcome(error)

    async def compare() -> None:
        found = await asyncio.gather(*(send(batched, *one) for one in requests))
        assert found == [await send(plain, inputs, 0) for inputs, _ in requests]

    asyncio.run(compare())


def test_nothing_is_imported_to_look_at_plain_rows() -> None:
    code = (
        "import sys\n"
        "from hopsartifacts.serving.runtime.batcher import kind_of, form_of\n"
        "assert kind_of([[1.5]]) and form_of([1], 1)\n"
        "assert not {'numpy', 'pandas'} & set(sys.modules)\n"
    )
    import subprocess  # noqa: PLC0415 - for this test

    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
