"""The project: where it lies, and what is known of its storage."""

import msgspec

from hopsartifacts import __version__
from hopsartifacts.documents import FORMAT
from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.rest.api.table import operations
from hopsartifacts.rest.callers import Scope
from hopsartifacts.rest.operations import Call
from hopsartifacts.store.proof import Check, kept_verdict


class StorageVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the doctor, or the first write, found out about the storage.

    Attributes:
        ok: it can keep a project.
        time: when that was.
    """

    ok: bool
    time: str
    checks: tuple[Check, ...]


class ProjectDetail(msgspec.Struct, frozen=True, kw_only=True):
    """The project that this server serves.

    Attributes:
        id: its number in Hopsworks' own API.
        url: of its storage; it never holds credentials.
        format: number of the on-disk format.
        release: of hopsartifacts.
        is_local: it lies on the server's own disk.
        verdict: null as long as nothing was tried.
    """

    name: str
    id: int
    url: str
    format: int
    release: str
    is_local: bool
    verdict: StorageVerdict | None


class Me(msgspec.Struct, frozen=True):
    """Whose key this is, and what it allows."""

    name: str
    scopes: list[Scope]


def _get(call: Call) -> ProjectDetail:
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


def _verdict(call: Call) -> StorageVerdict | None:
    try:
        kept = kept_verdict(call.hosted.storage)
    except HopsArtifactsError:
        return None  # damaged: the doctor writes it anew
    if kept is None:
        return None
    return StorageVerdict(ok=kept.ok, time=kept.time, checks=kept.checks)


def _me(call: Call) -> Me:
    return Me(name=call.caller.name, scopes=sorted(call.caller.scopes))


_operation = operations("project")

OPERATIONS = (
    _operation("GET", "/project", _get, "The project", answer=ProjectDetail),
    _operation("GET", "/me", _me, "Whose key this is", answer=Me, errors=()),
)
