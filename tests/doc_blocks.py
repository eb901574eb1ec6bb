"""The fenced blocks of the documentation, and how one is run.

A block runs in an empty folder, with the names and files that the blocks before it on
the page have left. A line right before a block says more about it:

- ``<!-- not run: REASON -->``: it cannot run in a test.
- ``<!-- file: NAME -->``: it is the content of a file that later blocks use.

A ``diff`` block changes the file in its first line; its hunks have no line numbers. A
``text`` block right after a block that runs is what that prints; ``…`` stands for any
text. The comment of a line ``print(…)  # …`` is a line that it prints.
"""

import ast
import configparser
import io
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PAGES = [
    path.relative_to(ROOT).as_posix()
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "examples" / "README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    )
]
RUNNABLE = {"python", "sh"}
_MARKER = re.compile(r"<!-- (not run|file): (.+) -->")
_PRINTED = re.compile(r"^print\(.*\)  # (.+)$", re.MULTILINE)
_SECONDS = re.compile(r"\d+\.\d+ s\b")


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        line: where it begins on its page.
        language: the word after the fence.
        not_run: the reason why it cannot run in a test.
        file: the file whose content it is.
        output: what a ``text`` block right after it says it prints.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str = ""
    file: str = ""
    output: str | None = None

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"{self.page}:{self.line}"


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page in their order."""
    found: list[Block] = []
    lines = (ROOT / page).read_text("utf-8").splitlines()
    start, end = None, 0
    for number, line in enumerate(lines):
        if start is None and line.startswith("```"):
            start = number
        elif start is not None and line == "```":
            text = "".join(f"{it}\n" for it in lines[start + 1 : number])
            language = lines[start].removeprefix("```")
            is_next = found and not "".join(lines[end:start])
            if language == "text" and is_next and found[-1].language in RUNNABLE:
                found[-1] = replace(found[-1], output=text)
            else:
                marker = _MARKER.fullmatch(lines[start - 1])
                more = {marker[1].replace(" ", "_"): marker[2]} if marker else {}
                found.append(Block(page, start + 1, language, text, **more))
            start, end = None, number + 1
    return found


def parse(block: Block) -> None:
    """Read a block as its language; fails where it is not in that language."""
    parsers: Mapping[str, Callable[[str], object]] = {
        "ini": configparser.RawConfigParser(strict=False).read_string,
        "json": json.loads,
        "python": ast.parse,
        "toml": tomllib.loads,
        "yaml": yaml.safe_load,
    }
    if block.language in parsers:
        parsers[block.language](block.text)
    else:
        assert block.language in {*RUNNABLE, "diff", "text"} or block.not_run, (
            f"{block.place}: {block.language!r} is no language of a block"
        )


def run(block: Block, names: dict[str, Any], texts: Mapping[str, str]) -> None:
    """Run a block in the working directory, and compare what it prints.

    Args:
        names: of the page's Python blocks; gets those that this block makes.
        texts: what stands for texts of the page here, such as its port.
    """
    code = _here(block.text, texts)
    if block.file:
        Path(block.file).parent.mkdir(parents=True, exist_ok=True)
        Path(block.file).write_text(code)
    elif block.language == "python":
        with redirect_stdout(io.StringIO()) as printed:
            source = compile(code, block.place, "exec")
            exec(source, names)  # noqa: S102 - that is the test
        said = printed.getvalue()
        for line in _PRINTED.findall(block.text):
            _compare(block, line, said, is_line=True)
    elif block.language == "sh":
        said = _shell(block, code)
    elif block.language == "diff":
        _change(block)
    if block.output is not None:
        _compare(block, _here(block.output, texts), said)


def _here(text: str, texts: Mapping[str, str]) -> str:
    for there, here in texts.items():
        text = text.replace(there, here)
    return text


def _change(block: Block) -> None:
    head, *hunks = block.text.split("@@\n")
    path = Path(head.removeprefix("--- ").strip())
    text = path.read_text("utf-8")
    for hunk in hunks:
        lines = hunk.splitlines(keepends=True)
        old, new = (
            "".join(it[1:] or it for it in lines if it[0] != added_or_removed)
            for added_or_removed in "+-"
        )
        assert text.count(old) == 1, f"{block.place} does not fit {path}:\n{hunk}"
        text = text.replace(old, new)
    path.write_text(text)


def _shell(block: Block, code: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", code],
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{block.place}: {done.stdout}{done.stderr}"
    return done.stdout


def _compare(block: Block, told: str, said: str, *, is_line: bool = False) -> None:
    told, said = (_SECONDS.sub("0.00 s", it).strip() for it in (told, said))
    pattern = ".*".join(map(re.escape, told.split("…")))
    found = (
        re.search(f"^{pattern}$", said, re.MULTILINE)
        if is_line
        else re.fullmatch(pattern, said, re.DOTALL)
    )
    assert found, f"{block.place} printed:\n{said}"
