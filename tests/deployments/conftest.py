"""Projects whose deployments only know states: they start, and nothing runs."""

import pytest

from hopsartifacts import Project
from hopsartifacts.testing.states_only import StatesOnly


@pytest.fixture
def backend() -> StatesOnly:
    return StatesOnly()


@pytest.fixture
def project(project: Project, backend: StatesOnly) -> Project:
    return Project(project.storage, backend=backend)
