"""A Kafka broker in a process of its own: librdkafka's mock cluster, over TCP. It ends, or is killed, with its data."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bounds import HANG

# One line of JSON in: messages to produce; one line out when the broker has them.
PROGRAM = """
import base64, json, sys
from confluent_kafka import Producer
producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
(broker,) = producer.list_topics(timeout=10).brokers.values()
print(f"{broker.host}:{broker.port}", flush=True)
for line in sys.stdin:
    for topic, partition, at, value in json.loads(line):
        producer.produce(topic, base64.b64decode(value), partition=partition, timestamp=at)
    print(producer.flush(30), flush=True)
"""


class Broker:
    def __init__(self) -> None:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        top = Path(__file__).parents[4]
        self.process = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=top, text=True, **pipes)
        self.address = self._line()

    def produce(self, values: list[tuple[int, int, bytes]], topic: str = "clicks") -> None:
        """Partition, time in milliseconds, value."""
        import base64

        said = [[topic, partition, at, base64.b64encode(value).decode()] for partition, at, value in values]
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(said) + "\n")
        self.process.stdin.flush()
        assert self._line() == "0", "every message is at the broker"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(HANG)

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()
