"""Environment locks: which packages each known form of them pins.

Known are a ``requirements.txt`` whose every line pins a version (``pip freeze``,
``uv export``), ``uv.lock``, and conda's ``environment.yml`` with exact versions.
Only packages count that the lock's own markers want on this machine.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import msgspec

from hopsartifacts.errors import InvalidDeploymentError

ANY_VERSION = None
"""The version of a package that is pinned by where it comes from, not by a number."""

_HASHES = re.compile(r"\s--hash=\S+")
_COMMENT = re.compile(r"(^|\s)#.*$")
_CONDA_PIN = re.compile(r"([^=<>!~\s\[]+)\s*==?\s*([^=<>!~*,|\s]+)(=[^=\s]+)?")


class Pin(msgspec.Struct, frozen=True):
    """A package of a lock."""

    name: str
    """Normalised, as PyPI compares names."""
    version: str | None


Pins = dict[str, Pin]


def read_lock(name: str, text: str) -> Pins:
    """Return what the lock in the file *name* wants on this machine, by package.

    Raises:
        InvalidDeploymentError: it is of no known form, or does not pin a version.
    """
    suffix = PurePath(name).suffix
    reader = {".lock": _uv, ".yml": _conda, ".yaml": _conda}.get(suffix, _requirements)
    try:
        pins = {pin.name: pin for pin in reader(text)}
    except ModuleNotFoundError as error:
        raise InvalidDeploymentError(
            f"reading the environment lock {name!r} needs {error.name}: run "
            'pip install "hopsartifacts[serving]"'
        ) from error
    except (_UnreadableError, tomllib.TOMLDecodeError) as error:
        raise InvalidDeploymentError(
            f"environment lock {name!r}: {error}. Give what pip freeze or uv export "
            "writes, a uv.lock, or an environment.yml with exact versions"
        ) from error
    if not pins:
        raise InvalidDeploymentError(
            f"environment lock {name!r} pins no package: leave it out, or write one "
            "with pip freeze"
        )
    return pins


def check_lock(name: str, data: bytes) -> None:
    """Refuse a lock that could not be compared; raises as ``read_lock``."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidDeploymentError(
            f"environment lock {name!r} is not UTF-8 ({error}): save it as that"
        ) from error
    read_lock(name, text)


def name_of_text(text: str) -> str:
    """Return the file name for a lock that was given as its text."""
    if re.search(r"^\[\[package\]\]", text, re.MULTILINE):
        return "uv.lock"
    if re.search(r"^dependencies:", text, re.MULTILINE):
        return "environment.yml"
    return "requirements.txt"


class _UnreadableError(Exception):
    """What is wrong with a lock, in words."""


def _requirements(text: str) -> Iterator[Pin]:
    joined = text.replace("\\\r\n", " ").replace("\\\n", " ")
    for number, whole in enumerate(joined.splitlines(), 1):
        line = _HASHES.sub("", _COMMENT.sub("", whole)).strip()
        # Where packages come from and how is not for us; -e is somebody's work.
        is_option = line.startswith("-")
        if line.startswith(("-r ", "--requirement", "-c ", "--constraint")):
            raise _UnreadableError(f"line {number} {line!r} names another file")
        if line and not is_option:
            yield from _requirement(line, f"line {number}")


def _requirement(line: str, where: str) -> Iterator[Pin]:
    # Of the extra serving, and slow to import.
    from packaging.requirements import (  # noqa: PLC0415 - see above
        InvalidRequirement,
        Requirement,
    )

    try:
        wanted = Requirement(line)
    except InvalidRequirement as error:
        raise _UnreadableError(f"{where} {line!r} is no requirement") from error
    if wanted.marker and not wanted.marker.evaluate():
        return
    if wanted.url:
        yield Pin(_normalised(wanted.name), ANY_VERSION)
        return
    exact = [it for it in wanted.specifier if it.operator in {"==", "==="}]
    if len(wanted.specifier) != 1 or not exact or exact[0].version.endswith("*"):
        raise _UnreadableError(f"{where} {line!r} does not pin a version with ==")
    yield Pin(_normalised(wanted.name), exact[0].version)


def _uv(text: str) -> Iterator[Pin]:
    document = tomllib.loads(text)
    packages = document.get("package")
    if not isinstance(packages, list) or not all("name" in it for it in packages):
        raise _UnreadableError("it has no [[package]] with a name")
    return _UvLock(packages).wanted_here()


class _UvLock:
    """The packages of a ``uv.lock``, which is for all machines at once."""

    def __init__(self, packages: list[dict[str, Any]]) -> None:
        self._packages = packages
        self._pending: list[tuple[dict[str, Any], frozenset[str]]] = []
        self._done: list[tuple[dict[str, Any], frozenset[str]]] = []

    def wanted_here(self) -> Iterator[Pin]:
        """Yield what the locked projects need on this machine, directly or not."""
        roots = [it for it in self._packages if _is_own(it)]
        self._pending = [(it, frozenset()) for it in roots or self._packages]
        while self._pending:
            item = self._pending.pop()
            if item in self._done:
                continue
            self._done.append(item)
            package, extras = item
            if not _is_own(package):
                version = package.get("version", ANY_VERSION)
                yield Pin(_normalised(package["name"]), version)
            for needed in _needed(package, extras):
                self._follow(needed)

    def _follow(self, needed: dict[str, Any]) -> None:
        from packaging.markers import Marker  # noqa: PLC0415 - of the extra serving

        if "marker" in needed and not Marker(needed["marker"]).evaluate({"extra": ""}):
            return
        for package in self._packages:
            is_version = needed.get("version") in {None, package.get("version")}
            if package["name"] == needed["name"] and is_version:
                extras = frozenset(needed.get("extra", ()))
                self._pending.append((package, extras))


def _is_own(package: Mapping[str, Any]) -> bool:
    """Tell whether it is a project being worked on, not one that is installed."""
    source = package.get("source", {})
    return bool({"virtual", "editable", "directory"} & {*source})


def _needed(
    package: Mapping[str, Any], extras: frozenset[str]
) -> Iterator[dict[str, Any]]:
    yield from package.get("dependencies", ())
    optional = package.get("optional-dependencies", {})
    for extra in sorted(extras):
        yield from optional.get(extra, ())


def _conda(text: str) -> Iterator[Pin]:
    import yaml  # noqa: PLC0415 - of the extra serving

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _UnreadableError(f"it is no YAML ({error})") from error
    listed = document.get("dependencies") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise _UnreadableError("it has no list of dependencies")
    for item in listed:
        if isinstance(item, dict) and [*item] == ["pip"]:
            yield from _requirements("\n".join(map(str, item["pip"] or ())))
            continue
        text = str(item).rpartition("::")[2]
        match = _CONDA_PIN.fullmatch(text)
        if not match:
            raise _UnreadableError(f"{item!r} does not pin a version with =")
        yield Pin(_normalised(match[1]), match[2])


def _normalised(name: str) -> str:
    from packaging.utils import canonicalize_name  # noqa: PLC0415 - of an extra

    return str(canonicalize_name(name))
