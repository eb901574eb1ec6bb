"""Kafka as the sink: one JSON message per row, shipped when it is delivered."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import confluent_kafka
import msgspec

from hopsartifacts.serving.inference_log.data_set import messages, row
from hopsartifacts.serving.inference_log.spool import (
    KeptRecord,
    NotDeliveredError,
    Origin,
)

KAFKA_CONFIG = "HOPSARTIFACTS_KAFKA_CONFIG"
"""Names a file with settings of the client, such as credentials."""
PATIENCE_S = 30.0
"""How long a message is retried before its records go back to the spool."""


class Kafka:
    """One producer per Kafka cluster, kept for reuse.

    Producers are idempotent and wait for all replicas. So while this process is alive,
    a broker that fails neither loses nor duplicates a message.
    """

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._producers: dict[str, Any] = {}

    def produce(self, origin: Origin, records: Sequence[KeptRecord]) -> None:
        """Send *records* to their topic and wait until they are delivered.

        The key is the inference id: request and answer are in one partition, in order.

        Raises:
            NotDeliveredError: not all records were delivered. Send them again; those
                that were delivered are then there twice.
        """
        topic, servers = origin.kafka_topic, origin.kafka_servers
        if topic is None or servers is None:
            raise NotDeliveredError(
                f"topic {topic!r} has no servers: deploy again with "
                "KafkaTopic(…, servers=…)"
            )
        failures: list[str] = []

        def note(error: Any, _: Any) -> None:
            if error is not None:
                failures.append(str(error))

        try:
            producer = self._producer(servers)
            for kept in records:
                for kind, payload in messages(kept.record):
                    self._send(
                        producer,
                        topic=topic,
                        key=kept.record.id.encode(),
                        value=msgspec.json.encode(
                            row(origin, kept.record, kind, payload)
                        ),
                        on_delivery=note,
                    )
            unsent = producer.flush(self._patience_s + 1)
        except (confluent_kafka.KafkaException, BufferError, ValueError) as error:
            self._forget(servers)
            raise NotDeliveredError(_words(topic, servers, str(error))) from error
        if failures or unsent:
            # Messages in flight must not be delivered after the retry of their records.
            self._forget(servers)
            why = failures[0] if failures else f"messages still in flight: {unsent}"
            raise NotDeliveredError(_words(topic, servers, why))

    def _send(self, producer: Any, **message: Any) -> None:
        try:
            producer.produce(**message)
        except BufferError:
            # The queue of the producer is full: wait until it is empty.
            producer.flush(self._patience_s)
            producer.produce(**message)
        producer.poll(0)

    def _producer(self, servers: str) -> Any:
        if servers not in self._producers:
            self._producers[servers] = confluent_kafka.Producer(
                {
                    **_chosen_settings(),
                    "bootstrap.servers": servers,
                    "client.id": "hopsartifacts",
                    "enable.idempotence": True,
                    "acks": "all",
                    "compression.type": "zstd",
                    "message.timeout.ms": round(self._patience_s * 1000),
                    "message.max.bytes": 128 * 1024 * 1024,
                }
            )
        return self._producers[servers]

    def _forget(self, servers: str) -> None:
        producer = self._producers.pop(servers, None)
        if producer is not None:
            producer.purge()


def _chosen_settings() -> dict[str, str]:
    """Return the settings in the user's file: lines ``name=value`` of librdkafka.

    Raises:
        ValueError: the file cannot be read.
    """
    path = os.environ.get(KAFKA_CONFIG)
    if not path:
        return {}
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{KAFKA_CONFIG} is {path!r}: {error}") from error
    pairs = (line.partition("=") for line in lines if not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def _words(topic: str, servers: str, why: str) -> str:
    return f"Kafka topic {topic!r} at {servers} did not take all messages: {why}"
