"""Running the command line: in this process, and as a program."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("click", reason="needs the extra cli")

from click.testing import CliRunner, Result

from hopsartifacts.cli.app import app

Run = Callable[..., Result]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a place for a project the default one."""
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HOPSARTIFACTS_URL", str(tmp_path / "project"))
    monkeypatch.chdir(tmp_path)
    return (tmp_path / "project").as_uri()


@pytest.fixture
def run(url: str) -> Run:  # noqa: ARG001 - it is the default
    """Run a command and return exit code, stdout and stderr."""

    def invoke(*args: object, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, list(map(str, args)), input=stdin)

    return invoke


@pytest.fixture
def answer(run: Run) -> Callable[..., Any]:
    """Run a command that goes well, and return what it answers in JSON."""

    def ask(*args: object, stdin: str | None = None) -> Any:
        result = run(*args, "--json", stdin=stdin)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return ask


@pytest.fixture
def program(url: str) -> Callable[..., "subprocess.CompletedProcess[str]"]:  # noqa: ARG001 - it is the default
    """Run the program as it is installed."""
    script = Path(sys.executable).with_name("hopsartifacts")
    if not script.exists():
        if os.environ.get("CI"):
            pytest.fail("the program is not installed, and CI has to have it")
        pytest.skip("the program is not installed (pip install -e '.[cli]')")
    return lambda *args: _ran([str(script), *args])


@pytest.fixture
def module(url: str) -> Callable[..., "subprocess.CompletedProcess[str]"]:  # noqa: ARG001 - it is the default
    """Run the command line in a process of its own."""
    return lambda *args: _ran([sys.executable, "-m", "hopsartifacts.cli", *args])


def _ran(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
