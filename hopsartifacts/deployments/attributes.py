"""Objects that refuse attributes they do not have, so that typing errors are seen."""

from difflib import get_close_matches
from inspect import get_annotations

from hopsartifacts.errors import UnknownSettingError


class FixedAttributes:
    """A base class whose objects take only attributes that their class declares.

    Declared are annotations, properties and other descriptors of the class. Names that
    begin with an underscore are the class's own and always taken.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_") and name not in _declared(type(self)):
            near = get_close_matches(name, _declared(type(self)), 1)
            hint = (
                f"did you mean {near[0]!r}?" if near else "see help() for what it has"
            )
            raise UnknownSettingError(
                f"a {type(self).__name__} has no setting {name!r}: {hint}"
            )
        super().__setattr__(name, value)


def _declared(kind: type) -> set[str]:
    """Return what can be set: annotated names and descriptors that take a value."""
    declared: set[str] = set()
    for base in kind.__mro__:
        declared.update(get_annotations(base))
        declared.update(
            name
            for name, member in base.__dict__.items()
            if not name.startswith("_") and hasattr(type(member), "__set__")
        )
    return declared
