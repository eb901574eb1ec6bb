"""The internal error for a value that cannot be converted to plain JSON values."""

from collections.abc import Sequence


class NoPlainFormError(Exception):
    """The value at ``path`` cannot be converted.

    Internal: ``values`` turns it into a ``TypeError`` with the path in its message.
    """

    def __init__(self, words: str, path: Sequence[str] = ()) -> None:
        super().__init__(words)
        self.path = list(path)
