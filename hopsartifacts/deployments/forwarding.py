"""Settings of the predictor that can be reached through its deployment."""

from typing import Any, Generic, Protocol, TypeVar

Value = TypeVar("Value")


class HasPredictor(Protocol):
    """Whatever has a predictor."""

    predictor: Any


class OfPredictor(Generic[Value]):
    """An attribute that is the predictor's attribute of the same name."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self.__doc__ = f"See ``Predictor.{name}``."

    def __get__(self, instance: HasPredictor, owner: type | None = None) -> Value:
        value: Value = getattr(instance.predictor, self._name)
        return value

    def __set__(self, instance: HasPredictor, value: Any) -> None:
        setattr(instance.predictor, self._name, value)
