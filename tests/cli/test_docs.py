"""The page about the command line names what there is, and nothing else."""

import re
from pathlib import Path

import click

from hopsartifacts.cli.app import app

ALONE = {"catalog", "doctor", "gc", "repair", "serve", "ui", "verify"}
PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def every_command(group: click.Group = app, path: str = "") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= every_command(command, f"{path}{name} ")
        else:
            found[path + name] = command
    return found


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
