"""What handlers of requests have at hand: the project, and the server's own things."""

import hashlib
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from hopsartifacts.project import Project
from hopsartifacts.rest.announcements import Announcer
from hopsartifacts.rest.background import Jobs
from hopsartifacts.rest.callers import Caller
from hopsartifacts.rest.deployment_watch import Watch
from hopsartifacts.rest.event_streams import Slots
from hopsartifacts.rest.login_limits import FailedLogins
from hopsartifacts.rest.measures import Measures
from hopsartifacts.rest.rows import Rows
from hopsartifacts.storage.contract import Storage

MIB = 1024 * 1024


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds, and what is announced.

    Attributes:
        max_body_bytes: of a JSON body.
        max_prediction_bytes: of a prediction request.
        max_raw_bytes: of any body that is not JSON, like one chunk of an upload.
        inference_endpoint: host and port at which clients may ask deployments directly,
            in clear; None where all goes through this server's own port.
        max_listeners: how many may listen to events at once.
        max_log_listeners: how many may follow logs at once; each costs a thread.
    """

    max_body_bytes: int = 16 * MIB
    max_prediction_bytes: int = 64 * MIB
    max_raw_bytes: int = 256 * MIB
    inference_endpoint: tuple[str, int] | None = None
    max_listeners: int = 100
    max_log_listeners: int = 32


class FindsKeys(Protocol):
    """Knows the API keys."""

    def find(self, secret: str) -> Caller | None:
        """Return whose key *secret* is; None if it is nobody's."""
        ...


class Hosted:
    """One project and the server around it."""

    def __init__(
        self,
        project: Project,
        keys: FindsKeys,
        uploads: Any,
        settings: ServerSettings = ServerSettings(),  # noqa: B008 - frozen
        failed_logins: FailedLogins | None = None,
        folder: Path | None = None,
    ) -> None:
        self.project = project
        self.keys = keys
        self.uploads = uploads
        self.settings = settings
        self.failed_logins = failed_logins or FailedLogins()
        self.measures = Measures()
        self.rows = Rows(project.storage, folder and folder / "rows.json")
        self.announcer = Announcer()
        self.watch = Watch(project, self.announcer)
        self.jobs = Jobs(
            lambda job: self.announcer.publish("job", replace(job, result=None))
        )
        self.listeners = Slots(settings.max_listeners)
        self.log_listeners = Slots(settings.max_log_listeners)

    def close(self) -> None:
        """Let jobs and whoever listens go; to be called when the server is to stop.

        Servers wait for requests under way, and who listens would listen for ever.
        """
        self.watch.close()
        self.jobs.close()
        self.announcer.close()

    @property
    def storage(self) -> Storage:
        """Where the project lies."""
        return self.project.storage

    @property
    def project_id(self) -> int:
        """A number that stands for the project's URL, the same after every start."""
        digest = hashlib.sha256(self.project.url.encode()).digest()
        return int.from_bytes(digest[:4]) >> 1 or 1
