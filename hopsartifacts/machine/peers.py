"""Which user of this machine has the other end of a connection."""

import ipaddress
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_MAPPED = bytes(10) + b"\xff\xff"
"""The first bytes of an IPv4 address that is written as an IPv6 address."""
_IPV4_BYTES = 4
_LOCAL, _REMOTE, _USER, _INODE = 1, 2, 7, 9


def is_other_user(client: tuple[str, int], server: tuple[str, int]) -> bool:
    """Return whether another user of this machine than ours has a connection's end.

    The superuser does not count as another user, as it could act as any. If the system
    does not say who has it, the answer is no.

    Args:
        client: address and port of that end.
        server: address and port of our own end.
    """
    own = {0, os.geteuid()}
    return any(user not in own for user in _users(client, server))


def _users(client: tuple[str, int], server: tuple[str, int]) -> Iterator[int]:
    near, far = _written(client), _written(server)
    for table in _TABLES:
        with suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                is_it = fields[_LOCAL] in near and fields[_REMOTE] in far
                # A closed end has no user any more.
                if is_it and fields[_INODE] != "0":
                    yield int(fields[_USER])
                    return  # it is in one table only, and each takes time to read


def _written(end: tuple[str, int]) -> frozenset[str]:
    """Return how the tables may write *end*; nothing if it is no IP address."""
    host, port = end
    try:
        packed = ipaddress.ip_address(host).packed
    except ValueError:
        return frozenset()
    forms = {packed, _MAPPED + packed} if len(packed) == _IPV4_BYTES else {packed}
    return frozenset(f"{_words(it)}:{port:04X}" for it in forms)


def _words(packed: bytes) -> str:
    """Return an address as hexadecimal words in the machine's own order of bytes."""
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words)
