"""What scripts do to their process, and that it goes on: prints, logging, exits."""

from typing import Any

import httpx
import pytest

from hopsartifacts.errors import PredictionError
from hopsartifacts.serving.local import LocalBackend
from tests.serving.conftest import FLOWERS, wait_until

LAST = "Z INFO mine: an info line"
"""What the last request says."""

SCRIPT = """
    import asyncio, logging, sys
    from concurrent.futures import ThreadPoolExecutor

    {setup}

    class Undescribed(Exception):
        def __str__(self):
            raise ValueError("no words")

    async def leave(code):
        await asyncio.sleep(0)
        sys.exit(code)

    class Predictor:
        async def predict(self, inputs):
            return await getattr(self, inputs[0])()

        async def print_anything(self):
            print("printed \\ud800 é")
            sys.stderr.write("written \\udcff\\n")
            logging.getLogger("mine").info("info \\ud800")
            return ["printed"]

        async def fail_with_surrogate(self):
            raise OSError("no file \\udcff")

        async def fail_without_words(self):
            raise Undescribed

        async def cancel(self):
            raise asyncio.CancelledError

        async def exit_in_a_task(self):
            await asyncio.gather(leave(3))

        async def exit_behind_the_answer(self):
            self.task = asyncio.create_task(leave(4))
            return ["answered"]

        async def log(self):
            logging.getLogger("mine").debug("a debug line")
            logging.getLogger("mine").info("an info line")
            return ["logged"]
"""
FAILURES = [
    ("fail_with_surrogate", r"OSError: no file \udcff (predictor-script.py, line "),
    ("fail_without_words", "Undescribed: (its str() raised"),
    ("cancel", "CancelledError"),
    ("exit_in_a_task", "SystemExit: 3"),
]


def ask(backend: LocalBackend, what: str) -> Any:
    return backend.predict(FLOWERS, {"instances": [what]})["predictions"]


def test_a_script_says_and_raises_what_it_likes(
    backend: LocalBackend, make_launch: Any
) -> None:
    """One worker survives all of it; its log and its counts are right afterwards."""
    backend.start(make_launch(SCRIPT.format(setup="")), await_running_s=60)
    before = backend.state(FLOWERS)
    for what, words in FAILURES:
        with pytest.raises(PredictionError) as raised:
            ask(backend, what)
        assert raised.value.status == 500
        assert words in str(raised.value)
        assert str(raised.value).endswith('; get_logs("predictor") prints where')
    assert ask(backend, "print_anything") == ["printed"]
    assert ask(backend, "exit_behind_the_answer") == ["answered"]
    assert ask(backend, "log") == ["logged"]
    assert backend.state(FLOWERS) == before, "a worker was lost"
    metrics = httpx.get(f"http://127.0.0.1:{before.port}/metrics").text
    [in_flight] = [it for it in metrics.splitlines() if "requests_in_flight{" in it]
    assert in_flight.endswith(" 0.0")
    wait_until(lambda: LAST in backend.read_logs(FLOWERS, "predictor", tail=1000))
    said = backend.read_logs(FLOWERS, "predictor", tail=1000)
    for words in (
        r"printed \ud800 é",
        r"written \udcff",
        r"Z INFO mine: info \ud800",
        r"OSError: no file \udcff",
        "Undescribed: <exception str() failed>",
        "a script's task ended: SystemExit: 4",
        "Z INFO mine: an info line",
        "Z ERROR hopsartifacts.serving: the predictor failed",
    ):
        assert words in said
    assert "a debug line" not in said
    backend.stop(FLOWERS, await_stopped_s=30)


SETUPS = [
    (
        "logging.basicConfig(level=logging.DEBUG, format='%(levelname)s! %(message)s')",
        ["DEBUG! a debug line", "INFO! an info line"],
    ),
    ("logging.basicConfig()", ["INFO:mine:an info line"]),
    ("logging.info('at first')", ["Z INFO root: at first", "Z INFO mine: an info"]),
    ("logging.getLogger().setLevel('DEBUG')", ["Z DEBUG mine: a debug line"]),
    (
        "import logging.config; logging.config.dictConfig({'version': 1})",
        ["Z INFO mine: an info line"],
    ),
    ("logging.disable(logging.CRITICAL)", []),
]


@pytest.mark.parametrize(("setup", "expected"), SETUPS)
def test_logging_is_set_up_by_the_script_and_ours_stays(
    backend: LocalBackend, make_launch: Any, setup: str, expected: list[str]
) -> None:
    backend.start(make_launch(SCRIPT.format(setup=setup)), await_running_s=60)
    assert ask(backend, "log") == ["logged"]
    with pytest.raises(PredictionError):
        ask(backend, "fail_with_surrogate")
    wanted = [*expected, "Z ERROR hopsartifacts.serving: the predictor failed"]

    def said() -> str:
        return backend.read_logs(FLOWERS, "predictor", tail=1000)

    # The keeper writes the log: a line may be there a moment after the answer.
    wait_until(lambda: all(words in said() for words in wanted))
    assert said().count("the predictor failed") == 1
    backend.stop(FLOWERS, await_stopped_s=30)
