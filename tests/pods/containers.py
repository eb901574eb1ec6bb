"""Containers of a pod, as processes: isolated like real ones where permitted."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from hopsartifacts.serving.contract import Launch

USER = 1000
ISOLATED = Path(__file__).with_name("isolated.sh")
_UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def why_not_isolated() -> str | None:
    """Return the reason why nothing can be isolated here."""
    if os.geteuid():
        return "only root can make namespaces"
    if not all(map(shutil.which, ("unshare", "setpriv", "mount"))):
        return "util-linux is missing"
    tried = subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False)
    return f"unshare: {tried.stderr.decode()}" if tried.returncode else None


class Container:
    """A running container; its module is the command that Kubernetes is given."""

    def __init__(
        self,
        folder: Path,
        module: str,
        arguments: list[str],
        env: Mapping[str, str],
        *,
        is_isolated: bool,
        tmp: Path | None = None,
        more: Sequence[str] = (),
    ) -> None:
        """Start it; it may write to *tmp*, to its spool, and to *more* places."""
        folder.mkdir()
        self.tmp, self.log_path = tmp or folder / "tmp", folder / "log"
        self.message_path = folder / "termination-log"
        self.tmp.mkdir(exist_ok=True)
        self.message_path.touch()
        for path in (self.tmp, self.message_path):
            path.chmod(0o777)
        given = {
            "TMPDIR": str(self.tmp),
            "HOPSARTIFACTS_TERMINATION_LOG": str(self.message_path),
            **env,
        }
        command = [sys.executable, "-m", module, *arguments]
        if is_isolated:
            spool = env.get("HOPSARTIFACTS_SPOOL")
            places = [str(self.tmp), str(self.message_path), *more]
            places += [spool] if spool else []
            shell = ["sh", str(ISOLATED), sys.base_prefix, ":".join(places)]
            command = [*_UNSHARE, *shell, *command]
            environ = {"PATH": os.environ["PATH"], **given}
        else:
            environ = {**os.environ, **given}
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=environ,
                # As in an image; tests are not part of it.
                cwd=Path(__file__).parents[2],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._is_isolated = is_isolated

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def message(self) -> str:
        return self.message_path.read_text()

    @property
    def first(self) -> psutil.Process:
        """The first process of the container."""
        process = psutil.Process(self._process.pid)
        return process.children()[0] if self._is_isolated else process

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def terminate(self) -> None:
        """Do what the kubelet does first to end a container."""
        self.first.send_signal(signal.SIGTERM)

    def wait(self, timeout_s: float = 60) -> int:
        """Return the exit code."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            pytest.fail(f"the container did not end; its log:\n{self.log}")

    def kill(self) -> None:
        if self.is_running:
            with suppress(psutil.NoSuchProcess):
                found = psutil.Process(self._process.pid).children(recursive=True)
                for process in found:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
            self._process.kill()
        self._process.wait()


def write_launch(path: Path, launch: Launch, **changes: Any) -> Path:
    """Write the file that the init container writes."""
    document = msgspec.to_builtins(launch)
    path.write_bytes(msgspec.json.encode({**document, **changes}))
    path.chmod(0o444)
    return path


def wait_for(container: Container, is_true: Any, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        if not container.is_running or time.monotonic() > deadline:
            pytest.fail(
                f"it did not happen; the log of the container:\n{container.log}"
            )
        time.sleep(0.02)
