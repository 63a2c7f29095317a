"""What every broker hands out, and how a stream is read: from positions to its end at the start of the run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple


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
