"""The whole kit on each server, less of it where a request takes long."""

from collections.abc import Callable, Iterable
from functools import partial

import pytest

from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.backend import BackendConformance
from hopsartifacts.testing.conformance import StorageConformance
from hopsartifacts.testing.jobs import JOBS
from tests import depth
from tests.backends.conftest import Azure, Ftp, Gcs, Hdfs, Place, Sftp

pytestmark = pytest.mark.filterwarnings(
    # aiohttp means well by the event loop, on which nothing else waits here.
    "ignore:Sending a large body:ResourceWarning"
)


def opened(place: Place) -> Storage:
    return connect(place.url, place.options, unsafe_single_writer=place.single_writer)


TELLING = (
    "save a later version",
    "continue a save",
    "make a big artifact",
    "move an alias",
    "delete a model",
    "delete a big artifact",
    "collect garbage",
)
"""Jobs that together make every call that changes something; a run walks half."""
SLOW = ("move an alias", "delete a model")
"""Those of a server whose client waits at each file; a run walks one."""


class OnServer(BackendConformance):
    """Every part; all jobs, crash points and faults if asked for, as on S3.

    45 is odd, so that each point of each job that is walked has its day.
    """

    race_rounds = 4
    creations, saves = 4, 2
    call_rounds, call_steps = 3, 10
    work_rounds, work_steps = 2, 4
    every, part = depth.usually(45, 1), depth.part()
    walked: Iterable[str] = depth.usually(TELLING[part % 2 :: 2], tuple(JOBS))
    kills, fails_at_reads = False, depth.is_all()
    lives = 2

    @pytest.fixture
    def place(self) -> Place:
        """An empty place on the server."""
        raise NotImplementedError

    @pytest.fixture
    def storage(self, place: Place) -> Storage:
        return opened(place)

    @pytest.fixture
    def reconnect(self, place: Place) -> Callable[[], Storage]:
        return partial(opened, place)


class TestGcsStorage(OnServer):
    @pytest.fixture
    def place(self, gcs: Gcs) -> Place:
        return gcs.place()


class TestGcsStorageAtTheBucketsRoot(StorageConformance):
    @pytest.fixture
    def storage(self, gcs: Gcs) -> Storage:
        return connect(f"gs://{gcs.bucket()}", gcs.options())


class TestAzureStorage(OnServer):
    @pytest.fixture
    def place(self, azure: Azure) -> Place:
        return azure.place()


class TestAzureStorageAtTheContainersRoot(StorageConformance):
    @pytest.fixture
    def storage(self, azure: Azure) -> Storage:
        return connect(f"abfs://{azure.container()}", azure.options())


class TestSftpStorage(OnServer):
    @pytest.fixture
    def place(self, sftp: Sftp) -> Place:
        return sftp.place()


class TestHdfsStorage(OnServer):
    # To close a file takes its client half a second.
    race_rounds, saves = 2, 1
    call_rounds, call_steps = 2, 8
    work_rounds, work_steps = 1, 3
    walked = depth.usually(SLOW[depth.part() % 2 :: 2], tuple(JOBS))

    @pytest.fixture
    def place(self, hdfs: Hdfs) -> Place:
        return hdfs.place()


class TestFallbackStorage(OnServer):
    race_rounds = 2  # one thread at a time

    @pytest.fixture
    def place(self, ftp: Ftp) -> Place:
        return ftp.place()
