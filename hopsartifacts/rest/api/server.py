"""The server itself: its release, its disk, and how much the project has."""

import platform
from datetime import datetime

import msgspec

from hopsartifacts import __version__
from hopsartifacts.rest.api.conventions import operations
from hopsartifacts.rest.operations import OperationCall


class LogLength(msgspec.Struct, frozen=True, kw_only=True):
    """The log of a model, and how many entries it has."""

    model: str
    entries: int


class DiskRoom(msgspec.Struct, frozen=True, kw_only=True):
    """The disk of the server, on which uploads wait until they are complete.

    Attributes:
        free_bytes: what is free.
        kept_bytes: uploads are refused if less than this would stay free.
    """

    free_bytes: int
    kept_bytes: int


class ProjectSize(msgspec.Struct, frozen=True, kw_only=True):
    """How much the project has.

    Attributes:
        models: number of models.
        model_versions: number of their versions.
        deployments: number of deployments.
        size_bytes: size of all files of the versions.
        log_entries: number of entries in the logs of all models.
        longest_log: the longest of these logs; null if there is none.
    """

    models: int
    model_versions: int
    deployments: int
    size_bytes: int
    log_entries: int
    longest_log: LogLength | None


class ServerDetail(msgspec.Struct, frozen=True, kw_only=True):
    """This server.

    Attributes:
        release: version of hopsartifacts.
        python: version of Python.
        started: when it was started.
        read_only: whether callers may only read, whatever their keys allow.
        disk: the room for uploads; null if the server takes none.
        project: how much the project has.
    """

    release: str
    python: str
    started: datetime
    read_only: bool
    disk: DiskRoom | None
    project: ProjectSize


def _server(call: OperationCall) -> ServerDetail:
    hosted = call.hosted
    return ServerDetail(
        release=__version__,
        python=platform.python_version(),
        started=hosted.started,
        read_only=hosted.settings.is_read_only,
        disk=_disk(call),
        project=_size(call),
    )


def _disk(call: OperationCall) -> DiskRoom | None:
    uploads = call.hosted.uploads
    if uploads is None:
        return None
    free, kept = uploads.bodies.room()
    return DiskRoom(free_bytes=free, kept_bytes=kept)


def _size(call: OperationCall) -> ProjectSize:
    rows = call.hosted.rows
    models = rows.models()
    lengths = rows.log_lengths()
    longest = max(lengths, key=lambda name: (lengths[name], name), default=None)
    return ProjectSize(
        models=len(models),
        model_versions=sum(it.versions for it in models),
        deployments=len(rows.deployments()),
        size_bytes=sum(it.size_bytes for it in models),
        log_entries=sum(lengths.values()),
        longest_log=LogLength(model=longest, entries=lengths[longest])
        if longest
        else None,
    )


OPERATIONS = (
    operations("server")(
        "GET",
        "/server",
        _server,
        "This server, and how much the project has",
        answer=ServerDetail,
        errors=(),
    ),
)
