"""Kafka as the sink, against librdkafka's own mock cluster, which comes in the wheel.

The cluster lives in the client that made it and speaks the real protocol to the others.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts.serving.inference_log.shipper import ship
from hopsartifacts.serving.runtime.recorder import Recorder
from hopsartifacts.storage.contract import Storage
from tests.inference_log.conftest import (
    ANSWER,
    NOON,
    logged_ids,
    make_exchange,
    make_launch,
)

confluent_kafka = pytest.importorskip("confluent_kafka")

from hopsartifacts.serving.inference_log.kafka import (  # noqa: E402 - needs it
    KAFKA_CONFIG,
    Kafka,
)

TOPIC = "inference"
NOWHERE = "127.0.0.1:1"


class Cluster:
    def __init__(self) -> None:
        self._owner = confluent_kafka.Producer(
            {"bootstrap.servers": NOWHERE, "test.mock.num.brokers": 3, "log_level": 0}
        )
        metadata = self._owner.list_topics(timeout=20)
        brokers = metadata.brokers.values()
        self.servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def read(self, count: int) -> list[Any]:
        """Return the messages of the topic: at least so many, and what is behind."""
        consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": self.servers,
                "group.id": os.urandom(8).hex(),
                "auto.offset.reset": "earliest",
                "enable.partition.eof": False,
                "log_level": 0,
            }
        )
        consumer.subscribe([TOPIC])
        found: list[Any] = []
        deadline = time.monotonic() + 30
        try:
            while time.monotonic() < deadline:
                patience_s = 0.3 if len(found) >= count else 1.0
                message = consumer.poll(patience_s)
                if message is None and len(found) >= count:
                    break
                if message is not None and message.error() is None:
                    found.append(message)
        finally:
            consumer.close()
        return found


@pytest.fixture
def cluster() -> Cluster:
    """A cluster of its own: the mock keeps its messages."""
    return Cluster()


@pytest.fixture
def make_recorder(spool: Path) -> Callable[[str], Recorder]:
    def make(servers: str) -> Recorder:
        launch = make_launch(kafka_topic=TOPIC, kafka_servers=servers)
        return Recorder(spool, launch)

    return make


def ids_of(messages: list[Any]) -> list[tuple[str, str]]:
    rows = [json.loads(message.value()) for message in messages]
    return sorted((row["inferenceId"], row["messageType"]) for row in rows)


def test_each_message_is_delivered_as_json(
    cluster: Cluster,
    make_recorder: Callable[[str], Recorder],
    spool: Path,
    local: Storage,
) -> None:
    """Consumers of the topic depend on keys, fields and order."""
    recorder = make_recorder(cluster.servers)
    recorder.see(make_exchange("r1"))
    recorder.see(make_exchange("r2"))
    assert ship(spool, "flowers", local, Kafka().produce).records == 2
    assert ship(spool, "flowers", local, Kafka().produce).records == 0
    found = cluster.read(4)
    assert ids_of(found) == [
        (name, kind) for name in ("r1", "r2") for kind in ("request", "response")
    ]
    assert {message.key() for message in found} == {b"r1", b"r2"}
    [answer] = [
        json.loads(message.value())
        for message in found
        if message.key() == b"r1" and b'"response"' in message.value()
    ]
    assert answer == {
        "servingId": "d-1",
        "deploymentName": "flowers",
        "deploymentVersion": 3,
        "modelName": "iris_model",
        "modelVersion": 2,
        "requestTimestamp": NOON * 1000,
        "responseHttpCode": 200,
        "inferenceId": "r1",
        "messageType": "response",
        "payload": ANSWER.decode(),
    }
    # Nothing of it is in the project.
    assert logged_ids(local, spool) == []
    recorder.close()


def test_what_is_for_kafka_waits_for_a_shipper_that_can(
    make_recorder: Callable[[str], Recorder], spool: Path, local: Storage
) -> None:
    recorder = make_recorder(NOWHERE)
    recorder.see(make_exchange("r1"))
    recorder.close()
    assert ship(spool, "flowers", local).records == 0
    assert len([*spool.glob("*.spool")]) == 1


def test_a_cluster_that_is_gone_costs_nothing_and_gets_all_when_it_is_back(
    cluster: Cluster,
    make_recorder: Callable[[str], Recorder],
    spool: Path,
    local: Storage,
) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        servers = f"127.0.0.1:{door.getsockname()[1]}"
        recorder = make_recorder(servers)
        for number in range(5):
            recorder.see(make_exchange(f"r{number}"))
        kafka = Kafka(patience_s=0.5)
        for _ in range(2):
            [failure] = ship(spool, "flowers", local, kafka.produce).failures
            assert f"'inference' at {servers} did not take all messages" in failure
        # Clients only ask there where the brokers are.
        door.listen()
        host, _, port = cluster.servers.partition(",")[0].rpartition(":")
        threading.Thread(
            target=forward, args=(door, (host, int(port))), daemon=True
        ).start()
        assert ship(spool, "flowers", local, Kafka().produce).records == 5
        door.shutdown(socket.SHUT_RDWR)
    assert len(cluster.read(10)) == 10
    recorder.close()


def forward(door: socket.socket, target: tuple[str, int]) -> None:
    """Lead whoever comes through the door to the target."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError), source, sink:
            while data := source.recv(65536):
                sink.sendall(data)

    with suppress(OSError):
        while True:
            near, _ = door.accept()
            far = socket.create_connection(target)
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pump, args=pair, daemon=True).start()


def test_a_file_of_settings_reaches_the_client(
    cluster: Cluster,
    make_recorder: Callable[[str], Recorder],
    spool: Path,
    local: Storage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = make_recorder(cluster.servers)
    for number in range(50):
        recorder.see(make_exchange(f"r{number}"))
    settings = tmp_path / "kafka.properties"
    monkeypatch.setenv(KAFKA_CONFIG, str(settings))
    for text, why in (
        (None, "No such file"),
        ("no.such.setting=1", "no.such.setting"),
        ("# TLS, which the cluster does not speak\nsecurity.protocol = SSL\n", ""),
    ):
        if text is not None:
            settings.write_text(text)
        kafka = Kafka(patience_s=0.5)
        [failure] = ship(spool, "flowers", local, kafka.produce).failures
        assert why in failure
    # A queue that is full again and again.
    settings.write_text("linger.ms = 1\n\nqueue.buffering.max.messages = 7\n")
    assert ship(spool, "flowers", local, Kafka().produce).records == 50
    assert len(cluster.read(100)) == 100
    recorder.close()


def test_many_messages_arrive_once_each(
    cluster: Cluster,
    make_recorder: Callable[[str], Recorder],
    spool: Path,
    local: Storage,
) -> None:
    recorder = make_recorder(cluster.servers)
    names = [f"r{number:04}" for number in range(1000)]
    kafka = Kafka()
    for name in names:
        recorder.see(make_exchange(name))
        if name.endswith("333"):
            ship(spool, "flowers", local, kafka.produce)
    ship(spool, "flowers", local, kafka.produce)
    expected = [(name, kind) for name in names for kind in ("request", "response")]
    assert ids_of(cluster.read(2000)) == expected
    recorder.close()
