"""Opening the inference port: without gRPC, on a taken port, and what is logged."""

import json
import logging
import socket
from importlib.util import find_spec
from typing import Any

import pytest

from hopsartifacts.errors import PortTakenError
from hopsartifacts.project import Project
from tests.rest.front.conftest import opened
from tests.rest.front.test_grpc import call, grpc, refused


def test_a_taken_port_is_told(local_project: Project) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(PortTakenError, match="choose another port"),
        opened(local_project, at=taken.getsockname()[1]),
    ):
        pass


def test_a_port_that_was_closed_can_be_opened_again(local_project: Project) -> None:
    with opened(local_project) as first:
        pass
    with opened(local_project, at=first.port) as second, second.client() as client:
        assert client.get("/v1/models/iris").status_code == 404


def test_without_grpc_it_answers_http_and_says_so(
    local_project: Project,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def found(name: str) -> Any:
        return None if name == "grpc" else find_spec(name)

    monkeypatch.setattr("hopsartifacts.rest.front.port.find_spec", found)
    with opened(local_project) as port, port.client() as client:
        assert client.get("/v1/models/iris").status_code == 404
        with (
            grpc.insecure_channel(f"127.0.0.1:{port.port}") as channel,
            refused("UNAVAILABLE"),
        ):
            call(channel, "ServerLive")
    assert 'pip install "hopsartifacts[grpc]"' in caplog.text


def test_calls_over_grpc_are_logged_and_counted(
    local_project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hopsartifacts.access")
    with (
        opened(local_project) as port,
        grpc.insecure_channel(f"127.0.0.1:{port.port}") as channel,
    ):
        call(channel, "ServerLive")
        with refused("NOT_FOUND"):
            call(channel, "ModelMetadata", name="iris")
        counts = port.hosted.measures.exposition().decode()
    lines = [json.loads(record.message) for record in caplog.records]
    seen = [(line["operation"].rpartition("/")[2], line["status"]) for line in lines]
    assert seen == [("ServerLive", 0), ("ModelMetadata", 5)]
    for line in lines:
        assert (line["method"], line["key"]) == ("gRPC", "reader.secret")
        assert (line["client"], line["bytes_out"] > 0) == ("127.0.0.1", line["whole"])
    assert 'method="gRPC",operation="/inference.GRPCInferenceService/ServerL' in counts
