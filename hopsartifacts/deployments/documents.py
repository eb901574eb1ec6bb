"""The stored documents of deployments: a specification pins everything that runs."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Literal

import msgspec

from hopsartifacts.deployments.parts import (
    InferenceBatcher,
    InferenceLogger,
)
from hopsartifacts.deployments.requests import GoldenRequest
from hopsartifacts.deployments.rules import ApiProtocol, ModelServer, ServingTool
from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import encode
from hopsartifacts.registry.documents import Framework
from hopsartifacts.serving.contract import (
    ComponentResources,
)
from hopsartifacts.store.entries import Head, State


class ModelPin(msgspec.Struct, frozen=True, kw_only=True):
    """The model version that a deployment runs."""

    name: str
    version: int
    id: str
    framework: Framework
    manifest: str
    """Digest of the version's manifest, which pins every model file."""


class ArtifactPin(msgspec.Struct, frozen=True, kw_only=True):
    """The artifact version that a deployment runs."""

    version: int
    identity: str


class ComponentSpecification(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True
):
    """One component; ``script`` is a name inside the artifact folder."""

    resources: ComponentResources
    script: str | None = None


class Specification(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything about one deployment version.

    A field that is added later must have a default, and is left out of the JSON if it
    has that value. So specifications that were sealed earlier keep their bytes.
    """

    name: str
    description: str | None
    model: ModelPin
    artifact: ArtifactPin
    model_server: ModelServer
    serving_tool: ServingTool
    api_protocol: ApiProtocol
    predictor: ComponentSpecification
    transformer: ComponentSpecification | None = None
    config_file: str | None = None
    inference_logger: InferenceLogger | None = None
    inference_batcher: InferenceBatcher | None = None
    environment: str | None = None
    environment_lock: str | None = None
    """Name inside the artifact folder; the artifact's identity pins its bytes."""
    env_vars: dict[str, str] = {}
    golden_request: GoldenRequest | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of its bytes, by which specifications are compared."""
        return sha256_of(encode(self))


class DeploymentVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed version of a deployment."""

    version: int
    created: str
    creator: str
    specification: Specification


class PinnedModel(msgspec.Struct, frozen=True, kw_only=True):
    """The model version that a deployment version pins; other fields are not read."""

    name: str
    version: int


class DeploymentRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record of a deployment version in the log; its specification is separate.

    A version that was deleted has no members but its status.
    """

    status: Literal["live", "deleted"]
    model: PinnedModel | None = None
    artifact: int = 0
    created: str = ""
    creator: str = ""
    entry: int = 0
    """Number of the log entry that contains the specification."""

    def __post_init__(self) -> None:
        """Refuse a record of a live version without the fields that a listing shows."""
        if self.status == "live":
            datetime.fromisoformat(self.created)


class DeploymentHead(Head, frozen=True, kw_only=True, omit_defaults=True):
    """The head of a deployment's log: what concerns the deployment as a whole.

    A deleted deployment has no versions; its numbers are not given again.
    """

    status: Literal["none", "live", "deleted"] = "none"
    id: str = ""
    created: str = ""
    creator: str = ""
    first: int = 1
    """Lower numbers belong to earlier deployments of the same name."""
    active: int = 0
    before: int = 0
    """The previously active version, which an undo makes active again."""
    entry: int = 0
    """Number of the log entry that contains the active version's specification."""
    tags: dict[str, Any] = {}  # noqa: RUF012 - a struct copies it

    @property
    def wanted(self) -> int:
        """Number of the entry with the specification of the active version."""
        return self.entry


def activated_by(op: Mapping[str, Any]) -> int | None:
    """Return the version that a log entry's operation made active; None if none."""
    if op["kind"] in {"save", "rollback"}:
        return int(op["version"])
    return op.get("active") if op["kind"] == "take back" else None


class DeploymentState(State[DeploymentHead, DeploymentRecord]):
    """The state of a deployment's log: its head, and a record for each version."""

    head_type = DeploymentHead
    record_type = DeploymentRecord

    def contradiction(self) -> str | None:
        """Return what the records contradict in the head; None if nothing."""
        active, entry = self.head.active, self.head.entry
        if self.head.status == "live":
            is_so = self.is_kept(active) and self.records[active].entry == entry
        else:
            is_so = not active and not entry
        return None if is_so else f"that version {active}, of entry {entry}, is active"

    def is_kept(self, number: int) -> bool:
        """Return whether the version belongs to this deployment and was not deleted."""
        record = self.records.get(number) if number >= self.head.first else None
        return record is not None and record.status == "live"

    def newest_first(self) -> Iterator[tuple[int, DeploymentRecord]]:
        """Yield the versions of this deployment that were not deleted, newest first."""
        for number, record in self.records.descending():
            if number < self.head.first:
                return
            if record.status == "live":
                yield number, record

    def activated(self, number: int) -> "DeploymentState":
        """Return this state with *number* as the active version."""
        record = self.records[number]
        return self.changed(active=number, before=self.head.active, entry=record.entry)

    def without(self, number: int) -> "DeploymentState":
        """Return this state with a version deleted; after the last one, it has none.

        If it is the active one, the previously active version becomes active again.
        """
        after = self.changed(number, DeploymentRecord(status="deleted"))
        if after.head.active != number:
            return after
        before = after.head.before
        rest = [before] if after.is_kept(before) else []
        rest += (it for it, _ in islice(after.newest_first(), 1))
        if not rest:
            return after.deleted()
        entry = after.records[rest[0]].entry
        return after.changed(active=rest[0], before=0, entry=entry)

    def deleted(self) -> "DeploymentState":
        """Return this state with the deployment deleted."""
        first = self.head.last + 1
        return self.changed(
            status="deleted", first=first, active=0, before=0, entry=0, tags={}
        )
