"""The Python environment at hand: what is installed, and how it differs from a lock.

A server of this machine runs in the environment of the process that starts it.
"""

import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import msgspec

from hopsartifacts.deployments.locks import Pin, Pins
from hopsartifacts.errors import InvalidInputError

_PYTHON = "python"


class OtherPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package that is not here as a lock wants it."""

    name: str
    wanted: str | None
    """None: any version."""
    found: str | None
    """None: it is not installed."""


def installed() -> dict[str, str]:
    """Return the version of every package that is installed, by normalised name."""
    from packaging.utils import canonicalize_name  # noqa: PLC0415 - of an extra

    found = {name: it.version for name, it in _distributions().items()}
    conda = {str(canonicalize_name(name)): it for name, it in _conda_packages()}
    return {_PYTHON: platform.python_version(), **conda, **found}


def differences(pins: Pins) -> list[OtherPackage]:
    """Return where the environment is not what *pins* want, sorted by name."""
    here = installed()
    return [
        OtherPackage(name=name, wanted=pin.version, found=here.get(name))
        for name, pin in sorted(pins.items())
        if not _is_met(pin, here.get(name))
    ]


def in_words(others: list[OtherPackage]) -> str:
    """Return a table of *others* for people."""
    rows = [("package", "locked", "here")]
    rows += [
        (it.name, it.wanted or "any", it.found or "not installed") for it in others
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows
    )


def freeze(path: str | Path | None = None) -> str:
    """Return the lock of the environment at hand, as a ``requirements.txt``.

    What is installed from a folder or a URL has no version that others could get: it
    is left out, with a comment.

    Args:
        path: a file to write it to; one that is there is replaced.

    Raises:
        InvalidInputError: the file cannot be written, or ``packaging`` is missing.
    """
    try:
        listed = _frozen()
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            f"freezing the environment needs {error.name}: run pip install "
            '"hopsartifacts[serving]"'
        ) from error
    text = "\n".join([f"# Python {platform.python_version()}", *listed, ""])
    if path is not None:
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise InvalidInputError(
                f"{str(path)!r} cannot be written ({error.strerror}): give the name "
                "of a file"
            ) from error
    return text


def _frozen() -> list[str]:
    return [_line(it) for _, it in sorted(_distributions().items())]


def _line(distribution: metadata.Distribution) -> str:
    name, version = distribution.metadata["Name"], distribution.version
    if distribution.read_text("direct_url.json") is not None:
        return f"# {name} {version} is not from an index"
    return f"{name}=={version}"


def _distributions() -> dict[str, metadata.Distribution]:
    from packaging.utils import canonicalize_name  # noqa: PLC0415 - of an extra

    found: dict[str, metadata.Distribution] = {}
    for distribution in metadata.distributions():
        name: str | None = distribution.metadata["Name"]
        # Half-removed ones have no name; of two of one name the first is imported.
        if name:
            found.setdefault(str(canonicalize_name(name)), distribution)
    return found


def _is_met(pin: Pin, found: str | None) -> bool:
    if found is None or pin.version is None:
        return found is not None
    if found == pin.version:
        return True
    from packaging.specifiers import (  # noqa: PLC0415 - of an extra
        InvalidSpecifier,
        SpecifierSet,
    )

    if pin.name == _PYTHON and f"{found}.".startswith(f"{pin.version}."):
        return True
    try:
        # 2.1.0 is met by 2.1.0+cpu, and 1.0 by 1.0.0.
        return SpecifierSet(f"=={pin.version}").contains(found, prereleases=True)
    except InvalidSpecifier:
        return False  # conda knows versions that Python does not


def _conda_packages() -> Iterator[tuple[str, str]]:
    """Yield what conda says it has installed here; its files are called so."""
    for path in Path(sys.prefix, "conda-meta").glob("*-*-*.json"):
        name, version, _ = path.stem.rsplit("-", 2)
        yield name, version
