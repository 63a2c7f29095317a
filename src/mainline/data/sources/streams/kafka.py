"""Kafka: partitions are assigned by hand, no consumer group is joined, and no offset is committed at the broker."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from mainline.data.sources.streams import message
from mainline.data.sources.streams.message import Address, Message, check_positions
from mainline.data.sources.versions import missing_group
from mainline.errors import ConfigurationError, DataError, ExternalError

CONNECT_SECONDS = 10.0
OPTIONS = {
    "group.id": "mainline",  # librdkafka asks for one; nothing is committed under it
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "log_level": 0,
}


def read(address: Address, positions: Mapping[str, str]) -> Iterator[Message]:
    """The messages of every partition from its position, or from the first that the broker has, to its end now.

    Raises
    ------
    DataError
        Where there is no such topic, or the broker no longer has the offset of a position.
    ExternalError
        Where the broker cannot be reached, or goes away in the middle.
    """
    try:
        from confluent_kafka import Consumer, KafkaException, TopicPartition
    except ImportError:
        raise missing_group(address.where, "Kafka", "kafka") from None
    try:
        consumer = Consumer({**OPTIONS, **options(address)})
    except (KafkaException, ValueError) as error:
        raise ConfigurationError(f"{address}: librdkafka does not take its options: {error}") from None
    try:
        ends = {}
        for number, (low, high) in _watermarks(address, consumer).items():
            begin = int(positions.get(str(number), low))
            check_positions(address, str(number), begin, low, high)
            if begin < high:
                ends[number] = high
                consumer.incremental_assign([TopicPartition(address.topic, number, begin)])
        yield from _until(address, consumer, ends)
    finally:
        consumer.close()


def options(address: Address) -> dict[str, Any]:
    """Of librdkafka: the variable holds the brokers, or the options themselves, such as those for SASL."""
    if not address.url.lstrip().startswith("{"):
        return {"bootstrap.servers": address.url}
    try:
        found: dict[str, Any] = json.loads(address.url)
    except ValueError:
        raise ConfigurationError(f"{address}: the variable is neither brokers nor JSON") from None
    return found


def _watermarks(address: Address, consumer: Any) -> dict[int, tuple[int, int]]:
    from confluent_kafka import KafkaException, TopicPartition

    try:
        topic = consumer.list_topics(address.topic, timeout=CONNECT_SECONDS).topics[address.topic]
        if topic.error is not None or not topic.partitions:
            raise DataError(f"{address}: there is no such topic")
        return {
            number: consumer.get_watermark_offsets(TopicPartition(address.topic, number), timeout=CONNECT_SECONDS)
            for number in sorted(topic.partitions)
        }
    except KafkaException as error:
        raise ExternalError(f"{address}: the broker cannot be reached: {error.args[0].str()}") from None


def _until(address: Address, consumer: Any, ends: dict[int, int]) -> Iterator[Message]:
    from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, KafkaError

    left, last = dict(ends), time.monotonic()
    while left:
        found = consumer.poll(0.2)
        if found is None or (found.error() and found.error().retriable()):
            if time.monotonic() - last > message.STALL_SECONDS:
                raise ExternalError(
                    f"{address}: the broker has gone: no message for {message.STALL_SECONDS:.0f} seconds, "
                    f"{len(left)} partitions are not at their end; run again"
                )
            continue
        if found.error():
            code = found.error().code()
            if code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                raise DataError(f"{address}: the broker no longer has the offset: {found.error().str()}")
            if code in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE):
                if time.monotonic() - last > message.STALL_SECONDS:
                    raise ExternalError(f"{address}: the broker has gone: {found.error().str()}; run again")
                continue
            raise ExternalError(f"{address}: {found.error().str()}")
        last, number, offset = time.monotonic(), found.partition(), found.offset()
        if number not in left or offset >= left[number]:
            left.pop(number, None)  # messages that came since the start are the next run's; a gap may hide the last
            continue
        if offset + 1 >= left[number]:
            del left[number]
        kind, millis = found.timestamp()
        at = None if kind == TIMESTAMP_NOT_AVAILABLE else dt.datetime.fromtimestamp(millis / 1000, dt.UTC)
        yield Message(str(number), str(offset), str(offset + 1), at, found.value() or b"")
