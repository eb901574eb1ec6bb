"""All operations of this API."""

from hopsartifacts.rest.api import (
    artifacts,
    catalog,
    deployment_edits,
    deployments,
    edits,
    events,
    files,
    history,
    jobs,
    model_form,
    models,
    projects,
)
from hopsartifacts.rest.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *projects.OPERATIONS,
    *models.OPERATIONS,
    *model_form.OPERATIONS,
    *edits.OPERATIONS,
    *artifacts.OPERATIONS,
    *deployments.OPERATIONS,
    *history.OPERATIONS,
    *deployment_edits.OPERATIONS,
    *catalog.OPERATIONS,
    *files.OPERATIONS,
    *jobs.OPERATIONS,
    *events.OPERATIONS,
)
