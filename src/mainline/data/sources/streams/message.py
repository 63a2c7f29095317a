"""What every broker hands out, and how a stream is read: from positions to its end at the start of the run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from mainline.errors import DataError


class Message(NamedTuple):
    """`offset` is the broker's own mark; `following` the position from which reading goes on behind this message."""

    partition: str
    offset: str
    following: str
    at: dt.datetime | None  # when the broker got it
    value: bytes


class Address(NamedTuple):
    """Where a stream is; `variable` is the name that messages show in place of the address, which may hold a secret."""

    where: str
    url: str
    variable: str
    topic: str

    def __str__(self) -> str:
        return f"{self.where}: topic {self.topic} at {self.variable}"


# From the address and the positions by partition to the messages behind them, up to the end of each partition.
Read = Callable[[Address, Mapping[str, str]], Iterator[Message]]
STALL_SECONDS = 30.0  # without a message that the broker said to have: it is gone


def check_positions(address: Address, partition: str, begin: int, low: int, high: int) -> None:
    """Raises DataError where the broker no longer has the message at `begin`, or never had it."""
    if begin < low:
        raise DataError(
            f"{address}: messages {begin} to {low - 1} of partition {partition} are gone: the broker no longer has "
            "them; delete the table's folder in the cache to begin with what it has"
        )
    if begin > high:
        raise DataError(
            f"{address}: partition {partition} ends at offset {high}, {begin} was read before: the topic was made "
            "again; delete the table's folder in the cache to read it from its beginning"
        )
