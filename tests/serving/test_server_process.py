import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.local.runs import write_whole
from hopsartifacts.serving.runtime.keeper_link import Handover, WorkerMessage

Serve = Callable[..., tuple[int, list[WorkerMessage]]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Run a worker by hand, in this process's group, until it ends."""

    def run(
        launch: Launch, *, has_keeper: bool = True
    ) -> tuple[int, list[WorkerMessage]]:
        ours, theirs = socket.socketpair()
        give, take = socket.socketpair()
        no_socket, other = os.pipe()
        passing = give.fileno(), take.fileno()
        fds = [theirs.fileno(), no_socket, *passing]
        write_whole(
            tmp_path / "launch.json",
            Handover(
                launch=replace(launch, artifact_files_path=str(tmp_path / "artifact")),
                sealed_artifact=launch.artifact_files_path,
                listen_fd=no_socket,
                keeper_fd=theirs.fileno(),
                passing_fds=passing,
            ),
        )
        module = "hopsartifacts.serving.runtime"
        command = [sys.executable, "-m", module, str(tmp_path / "launch.json")]
        try:
            with theirs, give, take:
                process = subprocess.Popen(command, pass_fds=fds)
            if not has_keeper:
                ours.shutdown(socket.SHUT_WR)
            words = []
            with ours, ours.makefile("rb") as said:
                for line in said:
                    words.append(msgspec.json.decode(line, type=WorkerMessage))
                    if words[-1].kind == "loaded":
                        ours.sendall(b"serve\n")
            return process.wait(60), words
        finally:
            os.close(no_socket)
            os.close(other)

    return run


def test_a_worker_that_cannot_serve_has_failed(serve: Serve, echo: Launch) -> None:
    exit_code, words = serve(echo)
    assert exit_code == 1
    assert [word.kind for word in words] == ["starting", "starting", "failed"]
    assert words[-1].step == "READY"
    assert "serving failed: OSError" in words[-1].reason


def test_a_worker_without_a_keeper_ends_also_when_it_ignores_signals(
    serve: Serve, make_launch: Any
) -> None:
    launch = make_launch(
        """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
        """
    )
    exit_code, words = serve(launch, has_keeper=False)
    assert exit_code == 0
    assert "failed" not in {word.kind for word in words}


def test_a_worker_without_a_keeper_ends_at_once_while_it_is_loading(
    serve: Serve, make_launch: Any
) -> None:
    launch = make_launch("import time; time.sleep(600)")
    assert serve(launch, has_keeper=False)[0] == 0


def test_threads_of_a_script_do_not_keep_the_process(
    serve: Serve, make_launch: Any
) -> None:
    launch = make_launch(
        """
        import threading, time
        threading.Thread(target=time.sleep, args=[600]).start()
        raise ValueError
        """
    )
    assert serve(launch)[0] == 1
