"""How the command line is called: URL, options, errors, exit codes, speed."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import hopsartifacts
from hopsartifacts.storage.memory import MemoryStorage

Run = Callable[..., Result]
Program = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def passed_on(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what ``login`` is asked for."""
    seen: dict[str, Any] = {}

    def login(
        url: str | None, *, storage_options: Any, unsafe_single_writer: bool
    ) -> Any:
        seen.update(url=url, options=storage_options)
        seen["single"] = unsafe_single_writer
        return hopsartifacts.Project(MemoryStorage("calling"))

    monkeypatch.setattr("hopsartifacts.cli.session.login", login)
    return seen


def test_the_project_is_named_by_option_argument_or_variable(
    run: Run, passed_on: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("models", "list", "--url", "memory://a")
    assert passed_on == {"url": "memory://a", "options": None, "single": False}
    run("verify", "memory://b")
    assert passed_on["url"] == "memory://b"
    monkeypatch.setenv("HOPSARTIFACTS_URL", "memory://c")
    run("models", "list")
    assert passed_on["url"] == "memory://c"
    run("verify")
    assert passed_on["url"] == "memory://c"
    monkeypatch.delenv("HOPSARTIFACTS_URL")
    run("models", "list")
    assert passed_on["url"] is None


def test_storage_options_are_read_from_pairs_and_files(
    run: Run, passed_on: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "options.json"
    file.write_text('{"key": "k", "client_kwargs": {"region_name": "r"}}')
    run(
        *("models", "list", "--storage-options-file", file),
        *("--storage-option", "client_kwargs.endpoint_url=http://127.0.0.1:9"),
        *("--storage-option", "anon=false", "--storage-option", 'secret="123"'),
        *("--storage-option", 'config_kwargs={"retries": {"max_attempts": 1}}'),
        *("--storage-option", "key=other=way"),
    )
    assert passed_on["options"] == {
        "key": "other=way",
        "secret": "123",
        "anon": False,
        "client_kwargs": {"region_name": "r", "endpoint_url": "http://127.0.0.1:9"},
        "config_kwargs": {"retries": {"max_attempts": 1}},
    }


def test_a_single_writer_has_to_be_asked_for(
    run: Run, passed_on: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("models", "list", "--unsafe-single-writer")
    assert passed_on["single"] is True
    run("gc", "memory://a", "--unsafe-single-writer")
    assert passed_on["single"] is True
    monkeypatch.undo()
    refused = run("models", "list", "--url", "ftp://nobody.invalid/p")
    assert refused.exit_code == 1
    assert "--unsafe-single-writer" in refused.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["models", "nonsense"], "No such command 'nonsense'"),
        (["models", "list", "--nonsense"], "No such option '--nonsense'"),
        (["models", "list", "--storage-option", "x"], "'x' is not KEY=VALUE"),
        (["models", "list", "--storage-option", "=x"], "'=x' is not KEY=VALUE"),
        (
            ["verify", "--storage-option", "a=1", "--storage-option", "a.b=1"],
            "'a' has a value already",
        ),
        (["verify", "--storage-options-file", "none"], "cannot be read"),
        (["gc", "--grace", "soon"], "'soon' is not a duration"),
        (["gc", "--grace", "-1"], "'-1' is not a duration"),
        (["gc", "--grace", "nan"], "'nan' is not a duration"),
        (["catalog", "--kind", "x"], "'x' is not one of"),
        (["catalog", "--csv", "a", "--parquet", "b"], "cannot be combined"),
        (["bundle", "export", "f", "--model", "m:x"], "'m:x' is not NAME or NAME:VER"),
        (["verify", "--storage-options-file", "list.json"], "a JSON object"),
    ],
    ids=str,
)
def test_what_is_not_understood_exits_with_2(
    run: Run, tmp_path: Path, args: list[str], words: str
) -> None:
    (tmp_path / "list.json").write_text("[]")
    result = run(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nonsense://x", "protocol 'nonsense' is not supported"),
        ("a-file", "is a file"),
        ("s3://", "names no bucket"),
        (" ", "the project URL is empty"),
    ],
)
@pytest.mark.parametrize("command", [["doctor"], ["models", "list", "--url"]], ids=str)
def test_a_url_that_cannot_be_used_is_told(
    run: Run, tmp_path: Path, command: list[str], place: str, words: str
) -> None:
    if place.startswith("s3"):
        pytest.importorskip("s3fs", reason="needs the extra s3")
    (tmp_path / "a-file").write_text("")
    result = run(*command, place)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert words in result.stderr
    assert "Traceback" not in result.stderr


READING = (
    "verify",
    "repair",
    "gc --dry-run",
    "catalog",
    "models list",
    "models show cancer",
    "aliases list cancer",
    "artifacts list cancer 1",
    "deployments list",
    "deployments create cancer",
    "deployments show cancer",
    "files list",
    "files remove Resources/a --yes",
    "bundle export all.tar",
)


@pytest.mark.parametrize("command", READING)
def test_reading_a_project_that_is_not_there_says_so(
    run: Run, url: str, tmp_path: Path, command: str
) -> None:
    if command == "catalog":
        pytest.importorskip("pyarrow", reason="needs the extra catalog")
    result = run(*command.split())
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"no project at {url} yet: the first save creates it" in result.stderr
    assert not (tmp_path / "project").exists()
    # A folder that holds other things is none either.
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "notes.txt").write_text("mine")
    assert f"no project at {url} yet" in run(*command.split(), "--json").stderr


def test_a_project_whose_marker_was_lost_is_still_read(
    run: Run, tmp_path: Path, make_files: Callable[..., Path]
) -> None:
    assert run("models", "save", "cancer", make_files()).exit_code == 0
    (tmp_path / "project" / ".hopsartifacts" / "project.json").unlink()
    assert "cancer" in run("models", "list").stdout


def test_what_makes_a_project_needs_none(
    run: Run, tmp_path: Path, make_files: Callable[..., Path]
) -> None:
    assert run("models", "save", "cancer", make_files()).exit_code == 0
    bundle = tmp_path / "all.tar"
    assert run("bundle", "export", bundle).exit_code == 0
    for number, command in enumerate(
        (
            ("files", "upload", bundle, "--url"),
            ("bundle", "import", bundle, "--url"),
            ("doctor",),
        )
    ):
        result = run(*command, tmp_path / f"new-{number}")
        assert result.exit_code == 0, result.output


def test_an_error_nobody_thought_of_is_one_message_too(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def login(*_: object, **__: object) -> None:
        raise TypeError("what a pity")

    monkeypatch.setattr("hopsartifacts.cli.session.login", login)
    result = run("verify")
    assert result.exit_code == 1
    words = "Error: unexpected TypeError: what a pity (--debug shows the traceback)\n"
    assert result.stderr == words
    debugged = run("verify", "--debug")
    assert isinstance(debugged.exception, TypeError)


def test_the_installed_program_does_the_main_job(
    program: Program, make_files: Callable[..., Path]
) -> None:
    assert program("--version").stdout.strip().endswith(hopsartifacts.__version__)
    saved = program("models", "save", "m", str(make_files()))
    assert (saved.returncode, saved.stdout) == (0, "Saved m version 1\n"), saved.stderr
    assert json.loads(program("models", "list", "--json").stdout)[0]["version"] == 1
    assert program("verify").returncode == 0
    refused = program("models", "show", "nobody")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: there is no model 'nobody'")


def test_a_process_of_its_own_answers_the_same(
    module: Program, make_files: Callable[..., Path]
) -> None:
    saved = module("models", "save", "m", str(make_files()))
    assert (saved.returncode, saved.stdout) == (0, "Saved m version 1\n"), saved.stderr
    refused = module("models", "show", "nobody")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: there is no model 'nobody'")
    assert module("nonsense").returncode == 2
    debugged = module("models", "show", "nobody", "--debug")
    assert debugged.returncode == 1
    assert "Traceback" in debugged.stderr
    unasked = module("models", "delete", "m", "1")
    assert unasked.returncode == 1
    assert "Aborted!" in unasked.stderr


def test_help_is_fast(
    module: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What measures coverage takes time of its own.
    for name in [it for it in os.environ if "COVERAGE" in it]:
        monkeypatch.delenv(name)
    # As after an installation: the first call compiles, the others need not.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "bytecode"))

    def used_s() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def once() -> float:
        before = used_s()
        assert "doctor" in module("--help").stdout
        return used_s() - before

    # It waits for nothing, so this is what it takes on a machine with time for it.
    assert min(once() for _ in range(5)) < 0.4


def test_help_brings_nothing_heavy() -> None:
    code = "import sys, hopsartifacts.cli.app; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"fsspec", "s3fs", "numpy", "pandas", "pyarrow", "rich"} & {
        *modules
    } == set()


def test_without_click_it_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['click'] = None\n"
        "from hopsartifacts.cli import main; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert 'pip install "hopsartifacts[cli]"' in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("deployments", "freeze", "\udcff"),
        ("catalog", "--parquet", "\udcff"),
        ("bundle", "export", "\udcff"),
        ("models", "list", "--url", "\udcff"),
        ("models", "save", "m", "files", "--tag", "\udcff=1"),
        ("serve", "--state-dir", "\udcff"),
    ],
    ids=" ".join,
)
def test_an_argument_that_is_not_utf8_is_refused_before_any_work(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Python has such bytes of an argument as lone surrogates."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert "\\udcff" in result.stderr
    assert "not valid UTF-8" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
@pytest.mark.parametrize("place", ["", ".", "/"])
@pytest.mark.parametrize("option", ["--csv", "--parquet"])
def test_a_folder_is_not_a_file_to_write(
    run: Run, option: str, place: str, overwrite: list[str]
) -> None:
    result = run("catalog", option, place, *overwrite)
    assert result.exit_code == 1
    assert "is a folder: give the name of a file" in result.stderr
