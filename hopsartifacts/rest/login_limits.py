"""A limit on failed logins, per client address and per API key.

A client that has logged in from an address is never locked out there by the failures of
others: no one can lock out the holder of a key, neither from the same address nor from
another one.
"""

import hashlib
import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec

from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.keys import Caller

_IPV6_NETWORK_BITS = 64
"""Prefix length of an IPv6 network that belongs to one customer."""
_ID_LENGTH = 64


class LoginLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How many failed logins are allowed.

    Attributes:
        burst: how many at once.
        one_per_s: seconds until one more is allowed.
        remembered: how many addresses, keys and holders to remember, each; the least
            recently seen are forgotten.
    """

    burst: int = 10
    one_per_s: float = 6.0
    remembered: int = 10_000


class FailedLogins:
    """The failed logins of one server, and the clients that have logged in."""

    def __init__(
        self,
        limits: LoginLimits = LoginLimits(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        # By address or key: the clock time until which its failures count.
        self._addresses: OrderedDict[str, float] = OrderedDict()
        self._keys: OrderedDict[str, float] = OrderedDict()
        self._holders: OrderedDict[bytes, None] = OrderedDict()

    def authenticate(
        self, address: str, secret: str, find: Callable[[str], Caller | None]
    ) -> Caller | None:
        """Return the caller with the key *secret*; None if the key is not valid.

        Args:
            address: the client's address.
            secret: the text of the key.
            find: looks the key up.

        Raises:
            RefusedError: too many logins failed; the key was not checked (429).
        """
        network = network_of(address)
        number = secret.partition(".")[0][:_ID_LENGTH]
        holder = hashlib.sha256(f"{network} {secret}".encode("utf-8", "surrogatepass"))
        with self._lock:
            if holder.digest() not in self._holders:
                self._check(self._addresses, network)
                self._check(self._keys, number)
        caller = find(secret)
        with self._lock:
            if caller is None:
                self._count(self._addresses, network)
                self._count(self._keys, number)
            else:
                self._holders[holder.digest()] = None
                self._forget(self._holders, holder.digest())
        return caller

    def _check(self, paid: "OrderedDict[str, float]", name: str) -> None:
        bearable_s = (self._limits.burst - 1) * self._limits.one_per_s
        over_s = paid.get(name, 0.0) - self._clock() - bearable_s
        if over_s > 0:
            wait_s = math.ceil(round(over_s, 3))
            raise RefusedError(
                "too many failed logins: look at the API key, and try again in "
                f"{wait_s} s",
                429,
                headers={"Retry-After": str(wait_s)},
            )

    def _count(self, paid: "OrderedDict[str, float]", name: str) -> None:
        now = self._clock()
        paid[name] = max(paid.get(name, now), now) + self._limits.one_per_s
        self._forget(paid, name)

    def _forget(self, known: "OrderedDict[Any, Any]", latest: object) -> None:
        known.move_to_end(latest)
        while len(known) > self._limits.remembered:
            known.popitem(last=False)


def network_of(address: str) -> str:
    """Return *address*; for IPv6, the customer's network that contains it."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:  # noqa: PLR2004 - that is its name
        return address
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), _IPV6_NETWORK_BITS), strict=False))
