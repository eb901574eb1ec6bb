"""The caller of a request, and the scopes that an API key can have."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Scope = Literal["read", "write", "deploy", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "write", "deploy", "admin")

_IMPLIED: Mapping[Scope, frozenset[Scope]] = {
    "read": frozenset({"read"}),
    "write": frozenset({"read", "write"}),
    "deploy": frozenset({"read", "deploy"}),
    "admin": frozenset(SCOPES),
}


class Caller(msgspec.Struct, frozen=True):
    """The API key of a request, without its secret."""

    id: str
    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Return whether *scope* is one of the key's scopes or implied by one."""
        return any(scope in _IMPLIED[own] for own in self.scopes)


ANYBODY = Caller(id="", name="", scopes=frozenset())
"""The caller of an operation that needs no key."""


def has_key(scope: Mapping[str, Any]) -> bool:
    """Return whether the request of this ASGI scope has a valid API key."""
    caller = scope.get("state", {}).get("caller")
    return caller is not None and caller is not ANYBODY
