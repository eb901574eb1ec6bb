"""How the converter of values says that it cannot keep a value."""

from collections.abc import Sequence


class NoPlainFormError(Exception):
    """The value at ``path`` has no plain form; only ``values`` sees these."""

    def __init__(self, words: str, path: Sequence[str] = ()) -> None:
        super().__init__(words)
        self.path = list(path)
