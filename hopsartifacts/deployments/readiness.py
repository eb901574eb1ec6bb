"""Whether the environment at hand is what a sealed specification was made for."""

from hopsartifacts.artifacts.payloads import Readers
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.deployments.environment import differences, in_words
from hopsartifacts.deployments.imports import missing_modules
from hopsartifacts.deployments.locks import read_lock
from hopsartifacts.errors import UnsupportedHereError
from hopsartifacts.storage.contract import Storage

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
