"""The progress bar: on a terminal only, by fsspec's callback protocol."""

import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from hopsartifacts.cli.output import progress


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


@pytest.mark.usefixtures("url")
def test_long_commands_draw_one(make_files: Callable[..., Path]) -> None:
    for words, label in (
        (["models", "save", "m", str(make_files())], "Saving"),
        (["models", "download", "m"], "Downloading"),
        (["verify"], "Checking"),
        (["repair"], "Checking"),
    ):
        answer, drawn = on_a_terminal([*words, "--json"])
        assert answer.startswith("{")
        assert label in drawn
        assert "100%" in drawn


def on_a_terminal(words: list[str]) -> tuple[str, str]:
    """Run the command line; return its answer and what its terminal showed."""
    reader, terminal = pty.openpty()
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "hopsartifacts.cli", *words],
            stdout=subprocess.PIPE,
            stderr=terminal,
            stdin=subprocess.DEVNULL,
            text=True,
            check=True,
            timeout=120,
        )
        return ran.stdout, os.read(reader, 100_000).decode()
    finally:
        os.close(terminal)
        os.close(reader)
