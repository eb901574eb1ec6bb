"""The progress bar: on a terminal only, by fsspec's callback protocol."""

import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr

import pytest

from hopsartifacts.cli.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar() -> None:
    with redirect_stderr(Terminal()) as terminal, progress("Saving") as bar:
        bar.set_size(100)
        with ThreadPoolExecutor(4) as pool:
            for _ in range(10):
                pool.submit(bar.relative_update, 10)
    assert "Saving" in terminal.getvalue()
    assert "100%" in terminal.getvalue()


def test_the_size_may_change_and_what_is_done_may_be_absolute() -> None:
    with redirect_stderr(Terminal()) as terminal, progress("Saving") as bar:
        bar.relative_update(1)
        bar.set_size(None)
        bar.set_size(10)
        bar.set_size(20)
        bar.absolute_update(10)
    assert "50%" in terminal.getvalue()


def test_nothing_else_sees_one(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Saving") as bar:
        bar.set_size(100)
        bar.relative_update(100)
        bar.absolute_update(100)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
