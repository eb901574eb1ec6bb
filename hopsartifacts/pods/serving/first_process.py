"""The first process of a container: it starts the worker, minds it, and ends with it.

Process 1 of a container adopts processes whose parents have ended, and must wait for
them. The kernel ignores signals to it for which it has no handler. A worker runs code
of users, so it cannot do either. The first process takes the place of a keeper, but
starts nothing again: that is what the kubelet does.
"""

import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from hopsartifacts.pods.termination import say, say_last
from hopsartifacts.serving.runtime.keeper_link import GRACE_S, Order, WorkerMessage

_END_S = 10.0
"""How much longer than promised an end may take before the worker is killed."""
_LOOK_S = 1.0
_BLOCK_BYTES = 64 * 1024
_HANDLED = (signal.SIGTERM, signal.SIGINT)


class FirstProcess:
    """Minds one worker.

    Args:
        channel: the connection to the worker.
        leave_s: how long the worker goes on, reporting that it is not ready, once this
            process was asked to end.
        drain_s: how long requests in progress may take after that.
    """

    def __init__(self, channel: socket.socket, leave_s: float, drain_s: float) -> None:
        self._channel = channel
        channel.setblocking(False)  # noqa: FBT003 - the method's
        self._leave_s = leave_s
        self._drain_s = drain_s
        self._worker: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._is_loaded = False
        self._is_told_to_end = False
        self._is_leaving = False
        self._drain_due_s: float | None = None
        self._kill_due_s: float | None = None
        self._failure: WorkerMessage | None = None
        # Before anything is started: no signal may be lost.
        self._awake, self._waking = socket.socketpair()
        for end in (self._awake, self._waking):
            end.setblocking(False)  # noqa: FBT003 - the method's
        signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)
        for number in _HANDLED:
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only wakes up

    def start(
        self,
        command: list[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        pass_fds: Iterable[int],
    ) -> None:
        """Start the worker, in a session of its own; its output is this process's."""
        self._worker = subprocess.Popen(  # noqa: S603 - our own module
            command,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
        )

    def run(
        self, on_loaded: Callable[[], object], on_serving: Callable[[], object]
    ) -> int:
        """Return the exit code of the container once the worker has ended.

        Args:
            on_loaded: called before the worker is asked to serve.
            on_serving: called when it serves.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._awake, selectors.EVENT_READ)
            selector.register(self._channel, selectors.EVENT_READ)
            while (code := self._exit_code()) is None:
                self._tick()
                ready = [key.fileobj for key, _ in selector.select(self._wait_s)]
                if self._awake in ready:
                    with suppress(BlockingIOError):
                        self._awake.recv(_BLOCK_BYTES)
                if self._channel in ready and not self._hear(on_loaded, on_serving):
                    selector.unregister(self._channel)
            self._hear(on_loaded, on_serving)
        self._signal_all(signal.SIGKILL)
        return self._last_words(code)

    @property
    def _wait_s(self) -> float:
        """How long nothing is to be done unless something happens."""
        dues = [it for it in (self._drain_due_s, self._kill_due_s) if it is not None]
        return max(0.0, min([_LOOK_S, *(due - time.monotonic() for due in dues)]))

    def _on_signal(self, *_: object) -> None:
        # A second signal changes nothing: requests in progress are finished.
        self._is_told_to_end = True

    def _exit_code(self) -> int | None:
        """Reap processes that have ended; return the worker's code once it has."""
        worker = self._worker
        assert worker is not None  # noqa: S101 - it was started
        while True:
            try:
                # Leave the worker to Popen, which could not tell its code otherwise.
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return worker.poll()
            if found is None or found.si_pid == worker.pid:
                return worker.poll()
            with suppress(ChildProcessError):
                os.waitpid(found.si_pid, 0)

    def _tick(self) -> None:
        now = time.monotonic()
        if self._is_told_to_end and not self._is_leaving:
            self._is_leaving = True
            if self._is_loaded:
                say(f"asked to end: not ready now; it ends in {self._leave_s:g} s")
                self._ask("leave")
                self._drain_due_s = now + self._leave_s
            else:
                say("asked to end before it was ready")
                self._signal_worker(signal.SIGTERM)
                self._kill_due_s = now + _END_S
        if self._drain_due_s is not None and now >= self._drain_due_s:
            say(f"no more connections; requests have {self._drain_s:g} s to end")
            self._ask("drain")
            self._drain_due_s = None
            self._kill_due_s = now + self._drain_s + GRACE_S + _END_S
        if self._kill_due_s is not None and now >= self._kill_due_s:
            say("the worker did not end in time and is killed")
            self._signal_all(signal.SIGKILL)
            self._kill_due_s = None

    def _hear(
        self, on_loaded: Callable[[], object], on_serving: Callable[[], object]
    ) -> bool:
        """Read what the worker has sent; return whether more may come."""
        data, is_open = b"", True
        try:
            while is_open:
                more = self._channel.recv(_BLOCK_BYTES)
                data, is_open = data + more, bool(more)
        except BlockingIOError:
            pass
        except OSError:
            is_open = False
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            # Any code of the worker can write here, and gains nothing by it.
            with suppress(msgspec.MsgspecError, ValueError, RecursionError):
                message = msgspec.json.decode(line, type=WorkerMessage)
                self._take(message, on_loaded, on_serving)
        return is_open

    def _take(
        self,
        message: WorkerMessage,
        on_loaded: Callable[[], object],
        on_serving: Callable[[], object],
    ) -> None:
        if message.kind == "starting":
            say(message.reason)
        elif message.kind == "loaded" and not self._is_loaded:
            self._is_loaded = True
            on_loaded()
            self._ask("serve")
        elif message.kind == "serving":
            say("the server answers requests")
            on_serving()
        elif message.kind == "failed" and self._failure is None:
            self._failure = message

    def _last_words(self, code: int) -> int:
        failure = self._failure
        if failure is not None:
            error = failure.error
            is_script = error is not None and error.file is not None
            place = f" ({error.file}, line {error.line})" if error and is_script else ""
            shown = "" if place.strip(" ()") in failure.reason else place
            say_last(f"{failure.reason}{shown}")
            return code if code > 0 else 1
        if self._is_leaving and code in {0, -signal.SIGTERM}:
            say("ended")
            return 0
        if code < 0:
            name = signal.Signals(-code).name
            hint = "; was it short of memory?" if -code == signal.SIGKILL else ""
            say_last(f"the worker was ended by {name}{hint}")
            return 128 - code
        say_last(f"the worker ended with code {code}, although nothing asked it to")
        return code or 1

    def _ask(self, order: Order) -> None:
        with suppress(OSError):
            self._channel.send(f"{order}\n".encode())

    def _signal_worker(self, number: int) -> None:
        if self._worker is not None:
            self._worker.send_signal(number)

    def _signal_all(self, number: int) -> None:
        """Send a signal to the worker and all processes of its session's group."""
        if self._worker is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._worker.pid, number)
