"""A value of each plain setting that is not its default."""

from typing import Any

import msgspec

from hopsartifacts.deployments.settings import PLAIN, PlainSetting

_NUMBERS = (30, 1, 100, 1000, 0, 0.5, -1)
"""One of them is within the limits of most settings."""


def example_of(setting: PlainSetting) -> Any:
    """Return a value of *setting* that is not its default."""
    if setting.words:
        return next(it for it in setting.words if it != setting.default)
    if setting.kind is str:
        return "example"
    if setting.kind is bool:
        return not setting.default
    for number in _NUMBERS:
        if number != setting.default and _fits(number, setting):
            return number
    raise AssertionError(f"{setting.name}: add a number within its limits to _NUMBERS")


def _fits(number: float, setting: PlainSetting) -> bool:
    try:
        msgspec.convert(number, setting.annotation)
    except msgspec.ValidationError:
        return False
    return True


def option_of(setting: PlainSetting, value: Any) -> list[str]:
    """Return the words that give *value* on the command line."""
    name = setting.name.replace("_", "-")
    if setting.kind is bool:
        return [f"--{name}" if value else f"--no-{name}"]
    return [f"--{name}", str(value)]


EXAMPLES = {name: example_of(setting) for name, setting in PLAIN.items()}
