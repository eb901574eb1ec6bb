import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.runtime.handover import (
    Handover,
    Report,
    read_report,
    write_whole,
)
from hopsartifacts.serving.runtime.reporting import Reporter

Serve = Callable[..., tuple[int, Report | None]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Run a server process by hand, in this process's group, until it ends."""

    def run(
        launch: Launch, *, go: bytes = b"1", parent_pid: int | None = None
    ) -> tuple[int, Report | None]:
        go_read, go_write = os.pipe()
        handover = Handover(
            launch=launch,
            report_path=str(tmp_path / "state.json"),
            # No socket: a server that gets as far as to serve fails.
            listen_fd=go_read,
            go_fd=go_read,
            parent_pid=parent_pid,
        )
        write_whole(tmp_path / "launch.json", handover)
        os.write(go_write, go)
        os.close(go_write)
        module = "hopsartifacts.serving.runtime"
        try:
            ended = subprocess.run(
                [sys.executable, "-m", module, str(tmp_path / "launch.json")],
                check=False,
                pass_fds=[go_read],
                timeout=60,
            )
        finally:
            os.close(go_read)
        return ended.returncode, read_report(tmp_path / "state.json")

    return run


def test_a_server_that_nobody_recorded_ends_unsaid(serve: Serve, echo: Launch) -> None:
    assert serve(echo, go=b"") == (1, None)


def test_a_server_that_cannot_serve_has_failed(serve: Serve, echo: Launch) -> None:
    exit_code, report = serve(echo)
    assert exit_code == 1
    assert report is not None
    assert report.status == "Failed"
    assert report.condition.type == "READY"
    assert "serving failed: OSError" in str(report.condition.reason)


def test_an_orphan_ends_also_when_it_ignores_signals(
    serve: Serve, make_launch: Any
) -> None:
    launch = make_launch(
        """
        import os, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.getppid = lambda: 1
        time.sleep(600)
        """
    )
    exit_code, report = serve(launch, parent_pid=os.getpid())
    assert exit_code == 0
    assert report is not None
    assert report.status == "Stopped"
    assert report.condition.reason == "the process that started the deployment ended"


def test_an_orphan_that_is_loading_ends_at_once(serve: Serve, make_launch: Any) -> None:
    exit_code, report = serve(make_launch("import time; time.sleep(600)"), parent_pid=1)
    assert exit_code == 0
    assert report is not None
    assert report.condition.reason == (
        "the process that started the deployment ended while it was loading"
    )


def test_the_first_last_word_stands(tmp_path: Path) -> None:
    reporter = Reporter(tmp_path / "state.json")
    reporter.failed("STARTED", "it broke")
    reporter.stopped("somebody asked")
    report = read_report(tmp_path / "state.json")
    assert report is not None
    assert report.condition.reason == "it broke"


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
