"""What was read of a stream, for the report: how much of it is no row of its table, and where that was put.

On the standard library alone: the job that posts a report reads these values and installs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Messages:
    """All messages of a stream that were ever read into the cache of this checkout."""

    read: int
    malformed: int  # put aside: they cannot be decoded
    odd: int  # put aside: a column has another type than before
    late: int  # put aside: they arrived longer after their time than `late`
    where: str  # the folder with those that were put aside, from the checkout's top
    gone: int = 0  # which the broker no longer had when it was first read, as far as its offsets tell

    @property
    def aside(self) -> int:
        return self.malformed + self.odd + self.late

    @property
    def broken(self) -> float:
        """The share that `aside_at_most` limits."""
        return (self.malformed + self.odd) / max(self.read, 1)

    def counts(self) -> str:
        """Such as `2 malformed, 1 late`."""
        said = {"malformed": self.malformed, "of another type": self.odd, "late": self.late}
        return ", ".join(f"{count:,} {what}" for what, count in said.items() if count)


def put_aside(table: str, found: Messages) -> list[str]:
    """A sentence for people, where some messages are no rows."""
    if not found.aside:
        return []
    return [f"{table}: {found.counts()} of {found.read:,} messages are no rows; they are put aside in {found.where}"]


def forgotten(table: str, found: Messages | None) -> list[str]:
    """A sentence for people, where the stream's beginning is not in the table."""
    if found is None or not found.gone:
        return []
    return [
        f"{table}: the table begins in the middle of its stream: {found.gone:,} earlier messages were gone from the "
        "broker when it was first read"
    ]


def too_late(table: str, found: Messages | None, at_most: float) -> list[str]:
    """A warning where more messages are late than `late_at_most` allows: rows are missing where late ones belong."""
    if found is None or found.late <= at_most * max(found.read, 1):
        return []
    return [
        f"{table}: {found.late:,} of {found.read:,} messages ({found.late / found.read:.1%}) arrived too late and are "
        f"no rows, late_at_most is {at_most:g}: the newest periods may lack rows that older ones have"
    ]
