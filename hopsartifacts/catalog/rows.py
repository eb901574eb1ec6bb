"""The columns of the catalog, and the rows: one for each model version."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from hopsartifacts.artifacts.documents import ArtifactVersion
from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.documents import DeploymentVersion
from hopsartifacts.documents import encode
from hopsartifacts.registry.documents import VersionRecord

Row = dict[str, Any]

_TIME = pa.timestamp("us", tz="UTC")

ARTIFACT = pa.struct(
    [
        pa.field("version", pa.int64()),
        pa.field("identity", pa.string()),
        pa.field("files", pa.list_(pa.string())),
        pa.field("size_bytes", pa.int64()),
    ]
)
DEPLOYMENT = pa.struct(
    [
        pa.field("name", pa.string()),
        pa.field("version", pa.int64()),
        pa.field("active", pa.bool_()),
        pa.field("artifact_version", pa.int64()),
        pa.field("model_server", pa.string()),
        pa.field("serving_tool", pa.string()),
        pa.field("created", _TIME),
        pa.field("creator", pa.string()),
    ]
)
SCHEMA = pa.schema(
    [
        pa.field("model", pa.string()),
        pa.field("version", pa.int64()),
        pa.field("id", pa.string()),
        pa.field("framework", pa.string()),
        pa.field("description", pa.string()),
        pa.field("created", _TIME),
        pa.field("creator", pa.string()),
        pa.field("files", pa.int64()),
        pa.field("size_bytes", pa.int64()),
        pa.field("manifest", pa.string()),
        pa.field("metrics", pa.map_(pa.string(), pa.float64())),
        pa.field("tags", pa.string()),
        pa.field("aliases", pa.list_(pa.string())),
        pa.field("artifacts", pa.list_(ARTIFACT)),
        pa.field("deployments", pa.list_(DEPLOYMENT)),
    ]
)


def version_part(
    model: str, number: int, version: VersionRecord, aliases: list[str]
) -> Row:
    """Return the columns that come from the model's log."""
    return {
        "model": model,
        "version": number,
        "id": version.id,
        "framework": version.framework,
        "description": version.description,
        "created": datetime.fromisoformat(version.created),
        "creator": version.creator,
        "files": version.files,
        "size_bytes": version.size_bytes,
        "manifest": version.sha256,
        "metrics": [(name, _double(value)) for name, value in version.metrics.items()],
        "tags": encode(version.tags).decode(),
        "aliases": aliases,
    }


def artifact_items(versions: Mapping[int, ArtifactVersion]) -> list[Row]:
    """Return the items of ``artifacts``, without version 0, which always exists."""
    return [
        {
            "version": number,
            "identity": artifact.identity,
            "files": [file.path for file in artifact.files],
            "size_bytes": sum(file.digest.size_bytes for file in artifact.files),
        }
        for number, artifact in versions.items()
        if number
    ]


def deployment_items(state: Deployed) -> dict[tuple[str, int], list[Row]]:
    """Return the items of ``deployments``, by the model version that they pin."""
    found: dict[tuple[str, int], list[Row]] = {}
    for version in state.versions.values():
        pin = version.specification.model
        item = _deployment_item(version, is_active=version.version == state.active)
        found.setdefault((pin.name, pin.version), []).append(item)
    return found


def table_of(rows: list[Row]) -> pa.Table:
    """Return *rows* as a table."""
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _deployment_item(version: DeploymentVersion, *, is_active: bool) -> Row:
    specification = version.specification
    return {
        "name": specification.name,
        "version": version.version,
        "active": is_active,
        "artifact_version": specification.artifact.version,
        "model_server": specification.model_server,
        "serving_tool": specification.serving_tool,
        "created": datetime.fromisoformat(version.created),
        "creator": version.creator,
    }


def _double(value: float) -> float | None:
    try:
        return float(value)
    except OverflowError:  # an integer beyond the range of a double
        return None
