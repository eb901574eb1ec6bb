"""Virtual environments that hold the official client and nothing of this project."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
from filelock import FileLock

NAMED = ("4.1.8", "5.2.1")
"""The releases that are always tried: of both generations the one best known."""

_PINNED = ("pyarrow<26",)
"""What clients allow in releases that they cannot use: this one needs a newer NumPy."""

_COMPLETE = "complete"
_UNREACHABLE = "Retrying (Retry("
"""What pip says of an index that does not answer."""


def versions() -> tuple[str, ...]:
    """Return the releases to try: the named ones and those of the environment."""
    more = os.environ.get("HOPSARTIFACTS_CLIENT_VERSIONS", "")
    return (*NAMED, *(it for it in more.replace(",", " ").split() if it not in NAMED))


def client_python(version: str) -> Path:
    """Return the interpreter of an environment with this release; make it if need be.

    Skips where no package index can be reached; fails on any other trouble, and on
    CI on that too.
    """
    interpreter = os.environ.get("HOPSARTIFACTS_CLIENT_PYTHON", sys.executable)
    requirements = (f"hopsworks[python]=={version}", *_PINNED)
    folder = _folder() / f"{version}-{_tag(interpreter)}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    with FileLock(f"{folder}.lock"):
        marker = folder / _COMPLETE
        if not marker.exists() or marker.read_text() != str(requirements):
            shutil.rmtree(folder, ignore_errors=True)
            _run([interpreter, "-m", "venv", str(folder)])
            _run([str(python), "-m", "pip", "install", "--quiet", *requirements])
            marker.write_text(str(requirements))
    return python


def _folder() -> Path:
    given = os.environ.get("HOPSARTIFACTS_CLIENTS_DIR")
    return Path(given) if given else platformdirs.user_cache_path("hopsworks-clients")


def _tag(interpreter: str) -> str:
    code = "import sys; print(sys.implementation.cache_tag)"
    return _run([interpreter, "-c", code]).strip()


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        if _UNREACHABLE in said and not os.environ.get("CI"):
            pytest.skip(f"no package index can be reached: {said[-1000:]}")
        pytest.fail(f"no environment for the client: {said[-4000:]}")
    return done.stdout
