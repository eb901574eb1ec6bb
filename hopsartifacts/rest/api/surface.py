"""All operations of this API."""

from hopsartifacts.rest.api import (
    artifacts,
    catalog,
    deploying,
    deployments,
    edits,
    events,
    jobs,
    models,
    projects,
)
from hopsartifacts.rest.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *projects.OPERATIONS,
    *models.OPERATIONS,
    *edits.OPERATIONS,
    *artifacts.OPERATIONS,
    *deployments.OPERATIONS,
    *deploying.OPERATIONS,
    *catalog.OPERATIONS,
    *jobs.OPERATIONS,
    *events.OPERATIONS,
)
