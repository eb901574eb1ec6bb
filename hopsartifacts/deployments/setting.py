"""Settings of a predictor that are checked whenever they are set."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Setting(Generic[Value]):
    """An attribute whose value is what *check* makes of what is given.

    Args:
        check: returns the value, or raises what says why it cannot be used.
        doc: what users read about it.
    """

    def __init__(self, check: Callable[[Any], Value], doc: str) -> None:
        self._check = check
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = f"_{name}"

    def __get__(self, instance: object, owner: type | None = None) -> Value:
        value: Value = getattr(instance, self._slot)
        return value

    def __set__(self, instance: object, given: Any) -> None:
        setattr(instance, self._slot, self._check(given))
