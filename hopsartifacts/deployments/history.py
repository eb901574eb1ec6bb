"""What the log of a deployment says: which versions there are, and which were active.

The entries are the history; nothing else is kept of it.
"""

from typing import Literal

import msgspec

from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.deployments.logs import Logs
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.names import version_number
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import LogEntry

Cause = Literal["save", "rollback", "take back"]


class DeploymentSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed version of a deployment, and whether it was active when asked for."""

    deployment: str
    version: int
    created: str
    """When it was sealed (RFC 3339, UTC)."""
    creator: str
    is_active: bool
    specification: Specification

    def __repr__(self) -> str:
        active = ", active" if self.is_active else ""
        return f"DeploymentSnapshot({self.deployment!r} version {self.version}{active})"


class Activation(msgspec.Struct, frozen=True, kw_only=True):
    """One moment at which a version became the active one."""

    version: int
    when: str
    by: str
    cause: Cause
    """``take back``: the version before was of a model that was being deleted."""
    why: str
    """What the writer said; empty if nothing."""


def snapshots_of(found: Deployed) -> list[DeploymentSnapshot]:
    """Return the versions of a deployment, newest first."""
    return [
        DeploymentSnapshot(
            deployment=found.name,
            version=number,
            created=version.created,
            creator=version.creator,
            is_active=number == found.active,
            specification=version.specification,
        )
        for number, version in sorted(found.versions.items(), reverse=True)
    ]


def number_of(name: str, version: int | DeploymentSnapshot) -> int:
    """Return the number of a version of the deployment *name*.

    Raises:
        InvalidInputError: it is a version of another deployment.
        InvalidNameError: it is no version's number.
    """
    if not isinstance(version, DeploymentSnapshot):
        return version_number(version)
    if version.deployment != name:
        raise InvalidInputError(
            f"{version!r} is not a version of deployment {name!r}: give one of its "
            "get_versions()"
        )
    return version.version


def activations(storage: Storage, name: str) -> list[Activation]:
    """Return which versions were active, the newest first.

    Only of the deployment that has the name now, not of those it had before.
    """
    found: list[Activation] = []
    for entry in Logs(storage).deployment(name).entries():
        op = entry.op
        if op["kind"] == "delete" or op.get("active") == 0:
            found.clear()
        elif activation := _activation(entry, found):
            found.append(activation)
    return found[::-1]


def _activation(entry: LogEntry, before: list[Activation]) -> Activation | None:
    op = entry.op
    cause: Cause
    if op["kind"] == "save" or op["kind"] == "rollback":
        cause, version = op["kind"], op["version"]
    elif op["kind"] == "take back":
        cause, version = "take back", op.get("active")
        if version is None or (before and before[-1].version == version):
            return None
    else:
        return None
    return Activation(
        version=version,
        when=entry.body.time,
        by=entry.body.writer,
        cause=cause,
        why=op.get("why", ""),
    )
