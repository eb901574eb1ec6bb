"""What format 1 has beside the files of a version: a copy of its manifest.

Its seals are entries of the log. So that a reader needs no log, the manifest lay beside
the files too, and a gravestone took its place before the version was deleted.
"""

from hopsartifacts import layout
from hopsartifacts.documents import decode, encode, is_checked
from hopsartifacts.errors import PathNotFoundError
from hopsartifacts.registry.documents import Manifest
from hopsartifacts.storage.contract import Storage


def sealed_manifest(storage: Storage, model: str, version: int) -> Manifest | None:
    """Return the manifest beside the files; None if the log has to be asked."""
    path = layout.version_manifest(model, version)
    try:
        data = storage.read(path)
    except PathNotFoundError:
        return None
    manifest = decode(data, Manifest, path) if is_checked(data) else None
    if manifest and (manifest.model, manifest.version) == (model, version):
        return manifest
    return None


def gravestone(model: str, version: int) -> bytes:
    """Return what took the place of a deleted version's manifest."""
    return encode({"deleted": True, "model": model, "version": version})


def is_buried(storage: Storage, model: str, version: int) -> bool:
    """Tell whether a gravestone lies in the place of a version's manifest."""
    try:
        data = storage.read(layout.version_manifest(model, version))
    except PathNotFoundError:
        return False
    return data == gravestone(model, version)
