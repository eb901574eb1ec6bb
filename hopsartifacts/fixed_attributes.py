"""Objects of users that refuse attributes which they do not have, as if misspelled."""

from difflib import get_close_matches
from functools import cache
from inspect import get_annotations

from hopsartifacts.errors import UnknownSettingError


class FixedAttributes:
    """A base class whose objects take only attributes that their class declares.

    Declared are annotations, properties and other descriptors of the class. Names that
    begin with an underscore are the class's own and always taken.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
            return
        kind: type = type(self)
        if name not in _declared(kind):
            near = get_close_matches(name, _declared(kind), 1)
            hint = (
                f"did you mean {near[0]!r}?" if near else "see help() for what it has"
            )
            raise UnknownSettingError(
                f"a {kind.__name__} has no setting {name!r}: {hint}"
            )
        member = getattr(kind, name, None)
        if isinstance(member, property) and member.fset is None:
            raise UnknownSettingError(
                f"{name!r} of a {kind.__name__} cannot be set: the methods of the "
                "object change what can be changed"
            )
        super().__setattr__(name, value)


@cache
def _declared(kind: type) -> frozenset[str]:
    """Return what can be set: annotated names and descriptors that take a value."""
    declared: set[str] = set()
    for base in kind.__mro__:
        declared.update(get_annotations(base))
        declared.update(
            name
            for name, member in base.__dict__.items()
            if not name.startswith("_") and hasattr(type(member), "__set__")
        )
    return frozenset(declared)
