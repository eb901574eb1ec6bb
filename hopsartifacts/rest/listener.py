"""Settings of the server's listening sockets, and opening them."""

import errno
import ipaddress
import socket
from contextlib import ExitStack
from pathlib import Path

import msgspec

from hopsartifacts.errors import InvalidInputError, PortTakenError

BACKLOG = 512
LARGEST_PORT = 65535


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """Where the server listens, how it is secured, and how it stops.

    Attributes:
        port: 0 takes a free one.
        preferred_port: which one to take if *port* is 0, unless it is in use.
        certificate: the user's own, as PEM; None for a self-signed one.
        key: private key of *certificate*; None if it is in the same file.
        names: host names and addresses of the server, for the self-signed certificate,
            and for browsers.
        is_plain: use HTTP without TLS, for example behind a proxy that does HTTPS.
        proxies: addresses and networks whose ``X-Forwarded-For`` is trusted.
        inference_port: where clients may send requests directly to deployments, without
            encryption. 0 takes a free one. None takes that of the last start, and only
            if the server listens on the loopback interface; otherwise there is none.
        inference_host: None for the same as *host*.
        has_inference_port: whether there may be such a port at all.
        access_log: file of the access log; None for stderr.
        drain_s: how long requests in progress may take to finish when the server stops.
        chores_s: interval of cleaning up uploads and checking the certificate.
    """

    host: str = "127.0.0.1"
    port: int = 8443
    preferred_port: int = 0
    certificate: Path | None = None
    key: Path | None = None
    names: tuple[str, ...] = ()
    is_plain: bool = False
    proxies: tuple[str, ...] = ()
    inference_port: int | None = None
    inference_host: str | None = None
    has_inference_port: bool = True
    access_log: Path | None = None
    drain_s: float = 30.0
    chores_s: float = 60.0

    def check(self) -> None:
        """Check that the settings are valid and fit each other.

        Raises:
            InvalidInputError: they do not.
        """
        for port in (self.port, self.inference_port or 0):
            if not 0 <= port <= LARGEST_PORT:
                raise InvalidInputError(
                    f"port {port} does not exist: give one from 1 to {LARGEST_PORT}, "
                    "or 0 for a free one"
                )
        if self.key and not self.certificate:
            raise InvalidInputError(
                f"--key {str(self.key)!r} is the key of a certificate: give that with "
                "--cert, or leave --key out"
            )
        if self.is_plain and self.certificate:
            raise InvalidInputError(
                f"--cert {str(self.certificate)!r} cannot be used with --plain-http: "
                "leave out one of them"
            )
        for proxy in self.proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError as error:
                raise InvalidInputError(
                    f"proxy {proxy!r} is not an address or network: {error}"
                ) from error
        if self.is_plain and not (self.proxies or is_loopback(self.host)):
            raise InvalidInputError(
                f"keys would be sent to {self.host} in clear text: use --host "
                "127.0.0.1, or name the proxy in front of the server with --proxy"
            )

    def url(self, bound: socket.socket) -> str:
        """Return the URL by which clients reach the socket *bound*."""
        host, port = bound.getsockname()[:2]
        scheme = "http" if self.is_plain else "https"
        return f"{scheme}://{in_url(self.name_of(host, self.host))}:{port}"

    def host_names(self) -> tuple[str, ...]:
        """Return the names under which clients may reach the server."""
        names = (*self.names, self.host)
        return names if is_loopback(self.host) else (*names, socket.gethostname())

    def name_of(self, address: str, host: str) -> str:
        """Return the host name for clients of a socket bound to *address* as *host*."""
        if ipaddress.ip_address(address).is_unspecified:
            return next(iter(self.names), socket.gethostname())
        return address if is_address(host) else host


def in_url(host: str) -> str:
    """Return *host* as written in a URL: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def is_address(host: str) -> bool:
    """Return whether *host* is an IP address, not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether *host* is reachable only from this machine."""
    return host == "localhost" or (
        is_address(host) and ipaddress.ip_address(host).is_loopback
    )


def listen(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on each address of *host*, all on the same port.

    Raises:
        PortTakenError: the port is in use.
        InvalidInputError: *host* is not an address of this machine or not permitted.
    """
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise InvalidInputError(
            f"host {host!r} is not known: {error.strerror}"
        ) from error
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        for family, address in dict.fromkeys((it[0], it[4][0]) for it in found):
            bound = _bound(family, str(address), port, is_first=not sockets)
            if bound is not None:
                sockets.append(stack.enter_context(bound))
                port = bound.getsockname()[1]
        stack.pop_all()
    return sockets


def _bound(
    family: int, address: str, port: int, *, is_first: bool
) -> socket.socket | None:
    try:
        bound = socket.create_server((address, port), family=family, backlog=BACKLOG)
        # Disables Nagle's algorithm; accepted connections inherit the option.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(
                f"{where} is in use: stop what listens there, or choose another --port"
            ) from error
        if not is_first:
            # For example, the host name has an IPv6 address, but IPv6 is off.
            return None
        raise InvalidInputError(
            f"cannot listen at {where}: {error.strerror}"
        ) from error
    return bound
