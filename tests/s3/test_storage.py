"""The storage contract on a real S3 server."""

import pytest

from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.conformance import StorageConformance
from tests.s3.conftest import Server


class TestS3Storage(StorageConformance):
    race_rounds = 4  # SeaweedFS looks at a taken lock once a second

    @pytest.fixture
    def storage(self, s3: Server) -> Storage:
        return connect(f"s3://{s3.bucket()}/some/prefix", s3.options())


class TestS3StorageAtTheBucketsRoot(StorageConformance):
    race_rounds = 1

    @pytest.fixture
    def storage(self, s3: Server) -> Storage:
        return connect(f"s3://{s3.bucket()}", s3.options())
