"""Messages for parts of a Hopsworks cluster that this server does not have."""

from collections.abc import Mapping
from types import MappingProxyType

from hopsartifacts.rest.hopsworks.login import PREFIX

ABSENT: Mapping[str, str] = MappingProxyType(
    {
        "admin": "users and their administration",
        "alerts": "alerts",
        "apps": "apps",
        "charts": "charts",
        "dashboards": "dashboards",
        "elastic": "search indexes",
        "factories": "agents",
        "featurestores": "feature stores",
        "git": "Git repositories",
        "jobs": "jobs",
        "jupyter": "notebook servers",
        "kafka": "Kafka topics",
        "mlsystems": "agents",
        "projectMembers": "project members",
        "python": "Python environments",
        "superset": "dashboards",
        "terminal": "terminals",
        "trino": "SQL queries",
        "users": "user accounts, secrets and Git providers",
    }
)
"""By the first segment of a path, in the whole API or below a project."""


def absence(path: str) -> str | None:
    """Return the message for a path without operation; None if it is unknown."""
    if not path.startswith(PREFIX):
        return None
    match path.removeprefix(PREFIX).split("/"):
        case ["", "project", _, name, *_] | ["", name, *_] if name in ABSENT:
            return (
                f"{ABSENT[name]} are not available here: this server has models, "
                "files and deployments"
            )
    return None
