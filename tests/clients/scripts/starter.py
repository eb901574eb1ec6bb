"""Start scripts as forks of this process, which has imported the client already.

The import takes most of the time of a script. The argument is the descriptor of a
socket. Each message on it is a JSON object with the ``command``, the ``environment``
and the ``folder`` of a script. It comes with two descriptors: one for what the script
prints, and a socket that gets the number of its process, and then its exit status.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

import hopsworks  # noqa: F401 - for the forks

MOST_BYTES = 1024 * 1024


def main() -> None:
    """Start one script for each message, until there are no more."""
    signal.signal(signal.SIGCHLD, forget)
    orders = socket.socket(fileno=int(sys.argv[1]))
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, MOST_BYTES, 2)
        if not message:
            return
        output, status = descriptors
        if os.fork() == 0:
            orders.close()
            watch(json.loads(message), output, socket.socket(fileno=status))
        for descriptor in descriptors:
            os.close(descriptor)


def forget(*_: object) -> None:
    """Let nothing remain of the forks that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def watch(order: dict[str, Any], output: int, status: socket.socket) -> NoReturn:
    """Run a script in a fork of its own, and tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    number = os.fork()
    if number == 0:
        status.close()
        run(order, output)
    os.close(output)
    status.sendall(str(number).encode())
    _, ended = os.waitpid(number, 0)
    status.sendall(str(os.waitstatus_to_exitcode(ended)).encode())
    os._exit(0)


def run(order: dict[str, Any], output: int) -> NoReturn:
    """Be the script, as if Python had been started with it."""
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output, stream.fileno())
    os.close(output)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.argv = order["command"]
    script = sys.argv[0]
    sys.path[0] = str(Path(script).parent)
    runpy.run_path(script, run_name="__main__")
    sys.exit()


main()
