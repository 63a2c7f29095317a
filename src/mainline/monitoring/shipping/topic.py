"""A Kafka topic as the destination of the log: a message per row in JSON, after one that describes the file.

All messages of a file have its name as their key, so they are in one partition and in order. A file that is sent again
after a kill has the same rows under the same name: whoever reads the topic counts each place of a file once.
"""

from __future__ import annotations

import base64
import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mainline.data.sources.streams.kafka import options
from mainline.data.sources.streams.log_address import address_of
from mainline.data.sources.versions import missing_group
from mainline.errors import ConfigurationError, ExternalError
from mainline.runtime.atomic_files import scratch

DELIVERY_SECONDS = 30.0
# A message that the broker has is on its replicas, and there once.
SAFE = {"acks": "all", "enable.idempotence": True, "compression.type": "zstd", "log_level": 0}


class Topic:
    def __init__(self, log: str) -> None:
        self.address = address_of(log)
        self.name = f"topic {self.address.topic} at {self.address.variable}"
        try:
            from confluent_kafka import KafkaException, Producer
        except ImportError:
            raise missing_group("monitor.log", "a Kafka topic", "kafka") from None
        try:
            self.producer = Producer(
                {**SAFE, "message.timeout.ms": int(DELIVERY_SECONDS * 1000), **options(self.address)}
            )
        except (KafkaException, ValueError) as error:
            raise ConfigurationError(f"monitor.log: librdkafka does not take its options: {error}") from None

    @contextlib.contextmanager
    def place(self) -> Iterator[Path]:
        with scratch(Path(tempfile.gettempdir()), ".parquet") as part:
            yield part

    def land(self, file: Path, name: str) -> None:
        """Raises ExternalError if the broker has not confirmed every message: the file stays in the spool."""
        failed: list[str] = []

        def confirmed(error: Any, message: Any) -> None:
            if error is not None:
                failed.append(error.str())

        for message in messages_of(file, name):
            self._send(name, json.dumps(message).encode(), confirmed)
        left = self.producer.flush(DELIVERY_SECONDS + 5)
        if failed or left:
            self.producer.purge()
            said = failed[0] if failed else "the broker does not answer"
            raise ExternalError(f"monitor.log: {self.name} cannot be written: {said}")

    def _send(self, name: str, value: bytes, confirmed: Any) -> None:
        while True:
            try:
                self.producer.produce(self.address.topic, value, key=name, on_delivery=confirmed)
            except BufferError:
                self.producer.poll(0.1)  # the queue is full: let some be delivered
                continue
            self.producer.poll(0)
            return


def messages_of(file: Path, name: str) -> Iterator[dict[str, Any]]:
    """What describes the file, and its rows."""
    import pyarrow.parquet as pq

    table = pq.read_table(file)
    schema = base64.b64encode(table.schema.remove_metadata().serialize()).decode()
    yield {"_file": name, "_rows": table.num_rows, "_schema": schema}
    place = 0
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            yield {"_file": name, "_place": place, **{key: plain(value) for key, value in row.items()}}
            place += 1


def plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
