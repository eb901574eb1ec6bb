"""Accepting connections when the system has nothing left for them."""

import asyncio
import errno
import logging
import socket
from typing import Any

import pytest

from hopsartifacts.rest import connections
from hopsartifacts.rest.connections import ConnectionAcceptor, ConnectionLimit


class Exhausted:
    """A listening socket for whose connections there are no files left."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.tried = 0

    def accept(self) -> Any:
        self.tried += 1
        raise OSError(errno.EMFILE, "Too many open files")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)


def test_a_lack_of_files_is_said_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_RETRY_S", 0.01)

    async def wait() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            exhausted: Any = Exhausted(listener)
            acceptor = ConnectionAcceptor(
                asyncio.Protocol, exhausted, ConnectionLimit(10), None
            )
            with socket.create_connection(listener.getsockname()):
                await asyncio.sleep(0.3)
            acceptor.close()
            await acceptor.wait_closed()
            tried: int = exhausted.tried
            return tried

    with caplog.at_level(logging.ERROR):
        tried = asyncio.run(wait())
    # Again and again, but not all of the time.
    assert 2 < tried < 60
    (record,) = caplog.records
    assert "Too many open files" in record.getMessage()
