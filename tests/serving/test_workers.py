"""What a keeper hears from a worker, and what it makes of anything else."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
import psutil
import pytest

from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.serving.local import LocalBackend
from hopsartifacts.serving.local.keeper.workers import WorkerProcess
from hopsartifacts.serving.runtime.keeper_link import WorkerMessage
from tests.serving.conftest import FLOWERS, wait_until
from tests.serving.test_keeping import reason_of

WORD = msgspec.json.encode(WorkerMessage(kind="loaded")) + b"\n"
NONSENSE = [
    b"hello\n",
    b"\n",
    b"\xff\xfe\n",
    b"{}\n",
    b'{"kind": "sings"}\n',
    b'{"kind": 1}\n',
    b'{"kind": "failed", "reason": "\\ud800"}\n',
    b'{"kind": "\xff"}\n',
    b'{"kind": "alive", "more": ' + b"[" * 10_000 + b"\n",
    b"x" * 70_000,
]


@pytest.fixture
def pair() -> Iterator[tuple[WorkerProcess, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003 - the method's
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
    command = [sys.executable, "-c", "input()"]
    with (
        theirs,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, start_new_session=True
        ) as process,
    ):
        worker = WorkerProcess(process, ours, "marker", 0)
        yield worker, theirs
        worker.close()


def test_words_may_come_in_pieces(pair: tuple[WorkerProcess, socket.socket]) -> None:
    worker, theirs = pair
    theirs.sendall(WORD + WORD[:5])
    assert [word.kind for word in worker.messages()] == ["loaded"]
    theirs.sendall(WORD[5:])
    assert [word.kind for word in worker.messages()] == ["loaded"]
    theirs.close()
    assert [*worker.messages()] == []
    assert worker.is_silent
    assert worker.exit_code() is None


@pytest.mark.parametrize("said", NONSENSE, ids=lambda it: repr(it[:20]))
def test_a_worker_that_talks_nonsense_is_ended_and_heard_no_more(
    pair: tuple[WorkerProcess, socket.socket], said: bytes
) -> None:
    worker, theirs = pair
    theirs.sendall(WORD + said)
    assert [word.kind for word in worker.messages()] == ["loaded"]
    assert worker.is_silent
    assert "not a message" in str(worker.why)
    wait_until(lambda: worker.exit_code() == -signal.SIGKILL)
    theirs.sendall(WORD)
    assert [*worker.messages()] == []


def test_a_script_that_writes_to_every_descriptor_ends_its_worker_only(
    backend: LocalBackend,
    make_launch: Any,
    keepers: Callable[[], list[psutil.Process]],
) -> None:
    launch = make_launch(
        """
        import os
        class Predictor:
            def predict(self, inputs):
                if inputs == [[0]]:
                    for number in range(3, 64):
                        try:
                            os.write(number, b"words of no meaning\\n")
                        except OSError:
                            pass
                return inputs
        """
    )
    backend.start(launch, await_running_s=60)
    [keeper] = keepers()
    with suppress(HopsArtifactsError):
        backend.predict(FLOWERS, {"instances": [[0]]})
    wait_until(lambda: "not a message" in reason_of(backend))
    assert backend.predict(FLOWERS, {"instances": [[1]]}) == {"predictions": [[1]]}
    assert backend.state(FLOWERS).status == "Running"
    assert "worker 1 was replaced at 20" in reason_of(backend)
    assert [it.pid for it in keepers()] == [keeper.pid]
