"""The Python environment at hand: what is installed, and what a deployment wants.

A server of this machine runs in the environment of the process that starts it.

Known environment locks are a ``requirements.txt`` whose every line pins a version
(``pip freeze``, ``uv export``), ``uv.lock``, and conda's ``environment.yml`` with exact
versions. Only packages count that the lock's own markers want on this machine.
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
        # Options that say where packages come from are skipped; -e installs a folder.
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


_WAY_OUT = "or start it all the same with ignore_environment=True"


def check_environment(storage: Storage, specification: Specification) -> None:
    """Refuse what would run with other packages than it was made for.

    Raises:
        UnsupportedHereError: other packages are installed than its lock wants, or
            its scripts import what is not there; the message lists them.
        InvalidDeploymentError: reading the lock needs a package that is missing.
    """
    pin = specification.model
    store = ArtifactStore(storage, pin.name, pin.version)
    if specification.artifact.version == 0:
        return
    readers = store.read(specification.artifact.version)
    _check_lock(specification, readers)
    _check_imports(specification, readers)


def _check_lock(specification: Specification, readers: Readers) -> None:
    lock = specification.environment_lock
    if lock is None:
        return
    name = lock.removeprefix("environment-")
    others = differences(read_lock(name, _bytes(readers, lock).decode()))
    if others:
        raise UnsupportedHereError(
            f"deployment {specification.name!r} is locked to another environment than "
            f"this one:\n{in_words(others)}\nInstall what {name} wants, {_WAY_OUT}"
        )


def _check_imports(specification: Specification, readers: Readers) -> None:
    transformer = specification.transformer
    names = [specification.predictor.script, transformer and transformer.script]
    scripts = {name: _bytes(readers, name) for name in names if name}
    if missing := missing_modules(scripts, readers):
        raise UnsupportedHereError(
            f"deployment {specification.name!r} needs what is not installed here: "
            f"{'; '.join(map(str, missing))}. Install it, or give the deployment its "
            f"modules as files=, {_WAY_OUT}"
        )


def _bytes(readers: Readers, name: str) -> bytes:
    return b"".join(readers[name]())
