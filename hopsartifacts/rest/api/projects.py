"""The project: its storage, and the verdict on that storage."""

import msgspec

from hopsartifacts import __version__
from hopsartifacts.documents import FORMAT
from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.rest.api.conventions import operations
from hopsartifacts.rest.keys import Scope
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.store.storage_probe import Check, kept_verdict


class StorageVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on the storage, by the doctor or by the test before the first write.

    Attributes:
        ok: whether the storage can hold a project.
        time: when it was tested.
    """

    ok: bool
    time: str
    checks: tuple[Check, ...]


class ProjectDetail(msgspec.Struct, frozen=True, kw_only=True):
    """The project that this server serves.

    Attributes:
        id: its number in Hopsworks' own API.
        url: URL of its storage, without credentials.
        format: number of the on-disk format.
        release: version of hopsartifacts.
        is_local: whether it is on the server's own disk.
        verdict: null if the storage was not tested yet.
    """

    name: str
    id: int
    url: str
    format: int
    release: str
    is_local: bool
    verdict: StorageVerdict | None


class Me(msgspec.Struct, frozen=True):
    """Name and scopes of the caller's API key."""

    name: str
    scopes: list[Scope]


def _get(call: OperationCall) -> ProjectDetail:
    hosted = call.hosted
    return ProjectDetail(
        name=hosted.project.name,
        id=hosted.project_id,
        url=hosted.project.url,
        format=FORMAT,
        release=__version__,
        is_local=hosted.storage.local_path("") is not None,
        verdict=_verdict(call),
    )


def _verdict(call: OperationCall) -> StorageVerdict | None:
    try:
        kept = kept_verdict(call.hosted.storage)
    except HopsArtifactsError:
        return None  # damaged: the doctor rewrites it
    if kept is None:
        return None
    return StorageVerdict(ok=kept.ok, time=kept.time, checks=kept.checks)


def _me(call: OperationCall) -> Me:
    return Me(name=call.caller.name, scopes=sorted(call.caller.scopes))


_operation = operations("project")

OPERATIONS = (
    _operation("GET", "/project", _get, "The project", answer=ProjectDetail),
    _operation("GET", "/me", _me, "Whose key this is", answer=Me, errors=()),
)
