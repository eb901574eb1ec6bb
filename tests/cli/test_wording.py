"""Messages on the command line name commands and options, not Python's calls."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

import hopsartifacts
from hopsartifacts.cli.phrases import in_commands

Run = Callable[..., Result]

PACKAGE = Path(hopsartifacts.__file__).parent
ELSEWHERE = ("cli", "rest", "testing", "values.py", "foreign.py", "times.py")
"""Not the library's messages, or about values that only Python has."""
PYTHON = re.compile(
    r"\b(?:mr|ms|project|model|deployment)\.\w+\(|\b[a-z_]{3,}\(\)|\b\w+=(?:True|…|\[)"
    r"|\b[a-z_]+=(?=[\s,;{]|$)|\b[A-Z]\w+\((?:…|\.\.\.)|\bsave\(|\b\w+_\w+\(\w"
    r"|\b(?:storage_options|script_file|config_file|env_vars|artifact_version"
    r"|strict_numbers|serving_tool|num_instances|ignore_environment|input_example"
    r"|model_schema|grace_s|max_batch_size|max_latency)\b"
)
ONLY_IN_PYTHON = {
    "see help() for its settings",
    "give what mr.get_model(name) returns",
    "ms.create_predictor(model) returns",
    "call save() first",
    "call save(model_path) first",
    "give ClusterSettings(...)",
    "give InferenceLogger(...)",
    "give InferenceBatcher(...)",
    "give KafkaTopic(...)",
    "wrap it, as in Schema(...)",
    "give PredictorResources(...)",
    "give Resources(...)",
    "use num_instances, requests and limits",
    "needs a script_file with class Transformer",
    "use ms.create_transformer(script_file)",
    "env_vars is a",
    ".create_model(",
    "at= needs alias=",
    "(its str() raised",
}
"""What nobody can get to by a command: parts of messages."""


def messages() -> Iterator[str]:
    """Yield all texts of the library that may be shown, with X where values are."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).parts[0] in ELSEWHERE:
            continue
        tree = ast.parse(path.read_text())
        inner: set[int] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr):
                inner.add(id(node.value))  # documentation
            if id(node) in inner:
                continue
            if isinstance(node, ast.JoinedStr):
                inner.update(map(id, node.values))
                parts = (getattr(it, "value", None) for it in node.values)
                yield "".join(it if isinstance(it, str) else "X" for it in parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_no_message_names_what_only_python_has() -> None:
    left, unused = [], set(ONLY_IN_PYTHON)
    for message in messages():
        if " " not in message or not PYTHON.search(message):
            continue
        exempt = {it for it in ONLY_IN_PYTHON if it in message}
        unused -= exempt
        if not exempt and PYTHON.search(in_commands(message)):
            left.append(in_commands(message))
    assert not left
    assert not unused


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "there is no model 'n': mr.list_models() lists all models",
            "there is no model 'n': 'hopsartifacts models list' lists all models",
        ),
        (
            "'a' exists: choose another name, or overwrite=True to replace it",
            "'a' exists: choose another name, or --overwrite to replace it",
        ),
        (
            "see project.verify() and project.repair()",
            "run 'hopsartifacts verify' and 'hopsartifacts repair'",
        ),
        (
            "save it again, or go back with rollback(3)",
            (
                "save it again, or go back to version 3 with "
                "'hopsartifacts deployments rollback'"
            ),
        ),
        (
            'PredictionError; get_logs("predictor") prints where',
            (
                "PredictionError; 'hopsartifacts deployments logs "
                "--component predictor' prints where"
            ),
        ),
        (
            (
                "it used 9 MB of memory, more than its limit of 8 MB; raise that with "
                'resources={"limits": {"memory": …}} (-1 is no limit) and save'
            ),
            (
                "it used 9 MB of memory, more than its limit of 8 MB; raise that with "
                "'hopsartifacts deployments update --limit memory=MB' (-1 is no limit)"
            ),
        ),
    ],
)
def test_a_call_becomes_a_command(message: str, words: str) -> None:
    assert in_commands(message) == words


@pytest.mark.parametrize(
    "message",
    ["'/data/script_file.py' does not exist", "'files=' is not a name", "model 'm'"],
)
def test_what_users_gave_is_quoted_as_it_is(message: str) -> None:
    assert in_commands(message) == message


def test_errors_and_warnings_are_told_so(
    run: Run, make_files: Callable[..., Path], make_script: Callable[..., Path]
) -> None:
    assert run("models", "save", "m", make_files()).exit_code == 0
    missing = run("models", "show", "n")
    assert missing.stderr == (
        "Error: there is no model 'n': 'hopsartifacts models list' lists all models\n"
    )
    bad = make_script("from .sibling import x\nclass Predictor:\n  predict = x\n")
    assert "with --file" in run("deployments", "create", "m", "--script", bad).stderr
    without = run("deployments", "create", "m")
    assert "give --script, a Python file with a class Predictor" in without.stderr


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_message(
    run: Run, make_files: Callable[..., Path], make_script: Callable[..., Path]
) -> None:
    run("models", "save", "m", make_files())
    script = make_script(
        "import nowhere_to_be_found\nclass Predictor:\n  predict = 1\n"
    )
    made = run("deployments", "create", "m", "--script", script)
    assert made.exit_code == 0
    assert "Warning: not installed here: nowhere_to_be_found" in made.stderr
    assert ".py:" not in made.stderr
