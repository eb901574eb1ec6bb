"""Open but quiet connections, passed from workers that end to those that go on.

A server that closes a connection may do so just as its client sends a request, which is
lost then: HTTP/1.1 has no way to announce it. So a worker that ends leaves its quiet
connections open, and others take them, with whatever has come on them meanwhile.
"""

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any


class Passing:
    """A queue of connections, shared by all workers of a run.

    Args:
        give_fd: descriptor of the end into which connections are put.
        take_fd: of the end from which they are taken, each by one worker.
    """

    def __init__(self, give_fd: int, take_fd: int) -> None:
        self._giving = socket.socket(fileno=give_fd)
        self.taking = socket.socket(fileno=take_fd)
        for end in (self._giving, self.taking):
            # Else processes that a script starts would hold the connections in it.
            end.set_inheritable(False)
            end.setblocking(False)  # noqa: FBT003 - the method's

    def give(self, connection: Any) -> None:
        """Put uvicorn's *connection* in, if it is quiet and the queue is not full.

        It is not this worker's any more then: its descriptor is closed when the loop
        turns.
        """
        if is_quiet(connection):
            fd = connection.transport.get_extra_info("socket").fileno()
            # It stays here if the queue is full.
            with suppress(OSError):
                socket.send_fds(self._giving, [b"."], [fd])
                # Closes our descriptor; another one is on its way, so the client sees
                # nothing of it.
                connection.transport.abort()

    def take(self) -> Iterator[socket.socket]:
        """Yield the connections that are in the queue."""
        while True:
            try:
                _, fds, _, _ = socket.recv_fds(self.taking, 1, 1)
            except OSError:  # nothing there, or another worker was faster
                return
            for fd in fds:
                yield socket.socket(fileno=fd)


def is_quiet(connection: Any) -> bool:
    """Tell whether no part of a request or an answer is under way on *connection*."""
    transport, cycle = connection.transport, connection.cycle
    if transport.is_closing() or transport.get_write_buffer_size():
        return False
    if cycle is None:
        return connection.scope is None
    # Uvicorn makes a new scope when a request begins, and a cycle after its head. Of a
    # body that was answered before it was whole, the rest is still to come.
    is_between = cycle.response_complete and cycle.scope is connection.scope
    return is_between and not cycle.more_body and not connection.pipeline
