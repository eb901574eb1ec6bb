"""The basics of saving and serving where things are not as comfortable as in tests.

Tests usually run as root, with a short home, no proxy, a terminal and no bytecode. Each
row of ``ROWS`` is the opposite of something of that; a new one is one line.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

BASICS = Path(__file__).with_name("basics.py")
PACKAGES = [str(BASICS.parents[2]), sysconfig.get_path("purelib")]
NOBODY = 65534
UNKNOWN = 12345
"""A user without an entry in the password file, as containers have."""
PROXY = dict.fromkeys(
    ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
    "http://127.0.0.1:9",
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One environment; texts may name the ``{base}`` folder of the test."""

    user: int | None = None
    """None: the one who runs the tests."""
    variables: dict[str, str] = {}
    home: str | None = "{base}/home"
    redirect: str = ""
    """What a shell does to the standard streams."""
    umask: int = 0o022
    protocol: str = "REST"
    module: str | None = None
    """Folder, below the working folder, of a module that the script imports."""
    is_read_only: bool = False
    """The project was saved by somebody else, and only serving is tried."""


ROWS = {
    "another user": Row(user=NOBODY),
    "a long home": Row(user=NOBODY, home="{base}/" + "long-home/" * 6),
    "a user nobody knows": Row(user=UNKNOWN, home=None, variables={"TMPDIR": "{base}"}),
    "a home that is not one's own": Row(
        user=UNKNOWN, home="/", variables={"TMPDIR": "{base}"}
    ),
    "proxies": Row(variables=PROXY),
    "proxies and gRPC": Row(variables=PROXY, protocol="GRPC"),
    "no bytecode": Row(variables={"PYTHONDONTWRITEBYTECODE": "1"}),
    "no stdin": Row(redirect="<&-"),
    "no stdout": Row(redirect=">&-"),
    "no stderr": Row(redirect="2>&-"),
    "no streams": Row(redirect="<&- >&- 2>&-"),
    "a strict umask": Row(user=NOBODY, umask=0o077),
    "other temporary files": Row(variables={"TMPDIR": "{base}/" + "temporary" * 12}),
    "a relative search path": Row(variables={"PYTHONPATH": "src"}, module="src"),
    "an empty search path": Row(variables={"PYTHONPATH": os.pathsep}, module="."),
    "a project to be read": Row(user=NOBODY, is_read_only=True),
    "ASCII": Row(variables={"LC_ALL": "C", "PYTHONUTF8": "0"}),
}


@pytest.fixture
def base() -> Iterator[Path]:
    # tmp_path will not do: its parents are closed to others.
    folder = Path(tempfile.mkdtemp(prefix="hops-env-"))
    folder.chmod(0o755)
    yield folder
    for inner, _, _ in os.walk(folder):
        Path(inner).chmod(0o700)
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", ROWS)
def test_the_basics_work_with(base: Path, name: str) -> None:
    row = ROWS[name]
    for folder in ("home", "work", "projects"):
        (base / folder).mkdir()
    variables = {key: value.format(base=base) for key, value in row.variables.items()}
    if row.home is not None:
        variables["HOME"] = row.home.format(base=base)
    for key in ("HOME", "TMPDIR"):
        if variables.get(key, "/") != "/":
            Path(variables[key]).mkdir(parents=True, exist_ok=True)
    if row.module is not None:
        (base / "work" / row.module).mkdir(exist_ok=True)
        (base / "work" / row.module / "shared.py").touch()
    if row.is_read_only:
        run(base, Row(), {"HOME": str(base / "home")}, ["save"])
        for path in (base / "projects").rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        run(base, row, variables, ["serve"])
    else:
        run(base, row, variables, ["save", "serve"])


def run(base: Path, row: Row, variables: dict[str, str], steps: list[str]) -> None:
    """Run *steps* of the basics in the environment of *row*."""
    python, search = python_of(row.user)
    given = [variables["PYTHONPATH"]] if "PYTHONPATH" in variables else []
    environ = {"PATH": os.defpath, **variables}
    if given or search:
        environ["PYTHONPATH"] = os.pathsep.join([*given, *search])
    if row.user is None:
        # Another user cannot write what is measured to where it is collected.
        environ |= {it: os.environ[it] for it in os.environ if it.startswith("COV")}
    report = base / "work" / "report"
    order = {
        "project": str(base / "projects" / "iris"),
        "work": str(base / "work"),
        "report": str(report),
        "steps": steps,
        "protocol": row.protocol,
        "imports": "import shared" if row.module else "",
    }
    owner: dict[str, Any] = {}
    if row.user is not None:
        own(base, row.user, is_read_only=row.is_read_only)
        owner = {"user": row.user, "group": row.user, "extra_groups": []}
    shell = ["sh", "-c", f'exec "$@" {row.redirect}', "sh"]
    done = subprocess.run(
        [*shell, python, str(BASICS), json.dumps(order)],
        cwd=base / "work",
        env=environ,
        umask=row.umask,
        capture_output=True,
        timeout=120,
        check=False,
        **owner,
    )
    assert report.exists(), done
    assert report.read_text() == "well"
    assert done.returncode == 0, done
    assert b"Traceback" not in done.stderr


def own(base: Path, user: int, *, is_read_only: bool) -> None:
    """Give what lies under *base* to *user*, but no project that is only read."""
    for path in (base, *base.rglob("*")):
        if not (is_read_only and path.is_relative_to(base / "projects")):
            os.chown(path, user, user, follow_symlinks=False)


@cache
def python_of(user: int | None) -> tuple[str, list[str]]:
    """Return a Python that *user* may run, and what it has to search for modules."""
    if user is None:
        return sys.executable, []
    if os.geteuid() != 0:
        pytest.skip("only root can run something as another user")
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    tried: list[tuple[str, list[str]]] = [(sys.executable, []), (system, PACKAGES)]
    for python, search in tried:
        try:
            subprocess.run(
                [python, "-c", "import hopsartifacts, psutil, uvicorn"],
                env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(search)},
                check=True,
                capture_output=True,
                user=user,
                group=user,
                extra_groups=[],
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return python, search
    pytest.skip("no Python of this version that another user may run")
