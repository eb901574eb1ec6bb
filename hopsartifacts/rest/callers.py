"""Who calls, and what their key allows."""

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
    """Whose key a request bears."""

    id: str
    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Tell whether *scope* is among the key's, or implied by one of them."""
        return any(scope in _IMPLIED[own] for own in self.scopes)


ANYBODY = Caller(id="", name="", scopes=frozenset())
"""Who calls what needs no key."""


def has_key(scope: Mapping[str, Any]) -> bool:
    """Tell whether the request of this ASGI scope was let in with a valid key."""
    caller = scope.get("state", {}).get("caller")
    return caller is not None and caller is not ANYBODY
