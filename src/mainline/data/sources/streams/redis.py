"""Redis streams: entries by their id. An entry of one field is a message; the fields of others are its columns."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any

from mainline.data.sources.streams import message
from mainline.data.sources.streams.message import Address, Message
from mainline.data.sources.versions import missing_group
from mainline.errors import ConfigurationError, DataError, ExternalError

BATCH = 1000
PARTITION = "0"


def read(address: Address, positions: Mapping[str, str]) -> Iterator[Message]:
    """The entries behind the id of the position, to the last one now.

    Raises
    ------
    DataError
        Where there is no such stream, or entries behind the position were trimmed.
    ExternalError
        Where the server cannot be reached, or goes away in the middle.
    """
    try:
        import redis
    except ImportError:
        raise missing_group(address.where, "Redis", "redis") from None
    try:
        client = redis.Redis.from_url(
            address.url, socket_timeout=message.STALL_SECONDS, socket_connect_timeout=message.STALL_SECONDS
        )
    except ValueError:
        raise ConfigurationError(f"{address}: the variable holds no redis:// address") from None
    try:
        last, _, count = positions.get(PARTITION, "0-0 0").partition(" ")
        read_before, (end, added, first) = int(count), _end(address, client, last, int(count))
        read_before = read_before if PARTITION in positions else first
        while number(last) < number(end):
            found: Any = client.xrange(address.topic, min=f"({last}", max=end, count=BATCH)
            for key, fields in found:
                last, read_before = key.decode(), read_before + 1
                at = dt.datetime.fromtimestamp(number(last)[0] / 1000, dt.UTC)
                following = f"{last} {added if last == end else read_before}"
                yield Message(PARTITION, last, following, at, value_of(fields))
            if len(found) < BATCH:
                break
    except redis.exceptions.AuthenticationError:
        raise ExternalError(f"{address}: the server refuses the user or the password") from None
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
        raise ExternalError(f"{address}: the broker cannot be reached: {type(error).__name__}; run again") from None
    except redis.exceptions.RedisError as error:
        raise ExternalError(f"{address}: {error}") from None
    finally:
        client.close()


def _end(address: Address, client: Any, last: str, read_before: int) -> tuple[str, int, int]:
    """The last id, how many entries were ever added, and how many of them were trimmed before the first that is there.

    Redis 7 counts what was added: so it is known how many entries must follow the last that was read.
    """
    import redis

    try:
        found = client.xinfo_stream(address.topic)
    except redis.exceptions.ResponseError:
        raise DataError(f"{address}: there is no such stream") from None
    end, length = found["last-generated-id"].decode(), int(found["length"])
    added = int(found.get("entries-added", read_before + length))
    if last == "0-0":
        return end, added, added - length
    if number(end) < number(last):
        raise DataError(
            f"{address}: it ends at {end}, {last} was read before: the stream was made again; delete the table's "
            "folder in the cache to read it from its beginning"
        )
    first = found["first-entry"]
    missing = added - read_before - length
    if missing > 0 and (first is None or number(first[0].decode()) > number(last)):
        raise DataError(
            f"{address}: {missing} entries behind {last} are gone: the broker no longer has them; delete the table's "
            "folder in the cache to begin with what it has"
        )
    return end, added, added - length


def number(key: str) -> tuple[int, int]:
    millis, _, sequence = key.partition("-")
    return int(millis), int(sequence or 0)


def value_of(fields: Mapping[bytes, bytes]) -> bytes:
    if len(fields) == 1:
        return next(iter(fields.values()))
    return json.dumps({name.decode(): value.decode(errors="replace") for name, value in fields.items()}).encode()
