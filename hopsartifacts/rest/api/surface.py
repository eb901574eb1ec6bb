"""All operations of this API."""

from hopsartifacts.rest.api import (
    artifacts,
    catalog,
    deploying,
    deployments,
    edits,
    events,
    files,
    history,
    jobs,
    models,
    projects,
    saving,
    versions,
)
from hopsartifacts.rest.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *projects.OPERATIONS,
    *models.OPERATIONS,
    *versions.OPERATIONS,
    *saving.OPERATIONS,
    *edits.OPERATIONS,
    *artifacts.OPERATIONS,
    *deployments.OPERATIONS,
    *history.OPERATIONS,
    *deploying.OPERATIONS,
    *catalog.OPERATIONS,
    *files.OPERATIONS,
    *jobs.OPERATIONS,
    *events.OPERATIONS,
)
