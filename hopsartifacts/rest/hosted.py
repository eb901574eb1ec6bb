"""The objects that handlers of requests use: the project, and those of the server."""

import hashlib
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from hopsartifacts import layout
from hopsartifacts.project import Project
from hopsartifacts.rest.background import Job, Jobs
from hopsartifacts.rest.browsers import NO_SESSIONS, Sessions
from hopsartifacts.rest.change_events import FileEvent, publish_changes
from hopsartifacts.rest.deployment_states import Watch
from hopsartifacts.rest.event_streams import Announcer, ListenerLimit
from hopsartifacts.rest.files.folder_names import FolderNames
from hopsartifacts.rest.keys import Caller
from hopsartifacts.rest.login_limits import FailedLogins
from hopsartifacts.rest.previews.helpers import Previewer
from hopsartifacts.rest.rows import Rows
from hopsartifacts.rest.search import Search
from hopsartifacts.rest.verifications import Verifications
from hopsartifacts.serving.inference_log.exchanges import KnownFiles
from hopsartifacts.storage.contract import Storage

MIB = 1024 * 1024
_BUCKETS_S = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)


class Measures:
    """The metrics of one server, for Prometheus."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "hopsartifacts_requests",
            "Requests answered",
            ("method", "operation", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "hopsartifacts_request_seconds",
            "Time until the answer began",
            ("method", "operation"),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )

    def count(self, method: str, operation: str, status: int, seconds: float) -> None:
        """Count one request; *operation* is its path template."""
        self._requests.labels(method, operation, str(status)).inc()
        self._seconds.labels(method, operation).observe(seconds)

    def exposition(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Limits, and the address that clients get for predictions.

    Attributes:
        max_body_bytes: largest JSON body.
        max_prediction_bytes: largest body of a prediction request.
        max_raw_bytes: largest body that is not JSON, such as one chunk of an upload.
        inference_endpoint: host and port at which clients may send requests directly to
            deployments, without encryption; None if there is no such port.
        max_listeners: most clients that listen to events at the same time.
        max_log_listeners: most clients that follow logs at the same time; each takes a
            thread.
        is_read_only: whether callers may only read, whatever their keys allow.
        host_names: names under which browsers may reach the server, besides addresses
            and ``localhost``.
        checks_every_host: whether other names are refused for all requests without a
            key, not only for those of browsers.
    """

    max_body_bytes: int = 16 * MIB
    max_prediction_bytes: int = 64 * MIB
    max_raw_bytes: int = 256 * MIB
    inference_endpoint: tuple[str, int] | None = None
    max_listeners: int = 100
    max_log_listeners: int = 32
    is_read_only: bool = False
    host_names: tuple[str, ...] = ()
    checks_every_host: bool = False


class FindsKeys(Protocol):
    """Finds the caller with an API key."""

    def find(self, secret: str) -> Caller | None:
        """Return the caller with the key *secret*; None if the key is not valid."""
        ...


class Hosted:
    """One project, and what the server keeps about it while it runs.

    Attributes:
        project: the project.
        keys: the API keys.
        uploads: the unfinished uploads.
        settings: limits.
        failed_logins: the limit on failed logins.
        measures: the metrics.
        rows: the cached rows of lists.
        search: finds models, versions, deployments and files.
        announcer: publishes events.
        watch: polls models and deployments while there are listeners.
        jobs: the background jobs.
        listeners: the limit on listeners to events.
        log_listeners: the limit on clients that follow logs.
        folder_names: the names in the latest folders that were listed.
        log_files: what is known about the files of inference logs.
        previewer: makes previews of files.
        verifications: what the latest verifications found.
        sessions: the browsers that are logged in.
        started: when the server was started.
    """

    def __init__(
        self,
        project: Project,
        keys: FindsKeys,
        uploads: Any,
        settings: ServerSettings = ServerSettings(),  # noqa: B008 - frozen
        failed_logins: FailedLogins | None = None,
        folder: Path | None = None,
        sessions: Sessions = NO_SESSIONS,
    ) -> None:
        self.project = project
        self.keys = keys
        self.uploads = uploads
        self.settings = settings
        self.sessions = sessions
        self.started = datetime.now(UTC)
        self.failed_logins = failed_logins or FailedLogins()
        self.measures = Measures()
        self.announcer = Announcer()
        self.rows = Rows(
            project.storage,
            folder and folder / "rows.json",
            partial(publish_changes, self.announcer),
        )
        self.search = Search(project.storage, self.rows)
        self.watch = Watch(project, self.announcer, self.rows)
        self.jobs = Jobs(self._announce_job)
        self.listeners = ListenerLimit(settings.max_listeners)
        self.log_listeners = ListenerLimit(settings.max_log_listeners)
        self.folder_names = FolderNames(project.storage)
        self.log_files = KnownFiles()
        self.previewer = Previewer()
        kept = folder and folder / "verifications.json"
        self.verifications = Verifications(project.url, kept)

    def close(self) -> None:
        """End jobs, previews and event streams; call this before the server stops.

        A server waits for requests in progress, and event streams do not end by
        themselves.
        """
        self.watch.close()
        self.jobs.close()
        self.previewer.close()
        self.announcer.close()

    def _announce_job(self, job: Job[Any]) -> None:
        if job.ended:
            self.watch.hurry()  # what it has written is news
        self.announcer.publish("job", replace(job, result=None))

    def announce_file(self, path: str) -> None:
        """Publish that a file or folder of the user's own was written or is gone.

        Args:
            path: its path in the project; nothing is published if it is managed.
        """
        if not layout.is_managed(path):
            self.announcer.publish("file", FileEvent(path))

    @property
    def storage(self) -> Storage:
        """The project's storage."""
        return self.project.storage

    @property
    def project_id(self) -> int:
        """The project's number, which is derived from its URL."""
        digest = hashlib.sha256(self.project.url.encode()).digest()
        return int.from_bytes(digest[:4]) >> 1 or 1
