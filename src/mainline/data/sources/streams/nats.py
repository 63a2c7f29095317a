"""NATS JetStream: messages by their sequence in the stream; no consumer stays at the server, none is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from mainline.data.sources.streams import message
from mainline.data.sources.streams.message import Address, Message, check_positions
from mainline.data.sources.versions import missing_group
from mainline.errors import DataError, ExternalError

CONNECT_SECONDS = 5
BATCH = 500
PARTITION = "0"


def read(address: Address, positions: Mapping[str, str]) -> Iterator[Message]:
    """The messages of the stream from the position, or from the first that the server has, to its end now.

    Raises
    ------
    DataError
        Where there is no such stream, or the server no longer has the message of the position.
    ExternalError
        Where the server cannot be reached, or goes away in the middle.
    """
    try:
        import nats  # noqa: F401
    except ImportError:
        raise missing_group(address.where, "NATS", "nats") from None
    loop = asyncio.new_event_loop()
    try:
        client, subscription, begin, end = loop.run_until_complete(_open(address, positions))
        try:
            while begin <= end:
                for found in loop.run_until_complete(_batch(address, subscription, min(BATCH, end - begin + 1))):
                    begin = found.metadata.sequence.stream + 1
                    if begin > end + 1:
                        break
                    offset = str(begin - 1)
                    yield Message(PARTITION, offset, str(begin), found.metadata.timestamp, found.data)
        finally:
            loop.run_until_complete(_close(client))
    finally:
        loop.close()


async def _open(address: Address, positions: Mapping[str, str]) -> tuple[Any, Any, int, int]:
    import nats
    from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
    from nats.js.errors import NotFoundError

    async def quiet(error: Exception) -> None:
        """What is wrong is said once, where a call fails."""

    try:
        client = await asyncio.wait_for(
            nats.connect(address.url, allow_reconnect=False, connect_timeout=CONNECT_SECONDS, error_cb=quiet),
            2 * CONNECT_SECONDS,
        )
    except Exception as error:
        raise ExternalError(f"{address}: the broker cannot be reached: {type(error).__name__}") from None
    try:
        stream = client.jetstream(timeout=message.STALL_SECONDS)
        try:
            state = (await stream.stream_info(address.topic)).state
        except NotFoundError:
            raise DataError(f"{address}: there is no such stream") from None
        begin = int(positions.get(PARTITION, state.first_seq))
        check_positions(address, PARTITION, begin, state.first_seq, state.last_seq + 1)
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=max(begin, 1),
            ack_policy=AckPolicy.NONE,
            inactive_threshold=60.0,
        )
        subscription = None
        if begin <= state.last_seq:
            subscription = await stream.pull_subscribe("", stream=address.topic, config=config)
    except DataError:
        await _close(client)
        raise
    except Exception as error:
        await _close(client)
        raise ExternalError(f"{address}: the broker has gone: {type(error).__name__}; run again") from None
    return client, subscription, begin, state.last_seq


async def _batch(address: Address, subscription: Any, size: int) -> list[Any]:
    try:
        found: list[Any] = await subscription.fetch(size, timeout=message.STALL_SECONDS)
    except Exception as error:
        raise ExternalError(f"{address}: the broker has gone: {type(error).__name__}; run again") from None
    return found


async def _close(client: Any) -> None:
    import contextlib

    with contextlib.suppress(Exception):
        await client.close()
