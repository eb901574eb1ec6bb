"""Objects of users that refuse to set unknown attributes, which may be misspelled."""

from difflib import get_close_matches
from functools import cache
from inspect import get_annotations

from hopsartifacts.errors import UnknownSettingError


class FixedAttributes:
    """A base class whose objects accept only the attributes that their class declares.

    These are the annotations, properties and other descriptors of the class. Names that
    begin with an underscore are internal and always accepted.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
            return
        kind: type = type(self)
        if name not in _declared(kind):
            near = get_close_matches(name, _declared(kind), 1)
            hint = (
                f"did you mean {near[0]!r}?" if near else "see help() for its settings"
            )
            raise UnknownSettingError(
                f"a {kind.__name__} has no setting {name!r}: {hint}"
            )
        member = getattr(kind, name, None)
        if isinstance(member, property) and member.fset is None:
            raise UnknownSettingError(
                f"{name!r} of a {kind.__name__} cannot be set: change it with the "
                "methods of the object, if there is one"
            )
        super().__setattr__(name, value)


@cache
def _declared(kind: type) -> frozenset[str]:
    """Return the attributes that can be set: annotated names, and descriptors."""
    declared: set[str] = set()
    for base in kind.__mro__:
        declared.update(get_annotations(base))
        declared.update(
            name
            for name, member in base.__dict__.items()
            if not name.startswith("_") and hasattr(type(member), "__set__")
        )
    return frozenset(declared)
