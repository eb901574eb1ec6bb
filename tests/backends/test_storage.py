"""The storage contract on each server."""

import pytest

from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.conformance import StorageConformance
from tests.backends.conftest import Azure, Ftp, Gcs, Hdfs, Place, Sftp

pytestmark = pytest.mark.filterwarnings(
    # aiohttp means well by the event loop, on which nothing else waits here.
    "ignore:Sending a large body:ResourceWarning"
)


def opened(place: Place) -> Storage:
    return connect(place.url, place.options, unsafe_single_writer=place.single_writer)


class TestGcsStorage(StorageConformance):
    @pytest.fixture
    def storage(self, gcs: Gcs) -> Storage:
        return opened(gcs.place())


class TestGcsStorageAtTheBucketsRoot(StorageConformance):
    @pytest.fixture
    def storage(self, gcs: Gcs) -> Storage:
        return connect(f"gs://{gcs.bucket()}", gcs.options())


class TestAzureStorage(StorageConformance):
    @pytest.fixture
    def storage(self, azure: Azure) -> Storage:
        return opened(azure.place())


class TestAzureStorageAtTheContainersRoot(StorageConformance):
    @pytest.fixture
    def storage(self, azure: Azure) -> Storage:
        return connect(f"abfs://{azure.container()}", azure.options())


class TestSftpStorage(StorageConformance):
    @pytest.fixture
    def storage(self, sftp: Sftp) -> Storage:
        return opened(sftp.place())


class TestHdfsStorage(StorageConformance):
    race_rounds = 4

    @pytest.fixture
    def storage(self, hdfs: Hdfs) -> Storage:
        return opened(hdfs.place())


class TestFallbackStorage(StorageConformance):
    race_rounds = 2  # one thread at a time

    @pytest.fixture
    def storage(self, ftp: Ftp) -> Storage:
        return opened(ftp.place())
