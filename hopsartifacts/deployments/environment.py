"""The Python environment of this process, compared with a deployment's lock.

A deployment on this machine runs in the environment of the process that starts it.

An environment lock is a ``requirements.txt`` that pins a version in every line (from
``pip freeze`` or ``uv export``), a ``uv.lock``, or conda's ``environment.yml`` with
exact versions. Packages whose markers exclude this machine are ignored.
"""

import platform
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path, PurePath
from typing import Any

import msgspec

from hopsartifacts.artifacts.payloads import Readers
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.deployments.scripts import missing_modules
from hopsartifacts.errors import (
    InvalidDeploymentError,
    InvalidInputError,
    UnsupportedHereError,
)
from hopsartifacts.storage.contract import Storage

ANY_VERSION = None
"""The version of a package that is pinned by its folder or URL, not by a number."""

_HASHES = re.compile(r"\s--hash=\S+")
_COMMENT = re.compile(r"(^|\s)#.*$")
_CONDA_PIN = re.compile(r"([^=<>!~\s\[]+)\s*==?\s*([^=<>!~*,|\s]+)(=[^=\s]+)?")


class Pin(msgspec.Struct, frozen=True):
    """A package of a lock."""

    name: str
    """The name, normalised as on PyPI."""
    version: str | None


Pins = dict[str, Pin]


def read_lock(name: str, text: str) -> Pins:
    """Return the pins of the lock in the file *name* for this machine, by package.

    Raises:
        InvalidDeploymentError: its format is unknown, or a package has no version.
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
    """Refuse a lock that cannot be read; raises as ``read_lock``."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidDeploymentError(
            f"environment lock {name!r} is not UTF-8 ({error}): save it as UTF-8"
        ) from error
    read_lock(name, text)


def name_of_text(text: str) -> str:
    """Return the file name for a lock that is given as text."""
    if re.search(r"^\[\[package\]\]", text, re.MULTILINE):
        return "uv.lock"
    if re.search(r"^dependencies:", text, re.MULTILINE):
        return "environment.yml"
    return "requirements.txt"


class _UnreadableError(Exception):
    """The fault of a lock, as part of a message."""


def _requirements(text: str) -> Iterator[Pin]:
    joined = text.replace("\\\r\n", " ").replace("\\\n", " ")
    for number, whole in enumerate(joined.splitlines(), 1):
        line = _HASHES.sub("", _COMMENT.sub("", whole)).strip()
        # Options that name indexes are skipped; -e installs a folder.
        is_option = line.startswith("-")
        if line.startswith(("-r ", "--requirement", "-c ", "--constraint")):
            raise _UnreadableError(f"line {number} {line!r} names another file")
        if line and not is_option:
            yield from _requirement(line, f"line {number}")


def _requirement(line: str, where: str) -> Iterator[Pin]:
    # It belongs to the extra "serving", and is slow to import.
    from packaging.requirements import (  # noqa: PLC0415 - see above
        InvalidRequirement,
        Requirement,
    )

    try:
        wanted = Requirement(line)
    except InvalidRequirement as error:
        raise _UnreadableError(f"{where} {line!r} is not a requirement") from error
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
    """The packages of a ``uv.lock``, which covers all platforms."""

    def __init__(self, packages: list[dict[str, Any]]) -> None:
        self._packages = packages
        self._pending: list[tuple[dict[str, Any], frozenset[str]]] = []
        self._done: list[tuple[dict[str, Any], frozenset[str]]] = []

    def wanted_here(self) -> Iterator[Pin]:
        """Yield all packages that the locked projects need on this machine."""
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
    """Return whether the package is the user's own project, not a dependency."""
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
        raise _UnreadableError(f"it is not YAML ({error})") from error
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


_PYTHON = "python"


class OtherPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package whose installed version differs from the lock."""

    name: str
    wanted: str | None
    """The version in the lock; None for any."""
    found: str | None
    """The installed version; None if it is not installed."""


def installed() -> dict[str, str]:
    """Return the version of every installed package, by normalised name."""
    from packaging.utils import canonicalize_name  # noqa: PLC0415 - of an extra

    found = {name: it.version for name, it in _distributions().items()}
    conda = {str(canonicalize_name(name)): it for name, it in _conda_packages()}
    return {_PYTHON: platform.python_version(), **conda, **found}


def differences(pins: Pins) -> list[OtherPackage]:
    """Return the packages that differ from *pins*, sorted by name."""
    here = installed()
    return [
        OtherPackage(name=name, wanted=pin.version, found=here.get(name))
        for name, pin in sorted(pins.items())
        if not _is_met(pin, here.get(name))
    ]


def in_words(others: list[OtherPackage]) -> str:
    """Return *others* as a table, one line for each package."""
    rows = [("package", "locked", "here")]
    rows += [
        (it.name, it.wanted or "any", it.found or "not installed") for it in others
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows
    )


def freeze(path: str | Path | None = None) -> str:
    """Return the lock of this environment as the text of a ``requirements.txt``.

    Packages that were installed from a folder or a URL cannot be installed by version
    elsewhere: each is replaced by a comment.

    Args:
        path: a file to which it is written; an existing file is replaced.

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
        # A half-removed package has no name. Of two with one name, the first is used.
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
        # 2.1.0+cpu satisfies 2.1.0, and 1.0.0 satisfies 1.0.
        return SpecifierSet(f"=={pin.version}").contains(found, prereleases=True)
    except InvalidSpecifier:
        return False  # conda has versions that are not valid in Python


def _conda_packages() -> Iterator[tuple[str, str]]:
    """Yield name and version of each package that conda installed; files have both."""
    for path in Path(sys.prefix, "conda-meta").glob("*-*-*.json"):
        name, version, _ = path.stem.rsplit("-", 2)
        yield name, version


_WAY_OUT = "or start it anyway with ignore_environment=True"


def check_environment(storage: Storage, specification: Specification) -> None:
    """Refuse to run a deployment in an environment that does not fit.

    Raises:
        UnsupportedHereError: the installed packages differ from its lock, or a module
            that its scripts import is missing; the message lists them.
        InvalidDeploymentError: a package for reading the lock is missing.
    """
    pin = specification.model
    store = ArtifactStore(storage, pin.name, pin.version)
    if specification.artifact.version == 0:
        return
    readers = store.read(specification.artifact.version)
    for obstacle in obstacles(specification, readers):
        raise UnsupportedHereError(obstacle)


def obstacles(specification: Specification, readers: Readers) -> Iterator[str]:
    """Yield why a deployment does not fit this environment, each in a sentence.

    Args:
        specification: that of the deployment.
        readers: functions that read the files of its artifact.

    Raises:
        InvalidDeploymentError: a package for reading the lock is missing.
    """
    if lock := specification.environment_lock:
        name = lock.removeprefix("environment-")
        if others := differences(read_lock(name, _bytes(readers, lock).decode())):
            yield (
                f"this environment differs from the lock of deployment "
                f"{specification.name!r}:\n{in_words(others)}\nInstall the packages "
                f"of {name}, {_WAY_OUT}"
            )
    transformer = specification.transformer
    names = [specification.predictor.script, transformer and transformer.script]
    scripts = {name: _bytes(readers, name) for name in names if name}
    if missing := missing_modules(scripts, readers):
        yield (
            f"deployment {specification.name!r} needs modules that are not installed "
            f"here: {'; '.join(map(str, missing))}. Install them, or give the "
            f"deployment its modules as files=, {_WAY_OUT}"
        )


def _bytes(readers: Readers, name: str) -> bytes:
    return b"".join(readers[name]())
