"""Whatever a script raises is answered, counted, logged and seen by observers."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from hopsartifacts.serving.contract import Batching
from hopsartifacts.serving.runtime.app import InferCall
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.failures import (
    MOST_CHARACTERS,
    MOST_LOGGED_CHARACTERS,
    error_text,
    traceback_text,
)
from hopsartifacts.serving.runtime.protocol import PredictCall
from hopsartifacts.serving.runtime.service import Exchange, Service


class Unspeakable(Exception):  # noqa: N818 - a script's own
    def __str__(self) -> str:
        raise ValueError("no words")

    __repr__ = __str__


class Exits(Exception):  # noqa: N818 - as above
    def __str__(self) -> str:
        raise SystemExit(3)


class NoText(Exception):  # noqa: N818 - as above
    def __str__(self) -> Any:
        return 7  # noqa: PLE0307 - as above


class Sly(str):
    __slots__ = ()

    def __len__(self) -> int:
        raise ValueError("sly")

    def encode(self, *_: Any, **__: Any) -> bytes:
        raise ValueError("sly")

    __getitem__ = __iter__ = __format__ = __len__  # type: ignore[assignment]


class SlyError(Exception):
    def __str__(self) -> str:
        return Sly("sly words")


class Base(BaseException):
    pass


class Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise ValueError("no name")


class NamelessError(Exception, metaclass=Nameless):
    pass


def recursion() -> BaseException:
    def deeper() -> None:
        deeper()

    try:
        deeper()
    except RecursionError as error:
        return error
    raise AssertionError


def chained() -> BaseException:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    return first


ERRORS: dict[str, tuple[Callable[[], BaseException], str]] = {
    "plain": (lambda: ValueError("no such flower"), "ValueError: no such flower"),
    "no message": (ValueError, "ValueError"),
    "exit": (lambda: SystemExit(3), "SystemExit: 3"),
    "interrupt": (KeyboardInterrupt, "KeyboardInterrupt"),
    "generator": (GeneratorExit, "GeneratorExit"),
    "stop": (lambda: StopIteration(1), "StopIteration: 1"),
    "async stop": (lambda: StopAsyncIteration(1), "StopAsyncIteration: 1"),
    "cancelled": (asyncio.CancelledError, "CancelledError"),
    "base": (lambda: Base("b"), "Base: b"),
    "memory": (MemoryError, "MemoryError"),
    "recursion": (recursion, "RecursionError: maximum recursion depth exceeded"),
    "surrogate": (lambda: ValueError("a\ud800"), "ValueError: a\\ud800"),
    "str raises": (Unspeakable, "Unspeakable: (its str() raised"),
    "str exits": (Exits, "Exits: (its str() raised SystemExit)"),
    "no text": (NoText, "NoText: (its str() raised TypeError)"),
    "sly": (SlyError, "SlyError: sly words"),
    "nameless": (NamelessError, "an error that cannot be shown as text"),
    "group": (
        lambda: ExceptionGroup(
            "many",
            [ValueError("a"), ExceptionGroup("in", [KeyError("b"), Unspeakable()])],
        ),
        "ExceptionGroup: many (2 sub-exceptions): ValueError: a; KeyError: 'b'; Unsp",
    ),
    "base group": (
        lambda: BaseExceptionGroup("g", [KeyboardInterrupt()]),
        "BaseExceptionGroup: g (1 sub-exception): KeyboardInterrupt",
    ),
    "huge": (lambda: ValueError("x" * 30_000_000), "ValueError: xxxxx"),
    "chained": (chained, "ValueError: first"),
    "huge number": (
        lambda: ValueError(10**10_000),
        "ValueError: (its str() raised ValueError)",
    ),
    "own timeout": (lambda: TimeoutError("t"), "TimeoutError: t"),
}
"""What scripts raise, and how the answer tells it."""


class Sync:
    def __init__(self, error: Callable[[], BaseException]) -> None:
        self._error = error

    def predict(self, _: Any) -> Any:
        raise self._error()


class Async(Sync):
    async def predict(self, _: Any) -> Any:
        await asyncio.sleep(0)
        raise self._error()


class Answering(Sync):
    """Returns what cannot be written: making JSON of it raises the error."""

    def predict(self, _: Any) -> Any:
        error = self._error

        class Evil:
            def tolist(self) -> Any:
                raise error()

        return [Evil()]


class Before(Sync):
    def preprocess(self, _: Any) -> Any:
        raise self._error()


class AfterAsync(Sync):
    async def postprocess(self, _: Any) -> Any:
        raise self._error()


class Echo:
    def predict(self, inputs: Any) -> Any:
        return inputs


WAYS: dict[str, Callable[[Any], Chain]] = {
    "sync": lambda error: Chain(Sync(error)),
    "async": lambda error: Chain(Async(error)),
    "batched": lambda error: Chain(Sync(error), batching=Batching()),
    "batched async": lambda error: Chain(Async(error), batching=Batching()),
    "the answer": lambda error: Chain(Answering(error)),
    "preprocess": lambda error: Chain(Echo(), Before(error)),
    "async postprocess": lambda error: Chain(Echo(), AfterAsync(error)),
}
"""Where they raise it."""


class Meter:
    def __init__(self) -> None:
        self.in_flight = 0
        self.statuses: list[int] = []
        self.failures: list[tuple[BaseException, str | None]] = []

    def begin(self) -> None:
        self.in_flight += 1

    def end(self, protocol: str, status: int, seconds: float) -> None:
        del protocol, seconds
        self.in_flight -= 1
        self.statuses.append(status)

    def fail(self, error: BaseException, component: str | None) -> None:
        self.failures.append((error, component))

    def page(self) -> tuple[bytes, str]:
        return b"", ""


class Witness:
    def __init__(self) -> None:
        self.seen: list[Exchange] = []

    def see(self, exchange: Exchange) -> None:
        self.seen.append(exchange)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ERRORS)
def test_any_error_is_answered_counted_logged_and_seen(
    way: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    make, words = ERRORS[name]
    meter, witness = Meter(), Witness()
    service = Service("m", 1, WAYS[way](make), [witness], meter)
    answer = asyncio.run(service.handle(PredictCall(b'{"instances": [1]}')))
    told = json.loads(answer.body)
    assert answer.status == 500
    assert told["component"] == ("transformer" if "process" in way else "predictor"), (
        told
    )
    if way != "the answer":  # the library that makes JSON may raise another
        is_async = "async" in way and name == "stop"
        # Python's own rule: no coroutine raises StopIteration.
        words = "RuntimeError: coroutine raised StopIteration" if is_async else words
        assert told["error"].startswith(words)
    assert len(told["error"]) < 2 * MOST_CHARACTERS
    assert (meter.in_flight, meter.statuses) == (0, [500])
    [exchange] = witness.seen
    assert (exchange.status, exchange.answer) == (500, answer.body)
    [record] = caplog.records
    assert f"the {told['component']} failed" in record.getMessage()
    assert len(record.getMessage()) < 2 * MOST_LOGGED_CHARACTERS


@pytest.mark.parametrize("name", ERRORS)
def test_texts_of_errors_are_short_and_can_be_encoded(name: str) -> None:
    error = ERRORS[name][0]()
    error_text(error).encode()
    traceback_text(error).encode()
    assert len(error_text(error)) < 2 * MOST_CHARACTERS


def test_a_request_that_the_server_gives_up_is_counted_and_seen() -> None:
    meter, witness = Meter(), Witness()

    class Slow:
        async def predict(self, _: Any) -> Any:
            await asyncio.sleep(60)

    service = Service("m", 1, Chain(Slow()), [witness], meter)

    async def give_up() -> int:
        call = PredictCall(b'{"instances": [1]}')
        task = asyncio.create_task(service.handle(call))
        await asyncio.sleep(0.01)
        task.cancel()
        return (await task).status

    assert asyncio.run(give_up()) == 503
    assert (meter.in_flight, meter.statuses) == (0, [503])
    assert witness.seen[0].status == 503


def test_a_script_that_cancels_the_batchers_task_leaves_nobody_waiting() -> None:
    class Cancels:
        async def predict(self, inputs: Any) -> Any:
            if inputs == [0]:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            await asyncio.sleep(0)
            return inputs

    meter = Meter()
    chain = Chain(Cancels(), batching=Batching(max_batch_size=1))
    service = Service("m", 1, chain, meter=meter)

    async def ask_all() -> list[int]:
        calls = [PredictCall(b'{"instances": [%d]}' % n) for n in (0, 1, 2)]
        asked = [service.handle(call) for call in calls]
        answers = await asyncio.wait_for(asyncio.gather(*asked), 30)
        last = await service.handle(PredictCall(b'{"instances": [3]}'))
        return [answer.status for answer in (*answers, last)]

    assert asyncio.run(ask_all()) == [500, 200, 200, 200]
    assert meter.in_flight == 0


def test_an_observer_that_fails_does_not_fail_the_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken:
        def see(self, exchange: Exchange) -> None:
            raise OSError(exchange.id)

    witness, meter = Witness(), Meter()
    service = Service("m", 1, Chain(Echo()), [Broken(), witness], meter)
    answer = asyncio.run(service.handle(PredictCall(b'{"instances": [1]}')))
    assert (answer.status, meter.in_flight, len(witness.seen)) == (200, 0, 1)
    assert "an exchange was not logged" in caplog.text


def test_a_call_that_cannot_be_shown_is_seen_all_the_same() -> None:
    class Unshown(InferCall):
        def shown(self, answer: bytes) -> tuple[bytes, bytes]:
            raise ValueError(answer)

    witness = Witness()
    tensor = {"name": "x", "shape": [1], "datatype": "INT8", "data": [1]}
    call = Unshown("m", 1, json.dumps({"inputs": [tensor]}).encode())
    answer = asyncio.run(Service("m", 1, Chain(Echo()), [witness]).handle(call))
    assert witness.seen[0].answer == answer.body


def test_failures_are_logged_though_a_script_switched_logging_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = logging.getLogger("hopsartifacts.serving")
    service = Service("m", 1, Chain(Sync(lambda: ValueError("told"))))
    logger.disabled = True
    logging.disable(logging.CRITICAL)
    try:
        asyncio.run(service.handle(PredictCall(b'{"instances": [1]}')))
    finally:
        logging.disable(logging.NOTSET)
    assert "ValueError: told" in caplog.text


def test_a_handler_that_raises_does_not_fail_the_answer() -> None:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError(record.msg)

    logger, handler = logging.getLogger("hopsartifacts.serving"), Handler()
    logger.addHandler(handler)
    try:
        service = Service("m", 1, Chain(Sync(lambda: ValueError("told"))))
        answer = asyncio.run(service.handle(PredictCall(b'{"instances": [1]}')))
    finally:
        logger.removeHandler(handler)
    assert answer.status == 500
