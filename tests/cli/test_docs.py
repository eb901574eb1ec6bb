"""The page about the command line names what there is, and nothing else."""

import io
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from hopsartifacts.cli.app import app

ALONE = {"catalog", "doctor", "gc", "repair", "serve", "verify"}
PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
EXAMPLES = re.findall(
    r"(?:^|\| |\$ )hopsartifacts (.+)$", PAGE.replace("\\\n", " "), re.MULTILINE
)


def every_command(group: click.Group = app, path: str = "") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= every_command(command, f"{path}{name} ")
        else:
            found[path + name] = command
    return found


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_understood(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("[[1.0, 2.0]]"))
    (tmp_path / "options.json").write_text("{}")
    words = shlex.split(example)
    command: click.Command = app
    while isinstance(command, click.Group) and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    if words == ["--help"]:
        return
    command.make_context("example", words)


def test_the_example_of_a_command_runs(
    tmp_path: Path, make_files: Callable[..., Path]
) -> None:
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)  # noqa: S102 - that is the test
    url = ["--url", str(tmp_path / "team")]
    saved = CliRunner().invoke(app, ["models", "save", "m", str(make_files()), *url])
    assert saved.exit_code == 0, saved.output
    assert CliRunner().invoke(names["command"], url).output == "team\n"


def test_every_command_is_named() -> None:
    section = PAGE.partition("## Commands")[2].partition("## The doctor")[0]
    rows = re.findall(r"^\| (`.*) \| ", section, re.MULTILINE)
    named: set[str] = set()
    for row in rows:
        noun = ""
        for part in re.findall(r"`([a-z][a-z -]*)", row):
            words = part.split()
            if len(words) > 1 or words[0] in ALONE:
                noun = words[0]
                named.add(" ".join(words))
            else:
                named.add(f"{noun} {words[0]}")
    assert named == set(every_command())
