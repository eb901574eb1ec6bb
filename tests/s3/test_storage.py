"""The storage contract on a real S3 server."""

import pytest

from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.backend import BackendConformance
from hopsartifacts.testing.conformance import StorageConformance
from tests.s3.conftest import Server


class TestS3Storage(BackendConformance):
    # SeaweedFS looks at a taken lock once a second.
    race_rounds = 4
    creations = 4
    saves = 2
    # What takes milliseconds on a disk takes seconds here.
    call_rounds, call_steps = 5, 15
    work_rounds, work_steps = 3, 5
    every = 23
    lives = 2

    @pytest.fixture
    def storage(self, s3: Server) -> Storage:
        return connect(f"s3://{s3.bucket()}/some/prefix", s3.options())


class TestS3StorageAtTheBucketsRoot(StorageConformance):
    race_rounds = 1

    @pytest.fixture
    def storage(self, s3: Server) -> Storage:
        return connect(f"s3://{s3.bucket()}", s3.options())
