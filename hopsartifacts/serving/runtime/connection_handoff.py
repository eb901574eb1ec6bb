"""Idle connections, passed from workers that end to workers that continue.

HTTP/1.1 has no way to announce that an idle connection will be closed. If a server
closes one just as the client sends a request, the request is lost. So a worker that
ends leaves idle connections open and passes them to other workers, with any data that
has arrived meanwhile.
"""

import socket
from collections.abc import Iterator
from contextlib import suppress

from hopsartifacts.serving.http_server import HttpConnection


class Passing:
    """A queue of connections, shared by all workers of a run.

    Args:
        give_fd: descriptor of the end into which connections are put.
        take_fd: descriptor of the end from which each is taken, by one worker.
    """

    def __init__(self, give_fd: int, take_fd: int) -> None:
        self._giving = socket.socket(fileno=give_fd)
        self.taking = socket.socket(fileno=take_fd)
        for end in (self._giving, self.taking):
            # Otherwise child processes of scripts would keep queued connections open.
            end.set_inheritable(False)
            end.setblocking(False)  # noqa: FBT003 - the method's

    def give(self, connection: HttpConnection) -> None:
        """Queue *connection* if it is idle and the queue is not full.

        This worker no longer owns it then: its descriptor is closed in the next loop
        turn.
        """
        if connection.is_quiet:
            fd = connection.transport.get_extra_info("socket").fileno()
            # If the queue is full, the connection stays here.
            with suppress(OSError):
                socket.send_fds(self._giving, [b"."], [fd])
                # This closes our descriptor. The queue has a duplicate, so the client
                # does not notice.
                connection.transport.abort()

    def take(self) -> Iterator[socket.socket]:
        """Yield the connections in the queue."""
        while True:
            try:
                _, fds, _, _ = socket.recv_fds(self.taking, 1, 1)
            except OSError:  # the queue is empty, or another worker was faster
                return
            for fd in fds:
                yield socket.socket(fileno=fd)
