"""The storage contract on a real S3 server."""

from collections.abc import Iterable

import pytest

import hopsartifacts
from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.backend import BackendConformance
from hopsartifacts.testing.conformance import StorageConformance
from hopsartifacts.testing.jobs import JOBS
from tests import depth
from tests.s3.conftest import Server


class TestS3Storage(BackendConformance):
    # SeaweedFS looks at a taken lock once a second.
    race_rounds = 4
    creations = 4
    saves = 2
    # What takes milliseconds on a disk takes seconds here.
    call_rounds, call_steps = 5, 15
    work_rounds, work_steps = 3, 5
    # All crash points and faults take the better part of an hour. A run interrupts a
    # third of the jobs; 43 is no multiple of three, so each point has its day.
    every, part = depth.usually(43, 1), depth.part()
    walked: Iterable[str] = depth.usually(tuple(JOBS)[part % 3 :: 3], tuple(JOBS))
    kills, fails_at_reads = False, depth.is_all()
    lives = 2

    @pytest.fixture
    def storage(self, s3: Server) -> Storage:
        return connect(f"s3://{s3.bucket()}/some/prefix", s3.options())


def test_names_are_deleted_literally_not_as_patterns(s3: Server) -> None:
    project = hopsartifacts.login(f"s3://{s3.bucket()}/p", storage_options=s3.options())
    names = ["[ab].csv", "a.csv", "b.csv", "[ab].csv.bak"]
    for name in names:
        project.storage.write(f"Resources/{name}", [name.encode()])
    project.storage.delete_tree("Resources/[ab].csv")
    left = [entry.name for entry in project.storage.list("Resources")]
    assert left == sorted(names[1:])

    project.storage.write("Resources/*/x", [b"x"])
    project.storage.write("Resources/deep/x", [b"x"])
    project.get_dataset_api().remove("Resources/*")
    left = [entry.path for entry in project.storage.find("Resources")]
    assert left == [f"Resources/{name}" for name in (*sorted(names[1:]), "deep/x")]


class TestS3StorageAtTheBucketsRoot(StorageConformance):
    race_rounds = 1

    @pytest.fixture
    def storage(self, s3: Server) -> Storage:
        return connect(f"s3://{s3.bucket()}", s3.options())
