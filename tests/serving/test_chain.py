import asyncio
import functools
import threading
import time
from typing import Any

import pytest

from hopsartifacts.serving.runtime.chain import Chain, Pace, StepFailedError


class SyncTransformer:
    def preprocess(self, inputs: list[Any]) -> list[Any]:
        return [*inputs, "pre"]

    def postprocess(self, outputs: list[Any]) -> list[Any]:
        return [*outputs, "post"]


class AsyncTransformer:
    async def preprocess(self, inputs: list[Any]) -> list[Any]:
        return [*inputs, "pre"]

    async def postprocess(self, outputs: list[Any]) -> list[Any]:
        return [*outputs, "post"]


class SyncPredictor:
    def predict(self, inputs: list[Any]) -> list[Any]:
        return [*inputs, "predicted"]


class AsyncPredictor:
    async def predict(self, inputs: list[Any]) -> list[Any]:
        await asyncio.sleep(0)
        return [*inputs, "predicted"]


class WrappedPredictor:
    """Async behind a decorator that does not say so."""

    def predict(self, inputs: list[Any]) -> Any:
        return AsyncPredictor().predict(inputs)


class CallablePredictor:
    class _Predict:
        async def __call__(self, inputs: list[Any]) -> list[Any]:
            return [*inputs, "predicted"]

    predict = _Predict()


@pytest.mark.parametrize("transformer", [SyncTransformer, AsyncTransformer])
@pytest.mark.parametrize(
    "predictor", [SyncPredictor, AsyncPredictor, WrappedPredictor, CallablePredictor]
)
def test_sync_and_async_steps_mix_in_any_way(
    predictor: type, transformer: type
) -> None:
    chain = Chain(predictor(), transformer())
    result = asyncio.run(chain.predict([0]))
    assert result == [0, "pre", "predicted", "post"]


class OnlyPreprocess:
    preprocess = SyncTransformer.preprocess


class OnlyPostprocess:
    postprocess = SyncTransformer.postprocess


@pytest.mark.parametrize(
    ("transformer", "result"),
    [
        (None, ["predicted"]),
        (OnlyPreprocess(), ["pre", "predicted"]),
        (OnlyPostprocess(), ["predicted", "post"]),
    ],
)
def test_both_methods_of_a_transformer_are_optional(
    transformer: object, result: list[str]
) -> None:
    assert asyncio.run(Chain(SyncPredictor(), transformer).predict([])) == result


class Failing:
    def __init__(self, error: BaseException) -> None:
        self._error = error

    def predict(self, _: Any) -> None:
        raise self._error

    async def preprocess(self, _: Any) -> None:
        raise self._error


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), StopIteration()])
def test_what_a_script_raises_is_told_with_its_component(error: BaseException) -> None:
    with pytest.raises(StepFailedError) as raised:
        asyncio.run(Chain(Failing(error)).predict([]))
    assert raised.value.component == "predictor"
    assert raised.value.cause is error


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)])
def test_what_an_async_method_raises_is_told_too(error: BaseException) -> None:
    with pytest.raises(StepFailedError) as raised:
        asyncio.run(Chain(SyncPredictor(), Failing(error)).predict([]))
    assert raised.value.component == "transformer"
    assert raised.value.cause is error


def test_sync_predictions_run_one_by_one_in_a_thread_of_their_own() -> None:
    seen: list[tuple[str, bool]] = []
    running = threading.Lock()

    class Recorder:
        def predict(self, _: Any) -> None:
            is_alone = running.acquire(blocking=False)
            threading.Event().wait(0.01)
            seen.append((threading.current_thread().name, is_alone))
            running.release()

    chain = Chain(Recorder())

    async def ask_at_once() -> None:
        await asyncio.gather(*(chain.predict([]) for _ in range(5)))

    asyncio.run(ask_at_once())
    assert seen == [("predictions", True)] * 5


def test_async_predictions_overlap() -> None:
    class Meeting:
        def __init__(self) -> None:
            self._is_first = True
            self._second_came = asyncio.Event()

        async def predict(self, _: Any) -> None:
            if self._is_first:
                self._is_first = False
                await self._second_came.wait()
            self._second_came.set()

    chain = Chain(Meeting())

    async def ask_at_once() -> None:
        await asyncio.wait_for(
            asyncio.gather(chain.predict([]), chain.predict([])), timeout=30
        )

    asyncio.run(ask_at_once())


def test_a_request_given_up_while_it_waits_is_not_predicted() -> None:
    """A slow predictor must not work on requests whose clients are gone."""
    calls: list[str] = []
    is_called = threading.Event()
    go_on = threading.Event()

    class Slow:
        def predict(self, inputs: str) -> None:
            calls.append(inputs)
            is_called.set()
            go_on.wait(30)

    chain = Chain(Slow())

    async def give_up() -> None:
        first = asyncio.create_task(chain.predict("first"))
        await asyncio.to_thread(is_called.wait, 30)
        assert chain.is_busy
        second = asyncio.create_task(chain.predict("second"))
        await asyncio.sleep(0.01)
        second.cancel()
        await asyncio.sleep(0.01)
        go_on.set()
        await first
        await chain.predict("third")

    asyncio.run(give_up())
    assert calls == ["first", "third"]


def test_a_loop_that_is_gone_does_not_disturb_the_worker() -> None:
    go_on = threading.Event()
    calls: list[str] = []

    class Slow:
        def predict(self, inputs: str) -> str:
            calls.append(inputs)
            go_on.wait(30)
            return inputs

    chain = Chain(Slow())

    async def leave_early() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(chain.predict("early"), 0.05)

    asyncio.run(leave_early())
    go_on.set()
    assert asyncio.run(chain.predict("late")) == "late"


def test_a_partial_of_an_async_function_is_async() -> None:
    async def predict(suffix: str, inputs: list[str]) -> list[str]:
        return [*inputs, suffix]

    class Partial:
        def __init__(self) -> None:
            self.predict = functools.partial(predict, "x")

    assert asyncio.run(Chain(Partial()).predict(["a"])) == ["a", "x"]


def test_a_request_given_up_while_it_is_predicted_does_not_disturb_the_next() -> None:
    is_called = threading.Event()
    go_on = threading.Event()

    class Slow:
        def predict(self, inputs: str) -> str:
            is_called.set()
            go_on.wait(30)
            return inputs

    chain = Chain(Slow())

    async def give_up() -> str:
        first = asyncio.create_task(chain.predict("first"))
        await asyncio.to_thread(is_called.wait, 30)
        first.cancel()
        await asyncio.sleep(0)
        go_on.set()
        return str(await chain.predict("second"))

    assert asyncio.run(give_up()) == "second"


class Timed:
    """Takes as long as its inputs say; knows in which thread it was."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.at_once = 0
        self.most_at_once = 0

    def predict(self, inputs: list[float]) -> list[float]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.threads.append(threading.current_thread().name)
        time.sleep(inputs[0])
        self.at_once -= 1
        return inputs


def ask_in_turn(chain: Chain, inputs: list[list[float]]) -> None:
    async def ask() -> None:
        for value in inputs:
            assert await chain.predict(value) == value

    asyncio.run(ask())


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take for quick what a busy machine would not."""
    monkeypatch.setattr("hopsartifacts.serving.runtime.chain._QUICK_S", 0.2)


MAIN, THREAD = "MainThread", "predictions"


@pytest.mark.usefixtures("unhurried")
def test_what_was_quick_often_is_predicted_at_once() -> None:
    predictor = Timed()
    ask_in_turn(Chain(predictor, pace=Pace()), [[0.0]] * 20)
    assert predictor.threads == [THREAD] * 8 + [MAIN] * 12


@pytest.mark.usefixtures("unhurried")
def test_what_was_slow_once_is_predicted_in_the_thread_again() -> None:
    predictor = Timed()
    ask_in_turn(
        Chain(predictor, pace=Pace()),
        [*[[0.0]] * 9, [0.3], *[[0.0]] * 9],
    )
    assert predictor.threads == [THREAD] * 8 + [MAIN] * 2 + [THREAD] * 8 + [MAIN]


@pytest.mark.usefixtures("unhurried")
def test_many_rows_are_predicted_in_the_thread() -> None:
    predictor = Timed()
    ask_in_turn(Chain(predictor, pace=Pace()), [*[[0.0]] * 9, [0.0] * 33])
    assert predictor.threads == [THREAD] * 8 + [MAIN, THREAD]


@pytest.mark.usefixtures("unhurried")
def test_nothing_is_predicted_beside_what_the_thread_predicts() -> None:
    predictor = Timed()
    chain = Chain(predictor, pace=Pace())

    async def ask() -> None:
        for _ in range(8):
            await chain.predict([0.0])
        slow = asyncio.ensure_future(chain.predict([0.1] * 33))
        await asyncio.sleep(0)
        given_up = asyncio.ensure_future(chain.predict([0.1]))
        await asyncio.sleep(0)
        given_up.cancel()
        await chain.predict([0.0])
        await slow
        await chain.predict([0.0])

    asyncio.run(ask())
    assert predictor.threads == [THREAD] * 10 + [MAIN]
    assert predictor.most_at_once == 1


def test_scripts_are_asked_in_the_thread_however_quick_they_are() -> None:
    predictor = Timed()
    ask_in_turn(Chain(predictor), [[0.0]] * 20)
    assert set(predictor.threads) == {THREAD}
