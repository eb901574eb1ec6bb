"""Connections of uvicorn that never switch from HTTP/1.1 to another protocol.

The servers of deployments and the project's server build on this module. Code for them
that uses private attributes of uvicorn belongs here.
"""

import asyncio
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_CONNECT = b"CONNECT"
_DROPPED = frozenset({b"upgrade", b"http2-settings"})
"""Headers that ask for another protocol; ``Connection`` may name them, too."""


class HttpConnection(HttpToolsProtocol):
    """A connection that ignores requests to switch to another protocol.

    A client may offer another protocol with any request (``Upgrade: h2c``, as Java's
    client does). A server that does not accept the offer answers as if it had not been
    made (RFC 9110, 7.8). The parser cannot do that: it stops after the headers of such
    a request, as if the body were in the other protocol. So the headers are passed to a
    new parser without the offer, followed by the body.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._make_parser()

    def data_received(self, data: bytes) -> None:
        """Parse the received data."""
        self._unset_keepalive_if_required()
        try:
            while data:
                data = self._parse(data)
        except httptools.HttpParserError:
            message = "Invalid HTTP request received."
            self.logger.warning(message)
            self.send_400_response(message)

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the headers are parsed again without an offer."""
        if not self._is_offered():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the body is complete."""
        if not self._is_offered():
            super().on_message_complete()

    def refuse_requests(self) -> None:
        """Answer every request on this connection with 503, then close it."""
        self.limit_concurrency = 0

    def _is_offered(self) -> bool:
        """Tell whether the headers offer another protocol."""
        parser = self.parser
        return bool(parser.should_upgrade()) and parser.get_method() != _CONNECT

    def _parse(self, data: bytes) -> bytes:
        """Parse *data*; return the bytes to parse next, which are usually none.

        Raises:
            HttpParserError: the data is not HTTP.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if not self._is_offered():
                return b""
            head = self._head_without_offer()
            self._make_parser()
            return head + bytes(data[upgrade.args[0] :])
        return b""

    def _head_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        for name, value in self.headers:
            if name == b"connection":
                words = [word.strip() for word in value.split(b",")]
                kept = [word for word in words if word.lower() not in _DROPPED]
                if kept:
                    lines.append(b"connection: " + b", ".join(kept))
            elif name not in _DROPPED:
                lines.append(name + b": " + value)
        return b"\r\n".join([*lines, b"", b""])

    def _make_parser(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        # The same setting as in uvicorn: bytes after the last request are harmless.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)


def new_connection(server: uvicorn.Server) -> asyncio.Protocol:
    """Return a new connection of *server*, which has no socket yet."""
    make: Any = server.config.http_protocol_class
    protocol: asyncio.Protocol = make(
        config=server.config,
        server_state=server.server_state,
        app_state=server.lifespan.state,
    )
    return protocol
